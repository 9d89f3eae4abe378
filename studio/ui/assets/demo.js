// Watch it paint: recorded strokes go over the sheet as a pen would, and live painting follows them.
(() => {
  "use strict";
  const ink = window.inkstone;
  const POINTER = 4711; // no browser gives this one out so soon
  const CAUGHT_UP = 250; // milliseconds that one frame may make up for: a page that slept goes on where it was
  const HAND = { tool: "brush", softness: 0, opacity: 1, steady: 0, fold: 1, wrap: false };
  let strokes = null, playing = null, button = null;

  const sheet = () => document.querySelector(".c-sheet");

  ink.demo = {
    // Draw the recorded strokes over an empty sheet. True when they came to their end, false when they were stopped.
    play: async () => {
      if (playing) return false;
      strokes ||= await ink.ask("page/demo.json");
      ink.tab("sketch");
      if (!ink.canvas.isEmpty()) ink.canvas.clear(); // undo brings it back
      if (!ink.form?.prompt) ink.type("prompt", ink.say("demo.prompt"));
      ink.live?.start();
      document.querySelector('.canvas [data-act="fit"]')?.click();
      ink.toast(ink.say("demo.playing"));
      await new Promise((done) => setTimeout(done, 400)); // the words reach the form
      return new Promise((done) => begin(done));
    },
    stop: () => end(false),
    isOn: () => Boolean(playing),
  };

  function begin(done) {
    const kept = { ...ink.canvas.settings };
    Object.assign(ink.canvas.settings, HAND, { size: Math.max(1, Math.round(strokes.thickness * Math.min(...ink.canvas.size()))) });
    const brush = ink.make("div", "demo-brush");
    document.querySelector(".c-room").append(brush);
    playing = { done, kept, brush, stroke: 0, point: 0, due: strokes.strokes[0].wait, at: 0, before: performance.now(), down: false };
    requestAnimationFrame(tick);
  }

  function tick(now) {
    const mine = playing;
    if (!mine) return;
    mine.at += Math.max(0, Math.min(CAUGHT_UP, now - mine.before));
    mine.before = now;
    while (playing === mine && mine.due <= mine.at) step(mine);
    if (playing === mine) requestAnimationFrame(tick);
  }

  // The next point of the recording.
  function step(mine) {
    const { points, step: each } = strokes.strokes[mine.stroke], last = mine.point + 3 >= points.length;
    const [x, y, pressure] = points.slice(mine.point, mine.point + 3);
    const [width, height] = ink.canvas.size(), at = placed((x / 1000) * width, (y / 1000) * height);
    touch(mine.down ? "pointermove" : "pointerdown", at, pressure / 100);
    mine.down = true;
    mine.brush.style.transform = `translate(${at.x}px, ${at.y}px)`;
    mine.due += each;
    mine.point += 3;
    if (!last) return;
    touch("pointerup", at, 0);
    mine.down = false;
    mine.point = 0;
    mine.stroke += 1;
    if (mine.stroke === strokes.strokes.length) end(true);
    else mine.due += strokes.strokes[mine.stroke].wait;
  }

  // Where a point of the drawing lies in the canvas's element, as she looks at it now.
  function placed(x, y) {
    const view = ink.canvas.view(), [width, height] = ink.canvas.size();
    const look = new DOMMatrix().translate(view.x, view.y).scale(view.scale).rotate((view.angle * 180) / Math.PI);
    return look.scale(view.mirror ? -1 : 1, 1).translate(-width / 2, -height / 2).transformPoint({ x, y });
  }

  function touch(name, at, pressure) {
    const frame = sheet().getBoundingClientRect();
    sheet().dispatchEvent(new PointerEvent(name, {
      pointerId: POINTER, pointerType: "mouse", isPrimary: true, bubbles: true, cancelable: true, button: 0,
      buttons: name === "pointerup" ? 0 : 1, pressure, clientX: frame.left + at.x, clientY: frame.top + at.y,
    }));
  }

  function end(whole) {
    const mine = playing;
    if (!mine) return;
    if (mine.down) {
      const { points } = strokes.strokes[mine.stroke], [x, y] = points.slice(mine.point - 3);
      const [width, height] = ink.canvas.size();
      touch("pointerup", placed((x / 1000) * width, (y / 1000) * height), 0);
    }
    playing = null;
    mine.brush.remove();
    Object.assign(ink.canvas.settings, mine.kept);
    mine.done(whole);
  }

  // Her own pen, Esc or another tab: what was drawn so far stays.
  addEventListener("pointerdown", (event) => {
    if (playing && event.isTrusted && event.target.closest?.(".c-room")) end(false);
  }, true);
  addEventListener("keydown", (event) => {
    if (!playing || event.key !== "Escape") return;
    event.stopImmediatePropagation();
    end(false);
  }, true);

  // --- where it is offered: on the empty sheet, and by the address of a demonstration

  function offer() {
    if (!ink.ready || !ink.canvas?.view || !ink.form || !document.querySelector(".live-switch")) { setTimeout(offer, 100); return; }
    ink.onTab?.((name) => { if (name !== "sketch") end(false); });
    button = ink.make("button", "plain demo-watch");
    button.type = "button";
    button.onclick = () => ink.demo.play().catch(ink.fault);
    document.querySelector(".c-invite").append(button);
    ink.spoken(() => {
      button.textContent = ink.say("demo.watch");
      button.title = ink.say("demo.watch_hint");
    });
    if (location.hash === "#demo") {
      history.replaceState(null, "", location.pathname + location.search);
      ink.demo.play().catch(ink.fault);
    }
  }
  offer();
})();
