// Handscrolls 手卷: how one is asked for, and the stage's view of it while it unrolls part by part.
(() => {
  "use strict";
  const ink = window.inkstone;
  const NEWEST = 12, EVERY = 700, AGAIN = 3000; // milliseconds between two looks; after a failed one
  let view = null, from = null, way = "right";
  let row = null, groups = new Set(), paper = null, shown = false, timer = 0, begun = false;

  ink.scroll = (element) => {
    view = Object.fromEntries(["scroll", "start", "away", "choose", "ends", "length", "turns", "go", "parts"].map((n) => [n, element.querySelector(`.${n}`)]));
    view.choose.onclick = () => offer(view.ends.hidden).catch(ink.fault);
    view.away.onclick = () => begin(null);
    view.ways = [...element.querySelectorAll(".way")];
    for (const button of view.ways) button.onclick = () => turn(button.dataset.way);
    for (const button of element.querySelectorAll(".long")) button.onclick = () => { view.length.value = button.dataset.long; count(); };
    view.length.oninput = count;
    view.scroll.ontoggle = count;
    view.go.onclick = go;
    const stop = ink.stop;
    ink.stop = () => (shown ? end() : stop?.());
    ink.spoken(() => { view.turns.placeholder = ink.say("scroll.turns.hint"); count(); });
    recall();
  };

  // --- asking for one

  function turn(to) {
    way = to;
    for (const button of view.ways) button.setAttribute("aria-pressed", String(button.dataset.way === way));
  }

  function begin(picture) {
    from = picture;
    view.start.hidden = !from;
    if (from) view.start.querySelector("img").src = ink.url(`thumb/${from}.webp`);
    offer(false);
    count();
  }

  async function offer(open) {
    view.ends.hidden = !open;
    view.choose.setAttribute("aria-expanded", String(open));
    if (!open) return;
    const found = await ink.ask("pictures");
    view.ends.replaceChildren(...found.pictures.slice(0, NEWEST).map((one) => {
      const item = ink.make("li"), button = ink.make("button", "end"), image = ink.make("img");
      button.type = "button";
      button.title = ink.called(one, 200);
      button.setAttribute("aria-label", button.title);
      image.src = ink.url(`thumb/${one.id}.webp`);
      image.alt = "";
      button.append(image);
      button.onclick = () => ink.act("unroll", one.id); // its size and words come into the form, too
      item.append(button);
      return item;
    }));
    if (!found.pictures.length) ink.toast(ink.say("gallery.empty"));
  }

  const width = () => Number(document.querySelector("#field-width input[type=number]")?.value) || 0;
  const wanted = () => Math.round(Number(view.length.value) / 8) * 8;

  // How many parts it takes, as the studio lays them: each sees three eighths of the one before.
  function count() {
    const part = width(), step = part - Math.floor(part * 3 / 64) * 8;
    const parts = step > 0 ? 1 + Math.max(0, Math.ceil((wanted() - part) / step)) : 0;
    view.parts.textContent = parts ? ink.say("scroll.parts", { n: parts }) : "";
  }

  async function go() {
    const lines = view.turns.value.split("\n").map((line) => line.trim()).filter(Boolean);
    const turns = lines.map((prompt, i) => ({ at: (i + 1) / (lines.length + 1), prompt }));
    try {
      if (ink.beforePaint && !(await ink.beforePaint(...lines))) return;
      begun = true;
      ink.sending?.();
      ink.emit("scroll", { scroll: { length: wanted(), direction: way, turns, picture: from || "" } });
    } catch (error) { ink.fault(error); }
  }

  // A picture shall be unrolled further.
  ink.scroll.begin = (picture) => {
    view.scroll.open = true;
    begin(picture);
    view.scroll.scrollIntoView({ block: "center", behavior: "smooth" });
  };

  // --- following it

  async function recall() {
    try {
      const going = (await ink.ask("scroll")).scrolls.find((one) => one.state === "painting");
      if (going) ink.scroll.watch(going.id);
    } catch (error) { if (error.offline) setTimeout(recall, AGAIN); }
  }

  ink.scroll.watch = (id) => {
    if (row?.id !== id) groups = new Set();
    row = { id, state: "painting", parts: [], painted: 0, length: 1, seen: 0, step: 0, height: 1, group: "" };
    clearTimeout(timer);
    look();
  };

  async function look() {
    if (!row) return;
    const { id } = row;
    try {
      const found = await ink.ask(`scroll/${id}`);
      if (row?.id !== id) return;
      row = found;
      if (row.state !== "painting") { await ended(); return; }
      timer = setTimeout(look, EVERY);
      if (row.group && !groups.has(row.group)) {
        groups.add(row.group);
        ink.follow();
      }
    } catch (error) {
      if (error.status === 404) row = null;
      else timer = setTimeout(look, AGAIN);
    }
    ink.scrolled();
  }

  async function ended() {
    const { picture, sentence } = row, mine = begun;
    begun = false;
    row = null;
    if (sentence) ink.toast(sentence, { kind: "fault" });
    const one = picture && await ink.ask(`picture/${picture}.json`);
    if (one) ink.present(one);
    ink.scrolled();
    ink.strip?.add?.(picture);
    if (!one) return;
    ink.told?.(ink.say("scroll.done"));
    const busy = document.querySelector("dialog[open]") || document.activeElement?.matches("textarea, input") || document.hidden;
    if (mine && !busy) ink.large?.(picture);
  }

  async function end() {
    try { await ink.ask("scroll/stop", { method: "POST", json: { scroll: row.id } }); } catch (error) { ink.fault(error); }
  }

  ink.scroll.going = () => row !== null;
  ink.scroll.has = (group) => groups.has(group);
  ink.scroll.share = (progress) => Math.min(1, (row.painted + (row.painted ? row.step : row.step + row.seen) * progress) / row.length);
  ink.scroll.line = (text) => `${ink.say("scroll.painted", { n: row.painted, of: row.length })} · ${text}`;

  // --- the paper in the stage: as long as it will be, the parts at their places, the newest in sight

  ink.scroll.show = (on, job) => {
    shown = on;
    if (!paper) paper = made();
    paper.frame.hidden = !on;
    if (!on) { paper.sheet.replaceChildren(); return; }
    const { sheet, frame } = paper, first = row.painted - row.step * (row.parts.length - 1), part = row.seen + row.step;
    sheet.style.aspectRatio = `${row.length} / ${row.height}`;
    const places = row.parts.map((id, i) => ({ name: id, src: ink.url(`picture/${id}.png`), at: i ? first + row.step * (i - 1) - row.seen : 0, wide: i ? part : first }));
    if (job?.preview && !row.parts.includes(job.picture)) places.push({ name: "next", src: job.preview, at: Math.max(0, row.painted - row.seen), wide: part });
    const before = sheet.children.length;
    for (const [i, one] of places.entries()) place(sheet, one, i);
    while (sheet.children.length > places.length) sheet.lastChild.remove();
    if (sheet.children.length > before) {
      const end = sheet.clientWidth * Math.min(1, (row.painted + row.step) / row.length) - frame.clientWidth;
      frame.scrollLeft = row.direction === "left" ? sheet.clientWidth - frame.clientWidth - Math.max(0, end) : Math.max(0, end);
    }
  };

  function place(sheet, { name, src, at, wide }, i) {
    let image = sheet.children[i];
    if (!image || (image.dataset.part !== name && image.dataset.part !== "next")) {
      const fresh = ink.make("img");
      fresh.alt = "";
      if (image) image.replaceWith(fresh);
      else sheet.append(fresh);
      image = fresh;
    }
    image.dataset.part = name;
    if (image.getAttribute("src") !== src) image.src = src;
    const known = name === "next" && row.parts.length ? `${100 * row.seen / wide}%` : "0"; // the part before shows that
    image.style.clipPath = row.direction === "left" ? `inset(0 ${known} 0 0)` : `inset(0 0 0 ${known})`;
    image.style.width = `${100 * wide / row.length}%`;
    image.style[row.direction === "left" ? "right" : "left"] = `${100 * at / row.length}%`;
  }

  function made() {
    const frame = ink.make("div", "unrolling"), sheet = ink.make("div", "scroll-paper");
    frame.append(sheet);
    frame.tabIndex = 0;
    ink.spoken(() => frame.setAttribute("aria-label", ink.say("scroll.title")));
    document.querySelector(".stage .sheet").append(frame);
    return { frame, sheet };
  }
})();
