// What the studio says, in the page's language: its English sentences are found by their templates.
(() => {
  "use strict";
  const ink = window.inkstone;
  const ENDS = /[.;!?)”]\s+/g; // where one sentence can end and the next begin
  const MOST = 24, FEW = 6; // pieces that a text, or what is filled into one, is taken apart into at most
  const LONGEST = 2000; // characters of a sentence
  const DEEPEST = 3; // sentences inside of sentences
  let known = [], language = "";

  ink.hear = async (tag) => {
    if (tag === language) return;
    language = tag;
    ink.learn({});
    if (tag === "en") return;
    const answer = await fetch(ink.url(`page/sentences.${tag}.json`), { credentials: "same-origin" }).catch(() => null);
    const found = answer?.ok ? await answer.json().catch(() => ({})) : {};
    if (tag !== language) return;
    ink.learn(found);
    ink.speak(ink.words); // what has been said already is said again
  };

  // `{"There are: {0}.": "现有：{0}。"}`. Templates become plain strings to look for, never expressions.
  ink.learn = (templates) => {
    known = Object.entries(templates).map(([english, said]) => {
      const fixed = english.split(/\{\d+\}/);
      return { fixed, order: [...english.matchAll(/\{(\d+)\}/g)].map((one) => Number(one[1])), said, weight: fixed.join("").length };
    }).sort((a, b) => b.weight - a.weight);
  };

  // A sentence, or several in a row, in the page's language; what is not known stays as it is.
  ink.tell = (text) => (known.length && text ? several(String(text), DEEPEST) : text);

  function several(text, deeper) {
    const ends = [...text.matchAll(ENDS)].slice(0, deeper === DEEPEST ? MOST : FEW);
    const cuts = [0, ...ends.map((end) => end.index + end[0].length), text.length];
    // best[i]: the way to take what comes before cuts[i] apart that knows most of it.
    const best = [{ weight: 0, found: [] }];
    for (let to = 1; to < cuts.length; to++) {
      for (let from = to - 1; from >= 0; from--) {
        const piece = text.slice(cuts[from], cuts[to]);
        const one = piece.length <= LONGEST ? matched(piece) : null;
        if (!one && to - from > 1) continue;
        const weight = best[from].weight + (one?.template.weight ?? 0);
        if (!best[to] || weight > best[to].weight) best[to] = { weight, found: [...best[from].found, one || piece] };
      }
    }
    const { weight, found } = best[cuts.length - 1];
    return weight ? found.map((one) => (one.template ? spelled(one, deeper) : one)).join("") : text;
  }

  // A single sentence; also “field: what is wrong with it”, and one that ends with another mark than its template.
  function matched(piece) {
    const bare = piece.trimEnd();
    const end = bare.slice(-1);
    const ended = (end === "." || end === ";") && bare.slice(0, -1);
    return find(bare, "") || find(piece, "")
      || (ended && (find(ended, end) || inField(ended, end))) || inField(bare, "");
  }

  function inField(text, end) {
    const [, field, what] = /^([\w.]{1,80}): (.+)$/s.exec(text) || [];
    const one = what && find(what, end);
    return one && { ...one, before: field === "recipe" ? "" : `${field}：` };
  }

  function find(text, end) {
    for (const template of known) {
      const values = filled(template.fixed, text);
      if (values) return { template, values, before: "", after: { ".": "。", ";": "；" }[end] || "" };
    }
    return null;
  }

  function spelled({ template, values, before, after }, deeper) {
    const at = new Map(template.order.map((place, i) => {
      const quoted = template.fixed[i].endsWith("“"); // a name is a name in every language
      return [place, quoted || !deeper ? values[i] : value(values[i], deeper - 1)];
    }));
    return before + template.said.replace(/\{(\d+)\}/g, (_, place) => at.get(Number(place)) ?? "") + after;
  }

  // What stands between the fixed words, or null where they are not all there in this order.
  function filled(fixed, text) {
    const last = fixed[fixed.length - 1];
    if (fixed.length === 1) return text === last ? [] : null;
    if (!text.startsWith(fixed[0]) || !text.endsWith(last)) return null;
    const end = text.length - last.length;
    const values = [];
    let at = fixed[0].length;
    for (const word of fixed.slice(1, -1)) {
      const next = word ? text.indexOf(word, at) : at;
      if (next < 0 || next + word.length > end) return null;
      values.push(text.slice(at, next));
      at = next + word.length;
    }
    if (at > end) return null;
    return [...values, text.slice(at, end)];
  }

  // What is filled in may be a sentence itself, or a list of words.
  function value(text, deeper) {
    if (text.length > LONGEST) return text;
    const said = several(text, deeper);
    const words = text.split(", ");
    if (said !== text || words.length < 2) return said;
    const found = words.map((word) => find(word, ""));
    return found.some(Boolean) ? words.map((word, i) => (found[i] ? spelled(found[i], 0) : word)).join("、") : text;
  }
})();
