// Comfort: the keyboard map, a word or a sound when a picture is done, and the settings that belong to a browser.
(() => {
  "use strict";
  const ink = window.inkstone;
  const KEYS = [
    ["anywhere", [["Ctrl+Enter", "paint"], ["Esc", "stop"], ["Alt+1 … 8", "tabs"], ["?", "help"]]],
    ["prompt", [["Ctrl+↑ ↓", "weigh"], ["Tab", "complete"]]],
    ["canvas", [
      ["B E", "brush"], ["G I", "fill"], ["L R O A", "shapes"], ["V", "move"], ["M", "mask"], ["[ ]", "size"], ["Ctrl+Z", "undo"],
      ["Ctrl+Shift+Z", "redo"], ["H ␣", "pan"], ["wheel", "zoom"], ["turning wheel", "turn"], ["F", "fit"],
      ["Esc", "shut"],
    ]],
    ["finish", [["Alt+↑ ↓", "order"]]],
    ["gallery", [["← → ↑ ↓", "walk"], ["␣", "open"], ["S", "star"], ["Del", "trash"], ["F", "compare"], ["Ctrl+A", "all"]]],
  ];
  let dialog = null;

  function shown() {
    dialog ||= document.body.appendChild(ink.make("dialog", "keys"));
    const close = ink.make("button", "bare close", "×");
    close.type = "button";
    close.title = ink.say("close");
    close.setAttribute("aria-label", ink.say("close"));
    close.onclick = () => dialog.close();
    const parts = KEYS.map(([name, keys]) => {
      const part = ink.make("section");
      const list = ink.make("dl");
      for (const [key, what] of keys) list.append(ink.make("dt", "", ink.say(`keys.on.${key}`) || key), ink.make("dd", "", ink.say(`keys.${what}`)));
      part.append(ink.make("h3", "", ink.say(`keys.${name}`)), list);
      return part;
    });
    dialog.replaceChildren(close, ink.make("h2", "", ink.say("keys")), ...parts);
    dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
    return dialog;
  }
  ink.showKeys = () => { if (!document.querySelector("dialog[open]")) shown().showModal(); };

  const typing = (node) => node?.closest?.("input, textarea, select, [contenteditable]");
  addEventListener("keydown", (event) => {
    if (event.key === "?" && !typing(event.target)) { event.preventDefault(); ink.showKeys(); }
    const tab = event.altKey && !event.ctrlKey && /^Digit[1-9]$/.test(event.code) ? Number(event.code.slice(5)) - 1 : -1;
    const button = document.querySelectorAll(".masthead .tab")[tab];
    if (button) { event.preventDefault(); button.click(); }
  });
  addEventListener("click", (event) => { if (event.target.closest?.(".masthead .keys")) ink.showKeys(); });

  // --- what a browser remembers: a sound, a notice

  ink.habit = (name, value) => {
    try {
      if (value !== undefined) localStorage.setItem(`inkstone-${name}`, value ? "1" : "");
      return localStorage.getItem(`inkstone-${name}`) === "1";
    } catch { return false; /* private window */ }
  };

  // One brush of a bell: two sines that fade.
  function chime() {
    const sound = new AudioContext();
    for (const [pitch, level] of [[523.25, 0.12], [784, 0.07]]) {
      const tone = sound.createOscillator(), volume = sound.createGain();
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(level, sound.currentTime);
      volume.gain.exponentialRampToValueAtTime(0.0005, sound.currentTime + 1.4);
      tone.connect(volume).connect(sound.destination);
      tone.start();
      tone.stop(sound.currentTime + 1.5);
      tone.onended = () => sound.close();
    }
  }

  ink.told = (text) => {
    if (ink.habit("sound")) chime();
    if (ink.habit("notice") && document.hidden && Notification.permission === "granted") {
      const note = new Notification("Inkstone", { body: text });
      note.onclick = () => { window.focus(); note.close(); };
    }
  };

  ink.askNotice = async () => {
    if (!("Notification" in window)) return false;
    return (await Notification.requestPermission()) === "granted";
  };
})();
