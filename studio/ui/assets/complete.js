// What helps to write: words that complete themselves, the prompts of before, and styles.
(() => {
  "use strict";
  const ink = window.inkstone;
  const FIELDS = "#field-prompt textarea, #field-negative textarea";
  const SHOWN = 8;
  const LAST = /(<lora:|__)?([\p{L}\p{N}_/.-]*)$/u;
  const stores = new Map(); // model -> what can complete a word
  let list = null, field = null, items = [], at = -1, fragment = null;

  const model = () => ink.form?.model || "";

  async function known() {
    const name = model();
    if (!stores.has(name)) {
      const asked = ink.ask(`words/known?model=${encodeURIComponent(name)}`).catch(() => { stores.delete(name); return null; });
      stores.set(name, asked);
    }
    return stores.get(name);
  }

  // --- completing a word

  function matching(store, kind, start) {
    const low = start.toLowerCase();
    const among = (words, make, name) => words
      .filter((word) => word.toLowerCase().startsWith(low) && word.toLowerCase() !== low)
      .map((word) => ({ text: make(word), said: word, kind: name }));
    if (kind === "<lora:") return among(store.loras, (word) => `<lora:${word}:1>`, "lora");
    if (kind === "__") return among(store.wildcards, (word) => `__${word}__`, "wildcard");
    if (!start || (start.length < 2 && !/\p{Script=Han}/u.test(start))) return [];
    return [...among(store.embeddings, (word) => word, "embedding"), ...among(store.words, (word) => word, "word")];
  }

  async function suggest(target) {
    const store = await known();
    if (!store || document.activeElement !== target || target.selectionStart !== target.selectionEnd) return close();
    const before = target.value.slice(0, target.selectionStart), found = before.match(LAST);
    let [whole, kind, start] = found;
    if (!kind && /\p{Script=Han}/u.test(start)) { // Chinese has no blanks: the longest ending that begins a word
      while (start && !matching(store, kind, start).length) start = start.slice(1);
      whole = start;
    }
    items = matching(store, kind, start).slice(0, SHOWN);
    if (!items.length) return close();
    field = target;
    fragment = [target.selectionStart - whole.length, target.selectionStart];
    at = -1;
    open();
  }

  function open() {
    if (!list) {
      list = ink.make("ul", "completions");
      list.id = "completions";
      list.setAttribute("role", "listbox");
      document.body.append(list);
    }
    list.setAttribute("aria-label", ink.say("prompting.completions"));
    list.replaceChildren(...items.map((one, i) => {
      const item = ink.make("li", "", one.said);
      item.id = `completion-${i}`;
      item.setAttribute("role", "option");
      if (one.kind !== "word") item.append(ink.make("small", "", ink.say(`prompting.kind.${one.kind}`)));
      item.onpointerdown = (event) => { event.preventDefault(); take(i); };
      return item;
    }));
    const box = field.getBoundingClientRect(), mark = caret();
    list.style.left = `${Math.min(box.left + mark.left, innerWidth - 240) + scrollX}px`;
    list.style.top = `${box.top + mark.top + scrollY}px`;
    list.hidden = false;
    field.setAttribute("aria-controls", "completions");
    choose(-1);
  }

  // Where the fragment begins, by a copy of the text up to there.
  function caret() {
    const copy = ink.make("div", "mirror"), style = getComputedStyle(field), mark = ink.make("span", "", "|");
    for (const name of ["font", "letterSpacing", "lineHeight", "paddingTop", "paddingLeft", "paddingRight"]) copy.style[name] = style[name];
    copy.style.width = `${field.clientWidth}px`;
    copy.append(field.value.slice(0, fragment[0]), mark);
    document.body.append(copy);
    const found = { left: mark.offsetLeft, top: mark.offsetTop + mark.offsetHeight - field.scrollTop + 6 };
    copy.remove();
    return found;
  }

  function choose(place) {
    at = place;
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    if (at >= 0) field.setAttribute("aria-activedescendant", `completion-${at}`);
    else field.removeAttribute("aria-activedescendant");
  }

  function take(place) {
    const [from, to] = fragment, target = field, { text } = items[place];
    close();
    ink.insert(target, from, to, text);
    close();
  }

  function close() {
    if (list) list.hidden = true;
    field?.removeAttribute("aria-activedescendant");
    items = [];
  }

  addEventListener("input", (event) => {
    if (event.target.matches?.(FIELDS) && !event.isComposing && document.activeElement === event.target) suggest(event.target);
  });
  addEventListener("focusout", (event) => { if (event.target === field) setTimeout(close, 0); });
  addEventListener("keydown", (event) => {
    if (!items.length || event.target !== field || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) choose((at + step + items.length + (at < 0 && step < 0 ? 1 : 0)) % items.length);
    else if (event.key === "Tab" || (event.key === "Enter" && at >= 0)) take(Math.max(0, at));
    else if (event.key === "Escape") close();
    else { if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) close(); return; }
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  // --- the tools under the prompt: prompts of before, and styles

  ink.promptTools = (place, text) => {
    const tool = (name, act) => {
      const button = ink.make("button", "tool");
      button.type = "button";
      button.dataset.tool = name;
      button.onclick = () => act().catch(ink.fault);
      place.append(button);
      return button;
    };
    const buttons = { styles: tool("styles", styles), history: tool("history", history) };
    ink.spoken(() => {
      buttons.styles.textContent = ink.say("prompting.styles");
      buttons.history.textContent = ink.say("prompting.history");
      buttons.history.title = ink.say("prompting.history.help");
    });
    text.addEventListener("keydown", (event) => { // ↑ in an empty prompt
      if (event.key !== "ArrowUp" || text.value || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      history().catch(ink.fault);
    });
  };

  function sheet(title, name) {
    const dialog = ink.make("dialog", `sheet-dialog ${name}`), close = ink.make("button", "bare close", "×");
    close.type = "button";
    close.setAttribute("aria-label", ink.say("close"));
    close.onclick = () => dialog.close();
    dialog.onclose = () => dialog.remove();
    dialog.append(ink.make("h2", "", title), close);
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  }

  async function history() {
    const { prompts } = await ink.ask("history");
    const dialog = sheet(ink.say("prompting.history"), "past");
    if (!prompts.length) dialog.append(ink.make("p", "nothing", ink.say("prompting.history.empty")));
    const shelf = ink.make("ul", "past-list");
    shelf.append(...prompts.map((one) => {
      const button = ink.make("button", "plain", one.prompt), item = ink.make("li");
      button.type = "button";
      if (one.negative) button.append(ink.make("small", "", ink.say("prompting.without", { words: one.negative })));
      button.onclick = () => {
        dialog.close();
        ink.type("prompt", one.prompt);
        ink.type("negative", one.negative);
      };
      item.append(button);
      return item;
    }));
    dialog.append(shelf);
    shelf.querySelector("button")?.focus();
    shelf.onkeydown = (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], all = [...shelf.querySelectorAll("button")];
      if (!step) return;
      event.preventDefault();
      all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
    };
  }

  async function styles() {
    const found = await ink.ask(`styles?model=${encodeURIComponent(model())}`);
    const dialog = sheet(ink.say("prompting.styles"), "styles"), shelf = ink.make("div", "style-shelf");
    shelf.append(...found.styles.map((one) => style(one, () => dialog.close())));
    const bring = ink.make("button", "plain", ink.say("prompting.bring")), file = ink.make("input");
    bring.type = "button";
    file.type = "file";
    file.accept = ".csv,text/csv";
    file.hidden = true;
    bring.onclick = () => file.click();
    file.onchange = async () => {
      try {
        const { count } = await ink.ask("styles", { method: "POST", body: file.files[0] });
        dialog.close();
        ink.toast(ink.say("prompting.brought", { n: count }));
        await styles();
      } catch (error) { ink.fault(error); }
    };
    dialog.append(shelf, bring, file);
  }

  function style(one, done) {
    const own = one.translations[document.documentElement.lang] || one;
    const card = ink.make("button", one.picture ? "style pictured" : "style");
    card.type = "button";
    card.dataset.style = one.name;
    if (one.picture) {
      const image = ink.make("img");
      image.loading = "lazy";
      image.alt = "";
      image.src = ink.url(`styles/${encodeURIComponent(one.name)}.webp`);
      card.append(image);
    }
    card.append(ink.make("b", "", own.title));
    if (own.about) card.append(ink.make("small", "", own.about));
    card.onclick = () => { done(); ink.emit("style", { name: one.name }); };
    return card;
  }
})();
