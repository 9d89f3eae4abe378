// The settings: what this browser does, how files are called, what lies in memory, where things are.
(() => {
  "use strict";
  const ink = window.inkstone;
  let view = null, state = null;

  ink.settings = (element) => {
    view = Object.fromEntries(["sound", "notice", "pattern", "example", "memory", "unload", "folders"].map((name) => [name, element.querySelector(`.${name}`)]));
    view.sound.onchange = () => { ink.habit("sound", view.sound.checked); if (view.sound.checked) ink.told(""); };
    view.notice.onchange = async () => {
      const may = view.notice.checked && await ink.askNotice();
      if (view.notice.checked && !may) ink.toast(ink.say("settings.notice.refused"));
      view.notice.checked = may;
      ink.habit("notice", may);
    };
    view.pattern.onchange = keep;
    view.unload.onclick = async () => {
      try { remember(await ink.ask("settings/unload", { method: "POST", json: {} })); } catch (error) { ink.fault(error); }
    };
    ink.spoken(() => { if (state) show(); });
    ink.onTab((name) => { if (name === "settings") load(); });
  };

  async function load() {
    try { remember(await ink.ask("settings")); } catch (error) { ink.fault(error); }
  }

  async function keep() {
    try { remember(await ink.ask("settings", { method: "PUT", json: { pattern: view.pattern.value } })); } catch (error) { ink.fault(error); }
  }

  function remember(said) { state = said; show(); }

  const gb = (bytes) => `${(bytes / 2 ** 30).toFixed(bytes < 2 ** 30 ? 2 : 1)} GB`;

  function show() {
    view.sound.checked = ink.habit("sound");
    view.notice.checked = ink.habit("notice");
    view.pattern.value = state.pattern;
    view.example.textContent = state.example;
    const held = state.memory;
    view.memory.textContent = held ? ink.say("settings.held", { used: gb(held.ram_bytes + (held.device_bytes || 0)), budget: gb(held.ram_budget), n: held.components, device: held.device }) : ink.say("settings.asleep");
    view.unload.hidden = !held?.components;
    view.folders.replaceChildren(...Object.entries(state.folders || {}).flatMap(([name, path]) => [
      ink.make("dt", "", ink.say(`settings.folder.${name}`)), ink.make("dd", "", path),
    ]));
  }
})();
