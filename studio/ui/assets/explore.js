// Exploring round the form: grids over its fields, painting on and on, and the way between two pictures.
(() => {
  "use strict";
  const ink = window.inkstone;
  const WORDS = ["replace", "matrix", "prompt"];
  const NEWEST = 12;
  const LONGEST = 20000; // characters of an axis
  let view = null, props = null, grid = null, ends = [], stopped = false;

  ink.explore = (element, given, trigger, watch) => {
    props = given;
    const one = (name) => element.querySelector(`.${name}`);
    view = Object.fromEntries(["explore", "axes", "go", "lines", "file", "last", "travel", "ends", "frames", "leave"].map((n) => [n, one(n)]));
    view.forever = element.querySelector(".forever input");
    view.rows = [0, 1, 2].map(row);
    view.axes.replaceChildren(...view.rows.map((r) => r.node));
    watch("fields", fields);
    view.go.onclick = go;
    view.lines.onclick = () => view.file.click();
    view.file.onchange = lines;
    view.last.onclick = () => last().catch(ink.fault);
    view.travel.ontoggle = () => { if (view.travel.open) pictures().catch(ink.fault); };
    view.leave.onclick = leave;
    ink.spoken(fields);
    forever();
  };

  // --- axes

  function row(place) {
    const node = ink.make("div", "axis"), name = ink.make("b", "", "XYZ"[place]);
    const field = ink.make("select"), values = ink.make("textarea");
    values.rows = 1;
    values.spellcheck = false;
    values.maxLength = LONGEST;
    field.onchange = () => { values.hidden = !field.value || field.value === "matrix"; hint(); };
    values.hidden = true;
    node.append(name, field, values);
    const hint = () => { values.placeholder = ink.say(`explore.values.${kind(field.value)}`); };
    return { node, field, values, hint };
  }

  const known = () => props?.fields || [];
  const kind = (path) => (path === "replace" || path === "prompt" ? path : known().find((one) => one.path === path)?.kind || "word");
  const title = (path) => known().find((one) => one.path === path)?.title || path;

  // The fields of the form, as they are called on the page.
  function fields() {
    for (const { field } of view.rows) {
      const kept = field.value, words = WORDS.map((path) => option(path, ink.say(`explore.${path}`)));
      field.replaceChildren(option("", ink.say("explore.none")), ...words, ...known().map((one) => option(one.path, one.title)));
      field.value = [...field.options].some((one) => one.value === kept) ? kept : "";
    }
    say();
  }

  function option(value, text) {
    const node = ink.make("option", "", text);
    node.value = value;
    return node;
  }

  function say() {
    view.rows.forEach(({ field, values, hint }, i) => {
      field.setAttribute("aria-label", ink.say("explore.axis", { name: "XYZ"[i] }));
      values.setAttribute("aria-label", ink.say("explore.values", { name: "XYZ"[i] }));
      hint();
    });
  }

  const axes = () => view.rows.filter(({ field }) => field.value).map(({ field, values }) => ({ field: field.value, values: values.value }));

  async function go() {
    if (!axes().length) { ink.toast(ink.say("explore.choose")); return; }
    const said = axes().filter(({ field }) => ["replace", "prompt"].includes(field)).map(({ values }) => values);
    try {
      if (ink.beforePaint && !(await ink.beforePaint(...said))) return;
      if (await ink.collect?.()) return;
      await new Promise((done) => setTimeout(done, 30)); // the carrier reaches the form with the next tick
      ink.sending?.();
      ink.emit("explore", { axes: axes() });
    } catch (error) { ink.fault(error); }
  }

  async function lines() {
    const file = view.file.files[0];
    view.file.value = "";
    if (!file) return;
    const text = file.size > 4 * LONGEST ? "" : await file.text(), first = view.rows[0];
    const fault = file.size > 4 * LONGEST || text.length > LONGEST ? "long" : text.trim() ? "" : "empty";
    if (fault) { ink.toast(ink.say(`explore.file.${fault}`), { kind: "fault" }); return; }
    fields();
    first.field.value = "prompt";
    first.values.value = text.trim();
    first.values.hidden = false;
    first.values.rows = Math.min(8, text.split("\n").length);
    first.hint();
  }

  // --- painting on and on: press again when all is done, until Stop

  function forever() {
    const stop = ink.stop;
    ink.stop = () => { stopped = true; view.forever.checked = false; return stop?.(); };
    let busy = false;
    new MutationObserver(() => {
      const now = document.body.classList.contains("painting");
      if (busy && !now && view.forever.checked && !stopped && !document.querySelector(".tile[data-kind=failed]")) {
        setTimeout(() => { if (view.forever.checked && !stopped) { next(); ink.paintNow(); } }, 150);
      }
      if (now && !busy) stopped = false;
      busy = now;
    }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  // A seed that she set counts on, or every picture would be the same.
  function next() {
    const seed = /^\d+$/.exec(ink.form?.seed ?? "");
    if (seed) ink.type("seed", String((BigInt(seed[0]) + BigInt(ink.form.count || 1)) % 2n ** 64n));
  }

  // --- the grid in the stage: each picture at its place, with labels

  ink.gridded = (order) => {
    if (order.axes) grid = order;
    lay();
  };

  const called = (field) => (WORDS.includes(field) || field === "travel" ? ink.say(`explore.${field}`) : title(field));

  // Which column and row a cell has; every layer (z) is a block of rows under the one before.
  function places(shape) {
    const [x, y, z] = [0, 1, 2].map((i) => shape.axes[i]?.[1] || [""]);
    return { x, y, z, at: (i) => ({ column: i % x.length, row: Math.floor(i / x.length) % y.length, layer: Math.floor(i / (x.length * y.length)) }) };
  }

  function lay() {
    const tiles = document.querySelector(".stage .tiles");
    if (!tiles) return;
    if (!lay.watching) {
      lay.watching = new MutationObserver(lay);
      lay.watching.observe(tiles, { childList: true });
    }
    const shown = [...tiles.querySelectorAll(".tile")];
    const mine = Boolean(grid) && shown.length > 0 && shown.every((tile) => grid.jobs.includes(tile.dataset.job));
    tiles.classList.toggle("gridded", mine);
    if (!mine) {
      tiles.querySelectorAll(".grid-label").forEach((node) => node.remove());
      tiles.style.removeProperty("grid-template-columns");
      return;
    }
    const { x, y, z, at } = places(grid), high = y.length + 1;
    tiles.style.gridTemplateColumns = `auto repeat(${x.length}, minmax(64px, 1fr))`;
    for (const tile of shown) {
      const place = at(grid.jobs.indexOf(tile.dataset.job));
      tile.style.gridColumn = String(place.column + 2);
      tile.style.gridRow = String(place.layer * high + place.row + 2);
    }
    if (tiles.querySelector(".grid-label")) return;
    z.forEach((name, layer) => {
      const corner = [grid.axes[2] ? `${called(grid.axes[2][0])} ${name}` : "", grid.axes[0] ? called(grid.axes[0][0]) : ""];
      label(tiles, corner.filter(Boolean).join(" · "), 1, layer * high + 1);
      x.forEach((text, i) => label(tiles, text, i + 2, layer * high + 1));
      y.forEach((text, i) => label(tiles, text, 1, layer * high + i + 2));
    });
  }

  function label(tiles, text, column, line) {
    const node = ink.make("span", "grid-label", text);
    node.style.gridColumn = String(column);
    node.style.gridRow = String(line);
    node.title = text;
    tiles.append(node);
  }

  // --- the last grid once more, and as one picture

  async function last() {
    const found = await ink.ask("explore");
    if (!found.jobs) { ink.toast(ink.say("explore.nothing")); return; }
    const { x, y, z, at } = places(found), dialog = ink.make("dialog", "sheet-dialog lattice"), table = ink.make("table");
    for (let layer = 0; layer < z.length; layer += 1) {
      const head = ink.make("tr");
      head.append(ink.make("th", "", z[layer]), ...x.map((text) => ink.make("th", "", text)));
      table.append(head, ...y.map((text) => {
        const line = ink.make("tr");
        line.append(ink.make("th", "", text));
        return line;
      }));
    }
    found.jobs.forEach((job, i) => {
      const place = at(i), cell = ink.make("td"), image = ink.make("img");
      image.src = ink.url(`thumb/${job}.webp`);
      image.alt = "";
      image.onerror = () => image.remove();
      image.onclick = () => { dialog.close(); ink.large?.(job); };
      cell.append(image);
      table.rows[place.layer * (y.length + 1) + place.row + 1].append(cell);
    });
    const save = ink.make("button", "plain", ink.say("explore.save")), close = ink.make("button", "bare close", "×");
    save.type = close.type = "button";
    save.onclick = () => sheet(found).catch(ink.fault);
    close.setAttribute("aria-label", ink.say("close"));
    close.onclick = () => dialog.close();
    dialog.onclose = () => dialog.remove();
    const frame = ink.make("div", "frame");
    frame.append(table);
    dialog.append(ink.make("h2", "", found.axes.map(([field]) => called(field)).join(" × ")), frame, save, close);
    document.body.append(dialog);
    dialog.showModal();
  }

  const loaded = (src) => new Promise((done) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => done(null);
    image.src = src;
  });

  async function sheet(found) {
    const { x, y, z, at } = places(found), band = 34, side = 150;
    const wide = Math.max(48, Math.min(512, Math.floor(8000 / x.length))), tall = Math.round(wide / found.ratio);
    const high = band + tall * y.length, canvas = ink.make("canvas"), pen = canvas.getContext("2d");
    canvas.width = side + wide * x.length;
    canvas.height = high * z.length;
    pen.fillStyle = "#fcf9f2";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = "#1d1b18";
    pen.font = "16px serif";
    pen.textBaseline = "middle";
    for (let layer = 0; layer < z.length; layer += 1) {
      const top = layer * high;
      pen.fillText(z[layer], 8, top + band / 2, side - 12);
      x.forEach((text, i) => pen.fillText(text, side + i * wide + 6, top + band / 2, wide - 12));
      y.forEach((text, i) => pen.fillText(text, 8, top + band + (i + 0.5) * tall, side - 12));
    }
    for (const [i, job] of found.jobs.entries()) {
      const image = await loaded(ink.url(`picture/${job}.png`)), place = at(i);
      if (image) pen.drawImage(image, side + place.column * wide, place.layer * high + band + place.row * tall, wide, tall);
    }
    const link = ink.make("a");
    link.download = "inkstone-grid.png";
    link.href = URL.createObjectURL(await new Promise((done) => canvas.toBlob(done, "image/png")));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // --- the way between two pictures

  async function pictures() {
    const found = await ink.ask("pictures");
    ends = [];
    view.leave.disabled = true;
    view.ends.replaceChildren(...found.pictures.slice(0, NEWEST).map((one) => {
      const item = ink.make("li"), button = ink.make("button", "end"), image = ink.make("img");
      button.type = "button";
      button.title = ink.called(one, 200);
      button.setAttribute("aria-pressed", "false");
      button.dataset.id = one.id;
      image.src = ink.url(`thumb/${one.id}.webp`);
      image.alt = ink.called(one, 120);
      button.append(image);
      button.onclick = () => choose(one.id);
      item.append(button);
      return item;
    }));
  }

  function choose(id) {
    ends = ends.includes(id) ? ends.filter((one) => one !== id) : [...ends, id].slice(-2);
    for (const button of view.ends.querySelectorAll("button")) {
      const place = ends.indexOf(button.dataset.id);
      button.setAttribute("aria-pressed", String(place >= 0));
      button.dataset.place = place >= 0 ? "AB"[place] : "";
    }
    view.leave.disabled = ends.length < 2;
  }

  async function leave() {
    try {
      const json = { start: ends[0], end: ends[1], frames: Number(view.frames.value) || 8 };
      const done = await ink.ask("travel", { method: "POST", json });
      ink.order(done);
    } catch (error) { ink.fault(error); }
  }
})();
