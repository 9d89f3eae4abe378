// The prompt while it is written: its tokens, the words the model does not know, and the honest question.
(() => {
  "use strict";
  const ink = window.inkstone;
  const PROMPT = "#field-prompt textarea";
  const LONGEST = 10000; // characters that are looked at
  const COPIED = [
    "font", "letterSpacing", "wordSpacing", "lineHeight", "textAlign", "textIndent", "tabSize", "direction",
    "paddingTop", "paddingRight", "paddingBottom", "paddingLeft",
    "borderTopWidth", "borderRightWidth", "borderBottomWidth", "borderLeftWidth",
  ];
  const agreed = new Set(); // unknown words which she has said to paint without
  let view = null, said = null, asked = 0, timer = 0;

  const model = () => ink.form?.model || "";
  const area = () => document.querySelector(PROMPT);

  // --- where it stands: a mirror over the text, a line under it

  function mount() {
    const text = area();
    if (!text || view?.text === text) return;
    view?.mirror.remove();
    view?.bar.remove();
    const mirror = ink.make("div", "mirror");
    mirror.setAttribute("aria-hidden", "true");
    const bar = ink.make("div", "wordbar");
    const tokens = ink.make("span", "tokens"), doubt = ink.make("span", "doubt"), tools = ink.make("span", "tools");
    doubt.setAttribute("role", "status");
    bar.append(doubt, tools, tokens);
    text.parentElement.classList.add("mirrored");
    text.after(mirror);
    text.closest(".block").append(bar);
    text.spellcheck = false;
    view = { text, mirror, bar, tokens, doubt, tools };
    text.addEventListener("input", typed);
    text.addEventListener("scroll", follow);
    new ResizeObserver(follow).observe(text);
    ink.promptTools?.(tools, text);
    read();
  }

  function follow() {
    const { text, mirror } = view, style = getComputedStyle(text);
    for (const name of COPIED) mirror.style[name] = style[name];
    mirror.style.left = `${text.offsetLeft}px`;
    mirror.style.top = `${text.offsetTop}px`;
    mirror.style.width = `${text.clientWidth + text.clientLeft * 2}px`;
    mirror.style.height = `${text.offsetHeight}px`;
    mirror.scrollTop = text.scrollTop;
  }

  function typed() {
    show(); // words that moved are not underlined at a wrong place meanwhile
    clearTimeout(timer);
    timer = setTimeout(read, 250);
  }

  // What the studio makes of these words; null when it does not answer.
  async function look(prompt) {
    const mine = ++asked, using = model();
    if (said && said.prompt === prompt && said.model === using) return said;
    const found = await words(prompt, using);
    if (found && mine === asked) said = found;
    return found;
  }

  async function words(prompt, using) {
    try {
      const found = await ink.ask("words", { method: "POST", json: { prompt, model: using } });
      return { ...found, prompt, model: using };
    } catch { return null; /* Paint itself says what is wrong */ }
  }

  async function read() {
    if (!view) return;
    await look(view.text.value);
    show();
  }

  function show() {
    const { text, mirror, tokens, doubt } = view;
    const current = said && said.prompt === text.value ? said : null;
    const letters = [...text.value], parts = [];
    let place = 0;
    for (const [start, end] of current?.unknown || []) {
      parts.push(letters.slice(place, start).join(""), ink.make("u", "", letters.slice(start, end).join("")));
      place = end;
    }
    mirror.replaceChildren(...parts, `${letters.slice(place).join("")}\n`);
    follow();
    if (!current) return;
    tokens.textContent = `${current.tokens.join(" + ")} / ${current.window}`;
    tokens.title = ink.say("prompting.tokens", { count: current.tokens.reduce((a, b) => a + b, 0), window: current.window });
    doubt.textContent = current.words.length ? ink.say("prompting.doubt", { words: listed(current.words) }) : "";
  }

  const listed = (words) => words.map((word) => ink.say("prompting.word", { word })).join(ink.say("prompting.comma"));

  // --- before Paint: with words it does not know, she is asked and nothing is painted silently. `more`: other
  // prompts that will be painted, as a grid's or a scroll's

  ink.beforePaint = async (...more) => {
    if (!area() || ["finish"].includes(document.body.dataset.tab)) return true;
    const second = ink.form?.hires ? ink.form["hires.prompt"] : "";
    const others = [second, ...more].filter(Boolean);
    const all = [area().value, ...others].join("\n").slice(0, LONGEST);
    const found = await (others.length ? words(all, model()) : look(all));
    if (!found || found.verdict === "all" || found.words.every((word) => agreed.has(word))) return true;
    const { painters } = await ink.ask("words/painters").catch(() => ({ painters: [] }));
    const answer = await question(found, painters[0]);
    if (answer === "paint") found.words.forEach((word) => agreed.add(word));
    else if (answer) ink.tab?.("models");
    return answer === "paint";
  };

  function question(found, painter) {
    const sheet = ink.make("dialog", "sheet-dialog honest"), some = found.verdict === "some";
    const words = ink.make("p", "sentence");
    sentence(words, some, found);
    const buttons = ink.make("div", "buttons");
    let answer = "";
    const choice = (name, text, about, strong) => {
      const button = ink.make("button", strong ? "plain strong" : "plain", text);
      button.type = "button";
      button.dataset.answer = name;
      if (about) button.append(ink.make("small", "", about));
      button.onclick = () => { answer = name; sheet.close(); };
      buttons.append(button);
    };
    choice("paint", ink.say(some ? "prompting.paint" : "prompting.paint_any"), "", some);
    if (painter) {
      const word = ink.say("prompting.word", { word: found.words[0] });
      choice("get", ink.say("prompting.get", { word }), cost(painter), !some);
      choice("have", ink.say("prompting.have"));
    }
    const close = ink.make("button", "bare close", "×");
    close.type = "button";
    close.setAttribute("aria-label", ink.say("close"));
    close.onclick = () => sheet.close();
    sheet.append(words, buttons, close);
    sheet.setAttribute("aria-label", ink.say("prompting.asks"));
    document.body.append(sheet);
    sheet.showModal();
    return new Promise((done) => { sheet.onclose = () => { sheet.remove(); done(answer); }; });
  }

  // The sentence with its unknown words set apart; the catalog says where they stand.
  function sentence(place, some, found) {
    const text = ink.say(some ? "prompting.some" : "prompting.none", { known: found.known.join(ink.say("prompting.and")) });
    const [before, after] = text.split("{unknown}");
    const words = found.words.map((word) => ink.make("em", "", ink.say("prompting.word", { word })));
    const between = words.flatMap((word, i) => (i ? [ink.say("prompting.comma"), word] : [word]));
    place.append(before, ...between, after || "");
  }

  function cost(painter) {
    const parts = [painter.title];
    if (painter.bytes) {
      parts.push(ink.say("prompting.size", { size: Math.round(painter.bytes / 1e8) / 10 }));
      parts.push(ink.say("prompting.minutes", { n: Math.max(1, Math.round((painter.bytes * 8) / 1e8 / 60)) }));
    } else parts.push(painter.about);
    if (painter.seconds) parts.push(ink.say("prompting.seconds", { time: ink.time(painter.seconds) }));
    return parts.join(" · ");
  }

  // --- when to look

  new MutationObserver(mount).observe(document.documentElement, { childList: true, subtree: true });
  ink.spoken(() => { mount(); if (view) show(); });
  let before = "";
  setInterval(() => { // the form can be filled without typing, and the model changed
    if (!view || document.hidden) return;
    const now = `${model()}\n${view.text.value}`;
    if (now !== before) { before = now; typed(); }
  }, 400);
  ink.promptNow = () => view;
})();
