// Live painting: while the pen moves, the canvas goes to the studio and its picture comes back, the newest only.
(() => {
  "use strict";
  const ink = window.inkstone;
  const REST = 600, LONGEST = 512, KEPT = "inkstone-live"; // milliseconds; pixels of what is sent
  const HEEDED = ["prompt", "negative", "model", "seed", "width", "height", "clip_skip", "emphasis"];
  let view = null, on = false, wanted = false, dirty = false, flying = 0, number = 0, sent = 0, resting = 0, rests = false;
  const noise = String(Math.floor(Math.random() * 2 ** 31)); // where she set no seed: of every frame, and of the picture in full
  let asking = ""; // the seed of the picture in full that is being asked for
  let told = "", rate = 0, last = 0, finishing = false, fresh = false, complained = "";
  const sheets = { lines: document.createElement("canvas"), colour: document.createElement("canvas") };

  ink.live = (element, props, trigger, watch) => {
    view = Object.fromEntries(["switch", "record", "kind", "rate"].map((name) => [name, element.querySelector(`.live-${name}`)]));
    view.switch.onclick = () => (on ? ink.live.stop() : ink.live.start());
    view.record.onclick = () => (film ? keepFilm() : record());
    view.kind.value = ink.habit("film-mp4") ? "mp4" : "webp";
    view.kind.onchange = () => ink.habit("film-mp4", view.kind.value === "mp4");
    ink.onTab?.(() => { if (on && !guide().any) pause(); show(); });
    document.addEventListener("visibilitychange", () => { if (document.hidden && on) pause(); });
    ink.spoken(show);
    waitForCanvas();
  };

  // The canvas comes with a script of its own, perhaps later than this one.
  function waitForCanvas() {
    if (!ink.canvas?.on) { setTimeout(waitForCanvas, 100); return; }
    ink.canvas.on("change", changed);
    ink.canvas.on("rest", rested);
    if (wanted || remembered()) ink.live.start();
  }

  const remembered = () => { try { return localStorage.getItem(KEPT) === "1"; } catch { return false; } };
  const remember = () => { try { localStorage.setItem(KEPT, on ? "1" : "0"); } catch { /* private window */ } };

  ink.live.start = () => {
    wanted = !view; // the bar is not there yet
    if (on || !view) return;
    on = true;
    told = complained = "";
    remember();
    line.open();
    watchStage();
    show();
    if (ink.canvas && !ink.canvas.isEmpty()) changed();
  };

  ink.live.stop = () => {
    if (!on) return;
    on = false;
    remember();
    pause();
    line.close();
    if (film) keepFilm();
    show();
  };

  ink.live.isOn = () => on;
  // Once after the pen came to rest: the noise of the frames, from which the picture in full shall come too.
  ink.live.takes = () => { const seed = asking; asking = ""; return seed; };

  function pause() {
    clearTimeout(resting);
    dirty = false;
    line.rest();
  }

  function show() {
    if (!view) return;
    view.switch.setAttribute("aria-pressed", String(on));
    view.switch.title = ink.say("live.hint");
    view.record.hidden = view.kind.hidden = !on && !film;
    view.record.setAttribute("aria-pressed", String(Boolean(film)));
    view.record.querySelector("span").textContent = ink.say(film ? "live.keep" : "live.record");
    view.record.title = ink.say("live.record_hint");
    if (!on) view.rate.textContent = "";
  }

  // --- the pen

  function changed() {
    if (!on || !guide().any) return;
    clearTimeout(resting);
    asking = "";
    if (finishing && pressed) { finishing = false; ink.stop?.(); } // she draws on: it would be of before
    rests = !pressed;
    dirty = true;
    send();
    if (!pressed) resting = setTimeout(finish, REST); // undone, or the last of a stroke
  }

  let pressed = false; // whether the pen is on the paper
  addEventListener("pointerdown", () => { pressed = true; }, true);
  for (const end of ["pointerup", "pointercancel", "blur"]) addEventListener(end, () => { pressed = false; }, true);

  function rested() {
    if (!on || !guide().any) return;
    rests = dirty = true;
    send(true); // at once: the frame on its way is of an unfinished stroke
    clearTimeout(resting);
    resting = setTimeout(finish, REST);
  }

  // The pen rests: the picture is painted in full.
  function finish() {
    if (!on || !ink.paintNow || ink.canvas.isEmpty()) return;
    if (flying || dirty) { resting = setTimeout(finish, 100); return; } // the last frame comes first, or the very first
    if (!fresh) return;
    if (document.body.classList.contains("painting")) return;
    line.rest();
    finishing = true;
    fresh = false;
    asking = noise;
    ink.paintNow();
  }

  // What of the canvas guides the picture in this tab.
  function guide() {
    const tab = document.body.dataset.tab;
    const lines = tab === "sketch";
    const colour = tab === "img2img" || (lines && Boolean(document.querySelector("#sketch-colour input")?.checked));
    return { lines, colour, any: lines || colour };
  }

  async function send(atOnce = false) {
    if ((flying && !atOnce) || !dirty || !line.ready()) return;
    dirty = false;
    const mine = (flying = ++number);
    sent = performance.now();
    try {
      const said = saying();
      const body = await picture(mine);
      if (flying !== mine) return;
      if (!body) { flying = 0; hide(); return; }
      line.send(said, body, mine);
    } catch (error) { flying = 0; fault(error.message); }
  }

  // The words and how the canvas guides them, as the form says now.
  function saying() {
    const form = ink.form || {}, use = guide();
    const recipe = Object.fromEntries(HEEDED.filter((name) => form[name] !== undefined && form[name] !== null && form[name] !== "")
      .map((name) => [name, form[name]]));
    recipe.prompt = form.prompt || "";
    if (!/^\d+$/.test(recipe.seed ?? "")) recipe.seed = noise;
    const loras = ink.chips?.get?.().loras;
    if (loras) recipe.loras = loras;
    const lines = {};
    for (const name of ["model", "weight", "start", "end"]) {
      const value = form[`controls.0.${name}`];
      if (value !== undefined && value !== null && value !== "") lines[name] = value;
    }
    return { recipe, strength: Number(form["source.strength"] ?? 0.75), ...(use.lines ? { lines } : {}) };
  }

  async function picture(mine) {
    if (ink.canvas.isEmpty()) return null;
    const use = guide();
    const [lines, colour] = await Promise.all([use.lines ? drawn("lines") : null, use.colour ? drawn("colour") : null]);
    if (!lines && !colour) return null;
    const parts = [lines ? await lines.arrayBuffer() : new ArrayBuffer(0), colour ? await colour.arrayBuffer() : new ArrayBuffer(0)];
    const body = new Uint8Array(8 + parts[0].byteLength + parts[1].byteLength), head = new DataView(body.buffer);
    head.setUint32(0, mine);
    head.setUint32(4, parts[0].byteLength);
    body.set(new Uint8Array(parts[0]), 8);
    body.set(new Uint8Array(parts[1]), 8 + parts[0].byteLength);
    return body;
  }

  function drawn(kind) {
    const size = ink.canvas.size(), share = Math.min(1, LONGEST / Math.max(...size));
    const [width, height] = size.map((side) => Math.max(8, Math.round(side * share)));
    if (!ink.canvas.draw) return ink.canvas[kind](width, height);
    const sheet = sheets[kind];
    if (sheet.width !== width || sheet.height !== height) { sheet.width = width; sheet.height = height; }
    const pen = sheet.getContext("2d", { willReadFrequently: true });
    ink.canvas.draw(kind, pen);
    if (blank(pen.getImageData(0, 0, width, height).data)) return null;
    return new Promise((done) => { sheet.toBlob(done, "image/png"); });
  }

  // Whether nothing is drawn there: one colour from end to end.
  function blank(pixels) {
    const words = new Uint32Array(pixels.buffer);
    for (let i = 1; i < words.length; i += 1) if (words[i] !== words[0]) return false;
    return true;
  }

  // --- the line to the studio: a socket, or a request a frame where no socket comes through

  const line = (() => {
    let socket = null, fails = 0, next = null, posting = false, seed = 0, timer = 0;

    function open() {
      clearTimeout(timer);
      if (socket || posting) return;
      seed = seed || Math.floor(Math.random() * 2 ** 31);
      const mine = (socket = new WebSocket(ink.url("live").replace(/^http/, "ws")));
      mine.binaryType = "arraybuffer";
      mine.onopen = () => { fails = 0; told = ""; send(); };
      mine.onmessage = ({ data }) => (typeof data === "string" ? note(JSON.parse(data)) : arrived(data));
      mine.onclose = () => {
        if (socket !== mine) return;
        socket = null;
        flying = 0;
        told = "";
        fails += 1;
        if (!on) return;
        posting = fails > 2;
        dirty = true;
        if (posting) send();
        else timer = setTimeout(open, 500 * fails);
      };
    }

    function note(said) {
      next = said;
      if ("same" in said) return; // its picture follows
      if (said.n && said.n !== flying) return;
      if (said.n) flying = 0;
      if (said.sentence) fault(said.sentence);
      else if (!said.overtaken) return;
      send();
    }

    function arrived(data) {
      const of = new DataView(data).getUint32(0);
      shown(of, new Blob([data.slice(4)], { type: "image/jpeg" }), next);
    }

    async function post(said, body, mine) {
      let text = "";
      for (let at = 0; at < body.length; at += 0x8000) text += String.fromCharCode(...body.subarray(at, at + 0x8000));
      const answer = await fetch(ink.url("live"), {
        method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...said, seed: String(seed), canvas: btoa(text) }),
      });
      if (answer.status === 200) {
        shown(mine, await answer.blob(), {
          steps: Number(answer.headers.get("X-Steps")), same: answer.headers.get("X-Same") === "1", sentence: answer.headers.get("X-Sentence"),
        });
        return;
      }
      flying = 0;
      if (answer.status !== 204) fault((await answer.json().catch(() => ({}))).sentence || ink.say("offline"));
      send();
    }

    return {
      open,
      ready: () => posting || socket?.readyState === WebSocket.OPEN,
      send(said, body, mine) {
        if (posting) { post(said, body, mine).catch(() => { flying = 0; fault(ink.say("offline")); }); return; }
        const text = JSON.stringify(said);
        if (text !== told) { socket.send(text); told = text; }
        socket.send(body);
      },
      rest() {
        if (posting) ink.ask("live/rest", { method: "POST", json: { seed: String(seed) } }).catch(() => {});
        else if (socket?.readyState === WebSocket.OPEN) socket.send('{"rest": true}');
      },
      close() {
        const gone = socket;
        socket = null;
        posting = false;
        fails = flying = 0;
        gone?.close();
      },
    };
  })();

  function fault(sentence) {
    if (!sentence || sentence === complained) return; // once is enough
    complained = sentence;
    ink.toast(sentence, { kind: "fault" });
  }

  // --- the picture of the moment, over the stage

  function shown(of, blob, said) {
    const now = performance.now();
    const lately = last && now - last < 2000 ? 1000 / (now - last) : 0;
    rate = lately && rate ? rate + 0.2 * (lately - rate) : lately || rate;
    last = now;
    if (said?.sentence) fault(said.sentence);
    else complained = "";
    if (!said?.same) fresh = true; // since the last picture in full
    if (of === flying) flying = 0;
    if (on) {
      ink.liveFrame(blob, { number: of, sent, steps: said?.steps, seconds: said?.seconds, rests: rests && !dirty });
      const steps = said?.steps ? ink.say(said.steps === 1 ? "live.step" : "live.steps", { n: said.steps }) : "";
      view.rate.textContent = [rate ? ink.say("live.rate", { n: rate.toFixed(1) }) : "", steps].filter(Boolean).join(" · ");
    }
    send();
  }

  let frame = null, address = "";
  ink.liveFrame = (blob, about = {}) => {
    const sheet = document.querySelector(".stage .sheet");
    if (!sheet) return;
    if (!frame?.isConnected) {
      frame = ink.make("div", "live-frame");
      const image = ink.make("img", "live");
      image.alt = ink.say("live.alt");
      frame.append(image);
      sheet.append(frame);
    }
    const image = frame.firstChild, mine = URL.createObjectURL(blob), before = address;
    address = mine;
    frame.hidden = false;
    image.onload = () => {
      if (before) URL.revokeObjectURL(before);
      document.dispatchEvent(new CustomEvent("ink-frame", { detail: { ...about, at: performance.now() } }));
      if (film) expose(image);
    };
    image.src = mine;
  };

  function hide() { if (frame) frame.hidden = true; }

  // When the full picture is there, it takes the frame's place.
  let watching = null;
  function watchStage() {
    const stage = document.querySelector(".stage");
    if (!stage || watching) return;
    watching = new MutationObserver(() => {
      if (stage.dataset.state !== "done" || !finishing) return;
      finishing = false;
      const picture = stage.querySelector('.tile[data-kind="done"] img');
      if (!picture || dirty || flying) return;
      const there = () => { hide(); if (film) expose(picture); };
      if (picture.complete && picture.naturalWidth) there();
      else picture.addEventListener("load", there, { once: true });
    });
    watching.observe(stage, { attributes: true, attributeFilter: ["data-state"] });
  }

  // --- a film of the strokes and what they became

  const MOST = 300, WIDE = 512;
  let film = null;

  function record() {
    film = { frames: [], at: performance.now(), busy: false, sheet: document.createElement("canvas") };
    show();
  }

  // One frame: the drawing on the left, its picture on the right.
  function expose(image) {
    const mine = film, now = performance.now(), size = ink.canvas.size();
    if (mine.busy || now - mine.at < 60) return;
    mine.busy = true;
    const half = WIDE / 2, height = Math.max(16, Math.round((half * size[1]) / size[0])), sheet = mine.sheet;
    sheet.width = WIDE;
    sheet.height = Math.min(height, WIDE);
    const pen = sheet.getContext("2d");
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, WIDE, sheet.height);
    const use = guide();
    pen.drawImage(sheets[use.lines ? "lines" : "colour"], 0, 0, half, sheet.height);
    pen.drawImage(image, half, 0, half, sheet.height);
    sheet.toBlob((blob) => {
      mine.busy = false;
      if (!blob) return;
      if (mine.frames.length) mine.frames.at(-1).milliseconds = Math.min(1500, now - mine.at);
      mine.at = now;
      mine.frames.push({ blob, milliseconds: 400 });
      if (mine.frames.length >= MOST) thin(mine);
    }, "image/jpeg", 0.85);
  }

  // Too long: every second frame goes, and its time to the one before.
  function thin(one) {
    one.frames = one.frames.filter((_, i) => i % 2 === 0).map((kept, i, all) => ({
      ...kept, milliseconds: kept.milliseconds + (i < all.length - 1 || one.frames.length % 2 === 0 ? one.frames[2 * i + 1]?.milliseconds || 0 : 0),
    }));
  }

  async function keepFilm() {
    const done = film, kind = view.kind.value;
    film = null;
    show();
    if (!done.frames.length) { ink.toast(ink.say("live.no_film")); return; }
    const parts = [];
    for (const { blob, milliseconds } of done.frames) {
      const head = new DataView(new ArrayBuffer(8));
      head.setUint32(0, Math.round(milliseconds));
      head.setUint32(4, blob.size);
      parts.push(head.buffer, blob);
    }
    try {
      const answer = await fetch(ink.url(`film?kind=${kind}`), { method: "POST", credentials: "same-origin", body: new Blob(parts) });
      if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).sentence || ink.say("offline"));
      const link = ink.make("a");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = `inkstone-live.${kind}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      ink.toast(ink.say("live.filmed"));
    } catch (error) { ink.fault(error); }
  }
})();
