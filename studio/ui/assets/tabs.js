// The tabs, and what each one's picture or drawing gives to the recipe before it is painted.
(() => {
  "use strict";
  const ink = window.inkstone;
  const KEPT = "inkstone-tab";
  const DRAWN = ink.drawn = ["source", "mask", "controls", "drawing", "pictures", "live"]; // what a canvas or a well puts into a recipe
  const CANVAS = new Set(["img2img", "sketch"]), FINISHED = new Set(["highres", "finish"]);
  const LAP = 32; // pixels over which the new grows out of the old where a sheet has grown
  const PARTS = /^(hires|post\.[^.]+)$/; // the switches of larger and finished
  const GROUPS = { txt2img: "painted", img2img: "painted", sketch: "painted", highres: "larger", finish: "finished" };
  const PLAIN = { painted: false, larger: true, finished: false }; // whether the high-res fix is on where she never chose
  const listeners = [];
  let names = [], bar = null, touched = false, newcomer = false;

  const now = () => document.body.dataset.tab || "txt2img";
  const kept = () => { try { return localStorage.getItem(KEPT); } catch { return null; } };

  ink.tabsAt = (nav, tabs) => {
    if (!tabs.length || bar) return;
    bar = nav;
    names = tabs;
    bar.replaceChildren(...names.map((name) => {
      const button = ink.make("button", "tab");
      button.type = "button";
      button.dataset.tab = name;
      button.setAttribute("role", "tab");
      button.onclick = () => ink.tab(name);
      return button;
    }));
    bar.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      ink.tab(names[(names.indexOf(now()) + step + names.length) % names.length]);
      bar.querySelector(`[data-tab="${now()}"]`).focus();
    };
    const chosen = names.includes(kept()) ? kept() : "";
    ink.tab(chosen || names[0]);
    newcomer = !chosen;
    ink.spoken(say);
  };

  // Nothing is painted yet, and no tab was chosen in this browser: begin by drawing, live where the model can.
  ink.welcome = (live) => {
    if (!newcomer || now() !== names[0]) return;
    ink.tab("sketch");
    if (live) ink.live.start();
  };

  function say() {
    for (const button of bar.children) {
      const name = button.dataset.tab;
      button.replaceChildren(ink.make("b", "", ink.say(`tab.${name}`)), ink.make("small", "", ink.say(`tab.${name}.short`)));
      button.title = ink.say(`tab.${name}.plain`);
    }
  }

  // Go to a tab. Its panel, its canvas or its page is shown; the form keeps its values.
  ink.tab = (name) => {
    if (!names.includes(name)) return;
    const before = document.body.dataset.tab;
    if (before) newcomer = false;
    document.body.dataset.tab = name;
    try { localStorage.setItem(KEPT, name); } catch { /* private window */ }
    for (const button of bar.children) {
      const on = button.dataset.tab === name;
      button.setAttribute("aria-selected", String(on));
      button.tabIndex = on ? 0 : -1;
      if (on && before) button.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    if (before !== name) {
      regroup(name);
      unfold(name);
      listeners.forEach((act) => act(name, before));
      ink.estimateAgain?.();
      dispatchEvent(new Event("resize"));
    }
  };
  ink.tab.now = now;
  ink.onTab = (act) => { listeners.push(act); if (document.body.dataset.tab) act(now(), ""); };

  // --- making larger and finishing: what is painted, made larger or finished has each its own switches, so that
  // a picture that is made larger does not make every picture painted afterwards large

  let opening = false, chosen = {}, waiting = 0; // what a group's switches shall be, and how often the form was not yet told
  const said = () => (waiting ? { ...ink.form, ...chosen } : ink.form || {});
  const switches = () => Object.keys(ink.form || {}).filter((path) => PARTS.test(path));
  let slots = {};
  try { slots = JSON.parse(localStorage.getItem(`${KEPT}-parts`)) || {}; } catch { /* private window */ }
  const keepSlots = (more) => {
    slots = { ...slots, ...more };
    try { localStorage.setItem(`${KEPT}-parts`, JSON.stringify(slots)); } catch { /* private window */ }
  };

  // Remember the switches as they are now: before she leaves, and before a recipe fills the form.
  ink.holdParts = () => {
    if (!ink.form || !slots.now) return;
    keepSlots({ [slots.now]: { model: ink.form.model, on: switches().filter((path) => said()[path]) } });
  };

  function regroup(name) {
    const next = GROUPS[name], before = slots.now;
    if (!next || next === before) return;
    if (!opening) ink.holdParts();
    keepSlots({ now: next });
    if (!before || opening) return; // the form says what it was kept with, or what a recipe says
    const mine = slots[next], known = mine && mine.model === ink.form?.model; // another model ends in another way
    if (!ink.form || !ink.emit) return; // the page is still opening
    const now = said(), wanted = (path) => (known ? mine.on.includes(path) : path === "hires" ? PLAIN[next] : now[path]);
    chosen = Object.fromEntries(switches().map((path) => [path, Boolean(wanted(path))]));
    waiting += 1;
    ink.emit("parts", {}); // a fold that is closed has no switches in the page: the form sets them
  }

  // The switches of these paths, as the tab's group has them.
  ink.parts = (paths) => {
    waiting = Math.max(0, waiting - 1);
    ink.form = { ...ink.form, ...chosen };
    return paths.map((path) => Boolean(chosen[path]));
  };

  // The fold that a tab is about is open in it; while the page is still opening, a fold hears no click.
  function unfold(name) {
    if (!ink.ready) { setTimeout(() => now() === name && unfold(name), 100); return; }
    const fold = document.getElementById({ highres: "larger", finish: "finishing" }[name] || "");
    const head = fold?.querySelector(".label-wrap");
    if (head && !head.classList.contains("open")) head.click();
  }

  // --- what the tab's picture gives to the recipe


  const coloured = () => document.querySelector("#sketch-colour input"); // whether colour guides a sketch too

  async function drawn(tab) {
    const canvas = ink.canvas, [width, height] = canvas.size(), parts = {};
    if (tab === "sketch") {
      const lines = await canvas.lines(width, height);
      if (lines) parts.controls = [{ image: await ink.upload(lines) }];
      const colour = coloured()?.checked && await canvas.colour(width, height);
      if (colour) parts.source = { image: await ink.upload(colour) };
    } else {
      const colour = await canvas.colour(width, height);
      if (colour) parts.source = { image: await ink.upload(colour) };
      const mask = colour && await canvas.mask(width, height);
      if (mask) parts.mask = { image: await ink.upload(mask), ...(canvas.bare() ? { blur: LAP } : {}) };
    }
    if (!parts.source && !parts.controls) throw new Error(ink.say(`canvas.missing.${tab}`));
    const kept = await ink.ask("drawing/keep", { method: "POST", json: { drawing: canvas.drawing() } });
    parts.drawing = kept.drawing;
    return parts;
  }

  // Put into the form what this tab paints from. True when the tab has asked
  // the studio itself. Raises a sentence when something is missing.
  ink.collect = async () => {
    const tab = now(), held = ink.chips.get();
    const rest = Object.fromEntries(Object.entries(held).filter(([name]) => !DRAWN.includes(name)));
    if (FINISHED.has(tab)) {
      const chosen = ink.well.images();
      if (!chosen.length && tab === "finish") throw new Error(ink.say("well.missing"));
      if (chosen.length > 1 && tab === "finish") { await ink.well.finish(); return true; }
      if (chosen.length > 1) ink.chips.set({ ...rest, pictures: chosen });
      else ink.chips.set({ ...rest, ...(chosen.length ? { source: { image: chosen[0], strength: 0 } } : {}) });
    } else if (CANVAS.has(tab)) {
      const seed = ink.live?.takes?.(), live = seed ? { live: seed } : {}, { live: _, ...others } = held;
      const same = !touched && (held.source || held.controls); // exactly what was brought back
      if (same) { ink.chips.set({ ...others, ...live }); return; }
      if (!ink.canvas?.isEmpty || ink.canvas.isEmpty()) throw new Error(ink.say(`canvas.missing.${tab}`));
      ink.chips.set({ ...rest, ...await drawn(tab), ...live });
      touched = false;
    } else if (DRAWN.some((name) => name in held)) ink.chips.set(rest);
  };

  ink.touch = () => { touched = true; };

  // A recipe came back (from the gallery, a file, an action): show it in its tab.
  ink.open = async (what) => {
    if (document.querySelector("dialog[open]")) document.querySelector("dialog[open]").close();
    if (!what.tab) { if (!["txt2img", ...CANVAS, ...FINISHED].includes(now())) ink.tab("txt2img"); return; }
    opening = Boolean(what.size || what.unroll); // a whole recipe has filled the form
    ink.tab(what.tab);
    opening = false;
    if (what.unroll) { ink.scroll.begin(what.unroll); return; }
    scrollTo({ top: 0, behavior: "smooth" });
    try {
      if (FINISHED.has(what.tab)) ink.well.show(what.image);
      if (what.tab === "sketch" && coloured()?.checked !== Boolean(what.image)) coloured()?.click();
      if (CANVAS.has(what.tab) && ink.canvas?.load) {
        await ink.canvas.load({ size: what.size, ...await contents(what) });
        touched = Boolean(what.trace);
      }
    } catch (error) { ink.fault(error); }
  };

  async function contents(what) {
    const drawing = ink.chips.get().drawing;
    const at = (digest) => (digest ? ink.url(`input/${digest}`) : "");
    if (drawing) return { drawing: await ink.ask(`drawing/${drawing}.json`) };
    if (what.trace) return { lines: await ink.lines.at(what.trace, "lineart", what.size) };
    return { image: at(what.image), mask: at(what.mask), lines: at(what.lines) };
  }

  // --- Paint: gather, ask what is unclear, then press the real button

  let through = false;
  ink.paintNow = () => document.getElementById("paint")?.click();

  addEventListener("click", async (event) => {
    if (event.target.closest?.("#stop")) ink.stop?.();
    const button = event.target.closest?.("#paint");
    if (!button) return;
    if (through) { through = false; ink.sending?.(); return; }
    event.stopImmediatePropagation();
    event.preventDefault();
    if (document.body.classList.contains("gathering")) return;
    document.body.classList.add("gathering");
    try {
      if (ink.beforePaint && !(await ink.beforePaint())) return;
      if (await ink.collect()) return; // it has been asked for already
      await new Promise((done) => setTimeout(done, 30)); // the carrier reaches the form with the next tick
      through = true;
      button.click();
    } catch (error) { ink.fault(error); } finally { document.body.classList.remove("gathering"); }
  }, true);

  // The canvas follows the form's size, and the form the canvas's.
  ink.sized = (width, height) => {
    const canvas = ink.canvas;
    if (!canvas?.size || !width || !height) return;
    const [w, h] = canvas.size();
    if (w !== width || h !== height) canvas.resize(width, height);
  };
  ink.canvasAt = () => {
    ink.canvas.on("change", () => { touched = true; });
    ink.canvas.on("rest", () => { touched = true; });
    ink.canvas.on("grow", () => ink.type("source-strength", "1")); // nothing is there yet to keep
    ink.canvas.on("size", () => {
      touched = true;
      const [width, height] = ink.canvas.size();
      ink.type("width", String(width));
      ink.type("height", String(height));
    });
  };
})();
