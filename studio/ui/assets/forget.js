// A guest's way out: everything of hers is deleted, once she has said so twice.
(() => {
  "use strict";
  const ink = window.inkstone;

  ink.forget = (element) => {
    const dialog = element.querySelector("dialog"), form = element.querySelector("form");
    document.querySelector(".masthead .guests")?.append(element.querySelector(".forget"));
    form.action = ink.url("forget");
    dialog.parentElement.querySelector(".open").onclick = () => dialog.showModal();
    form.querySelector(".stay").onclick = () => dialog.close();
    form.onsubmit = () => { form.querySelector(".now").disabled = true; };
    ink.spoken(() => dialog.setAttribute("aria-label", ink.say("forget.title")));
  };
})();
