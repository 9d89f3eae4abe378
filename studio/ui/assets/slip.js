// A small dialog: a sentence, perhaps some fields, yes or no.
(() => {
  "use strict";
  const ink = window.inkstone;
  let box = null;

  ink.slipAt = (dialog) => {
    box = dialog;
    document.querySelector(".gradio-container").append(box);
  };

  // Resolves with the fields' values by name, or null. A field: { name, title, kind: text|choice|switch, value, options, tip }.
  ink.slip = ({ title, text = "", fields = [], yes = ink.say("gallery.ok"), danger = false }) => new Promise((resolve) => {
    const form = ink.make("form");
    form.method = "dialog";
    form.append(ink.make("h2", "", title));
    if (text) form.append(ink.make("p", "", text));
    const read = fields.map((field) => {
      const { node, value } = MAKE[field.kind](field);
      form.append(node);
      return [field.name, value];
    });
    const row = ink.make("div", "buttons");
    const no = ink.make("button", "plain", ink.say("gallery.cancel"));
    no.type = "button";
    no.onclick = () => box.close("");
    const go = ink.make("button", `plain strong${danger ? " danger" : ""}`, yes);
    go.value = "yes";
    row.append(no, go);
    form.append(row);
    box.replaceChildren(form);
    box.returnValue = "";
    box.onclick = (event) => { if (event.target === box) box.close(""); };
    box.onclose = () => resolve(box.returnValue === "yes" ? Object.fromEntries(read.map(([name, value]) => [name, value()])) : null);
    box.setAttribute("aria-label", title);
    box.showModal();
    (form.querySelector("input:not([type=radio]):not([type=checkbox])") || go).focus();
  });

  const MAKE = {
    text({ title, value = "", options = [] }) {
      const node = ink.make("label", "field"), input = ink.make("input");
      input.maxLength = 100;
      input.required = true;
      input.value = value;
      input.autocomplete = "off";
      node.append(ink.make("span", "", title), input);
      if (options.length) {
        const picks = ink.make("span", "picks");
        for (const one of options) {
          const pick = ink.make("button", "plain", one);
          pick.type = "button";
          pick.onclick = () => { input.value = one; input.focus(); };
          picks.append(pick);
        }
        node.append(picks);
      }
      return { node, value: () => input.value.trim() };
    },
    choice({ name, title, value, options }) {
      const node = ink.make("fieldset", "field");
      node.append(ink.make("legend", "", title));
      for (const one of options) {
        const label = ink.make("label", "option"), input = ink.make("input");
        input.type = "radio";
        input.name = name;
        input.value = one.value;
        input.checked = one.value === value;
        label.append(input, ink.make("span", "", one.title));
        node.append(label);
      }
      return { node, value: () => node.querySelector("input:checked").value };
    },
    switch({ title, value, tip = "" }) {
      const node = ink.make("label", "field option"), input = ink.make("input");
      input.type = "checkbox";
      input.checked = value;
      node.append(input, ink.make("span", "", title), ink.make("small", "", tip));
      return { node, value: () => input.checked };
    },
  };
})();
