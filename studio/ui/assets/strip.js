// The strip of finished pictures, newest first, and the search in their words.
(() => {
  "use strict";
  const ink = window.inkstone;
  let view = null, shown = [], more = false, search = "", typing = 0, asked = 0;

  ink.strip = (element, props, trigger, watch) => {
    view = Object.fromEntries(["shelf", "more", "nothing", "search"].map((name) => [name, element.querySelector(`.${name}`)]));
    watch("words", render);
    element.querySelector(".all").onclick = () => ink.tab?.("gallery");
    view.more.onclick = () => load(shown.at(-1)?.id);
    view.search.oninput = () => {
      clearTimeout(typing);
      typing = setTimeout(() => { search = view.search.value.trim(); load(); }, 250);
    };
    ink.largeAt?.(element.querySelector("dialog"));
    ink.spoken(render);
    load();
  };

  ink.strip.fill = (pictures, isMore) => {
    if (search) return;
    const known = new Set(pictures.map((one) => one.id));
    const oldest = pictures.at(-1)?.created ?? Infinity;
    const older = shown.filter((one) => !known.has(one.id) && one.created < oldest);
    shown = [...pictures, ...older];
    if (!older.length) more = isMore;
    if (shown.length) {
      ink.lastSeed = shown[0].seed;
      document.body.classList.add("begun");
    }
    render();
  };

  // A picture has just been kept: take the newest page again.
  let again = 0;
  ink.strip.add = () => {
    clearTimeout(again);
    again = setTimeout(() => { if (!search) load(); }, 60);
    ink.gallery?.stale();
  };

  async function load(before = "") {
    const turn = ++asked;
    const query = new URLSearchParams({ search, before });
    try {
      const found = await ink.ask(`pictures?${query}`);
      if (turn !== asked) return;
      if (before || search) {
        shown = before ? [...shown, ...found.pictures] : found.pictures;
        more = found.more;
        render();
      } else ink.strip.fill(found.pictures, found.more);
    } catch (error) { if (!error.offline) ink.fault(error); }
  }

  function render() {
    if (!view) return;
    view.search.hidden = !search && shown.length < 8;
    view.search.placeholder = ink.say("search");
    view.search.setAttribute("aria-label", ink.say("search"));
    view.nothing.hidden = shown.length > 0;
    view.nothing.textContent = ink.say(search ? "nothing_found" : "gallery.empty");
    view.more.hidden = !more;
    const old = new Map([...view.shelf.children].map((node) => [node.dataset.id, node]));
    view.shelf.replaceChildren(...shown.map((one) => named(old.get(one.id) || thumb(one), one)));
  }

  // The page's language may come after the pictures.
  function named(item, one) {
    item.querySelector("button").title = ink.called(one, 300);
    item.querySelector("img").alt = ink.called(one, 120);
    return item;
  }

  function thumb(one) {
    const item = ink.make("li");
    item.dataset.id = one.id;
    const button = ink.make("button", "thumb");
    button.type = "button";
    button.style.aspectRatio = `${one.width} / ${one.height}`;
    const image = ink.make("img");
    image.loading = "lazy";
    image.decoding = "async";
    image.src = ink.url(`thumb/${one.id}.webp`);
    button.append(image);
    button.onclick = () => ink.large(one.id);
    item.append(button);
    return item;
  }

  ink.pictures = {
    get: (id) => shown.find((one) => one.id === id),
    beside: (id, by) => {
      const at = shown.findIndex((one) => one.id === id);
      return at < 0 ? undefined : shown[at + by];
    },
    drop: (id) => { shown = shown.filter((one) => one.id !== id); render(); ink.gallery?.stale(); },
    back: () => { load(); ink.gallery?.stale(); },
    starred: (id, on) => { const one = ink.pictures.get(id); if (one) one.star = on; ink.gallery?.stale(); },
    load,
  };
})();
