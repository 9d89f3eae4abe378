// The order of the finishing steps: their places in the chain, and the arrows and keys that move them.
(() => {
  "use strict";
  const ink = window.inkstone;
  const KEYS = { ArrowUp: -1, ArrowDown: 1 };

  // Every kind of step in the order that is said; each other one follows what it usually follows.
  function ordered(said, kinds) {
    const chain = said.filter((kind) => kinds.includes(kind));
    kinds.forEach((kind, i) => { if (!chain.includes(kind)) chain.splice(i ? chain.indexOf(kinds[i - 1]) + 1 : 0, 0, kind); });
    return chain;
  }
  const words = (text) => (text || "").split(" ").filter(Boolean);

  // A text that is there already is left alone: the fold is watched.
  const put = (node, text) => { if (node.textContent !== text) node.title = node.textContent = text; };

  // The steps that a form has switched on, in its order.
  const of = (form) => {
    const kinds = Object.keys(form).filter((path) => /^post\.[^.]+$/.test(path)).map((path) => path.slice("post.".length));
    return ordered(words(form.post), kinds).filter((kind) => form[`post.${kind}`] === true);
  };

  ink.chain = (element, props, trigger, watch) => {
    const fold = element.closest(".block").previousElementSibling; // its steps come when it is opened
    const usual = element.querySelector(".usual"), told = element.querySelector("[role=status]");
    const kinds = () => Object.keys(props.names || {}), order = () => ordered(words(props.value), kinds());
    const head = (kind) => document.getElementById(`field-${props.field}-${kind}`);
    const all = () => [...(fold.querySelector(".column")?.children || [])];
    const card = (kind) => all().find((one) => one.contains(head(kind)));
    const on = () => order().filter((kind) => head(kind)?.querySelector("input").checked);

    function set(chain) {
      props.value = chain.join(" ") === kinds().join(" ") ? "" : chain.join(" ");
      show();
    }

    // Past the next step that is switched on too; those that are off keep out of the way.
    function move(kind, by, back) {
      const chain = on(), place = chain.indexOf(kind) + by, other = chain[place];
      if (!chain.includes(kind) || !other) return;
      const left = order().filter((one) => one !== kind);
      left.splice(left.indexOf(other) + Math.max(by, 0), 0, kind);
      set(left);
      told.textContent = ink.say("chain.place", { step: props.names[kind], n: place + 1, m: chain.length });
      const moves = head(kind).querySelector(".chain-moves");
      (back.disabled ? moves.querySelector("button:enabled") : back)?.focus(); // moving it took the focus away
    }

    function moves(kind) {
      const box = ink.make("span", "chain-moves"), place = ink.make("b");
      box.append(place, ...[["earlier", -1], ["later", 1]].map(([name, by]) => {
        const button = ink.make("button", `bare glyph ${name}`);
        button.type = "button";
        button.onclick = () => move(kind, by, button);
        return button;
      }));
      head(kind).classList.add("chain-head");
      head(kind).append(box);
      head(kind).addEventListener("keydown", (event) => {
        if (!event.altKey || !KEYS[event.key]) return;
        event.preventDefault();
        move(kind, KEYS[event.key], document.activeElement);
      });
      return box;
    }

    function show() {
      const there = order().filter(card), chain = on(), cards = there.map(card);
      const now = all().filter((one) => cards.includes(one));
      if (now.some((one, i) => one !== cards[i])) now.at(-1).after(...cards);
      for (const kind of there) {
        const box = head(kind).querySelector(".chain-moves") || moves(kind), place = chain.indexOf(kind), step = props.names[kind];
        const [number, earlier, later] = box.children;
        put(number, place < 0 ? "" : String(place + 1));
        number.title = place < 0 ? "" : ink.say("chain.place", { step, n: place + 1, m: chain.length });
        put(earlier, ink.say("chain.earlier", { step }));
        put(later, ink.say("chain.later", { step }));
        earlier.disabled = place <= 0;
        later.disabled = place < 0 || place === chain.length - 1;
      }
      usual.hidden = !props.value;
    }

    usual.onclick = () => { set(kinds()); on().length && head(on()[0]).querySelector("input").focus(); };
    watch(["value", "names"], show);
    ink.spoken(show);
    fold.addEventListener("change", show);
    new MutationObserver(show).observe(fold, { childList: true, subtree: true });
    ink.chain.formed = show;
    show();
  };
  ink.chain.of = of;
})();
