// One picture large, with what can be done with it.
(() => {
  "use strict";
  const ink = window.inkstone;
  let box = null, current = null;

  ink.largeAt = (dialog) => {
    box = dialog;
    const on = (name, act) => { box.querySelector(`.${name}`).onclick = act; };
    on("close", () => box.close());
    on("previous", () => step(-1));
    on("following", () => step(1));
    on("reuse", () => { ink.act("reuse", current.id); done(ink.say("settings_back")); });
    on("reuse-seed", () => { ink.type("seed", current.seed); done(""); });
    on("delete", away);
    box.onclose = () => document.getElementById("ink-stage").append(document.querySelector(".toasts"));
    box.onclick = (event) => { if (event.target === box) box.close(); };
    box.onkeydown = (event) => {
      if (event.key === "ArrowLeft") step(-1);
      if (event.key === "ArrowRight") step(1);
    };
  };

  ink.large = async (id) => {
    let one = ink.pictures.get(id);
    try {
      one ||= await ink.ask(`picture/${id}.json`); // just finished, or not among those listed
    } catch (error) { ink.fault(error); return; }
    if (!box) return;
    current = one;
    ink.lastSeed = one.seed;
    const image = box.querySelector("img");
    image.src = ink.url(`picture/${one.id}.png`);
    image.alt = one.prompt.slice(0, 300);
    image.style.setProperty("--ratio", String(one.width / one.height));
    box.querySelector(".prompt").textContent = one.prompt;
    const facts = [one.model, `${one.width} × ${one.height}`, one.seed && `${ink.say("seed")} ${one.seed}`,
      new Date(one.created * 1000).toLocaleString(document.documentElement.lang || undefined, { dateStyle: "medium", timeStyle: "short" })];
    box.querySelector(".facts").textContent = facts.filter(Boolean).join(" · ");
    const link = box.querySelector(".download");
    link.href = ink.url(`picture/${one.id}.png?download`);
    link.download = `inkstone-${one.id}.png`;
    box.querySelector(".previous").hidden = !ink.pictures.beside(id, -1) || ink.pictures.newest()?.id === id;
    box.querySelector(".following").hidden = !ink.pictures.beside(id, 1);
    if (!box.open) box.showModal();
  };

  function step(by) {
    if (!current || (by < 0 && ink.pictures.newest()?.id === current.id)) return;
    const next = ink.pictures.beside(current.id, by);
    if (next) ink.large(next.id);
  }

  function done(text) {
    box.close();
    if (text) ink.toast(text);
  }

  async function away() {
    const { id } = current;
    const next = ink.pictures.beside(id, 1);
    try {
      await ink.ask("trash", { method: "POST", json: { picture: id } });
    } catch (error) { ink.fault(error); return; }
    ink.pictures.drop(id);
    ink.gone(id);
    if (next) ink.large(next.id);
    else box.close();
    ink.toast(ink.say("deleted"), {
      action: ink.say("undo"),
      act: async () => {
        try {
          await ink.ask("untrash", { method: "POST", json: { picture: id } });
          ink.pictures.load();
        } catch (error) { ink.fault(error); }
      },
    });
  }
})();
