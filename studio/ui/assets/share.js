// The owner's way to invite guests: link, code, password, who is here, which models they may use, and its end.
(() => {
  "use strict";
  const ink = window.inkstone;
  const SVG = "http://www.w3.org/2000/svg", EVERY = 4000, BORDER = 4;

  ink.share = (element) => {
    const find = (name) => element.querySelector(name);
    const dialog = find("dialog"), button = find(".open");
    let state = null, timer = 0, busy = false;
    // The masthead has a place for it.
    document.querySelector(".masthead .guests")?.append(find(".share"));
    const part = (name) => dialog.querySelector(name);

    const ask = async (path, json) => {
      if (busy) return;
      busy = true;
      dialog.setAttribute("aria-busy", "true");
      try {
        state = await ink.ask(path, json ? { method: "POST", json } : {});
        show();
      } catch (error) { ink.fault(error); } finally {
        busy = false;
        dialog.removeAttribute("aria-busy");
      }
    };

    function show() {
      button.classList.toggle("on", state.open);
      button.querySelector(".count").textContent = state.open && state.guests.length ? String(state.guests.length) : "";
      part(".closed").hidden = state.open;
      part(".opened").hidden = !state.open;
      part(".start").textContent = ink.say("share.start");
      part(".expires").textContent = state.days ? ink.say("share.expires", { n: state.days }) : ink.say("share.stays");
      part(".safety").textContent = ink.say(`share.safety.${state.safety}`);
      allowed();
      if (!state.open) return;
      part(".lost").hidden = !state.lost;
      part(".url").value = state.url;
      part(".with-password").hidden = part(".for-one").hidden = !state.password;
      part(".once").value = state.once;
      part(".password").value = state.password;
      code(part(".code"), state.code);
      part(".none").hidden = state.guests.length > 0;
      part(".present").replaceChildren(...state.guests.map(guest));
    }

    function guest(one) {
      const line = ink.make("li"), away = ink.make("button", "plain", ink.say("share.away"));
      const doing = one.running || one.waiting ? ink.say("share.line", { running: one.running, waiting: one.waiting }) : ink.say("share.idle");
      const rest = one.eta ? ` · ${ink.time(one.eta)}` : "";
      line.append(ink.make("b", "", ink.say("share.guest", { n: one.n })), ink.make("span", "", `${doing}${rest}`),
        ink.make("small", "", ink.say("share.pictures", { n: one.pictures })), away);
      away.type = "button";
      away.onclick = () => ask("share/away", { guest: one.n });
      return line;
    }

    function allowed() {
      part(".allowed").replaceChildren(...state.models.map((model) => {
        const label = ink.make("label", "choice"), box = ink.make("input");
        box.type = "checkbox";
        box.checked = model.on;
        box.onchange = () => {
          const on = state.models.filter((one) => (one.id === model.id ? box.checked : one.on)).map((one) => one.id);
          ask("share/models", on.length === state.models.length ? {} : { models: on }).then(show);
        };
        label.append(box, ink.make("span", "", model.title || model.id));
        return label;
      }));
    }

    function code(svg, rows) {
      const side = rows.length + 2 * BORDER;
      svg.setAttribute("viewBox", `0 0 ${side} ${side}`);
      svg.setAttribute("aria-label", ink.say("share.code"));
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", rows.flatMap((row, y) => [...row].map((bit, x) => (bit === "1" ? `M${x + BORDER} ${y + BORDER}h1v1h-1z` : ""))).join(""));
      svg.replaceChildren(path);
    }

    const watch = () => { clearInterval(timer); timer = setInterval(() => { if (dialog.open) ask("share"); }, EVERY); };

    button.onclick = async () => { dialog.showModal(); await ask("share"); watch(); };
    part(".close").onclick = () => dialog.close();
    dialog.onclose = () => clearInterval(timer);
    part(".start").onclick = () => {
      part(".start").textContent = ink.say("share.starting");
      ask("share/start", { link: Number(part("[name=share-link]:checked").value), locked: Number(part(".locked").checked) })
        .finally(() => { part(".start").textContent = ink.say("share.start"); });
    };
    part(".stop").onclick = () => ask("share/stop", {});
    const copied = async (text, field, said) => {
      try {
        await navigator.clipboard.writeText(text);
        ink.toast(ink.say(said));
        return true;
      } catch { part(field).select(); return false; }
    };
    part(".copy").onclick = () => copied(
      state.password ? `${state.url}\n${ink.say("share.password")}: ${state.password}` : state.url, ".url", "share.copied");
    // What was copied is somebody's now; the next friend gets another.
    part(".copy-once").onclick = async () => { if (await copied(state.once, ".once", "share.copied.once")) ask("share/give", {}); };
    ink.spoken(() => { if (state) show(); });
    ask("share");
  };
})();
