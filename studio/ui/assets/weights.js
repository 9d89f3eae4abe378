// Weights with the keyboard: Ctrl+↑ and Ctrl+↓ make a word, or what is selected, count more or less.
(() => {
  "use strict";
  const ink = window.inkstone;
  const FIELDS = "#field-prompt textarea, #field-negative textarea";
  const STEP = 0.1, FINE = 0.05, MOST = 10;
  const GROUP = /\(([^()]*):([-+]?[\d.]+)\)/g, TAG = /<(\w+:[^:>]+)(?::([-+]?[\d.]+))?((?::[^>]*)?)>/g;
  const WORD = /[\p{L}\p{N}_'’-]+/gu;

  const tidy = (number) => String(Math.round(Math.max(-MOST, Math.min(MOST, number)) * 100) / 100);

  // The match of a pattern that holds the whole selection, if there is one.
  function around(text, pattern, start, end) {
    for (const match of text.matchAll(pattern)) {
      if (match.index <= start && end <= match.index + match[0].length) return match;
    }
    return null;
  }

  // What replaces which characters, and what is selected then: [from, to, text, begin, end].
  ink.weighed = (text, start, end, up) => {
    const sign = up ? 1 : -1;
    const tag = around(text, TAG, start, end);
    if (tag) {
      const number = tidy(Number(tag[2] ?? 1) + sign * FINE);
      const made = `<${tag[1]}:${number}${tag[3]}>`;
      return [tag.index, tag.index + tag[0].length, made, tag.index, tag.index + made.length];
    }
    const group = around(text, GROUP, start, end);
    if (group && Number.isFinite(Number(group[2]))) {
      return written(group.index, group.index + group[0].length, group[1], Number(group[2]) + sign * STEP);
    }
    let from = start, to = end;
    if (from === to) {
      const word = around(text, WORD, start, end);
      if (!word) return null;
      [from, to] = [word.index, word.index + word[0].length];
    }
    while (from < to && /\s/.test(text[from])) from += 1;
    while (to > from && /\s/.test(text[to - 1])) to -= 1;
    return from === to ? null : written(from, to, text.slice(from, to), 1 + sign * STEP);
  };

  function written(from, to, inner, weight) {
    const number = tidy(weight);
    if (number === "1") return [from, to, inner, from, from + inner.length];
    return [from, to, `(${inner}:${number})`, from + 1, from + 1 + inner.length];
  }

  // As if she had typed it, so that the browser's undo knows of it.
  ink.insert = (field, from, to, text) => {
    field.focus();
    field.setSelectionRange(from, to);
    if (!document.execCommand("insertText", false, text)) {
      field.setRangeText(text, from, to, "end");
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  };

  addEventListener("keydown", (event) => {
    const up = event.key === "ArrowUp";
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || !(up || event.key === "ArrowDown")) return;
    const field = event.target;
    if (!field.matches?.(FIELDS)) return;
    event.preventDefault();
    const change = ink.weighed(field.value, field.selectionStart, field.selectionEnd, up);
    if (!change) return;
    const [from, to, text, begin, end] = change;
    ink.insert(field, from, to, text);
    field.setSelectionRange(begin, end);
  });
})();
