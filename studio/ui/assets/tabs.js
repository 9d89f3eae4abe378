// The tabs, and what each one's picture or drawing gives to the recipe before it is painted.
(() => {
  "use strict";
  const ink = window.inkstone;
  const KEPT = "inkstone-tab";
  const DRAWN = ink.drawn = ["source", "mask", "controls", "drawing", "pictures"]; // what a canvas or a well puts into a recipe
  const CANVAS = new Set(["img2img", "sketch"]), FINISHED = new Set(["highres", "finish"]);
  const LAP = 32; // pixels over which the new grows out of the old where a sheet has grown
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
      unfold(name);
      listeners.forEach((act) => act(name, before));
      dispatchEvent(new Event("resize"));
    }
  };
  ink.tab.now = now;
  ink.onTab = (act) => { listeners.push(act); if (document.body.dataset.tab) act(now(), ""); };

  // The fold that a tab is about is open in it.
  function unfold(name) {
    const fold = document.getElementById({ highres: "larger", finish: "finishing" }[name] || "");
    const head = fold?.querySelector(".label-wrap");
    if (head && !head.classList.contains("open")) head.click();
  }

  // --- what the tab's picture gives to the recipe

  const upload = async (blob) => (await ink.ask("upload", { method: "POST", body: blob })).image;

  const coloured = () => document.querySelector("#sketch-colour input"); // whether colour guides a sketch too

  async function drawn(tab) {
    const canvas = ink.canvas, [width, height] = canvas.size(), parts = {};
    if (tab === "sketch") {
      const lines = await canvas.lines(width, height);
      if (lines) parts.controls = [{ image: await upload(lines) }];
      const colour = coloured()?.checked && await canvas.colour(width, height);
      if (colour) parts.source = { image: await upload(colour) };
    } else {
      const colour = await canvas.colour(width, height);
      if (colour) parts.source = { image: await upload(colour) };
      const mask = colour && await canvas.mask(width, height);
      if (mask) parts.mask = { image: await upload(mask), ...(canvas.bare() ? { blur: LAP } : {}) };
    }
    if (!parts.source && !parts.controls) throw new Error(ink.say(`canvas.missing.${tab}`));
    const kept = await ink.ask("drawing/keep", { method: "POST", json: { drawing: canvas.drawing() } });
    parts.drawing = kept.drawing;
    return parts;
  }

  // Put into the form what this tab paints from. False (with a sentence) when something is missing.
  ink.collect = async () => {
    const tab = now(), held = ink.chips.get();
    const rest = Object.fromEntries(Object.entries(held).filter(([name]) => !DRAWN.includes(name)));
    if (FINISHED.has(tab)) {
      const chosen = ink.well.images();
      if (!chosen.length && tab === "finish") throw new Error(ink.say("well.missing"));
      if (chosen.length > 1) ink.chips.set({ ...rest, pictures: chosen });
      else ink.chips.set({ ...rest, ...(chosen.length ? { source: { image: chosen[0], strength: 0 } } : {}) });
    } else if (CANVAS.has(tab)) {
      const same = !touched && (held.source || held.controls);
      if (same) return; // exactly what was brought back
      if (!ink.canvas?.isEmpty || ink.canvas.isEmpty()) throw new Error(ink.say(`canvas.missing.${tab}`));
      ink.chips.set({ ...rest, ...await drawn(tab) });
      touched = false;
    } else if (DRAWN.some((name) => name in held)) ink.chips.set(rest);
  };

  ink.touch = () => { touched = true; };

  // A recipe came back (from the gallery, a file, an action): show it in its tab.
  ink.open = async (what) => {
    if (document.querySelector("dialog[open]")) document.querySelector("dialog[open]").close();
    if (!what.tab) { if (!["txt2img", ...CANVAS, ...FINISHED].includes(now())) ink.tab("txt2img"); return; }
    ink.tab(what.tab);
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
      await ink.collect();
      await new Promise((done) => setTimeout(done, 30)); // the carrier reaches the form with the next tick
      through = true;
      button.click();
    } catch (error) { ink.fault(error); } finally { document.body.classList.remove("gathering"); }
  }, true);

  // --- the well: finished pictures that are made larger or finished, one or a whole folder

  let well = null;
  ink.well = (element) => {
    well = { hold: element.querySelector(".hold"), row: element.querySelector(".row"), away: element.querySelector(".away"),
      said: element.querySelector("[data-word]"), file: element.querySelector("input"), digests: [] };
    well.hold.onclick = () => well.file.click();
    well.file.onchange = () => { ink.well.take([...well.file.files]).catch(ink.fault); };
    well.away.onclick = () => ink.well.show();
  };
  ink.well.images = () => well?.digests || [];
  ink.well.take = async (files) => {
    const found = [];
    for (const file of files.filter((one) => /^image\/(png|jpeg|webp)$/.test(one.type))) {
      found.push(await upload(file));
      ink.well.show(...found);
    }
    if (!found.length) throw new Error(ink.say("well.none"));
    well.file.value = "";
  };
  ink.well.show = (...digests) => {
    if (!well) return;
    well.digests = [...new Set(digests.filter(Boolean))];
    well.row.replaceChildren(...well.digests.map((digest) => {
      const image = ink.make("img");
      image.alt = "";
      image.src = ink.url(`input/${digest}`);
      return image;
    }));
    well.row.dataset.many = String(well.digests.length > 1);
    well.said.hidden = well.digests.length > 0;
    well.away.hidden = !well.digests.length;
    ink.welled?.();
  };

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
