// One picture large: looked at closely, marked, and what can be made of it.
(() => {
  "use strict";
  const ink = window.inkstone;
  const WIDE = 2.6; // times its height: wider pictures are looked at along their length
  let box = null, current = null, shelf = null, look = null, turn = 0;
  const part = (name) => box.querySelector(`.${name}`);

  ink.largeAt = (dialog) => {
    box = dialog;
    document.querySelector(".gradio-container").append(box); // where no hidden tab hides it
    const on = (name, act) => { part(name).onclick = act; };
    on("close", () => box.close());
    on("previous", () => step(-1));
    on("following", () => step(1));
    on("reuse-seed", () => { ink.type("seed", current.seed); ink.open?.({}); done(""); });
    on("delete", () => told(current.trashed ? back : away));
    on("star", () => told(star));
    on("svg", () => told(() => ink.svg(current.id)));
    on("more-formats", () => told(() => ink.takeOut([current.id])));
    for (const button of box.querySelectorAll("[data-act]")) {
      button.onclick = () => { ink.act(button.dataset.act, current.id); done(""); };
    }
    look = ink.zoom([part("frame")], {
      swipe: step, slide,
      press: (event) => { if (!look.near() && event.target.closest?.(".large") && !inside(event)) box.close(); },
    });
    box.onclose = () => shelf?.left?.(current.id);
    box.onkeydown = keys;
  };

  // A scroll fills the height and is drawn past the eye.
  function slide(by) {
    const frame = part("frame");
    if (frame.classList.contains("wide")) frame.scrollLeft -= by;
    return frame.classList.contains("wide");
  }

  const told = async (act) => { try { await act(); } catch (error) { ink.fault(error); } };

  function inside(event) {
    const image = part("room").querySelector("img").getBoundingClientRect();
    return event.clientX >= image.left && event.clientX <= image.right && event.clientY >= image.top && event.clientY <= image.bottom;
  }

  function keys(event) {
    if (event.target.matches("input, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      ArrowLeft: () => step(-1), ArrowRight: () => step(1), s: () => told(star),
      Delete: () => told(current.trashed ? back : away), 0: () => look.reset(),
    }[event.key];
    if (act) { event.preventDefault(); act(); } else if (event.key === " " && !event.target.matches("button, a")) { event.preventDefault(); box.close(); }
  }

  // `from` is the row of pictures it hangs in: the strip under the stage, or the gallery's wall.
  ink.large = async (id, from = ink.pictures) => {
    if (!box) return;
    let one = from.get(id);
    try {
      one ||= await ink.ask(`picture/${id}.json`); // just finished, or not among those listed
    } catch (error) { ink.fault(error); return; }
    current = one;
    shelf = from;
    ink.lastSeed = one.seed;
    look.reset();
    const image = part("room").querySelector("img");
    image.src = ink.url(`picture/${one.id}.png`);
    image.alt = ink.called(one, 300);
    image.style.setProperty("--ratio", String(one.width / one.height));
    part("frame").classList.toggle("wide", one.width / one.height > WIDE);
    part("frame").scrollLeft = 0;
    part("prompt").textContent = one.prompt;
    const link = part("download");
    link.href = ink.url(`gallery/file/${one.id}`); // called as the settings say
    link.download = "";
    part("previous").hidden = !shelf.beside(id, -1);
    part("following").hidden = !shelf.beside(id, 1);
    facts(one, null);
    buttons();
    if (!box.open) box.showModal();
    ahead(shelf.beside(id, 1));
    about(one);
  };

  const ahead = (one) => { if (one) new Image().src = ink.url(`picture/${one.id}.png`); };

  function buttons() {
    const gone = Boolean(current.trashed);
    for (const node of box.querySelectorAll(".acts")) node.hidden = gone || (node.matches(".needs-act") && !ink.act);
    part("delete").textContent = ink.say(gone ? "gallery.restore" : "delete");
    const star = part("star");
    star.hidden = gone;
    star.setAttribute("aria-pressed", String(current.star));
    star.title = ink.say(current.star ? "gallery.unstar" : "gallery.star");
    star.setAttribute("aria-label", star.title);
  }

  function facts(one, told) {
    const recipe = told?.recipe || {}, took = told?.seconds;
    const spent = took && typeof took === "object" ? Object.values(took).reduce((all, n) => all + (Number(n) || 0), 0) : 0;
    const list = [one.model, `${one.width} × ${one.height}`, one.seed && `${ink.say("seed")} ${one.seed}`,
      recipe.sampler, recipe.steps && ink.say("gallery.steps", { n: recipe.steps }),
      recipe.guidance && `CFG ${recipe.guidance}`, spent && ink.say("gallery.took", { time: ink.time(spent) }),
      new Date(one.created * 1000).toLocaleString(document.documentElement.lang || undefined, { dateStyle: "medium", timeStyle: "short" })];
    part("facts").textContent = list.filter(Boolean).join(" · ");
  }

  // Its settings, and the pictures it came from and led to.
  async function about(one) {
    const mine = ++turn, place = part("family");
    place.replaceChildren();
    try {
      const found = await ink.ask(`gallery/about/${one.id}`);
      if (mine !== turn) return;
      facts(one, found);
      for (const kind of ["parents", "children", "siblings"]) {
        if (!found[kind].length) continue;
        const row = ink.make("div", "relatives");
        row.append(ink.make("h3", "", ink.say(`gallery.${kind}`)));
        for (const other of found[kind].slice(0, 12)) row.append(relative(other));
        place.append(row);
      }
    } catch (error) { if (mine === turn && error.status !== 404) ink.fault(error); }
  }

  function relative(one) {
    const button = ink.make("button", "thumb"), image = ink.make("img");
    button.type = "button";
    button.title = ink.called(one, 200);
    button.setAttribute("aria-label", button.title);
    button.style.aspectRatio = `${one.width} / ${one.height}`;
    image.alt = "";
    image.src = ink.url(`thumb/${one.id}.webp`);
    button.append(image);
    button.onclick = () => ink.large(one.id, shelf);
    return button;
  }

  function step(by) {
    const next = current && shelf.beside(current.id, by);
    if (next) ink.large(next.id, shelf);
  }

  function done(text) {
    box.close();
    if (text) ink.toast(text);
  }

  async function star() {
    if (current.trashed) return;
    const on = !current.star;
    await ink.ask("gallery/star", { method: "POST", json: { pictures: [current.id], on: Number(on) } });
    current.star = on;
    shelf.starred?.(current.id, on);
    buttons();
  }

  async function away() {
    const { id } = current, from = shelf, next = from.beside(id, 1) || from.beside(id, -1);
    await ink.ask("trash", { method: "POST", json: { picture: id } });
    from.drop(id);
    ink.gone(id);
    if (next) ink.large(next.id, from);
    else box.close();
    ink.toast(ink.say("deleted"), {
      action: ink.say("undo"),
      act: () => told(async () => {
        await ink.ask("untrash", { method: "POST", json: { picture: id } });
        from.back();
      }),
    });
  }

  async function back() {
    const { id } = current, from = shelf;
    await ink.ask("untrash", { method: "POST", json: { picture: id } });
    from.drop(id);
    box.close();
    ink.toast(ink.say("gallery.restored", { n: 1 }));
  }
})();
