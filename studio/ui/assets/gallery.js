// The gallery: choosing among the pictures, marking them, taking them out; its wall is in wall.js.
(() => {
  "use strict";
  const ink = window.inkstone;
  const KINDS = ["txt2img", "img2img", "sketch", "finish", "highres"];
  const SIZE = "inkstone-gallery-size", HOLD = 450; // milliseconds until a touch selects
  let view = null, wall = null, shown = [], byId = new Map(), more = false, turn = 0, loading = false;
  let which = "", choosing = false, picked = new Set(), here = "", anchor = "", counts = null, stale = true, scrolled = 0, typing = 0;

  const open = () => document.body.dataset.tab === "gallery";
  const many = (ids) => ({ pictures: [...ids] });
  const post = (act, json) => ink.ask(`gallery/${act}`, { method: "POST", json });
  const kept = () => { try { return localStorage.getItem(SIZE); } catch { return null; } };

  ink.gallery = (element) => {
    const names = ["bar", "search", "kind", "model", "when", "album", "rename", "dissolve", "count", "size", "choose",
      "empty-trash", "bare-wall", "wall", "tray"];
    view = Object.fromEntries(names.map((name) => [name, element.querySelector(`.${name}`)]));
    ink.slipAt(element.querySelector(".slip"));
    ink.compareAt(element.querySelector(".compare"));
    wall = ink.wall(view.wall, { hang, more: next });
    view.size.value = kept() || (innerWidth < 700 ? 120 : 210);
    wall.size(Number(view.size.value));
    view.size.oninput = () => {
      wall.size(Number(view.size.value));
      try { localStorage.setItem(SIZE, view.size.value); } catch { /* private window */ }
    };
    view.search.oninput = () => { clearTimeout(typing); typing = setTimeout(load, 200); };
    for (const name of ["kind", "model", "when", "album"]) view[name].onchange = load;
    for (const button of element.querySelectorAll("[data-which]")) button.onclick = () => { which = button.dataset.which; load(); };
    view.choose.onclick = () => { choosing = !choosing; if (!choosing) picked.clear(); marks(); };
    view["empty-trash"].onclick = () => told(emptyTrash);
    view["bare-wall"].querySelector("button").onclick = () => ink.tab?.("txt2img");
    view.rename.onclick = () => told(rename);
    view.dissolve.onclick = () => told(dissolve);
    view.tray.onclick = (event) => { const name = event.target.dataset?.do; if (name) told(() => DO[name]()); };
    element.querySelector("iframe").onload = (event) => { // a download never arrives in its frame; a refusal does
      if (event.target.dataset.sent) ink.toast(ink.say("gallery.zip.failed"), { kind: "fault" });
    };
    hands(view.wall);
    document.addEventListener("keydown", keys, true);
    ink.spoken(() => { view.wall.setAttribute("aria-label", ink.say("gallery.all")); view.search.placeholder = ink.say("gallery.search"); choices(); wall.again(); marks(); });
    ink.onTab?.((tab, before) => {
      if (before === "gallery") scrolled = scrollY;
      if (tab !== "gallery") return;
      if (stale) refresh(); else wall.again();
      requestAnimationFrame(() => scrollTo(0, scrolled));
    });
  };

  // Something was painted or changed elsewhere.
  ink.gallery.stale = () => { stale = true; if (view && open()) refresh(); };

  const told = async (act) => { try { await act(); } catch (error) { ink.fault(error); } };

  // --- asking

  function query(more = {}) {
    const asked = { search: view.search.value.trim(), kind: view.kind.value, model: view.model.value, album: view.album.value, ...more };
    if (which) asked[which] = "1";
    Object.assign(asked, span(view.when.value));
    return new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== ""));
  }

  const filtered = () => [...query().keys()].length > 0;

  function span(when) {
    const now = new Date(), day = new Date(now.getFullYear(), now.getMonth(), now.getDate());
    if (when === "day" || when === "week") {
      if (when === "week") day.setDate(day.getDate() - 6);
      return { since: day.getTime() / 1000 };
    }
    const [year, month] = when.split("-").map(Number);
    return month ? { since: new Date(year, month - 1, 1).getTime() / 1000, until: new Date(year, month, 1).getTime() / 1000 } : {};
  }

  function take(pictures, isMore, added) {
    shown = pictures;
    more = isMore;
    byId = new Map(shown.map((one) => [one.id, one]));
    picked = new Set([...picked].filter((id) => byId.has(id)));
    wall.show(shown, added);
    marks();
  }

  async function load() {
    const mine = ++turn;
    await told(async () => {
      const [found] = await Promise.all([ink.ask(`gallery?${query()}`), summary()]);
      if (mine !== turn) return;
      stale = false;
      picked.clear();
      if (view.wall.getBoundingClientRect().top < 0) scrollTo(0, 0);
      take(found.pictures, found.more);
    });
  }

  async function next() {
    if (!more || loading) return;
    loading = true;
    const mine = turn;
    await told(async () => {
      const found = await ink.ask(`gallery?${query({ before: shown.at(-1).id })}`);
      if (mine === turn) take([...shown, ...found.pictures.filter((one) => !byId.has(one.id))], found.more, true);
    });
    loading = false;
    wall.draw();
  }

  // Take the newest page again; what hangs further down stays.
  async function refresh() {
    const mine = ++turn;
    await told(async () => {
      const [found] = await Promise.all([ink.ask(`gallery?${query()}`), summary()]);
      if (mine !== turn) return;
      stale = false;
      const oldest = found.pictures.at(-1), at = oldest && found.more ? shown.findIndex((one) => one.id === oldest.id) : -1;
      if (at >= 0) take([...found.pictures, ...shown.slice(at + 1)], more);
      else take(found.pictures, found.more);
    });
  }

  async function summary() {
    counts = await ink.ask(`gallery/summary?offset=${-60 * new Date().getTimezoneOffset()}`);
    choices();
  }

  function choices() {
    if (!counts) return;
    const fill = (select, first, options) => {
      const value = select.value;
      select.replaceChildren(...[["", first], ...options].map(([key, text]) => {
        const option = ink.make("option", "", text);
        option.value = key;
        return option;
      }));
      select.value = options.some(([key]) => key === value) ? value : "";
      select.hidden = options.length < 2 && select !== view.album && select !== view.when;
    };
    const month = (text) => {
      const [year, at] = text.split("-").map(Number);
      return new Date(year, at - 1, 1).toLocaleDateString(document.documentElement.lang || undefined, { year: "numeric", month: "long" });
    };
    fill(view.kind, ink.say("gallery.kind.any"), KINDS.filter((kind) => counts.kinds[kind])
      .map((kind) => [kind, `${ink.say(`gallery.kind.${kind}`)} · ${counts.kinds[kind]}`]));
    fill(view.model, ink.say("gallery.model.any"), Object.entries(counts.models).map(([name, n]) => [name, `${name} · ${n}`]));
    fill(view.when, ink.say("gallery.when.any"), [["day", ink.say("gallery.when.day")], ["week", ink.say("gallery.when.week")],
      ...Object.entries(counts.months).map(([name, n]) => [name, `${month(name)} · ${n}`])]);
    const albums = Object.entries(counts.albums);
    fill(view.album, ink.say("gallery.album.any"), albums.map(([name, n]) => [name, `${name} · ${n}`]));
    view.album.hidden = !albums.length;
  }

  // --- hanging

  function hang(one, index) {
    const leaf = ink.make("div", "leaf"), image = ink.make("img");
    leaf.dataset.id = one.id;
    leaf.setAttribute("role", "option");
    leaf.setAttribute("aria-posinset", String(index + 1));
    image.alt = "";
    image.decoding = "async";
    image.draggable = false;
    leaf.setAttribute("aria-label", ink.called(one, 200));
    leaf.title = ink.called(one, 300);
    leaf.append(image, ink.make("span", "tick"), ink.make("span", "starred", "★"));
    mark(leaf);
    return leaf;
  }

  function mark(leaf) {
    const { id } = leaf.dataset;
    leaf.setAttribute("aria-selected", String(picked.has(id)));
    leaf.classList.toggle("star", Boolean(byId.get(id)?.star));
    leaf.tabIndex = id === (here || shown[0]?.id) ? 0 : -1;
  }

  function marks() {
    const n = picked.size, trash = which === "trashed";
    if (n) choosing = true;
    view.wall.querySelectorAll(".leaf").forEach(mark);
    view.wall.classList.toggle("choosing", choosing);
    view.choose.setAttribute("aria-pressed", String(choosing));
    view.choose.textContent = ink.say(choosing ? "gallery.done" : "gallery.choose");
    view.choose.hidden = !shown.length;
    view.tray.hidden = !n;
    view.tray.querySelector(".chosen").textContent = ink.say("gallery.chosen", { n });
    const hide = (name, on) => { view.tray.querySelector(`[data-do="${name}"]`).hidden = on; };
    const allStar = n > 0 && [...picked].every((id) => byId.get(id)?.star);
    const star = view.tray.querySelector('[data-do="star"]');
    star.textContent = ink.say(allStar ? "gallery.unstar" : "gallery.star");
    for (const name of ["star", "album", "trash"]) hide(name, trash);
    hide("restore", !trash);
    hide("out", trash || !view.album.value);
    hide("compare", n !== 2);
    view.rename.hidden = view.dissolve.hidden = !view.album.value;
    view["empty-trash"].hidden = !trash || !shown.length;
    for (const button of view.bar.querySelectorAll("[data-which]")) button.setAttribute("aria-pressed", String(button.dataset.which === which));
    const whole = counts && !filtered() ? counts.total : shown.length;
    view.count.textContent = shown.length ? ink.say("gallery.count", { n: `${whole.toLocaleString()}${more && filtered() ? "+" : ""}` }) : "";
    const bare = view["bare-wall"], fresh = !filtered();
    bare.hidden = shown.length > 0 || stale;
    bare.querySelector("p").textContent = ink.say(trash ? "gallery.nothing.trash" : fresh ? "gallery.nothing.yet" : "gallery.nothing");
    bare.querySelector("button").hidden = !fresh;
  }

  // --- hands: pressing, holding, selecting

  function hands(place) {
    let holding = 0, held = false;
    const leafOf = (event) => event.target.closest?.(".leaf");
    place.onpointerdown = (event) => {
      const leaf = leafOf(event);
      held = false;
      clearTimeout(holding);
      if (leaf && event.pointerType !== "mouse") holding = setTimeout(() => { held = true; toggle(leaf.dataset.id); navigator.vibrate?.(12); }, HOLD);
    };
    const let_go = () => clearTimeout(holding);
    place.onpointermove = (event) => { if (Math.abs(event.movementX) + Math.abs(event.movementY) > 6) let_go(); };
    place.onpointerup = place.onpointercancel = place.onpointerleave = let_go;
    place.oncontextmenu = (event) => { if (held) event.preventDefault(); };
    place.onclick = (event) => {
      const leaf = leafOf(event);
      if (!leaf || held) return;
      const { id } = leaf.dataset;
      here = id;
      if (event.shiftKey) range(id);
      else if (choosing || event.ctrlKey || event.metaKey || event.target.matches(".tick")) toggle(id);
      else { marks(); ink.large(id, shelf); }
    };
  }

  function toggle(id) {
    if (!picked.delete(id)) picked.add(id);
    anchor = here = id;
    marks();
  }

  function range(id) {
    const at = (wanted) => shown.findIndex((one) => one.id === wanted);
    const [from, to] = [at(anchor || here || id), at(id)].sort((a, b) => a - b);
    for (const one of shown.slice(Math.max(0, from), to + 1)) picked.add(one.id);
    here = id;
    marks();
  }

  const WAYS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };

  function keys(event) {
    if (!open() || event.altKey || document.querySelector("dialog[open]") || event.isComposing) return;
    if (event.target.closest?.("input, select, textarea, button, nav, a")) return;
    const act = key(event);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    told(act);
  }

  function key(event) {
    const control = event.ctrlKey || event.metaKey, name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (control) return name === "a" ? DO.all : null;
    if (WAYS[name]) return () => go(here ? wall.beside(here, WAYS[name]) : shown[0], event.shiftKey);
    return {
      Home: () => go(shown[0], false), End: () => go(shown.at(-1), false),
      " ": () => here && ink.large(here, shelf), Enter: () => here && ink.large(here, shelf),
      x: () => here && toggle(here), s: DO.star, f: DO.compare, Delete: DO.trash, Backspace: DO.trash,
      Escape: picked.size || choosing ? DO.clear : null,
    }[name];
  }

  function go(one, selecting) {
    if (!one) return;
    const before = here;
    here = one.id;
    if (selecting) { anchor ||= before || one.id; range(one.id); }
    const leaf = wall.reveal(one.id);
    marks();
    leaf?.focus({ preventScroll: true });
  }

  // --- doing

  const those = () => (picked.size ? [...picked] : here && byId.has(here) ? [here] : []);

  function drop(ids) {
    const gone = new Set(ids), at = shown.findIndex((one) => gone.has(one.id));
    take(shown.filter((one) => !gone.has(one.id)), more);
    here = shown[Math.min(at, shown.length - 1)]?.id || "";
    marks();
    next();
  }

  const undoing = (act, ids) => ({ action: ink.say("undo"), act: () => told(async () => { await post(act, many(ids)); changed(); await refresh(); }) });

  // The strip under the stage shows the same pictures.
  function changed() { summary().catch(() => {}); ink.pictures?.load(); }

  const DO = {
    async all() {
      const mine = turn, all = [...shown];
      let left = more;
      while (left && mine === turn) {
        const found = await ink.ask(`gallery?${query({ before: all.at(-1).id })}`);
        all.push(...found.pictures);
        left = found.more;
      }
      if (mine !== turn) return;
      turn += 1; // a page that is still under way is among them
      if (more) take(all, false, true);
      picked = new Set(shown.map((one) => one.id));
      marks();
    },
    clear() { picked.clear(); choosing = false; anchor = ""; marks(); },
    async star() {
      const ids = those();
      if (!ids.length || which === "trashed") return;
      const on = !ids.every((id) => byId.get(id)?.star);
      await post("star", { ...many(ids), on: Number(on) });
      for (const id of ids) byId.get(id).star = on;
      marks();
      summary();
    },
    async album() {
      const ids = those(), albums = Object.keys(counts?.albums || {});
      if (!ids.length) return;
      const said = await ink.slip({ title: ink.say("gallery.album.add"), fields: [
        { name: "album", kind: "text", title: ink.say("gallery.album.name"), options: albums.slice(0, 24) }] });
      if (!said?.album) return;
      await post("album", { ...many(ids), album: said.album, on: 1 });
      DO.clear();
      ink.toast(ink.say("gallery.album.added", { n: ids.length, album: said.album }));
      await summary();
    },
    async out() {
      const ids = those();
      await post("album", { ...many(ids), album: view.album.value, on: 0 });
      await summary();
      await load();
    },
    compare() {
      const two = picked.size ? [...picked] : [];
      if (two.length === 1 && here && here !== two[0]) two.push(here);
      if (two.length !== 2) { ink.toast(ink.say("gallery.compare.two")); return; }
      ink.compare(...two.map((id) => byId.get(id)));
    },
    download() { const ids = those(); return ids.length ? ink.takeOut(ids) : null; },
    async trash() {
      const ids = those();
      if (!ids.length || which === "trashed") return;
      await post("trash", many(ids));
      drop(ids);
      ids.forEach((id) => ink.gone?.(id));
      changed();
      ink.toast(ink.say("gallery.deleted", { n: ids.length }), undoing("restore", ids));
    },
    async restore() {
      const ids = those();
      await post("restore", many(ids));
      drop(ids);
      changed();
      ink.toast(ink.say("gallery.restored", { n: ids.length }), undoing("trash", ids));
    },
  };

  async function emptyTrash() {
    const sure = await ink.slip({ title: ink.say("gallery.empty.trash"), danger: true, yes: ink.say("gallery.empty.trash"),
      text: ink.say("gallery.empty.ask", { n: counts?.trashed ?? shown.length }) });
    if (!sure) return;
    await post("empty", {});
    await load();
    ink.toast(ink.say("gallery.emptied"));
  }

  async function rename() {
    const album = view.album.value;
    const said = await ink.slip({ title: ink.say("gallery.album.rename"), fields: [
      { name: "name", kind: "text", title: ink.say("gallery.album.name"), value: album }] });
    if (!said?.name || said.name === album) return;
    await post("rename", { album, name: said.name });
    await summary();
    view.album.value = said.name;
    await load();
  }

  async function dissolve() {
    const album = view.album.value;
    const sure = await ink.slip({ title: ink.say("gallery.album.dissolve"), danger: true, yes: ink.say("gallery.album.dissolve"),
      text: ink.say("gallery.album.dissolve.ask", { album }) });
    if (!sure) return;
    await post("dissolve", { album });
    await summary();
    await load();
  }

  // Pictures as files: one as it is, many in a ZIP that comes while it is made.
  ink.takeOut = async (ids) => {
    const said = await ink.slip({ title: ink.say("gallery.download"), yes: ink.say("gallery.download"), fields: [
      { name: "kind", kind: "choice", title: ink.say("gallery.format"), value: "png",
        options: [["png", "PNG"], ["jpeg", "JPEG"], ["webp", "WebP"]].map(([value, title]) => ({ value, title })) },
      { name: "recipe", kind: "switch", title: ink.say("gallery.recipe"), value: true, tip: ink.say("gallery.recipe.tip") }] });
    if (!said) return;
    const form = ink.make("form"), bare = said.recipe ? "" : "1";
    form.method = ids.length === 1 ? "get" : "post";
    form.action = ink.url(ids.length === 1 ? `gallery/file/${ids[0]}` : "gallery/zip");
    form.target = "ink-download";
    const values = { kind: said.kind, ...(bare ? { bare } : {}), ...(ids.length === 1 ? {} : { pictures: ids.join(" ") }) };
    for (const [name, value] of Object.entries(values)) {
      const input = ink.make("input");
      Object.assign(input, { type: "hidden", name, value });
      form.append(input);
    }
    document.body.append(form);
    document.querySelector("iframe[name=ink-download]").dataset.sent = "1";
    form.submit();
    form.remove();
  };

  // What the large view asks of the wall.
  const shelf = {
    get: (id) => byId.get(id),
    beside(id, by) {
      const at = shown.findIndex((one) => one.id === id);
      if (at >= 0 && at > shown.length - 8) next();
      return at < 0 ? undefined : shown[at + by];
    },
    drop: (id) => { drop([id]); changed(); },
    back: () => { changed(); refresh(); },
    starred: (id, on) => { const one = byId.get(id); if (one) one.star = on; marks(); },
    left: (id) => { if (byId.has(id)) { here = id; wall.reveal(id)?.focus({ preventScroll: true }); marks(); } },
  };
})();
