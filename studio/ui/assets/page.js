// The page's ground: words, requests, messages, and the masthead. Data is set as text, never as HTML.
(() => {
  "use strict";
  const ink = (window.inkstone = window.inkstone || {});
  ink.words = {};
  const readers = [];

  ink.say = (key, values = {}) => {
    const text = ink.words[key] ?? ""; // a value is put in as it is: neither “$&” nor “{n}” means anything in it
    return text.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
  };

  // What a picture is called: its words; one that was only finished may have none.
  ink.called = (picture, most) => picture.prompt.slice(0, most) || ink.say("picture.wordless");

  // Tell what to do whenever the page's language is known or changes.
  ink.spoken = (act) => {
    readers.push(act);
    if (Object.keys(ink.words).length) act();
  };

  ink.speak = (words, language) => {
    if (!words || !Object.keys(words).length) return;
    ink.words = words;
    if (language) document.documentElement.lang = language;
    document.querySelectorAll("[data-word]").forEach((node) => {
      const text = ink.say(node.dataset.word);
      if (node.matches(".bare")) label(node, text);
      else node.textContent = text;
    });
    document.querySelectorAll("[data-tip]").forEach((node) => label(node, ink.say(node.dataset.tip)));
    readers.forEach((act) => act());
    setTimeout(tips, 0);
    document.body.classList.add("ready");
    ink.ready = true;
  };

  function label(node, text) {
    node.title = text;
    node.setAttribute("aria-label", text);
  }

  // Gradio shows a field's help under its title; where the page has no room for it, it is the tooltip.
  function tips() {
    document.querySelectorAll(".glyph").forEach((node) => { node.title = node.textContent.trim(); });
    document.querySelectorAll("#bench .info-text").forEach((node) => {
      const field = node.closest(".block");
      if (field) field.title = node.textContent.trim();
    });
  }

  ink.url = (path) => new URL(`studio/${path}`, document.baseURI).href;

  // Ask one of our routes. Fails with an Error whose message is a sentence for the painter.
  // Give the studio a picture; what it is called there.
  ink.upload = async (body) => (await ink.ask("upload", { method: "POST", body })).image;

  ink.ask = async (path, { method = "GET", json, body, keepalive = false } = {}) => {
    let answer;
    try {
      answer = await fetch(ink.url(path), {
        method, keepalive, credentials: "same-origin",
        headers: json === undefined ? {} : { "Content-Type": "application/json" },
        body: json === undefined ? body : JSON.stringify(json),
      });
    } catch (error) {
      const failed = new Error(ink.say("offline"), { cause: error });
      failed.offline = true;
      throw failed;
    }
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) return said;
    const failed = new Error(ink.tell(said.sentence) || ink.say("wrong", { what: `HTTP ${answer.status}` }));
    failed.status = answer.status;
    throw failed;
  };

  ink.make = (tag, className = "", text = "") => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text) node.textContent = text;
    return node;
  };

  ink.toast = (text, { kind = "note", action = "", act = null } = {}) => {
    const place = document.querySelector(".toasts");
    if (!place || !text) return;
    // What lies under an open dialog cannot be reached, so messages move into it.
    (document.querySelector("dialog[open]") || document.querySelector(".gradio-container")).append(place);
    const note = ink.make("div", `toast ${kind}`);
    note.append(ink.make("span", "", ink.tell(text)));
    const away = () => note.remove();
    if (action) {
      const button = ink.make("button", "plain", action);
      button.type = "button";
      button.onclick = () => { away(); act(); };
      note.append(button);
    }
    const close = ink.make("button", "bare", "×");
    close.type = "button";
    label(close, ink.say("close"));
    close.onclick = away;
    note.append(close);
    place.append(note);
    while (place.children.length > 4) place.firstChild.remove();
    setTimeout(away, kind === "fault" ? 15000 : 6000);
  };
  ink.fault = (error) => ink.toast(error.message, { kind: "fault" });

  // A dialog that closes may leave the page; the messages in it stay.
  addEventListener("close", ({ target }) => {
    const place = target.querySelector?.(".toasts");
    if (place) document.querySelector(".gradio-container").append(place);
  }, true);

  ink.time = (seconds) => {
    const s = Math.max(1, Math.round(seconds));
    if (s < 90) return ink.say("seconds", { n: s });
    if (s < 5400) return ink.say("minutes", { n: Math.round(s / 60) });
    return ink.say("hours", { n: Math.round(s / 360) / 10 });
  };

  // --- the masthead: language and light

  const light = () => { try { return localStorage.getItem("inkstone-light"); } catch { return null; } };

  function paintLight(dark) {
    document.documentElement.classList.toggle("dark", dark);
    document.body.classList.toggle("dark", dark);
  }

  ink.masthead = (element, props, trigger, watch, events) => {
    const chooser = element.querySelector(".languages");
    const show = () => {
      const languages = props.languages || [];
      if (!chooser.options.length) {
        for (const one of languages) {
          const option = ink.make("option", "", one.name);
          option.value = one.tag;
          chooser.append(option);
        }
      }
      if (props.language) {
        chooser.value = props.language;
        document.documentElement.lang = props.language;
        ink.hear(props.language);
      }
    };
    show();
    ink.tabsAt(element.querySelector(".tabs"), props.tabs || []);
    watch(["language", "languages"], show);
    chooser.onchange = () => trigger(events[0], { language: chooser.value });
    if (light()) paintLight(light() === "dark");
    element.querySelector(".theme").onclick = () => {
      const dark = !document.body.classList.contains("dark");
      paintLight(dark);
      try { localStorage.setItem("inkstone-light", dark ? "dark" : "light"); } catch { /* private window */ }
    };
  };

  // If the studio never answers, the form must still be there to copy words from.
  setTimeout(() => document.body.classList.add("ready"), 10000);
})();
