// The models: what is here, what can be fetched (size, licence and seconds said first), other programs' folders.
(() => {
  "use strict";
  const ink = window.inkstone;
  const KINDS = ["checkpoint", "lora", "controlnet", "upscaler", "face", "annotator", "vae", "tiny", "embedding"];
  let view = null, state = null, source = null;

  ink.models = (element) => {
    view = Object.fromEntries(["here", "offers", "folders", "use", "licence"].map((name) => [name, element.querySelector(`.${name}`)]));
    const field = view.use.querySelector("input");
    view.use.onsubmit = async (event) => {
      event.preventDefault();
      try {
        const found = await ink.ask("models/use", { method: "POST", json: { folder: field.value.trim() } });
        ink.toast(ink.say("models.found", { program: found.program || found.folder, n: found.models }));
        field.value = "";
        load();
      } catch (error) { ink.fault(error); }
    };
    view.licence.querySelector(".refuse").onclick = () => view.licence.close();
    ink.spoken(() => {
      field.placeholder = ink.say("models.folder");
      field.setAttribute("aria-label", ink.say("models.folder"));
      if (state) render();
    });
    ink.onTab((name) => { if (name === "models") load(); });
  };

  async function load() {
    try {
      state = await ink.ask("models/catalog");
      render();
      watch();
    } catch (error) { ink.fault(error); }
  }

  const size = (bytes) => (!bytes ? "" : bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.max(1, Math.round(bytes / 1e6))} MB`);
  const told = (bytes) => size(bytes) || ink.say("models.unsized"); // of what is not here yet
  const coming = (id) => state.downloads.find((one) => one.id === id);
  const active = (one) => one && (one.state === "waiting" || one.state === "coming");

  function grouped(items, draw) {
    return KINDS.filter((kind) => items.some((one) => one.kind === kind)).map((kind) => {
      const part = ink.make("section", "kind");
      part.append(ink.make("h3", "", ink.say(`models.${kind}`)));
      const list = ink.make("ul", "cards");
      list.append(...items.filter((one) => one.kind === kind).map(draw));
      part.append(list);
      return part;
    });
  }

  function render() {
    for (const text of state.warnings) ink.toast(text);
    state.warnings = [];
    view.here.replaceChildren(...grouped(state.files, mine));
    view.offers.replaceChildren(...grouped(state.entries, offer));
    view.folders.replaceChildren(...state.folders.map((folder) => {
      const item = ink.make("li", "", folder);
      const away = ink.make("button", "plain", ink.say("models.forget"));
      away.type = "button";
      away.onclick = async () => {
        try { await ink.ask("models/forget", { method: "POST", json: { folder } }); load(); } catch (error) { ink.fault(error); }
      };
      item.append(away);
      return item;
    }));
  }

  function mine(one) {
    const item = ink.make("li", "model");
    const title = one.id === "starter" ? ink.say("starter") : one.title || one.id;
    item.append(ink.make("b", "", title), ink.make("span", "facts", [one.family, size(one.size), ink.tell(one.note)].filter(Boolean).join(" · ")));
    if (one.kind === "checkpoint" && one.family) {
      const paint = ink.make("button", "plain", ink.say("models.paint"));
      paint.type = "button";
      paint.onclick = () => { ink.emit("act", { act: "model", id: one.id }); ink.tab("txt2img"); };
      item.append(paint);
    }
    return item;
  }

  function offer(one) {
    const item = ink.make("li", "model");
    const seconds = one.seconds ? ink.say({ upscaler: "models.seconds.upscaler", face: "models.seconds.face" }[one.kind] || "models.seconds", { time: ink.time(one.seconds) }) : "";
    item.dataset.id = one.id;
    item.append(ink.make("b", "", one.title), ink.make("p", "", ink.tell(one.about)),
      ink.make("span", "facts", [one.family, told(one.bytes), one.licence, seconds].filter(Boolean).join(" · ")));
    if (one.terms) item.append(ink.make("span", "terms", ink.tell(one.terms)));
    const foot = ink.make("div", "foot");
    item.append(foot);
    progress(one, foot);
    return item;
  }

  function progress(one, foot) {
    const now = coming(one.id);
    foot.replaceChildren();
    if (one.installed) { foot.append(ink.make("span", "here", ink.say("models.installed"))); return; }
    if (active(now)) {
      const share = now.total ? Math.min(100, Math.round((100 * now.done) / now.total)) : 0;
      const bar = ink.make("div", "progress");
      bar.setAttribute("role", "progressbar");
      bar.setAttribute("aria-valuenow", String(share));
      const fill = ink.make("i");
      fill.style.width = `${share}%`;
      bar.append(fill);
      const left = now.speed > 0 && now.total ? ink.say("eta", { time: ink.time((now.total - now.done) / now.speed) }) : "";
      const said = now.state === "waiting" ? ink.say("waiting") : [`${size(now.done) || "0 MB"} / ${size(now.total) || "?"}`, left].filter(Boolean).join(" · ");
      const stop = ink.make("button", "plain", ink.say("stop"));
      stop.type = "button";
      stop.onclick = () => ink.ask("models/stop", { method: "POST", json: { id: one.id } }).catch(ink.fault);
      foot.append(bar, ink.make("span", "facts", said), stop);
      return;
    }
    if (now?.sentence && now.state === "failed") foot.append(ink.make("span", "failed", ink.tell(now.sentence)));
    const get = ink.make("button", "plain strong", ink.say(now?.state === "stopped" ? "models.resume" : "models.fetch"));
    get.type = "button";
    get.onclick = () => ask(one);
    const hand = ink.make("details", "hand");
    hand.append(ink.make("summary", "", ink.say("models.by_hand")), ink.make("p", "", ink.tell(one.by_hand)));
    foot.append(get, hand);
  }

  // The licence is read before the first byte comes.
  function ask(one) {
    const box = view.licence;
    box.querySelector("h3").textContent = one.title;
    box.querySelector(".what").textContent = [told(one.bytes), one.licence].filter(Boolean).join(" · ");
    box.querySelector(".terms").textContent = [ink.tell(one.terms), one.licence_read ? "" : ink.say("models.hearsay")].filter(Boolean).join(" ");
    const link = box.querySelector("a");
    link.hidden = !one.licence_url;
    link.textContent = one.licence_url;
    if (one.licence_url.startsWith("https://")) link.href = one.licence_url;
    box.querySelector(".agree").onclick = async () => {
      box.close();
      try {
        await ink.ask("models/get", { method: "POST", json: { id: one.id, licences: [one.licence] } });
        load();
      } catch (error) { ink.fault(error); }
    };
    box.showModal();
  }

  function watch() {
    if (!state.downloads.some(active) || (source && source.readyState !== EventSource.CLOSED)) return;
    source = new EventSource(ink.url("models/downloads"));
    source.onmessage = (message) => {
      state.downloads = JSON.parse(message.data);
      for (const one of state.entries) {
        const foot = view.offers.querySelector(`[data-id="${CSS.escape(one.id)}"] .foot`);
        if (foot && coming(one.id)) progress(one, foot);
      }
    };
    source.addEventListener("end", () => { source.close(); source = null; load(); });
  }
})();
