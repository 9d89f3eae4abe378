// Two pictures beside each other, or one laid over the other under a line that is drawn across; zoomed as one.
(() => {
  "use strict";
  const ink = window.inkstone;
  const SILENT = new Set(["version", "drawing"]);
  let box = null, views = [], line = null, look = null, pair = [], turn = 0;

  ink.compareAt = (dialog) => {
    box = dialog;
    views = [...box.querySelectorAll(".view")];
    line = box.querySelector(".line");
    document.querySelector(".gradio-container").append(box);
    look = ink.zoom(views);
    for (const button of box.querySelectorAll("[data-mode]")) button.onclick = () => lay(button.dataset.mode);
    box.querySelector(".swap").onclick = () => ink.compare(pair[1], pair[0]);
    box.querySelector(".close").onclick = () => box.close();
    line.onpointerdown = (event) => {
      event.preventDefault();
      line.setPointerCapture(event.pointerId);
      line.onpointermove = (moved) => {
        const area = views[0].getBoundingClientRect();
        cut(100 * (moved.clientX - area.left) / area.width);
      };
    };
    line.onpointerup = line.onpointercancel = () => { line.onpointermove = null; };
    line.onkeydown = (event) => {
      const by = { ArrowLeft: -2, ArrowRight: 2, Home: -100, End: 100 }[event.key];
      if (by) { event.preventDefault(); cut(Number(line.getAttribute("aria-valuenow")) + by); }
    };
  };

  // Which pictures: two of what the gallery's routes tell.
  ink.compare = (one, two) => {
    pair = [one, two];
    pair.forEach((picture, i) => {
      const image = views[i].querySelector("img");
      image.src = ink.url(`picture/${picture.id}.png`);
      image.alt = ink.called(picture, 300);
      image.style.setProperty("--ratio", String(picture.width / picture.height));
    });
    const alike = Math.abs(one.width / one.height - two.width / two.height) < 0.01;
    if (!box.open) {
      lay(alike ? "slider" : "side");
      box.showModal();
      (alike ? line : box.querySelector(".close")).focus();
    }
    differences();
  };

  function lay(mode) {
    box.dataset.mode = mode;
    for (const button of box.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    cut(50);
    look.reset();
  }

  function cut(at) {
    const share = Math.round(Math.min(100, Math.max(0, at)) * 10) / 10;
    line.setAttribute("aria-valuenow", String(share));
    box.style.setProperty("--cut", `${share}%`);
    box.style.setProperty("--share", String(share / 100));
  }

  const told = (value) => (value && typeof value === "object" ? (Array.isArray(value) ? value.length : "✓") : String(value ?? "–"));

  async function differences() {
    const place = box.querySelector(".differ"), mine = ++turn;
    place.replaceChildren();
    try {
      const [a, b] = await Promise.all(pair.map((one) => ink.ask(`gallery/about/${one.id}`)));
      if (mine !== turn) return;
      const names = [...new Set([...Object.keys(a.recipe), ...Object.keys(b.recipe)])].filter((name) => !SILENT.has(name)
        && JSON.stringify(a.recipe[name]) !== JSON.stringify(b.recipe[name]));
      if (!names.length) place.textContent = ink.say("gallery.compare.same");
      for (const name of names) {
        const item = ink.make("span", "item");
        item.append(ink.make("b", "", ink.say(`gallery.field.${name}`) || name.replaceAll("_", " ")), ink.make("i", "", told(a.recipe[name]).slice(0, 160)),
          ink.make("span", "", "→"), ink.make("i", "", told(b.recipe[name]).slice(0, 160)));
        place.append(item);
      }
    } catch (error) { if (mine === turn) ink.fault(error); }
  }
})();
