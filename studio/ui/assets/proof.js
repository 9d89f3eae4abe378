// The Finish tab: presets, what the quick steps will make of the picture, and which faces are restored.
(() => {
  "use strict";
  const ink = window.inkstone;
  const QUICK = new Set(["match", "clahe", "tone", "sharpen", "grain"]);
  const REST = 400; // ms
  let view = null, presets = [], seen = "", turn = 0, timer = 0, sheet = null, shown = "", faces = { of: "", found: [] };

  ink.proof = (element) => {
    view = Object.fromEntries(["presets", "faces", "told", "fetch"].map((name) => [name, element.querySelector(`.${name}`)]));
    view.list = element.querySelector("ul");
    view.fetch.onclick = () => ink.tab("models");
    ink.spoken(say);
    ink.onTab((name) => { if (name === "finish") { load(); look(); } else hide(); });
  };

  // --- presets: a row of buttons, applied as a style is

  async function load() {
    if (presets.length) return;
    try {
      presets = (await ink.ask("finish")).presets;
      say();
    } catch (error) { ink.fault(error); }
  }

  function say() {
    const tag = document.documentElement.lang;
    view.presets.replaceChildren(...presets.map((one) => {
      const told = one.translations[tag] || one, button = ink.make("button", "plain", told.title);
      button.type = "button";
      button.title = told.about;
      button.onclick = () => ink.emit("style", { name: one.name });
      return button;
    }));
    if (faces.found.length) list();
  }

  // --- what the quick steps make of the picture

  // The steps that are switched on, in their order, as the form holds them.
  function steps(form) {
    return ink.chain.of(form).map((kind) => ({
      kind,
      ...Object.fromEntries(Object.entries(form).filter(([name]) => name.startsWith(`post.${kind}.`)).map(([name, value]) => [name.slice(kind.length + 6), value])),
    }));
  }

  ink.formed = () => { clearTimeout(timer); timer = setTimeout(look, REST); };
  ink.welled = () => { forget(); look(); };

  const chosen = () => { const all = ink.well.images(); return all.length === 1 ? all[0] : ""; };
  const here = () => ink.tab.now() === "finish";

  function asked() {
    const image = chosen(), all = ink.form && image ? steps(ink.form) : [], quick = all.filter((step) => QUICK.has(step.kind));
    return { image, quick, faces: all.some((step) => step.kind === "faces"), wanted: quick.length ? JSON.stringify([image, quick]) : "" };
  }

  async function look() {
    if (!view || !here()) return;
    const { image, quick, faces: restored, wanted } = asked();
    boxes(image, restored);
    if (!wanted) { hide(); return; }
    if (wanted === seen) return;
    seen = wanted;
    const mine = ++turn;
    try {
      const answer = await fetch(ink.url("look"), {
        method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ kind: "finish", image, steps: quick }),
      });
      if (!answer.ok) throw new Error(ink.tell((await answer.json().catch(() => ({}))).sentence) || ink.say("wrong", { what: `HTTP ${answer.status}` }));
      const made = await answer.blob();
      if (mine !== turn || !here() || document.body.classList.contains("painting")) return;
      show(ink.url(`input/${image}`), made);
    } catch (error) { if (mine === turn) { seen = ""; ink.fault(error); } }
  }

  function show(before, made) {
    const place = document.querySelector(".sheet");
    if (!sheet) {
      sheet = ink.make("div", "proof");
      sheet.append(ink.make("div", "leaf"), ink.make("p", "word"));
    }
    const leaf = sheet.firstChild, now = leaf.querySelector(".now") || ink.make("img", "now");
    URL.revokeObjectURL(shown);
    shown = URL.createObjectURL(made);
    now.alt = ink.say("finish.proof");
    now.onload = () => { leaf.style.setProperty("--ratio", String(now.naturalWidth / now.naturalHeight)); };
    now.src = shown;
    sheet.lastChild.textContent = ink.say("finish.proof");
    if (!now.isConnected) leaf.prepend(now);
    ink.beforeOver(leaf, before);
    if (!sheet.isConnected) place.append(sheet);
  }

  function hide() {
    turn += 1;
    seen = "";
    sheet?.remove();
  }
  // She paints it: what was shown beforehand makes room, and comes back only with another wish.
  ink.unproof = () => {
    if (!view) return;
    hide();
    seen = asked().wanted;
  };

  // --- faces: boxes over the picture, a switch and a strength each

  function forget() {
    faces = { of: "", found: [] };
    keep();
    list();
    if (view) view.faces.hidden = true;
  }

  async function boxes(image, on) {
    view.faces.hidden = !on || !image;
    document.querySelector(".well .boxes")?.toggleAttribute("hidden", !on);
    if (!on || !image || faces.of === image) return;
    faces = { of: image, found: [] };
    view.told.textContent = ink.say("finish.faces.looking");
    try {
      const { faces: found, sentence } = await ink.ask("look", { method: "POST", json: { kind: "faces", image } });
      if (faces.of !== image) return;
      faces.found = found.map((face) => ({ ...face, on: true, strength: 1 }));
      view.fetch.hidden = !sentence;
      view.told.textContent = ink.tell(sentence) || (found.length ? ink.say("finish.faces.found", { n: found.length }) : ink.say("finish.faces.none"));
      list();
    } catch (error) { view.told.textContent = error.message; }
  }

  function list() {
    if (!view) return;
    view.list.replaceChildren(...faces.found.map((face, i) => {
      const item = ink.make("li"), label = ink.make("label"), box = ink.make("input"), slide = ink.make("input");
      const name = ink.say("finish.face", { n: i + 1 });
      box.type = "checkbox";
      box.checked = face.on;
      Object.assign(slide, { type: "range", min: "0", max: "1", step: "0.05", value: String(face.strength), disabled: !face.on });
      slide.setAttribute("aria-label", `${name}: ${ink.say("finish.face.strength")}`);
      box.onchange = () => { face.on = box.checked; slide.disabled = !face.on; draw(); keep(); };
      slide.oninput = () => { face.strength = Number(slide.value); keep(); };
      label.append(box, ink.make("span", "", name));
      item.append(label, slide);
      return item;
    }));
    draw();
  }

  // The boxes lie over the well's picture.
  function draw() {
    document.querySelector(".well .boxes")?.remove();
    const image = document.querySelector(".well .row img");
    if (!image || !faces.found.length) return;
    const layer = ink.make("span", "boxes");
    faces.found.forEach((face, i) => {
      const box = ink.make("i", face.on ? "" : "off", String(i + 1));
      Object.assign(box.style, { left: `${100 * face.left}%`, top: `${100 * face.top}%`, width: `${100 * (face.right - face.left)}%`, height: `${100 * (face.bottom - face.top)}%` });
      layer.append(box);
    });
    const row = image.parentElement, place = () => {
      const outer = row.getBoundingClientRect(), inner = image.getBoundingClientRect();
      Object.assign(layer.style, { left: `${inner.left - outer.left}px`, top: `${inner.top - outer.top}px`, width: `${inner.width}px`, height: `${inner.height}px` });
    };
    row.append(layer);
    place();
    image.onload = place;
  }

  // Which faces are restored goes with the form; when all are, wholly, nothing needs to be said.
  function keep() {
    if (!ink.chips?.get) return;
    const held = { ...ink.chips.get() }, all = faces.found.every((face) => face.on && face.strength === 1);
    const before = JSON.stringify(held["post.faces"] || null);
    delete held["post.faces"];
    if (!all) {
      const only = faces.found.map(({ left, top, right, bottom, strength, on }) => ({ left, top, right, bottom, strength: on ? strength : 0 }));
      held["post.faces"] = { only };
    }
    if (JSON.stringify(held["post.faces"] || null) !== before) ink.chips.set(held);
  }

  // --- a picture as shapes

  ink.svg = async (id) => {
    const numbers = (all) => all.map((n) => ({ value: String(n), title: String(n) }));
    const said = await ink.slip({ title: "SVG", text: ink.say("finish.svg.text"), yes: ink.say("finish.svg.yes"), fields: [
      { name: "colours", kind: "choice", title: ink.say("finish.svg.colours"), value: "24", options: numbers([4, 8, 24, 64, 128]) },
      { name: "detail", kind: "choice", title: ink.say("finish.svg.detail"), value: "6", options: numbers([2, 4, 6, 8, 10]) }] });
    if (!said) return;
    const link = ink.make("a");
    link.href = ink.url(`picture/${id}.svg?${new URLSearchParams(said)}`);
    link.download = `inkstone-${id}.svg`;
    document.body.append(link);
    link.click();
    link.remove();
  };

  // --- before and after

  // Lays what a picture was made from over it, up to a line that is drawn across.
  ink.beforeOver = (box, before) => {
    let over = box.querySelector(":scope > .before");
    if (!over) {
      over = ink.make("div", "before");
      const was = ink.make("img", "was"), line = ink.make("div", "cutter");
      was.alt = "";
      line.tabIndex = 0;
      line.setAttribute("role", "slider");
      line.setAttribute("aria-valuemin", "0");
      line.setAttribute("aria-valuemax", "100");
      over.append(was, ink.make("b", "left"), ink.make("b", "right"), line);
      steer(over, line);
      box.append(over);
    }
    over.querySelector(".was").src = before;
    over.querySelector(".left").textContent = ink.say("finish.before");
    over.querySelector(".right").textContent = ink.say("finish.after");
    over.querySelector(".cutter").setAttribute("aria-label", ink.say("gallery.compare.line"));
  };

  function steer(over, line) {
    const cut = (at) => {
      const share = Math.round(Math.min(100, Math.max(0, at)));
      line.setAttribute("aria-valuenow", String(share));
      over.style.setProperty("--cut", `${share}%`);
    };
    cut(50);
    line.onclick = (event) => event.stopPropagation();
    line.onpointerdown = (event) => {
      event.preventDefault();
      line.focus({ preventScroll: true });
      line.setPointerCapture(event.pointerId);
      line.onpointermove = (moved) => {
        const area = over.getBoundingClientRect();
        cut(100 * (moved.clientX - area.left) / area.width);
      };
    };
    line.onpointerup = line.onpointercancel = () => { line.onpointermove = null; };
    line.onkeydown = (event) => {
      const by = { ArrowLeft: -4, ArrowRight: 4, Home: -100, End: 100 }[event.key];
      if (by) { event.preventDefault(); event.stopPropagation(); cut(Number(line.getAttribute("aria-valuenow")) + by); }
    };
  }

  // A picture hangs on the stage: if it finishes another one, that one is laid over it.
  ink.hung = async (tiles, picture) => {
    tiles.querySelector(":scope > .before")?.remove();
    if (!picture) return;
    if (!["highres", "finish"].includes(ink.tab.now())) return;
    try {
      const { recipe } = await ink.ask(`gallery/about/${picture}`), only = tiles.querySelector(".tile");
      if (recipe.source?.strength === 0 && tiles.children.length === 1 && only.dataset.picture === picture) ink.beforeOver(tiles, ink.url(`input/${recipe.source.image}`));
    } catch (error) { if (error.status !== 404) ink.fault(error); }
  };
})();
