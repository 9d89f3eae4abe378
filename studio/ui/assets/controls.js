// The form's own helpers: size and seed tools, keeping the unfinished form, keyboard, dropped pictures, chips.
(() => {
  "use strict";
  const ink = window.inkstone;

  // --- sizes: a ratio keeps the area; lock keeps the ratio

  let proportion = 0;
  const bounded = (side, unit) => Math.min(4096, Math.max(64, Math.round(side / unit) * unit));
  const unitOf = (side) => (side < 400 ? 16 : 64);

  ink.ratio = (width, height, ratio) => {
    const side = Math.max(64, Math.round(Math.sqrt(width * height) / 32) * 32);
    const unit = unitOf(side);
    const size = [bounded(side * Math.sqrt(ratio), unit), bounded(side / Math.sqrt(ratio), unit)];
    if (proportion) proportion = size[0] / size[1];
    return size;
  };

  ink.lock = (width, height) => {
    proportion = proportion ? 0 : width / height;
    const button = document.getElementById("size-lock");
    button.classList.toggle("on", proportion > 0);
    button.setAttribute("aria-pressed", String(proportion > 0));
  };

  ink.locked = (changed, width, height) => {
    if (!proportion) return changed === "width" ? height : width;
    return bounded(changed === "width" ? width / proportion : height * proportion, 8);
  };

  ink.lastSeed = "";

  // A text field of the form, set as if she had typed it.
  ink.type = (path, text) => {
    const field = document.querySelector(`#field-${path} textarea, #field-${path} input`);
    if (!field) return;
    const kind = field instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, text);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  // --- the unfinished form is kept while she works on it

  const FOLDS = { larger: /^hires$/, finishing: /^post\.[^.]+$/ }; // marked while something in them is switched on
  const drafts = new Map();
  let timer = 0;

  ink.keep = (tab, paths, values) => {
    if (!ink.ready) return;
    drafts.set(tab, Object.fromEntries(paths.map((path, i) => [path, values[i]])));
    clearTimeout(timer);
    timer = setTimeout(() => send(false), 250);
    ink.form = drafts.get(tab);
    ink.formed?.();
    ink.chain.formed?.();
    ink.sized?.(ink.form.width, ink.form.height);
    for (const [fold, part] of Object.entries(FOLDS)) {
      const used = paths.some((path, i) => values[i] === true && part.test(path));
      document.getElementById(fold)?.classList.toggle("in-use", used);
    }
    estimateSoon(ink.form);
  };

  async function send(leaving) {
    for (const [tab, form] of [...drafts]) {
      drafts.delete(tab);
      try {
        await ink.ask("state", { method: "PUT", json: { tab, form }, keepalive: leaving });
      } catch (error) {
        if (error.offline && !leaving && !drafts.has(tab)) drafts.set(tab, form);
        else if (!leaving) ink.fault(error);
      }
    }
    if (drafts.size && !leaving) timer = setTimeout(() => send(false), 3000);
  }

  addEventListener("pagehide", () => send(true));
  document.addEventListener("visibilitychange", () => { if (document.hidden) send(true); });

  // --- how long it will take

  const ANY = "0".repeat(64); // how long it takes does not depend on which picture it is
  let asking = 0;

  // What decides how long this tab's picture takes: the painting itself, the high-res fix and the finish.
  function weighed(form) {
    const filled = Object.entries(form).filter(([, value]) => value !== "" && value !== null);
    const within = (group) => Object.fromEntries(filled.filter(([path]) => path.startsWith(`${group}.`)).map(([path, value]) => [path.slice(group.length + 1), value]));
    const { model, width, height, steps } = form, recipe = { model, width, height, steps };
    if (form.hires === true) recipe.hires = within("hires");
    recipe.post = ink.chain.of(form).map((kind) => ({ kind, ...within(`post.${kind}`) }));
    const tab = ink.tab?.now(), [first] = ["highres", "finish"].includes(tab) ? ink.well.images() : [];
    if (first) recipe.source = { image: first, strength: 0 };
    else if (tab === "img2img") recipe.source = { image: ANY, ...within("source") };
    return recipe;
  }

  ink.decides = weighed;

  function estimateSoon(form = ink.form) {
    clearTimeout(asking);
    asking = setTimeout(async () => {
      const many = ink.tab?.now() === "finish" ? ink.well.images().length : 0;
      try {
        const json = { recipe: weighed(form), count: Math.max(1, many || form.count) };
        const { seconds, others } = await ink.ask("estimate", { method: "POST", json });
        ink.showEstimate?.(seconds, others);
      } catch { ink.showEstimate?.(null, 0); /* the form is unfinished: no figure then */ }
    }, 700);
  }
  ink.estimateAgain = () => { if (ink.form) estimateSoon(); };

  // --- keyboard: Ctrl+Enter paints, Esc stops

  addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      document.getElementById("paint")?.click();
    } else if (event.key === "Escape" && !document.querySelector("dialog[open]") && !event.isComposing) {
      ink.stop?.();
    }
  });

  // --- a picture dropped anywhere brings back its settings

  let depth = 0;
  const carriesFile = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  const veil = (on) => {
    const node = document.querySelector(".dropping");
    if (node) node.hidden = !on;
  };
  addEventListener("dragenter", (event) => { if (carriesFile(event)) { depth += 1; veil(true); } });
  addEventListener("dragleave", (event) => {
    if (carriesFile(event)) { depth = Math.max(0, depth - 1); if (!depth) veil(false); }
  });
  addEventListener("dragover", (event) => { if (carriesFile(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    depth = 0;
    veil(false);
    const files = [...event.dataTransfer.files];
    if (!files.length) return;
    if (["highres", "finish"].includes(ink.tab.now())) ink.well.drop(event.dataTransfer).catch(ink.fault);
    else ink.restore(files[0]);
  });

  ink.restore = async (file) => {
    try {
      const found = await ink.ask("restore", { method: "POST", body: file });
      ink.holdParts();
      ink.emit("restored", { recipe: found.recipe });
      ink.toast([ink.say("settings_back"), ...found.warnings].join(" "));
    } catch (error) { ink.fault(error); }
  };

  // --- chips: what a restored picture carries besides words and numbers

  ink.chips = (element, props, trigger, watch) => {
    const box = element.querySelector(".chips"), list = element.querySelector("ul");
    const parse = () => { try { return JSON.parse(props.value || "{}"); } catch { return {}; } };
    const show = () => {
      const held = Object.fromEntries(Object.entries(parse()).filter(([name]) => !ink.drawn.includes(name))); // the canvas shows those
      list.replaceChildren(...Object.entries(held).map(([name, part]) => {
        const item = ink.make("li", "", ink.say(`carried.${name}`) || name);
        if (Array.isArray(part) && part.length > 1) item.append(` ×${part.length}`);
        const away = ink.make("button", "bare", "×");
        away.type = "button";
        away.title = ink.say("remove");
        away.setAttribute("aria-label", `${ink.say("remove")}: ${item.textContent}`);
        away.onclick = () => {
          const left = parse();
          delete left[name];
          props.value = JSON.stringify(left);
          show();
        };
        item.append(away);
        return item;
      }));
      box.hidden = !list.children.length;
    };
    watch("value", show);
    ink.spoken(show);
    ink.chips.get = parse;
    ink.chips.set = (held) => { props.value = JSON.stringify(held); show(); };
  };
})();
