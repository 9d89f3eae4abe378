// The well: finished pictures that are made larger or finished, one or a whole folder of them.
(() => {
  "use strict";
  const ink = window.inkstone;
  const PICTURE = /^image\/(png|jpeg|webp)$/, ENDED = new Set(["done", "cancelled", "failed"]);
  const SHOWN = 24; // of a folder's pictures that lie in the well; the others are counted
  let well = null, batch = 64, run = null;

  ink.well = (element, props) => {
    const one = (name) => element.querySelector(name);
    batch = props.batch || batch;
    well = { hold: one(".hold"), row: one(".row"), away: one(".away"), told: one(".told"), zip: one(".zip"), said: one(".hold [data-word]"),
      file: one("input:not([webkitdirectory])"), folder: one("input[webkitdirectory]"), digests: [] };
    well.hold.onclick = () => well.file.click();
    one(".folder").onclick = () => well.folder.click();
    for (const input of [well.file, well.folder]) input.onchange = () => { ink.well.take([...input.files]).catch(ink.fault); };
    well.away.onclick = () => ink.well.show();
    well.zip.onclick = () => ink.takeOut(run.made);
  };
  ink.well.images = () => well?.digests || [];

  const tell = (text) => { well.told.textContent = text; };

  // Take the pictures among these files; the rest, and what is no whole picture, is passed over and counted.
  ink.well.take = async (files) => {
    const chosen = files.filter((one) => PICTURE.test(one.type)).sort((a, b) => a.name.localeCompare(b.name)), found = [];
    let passed = files.length - chosen.length, fault = null;
    for (const [i, file] of chosen.entries()) {
      if (chosen.length > 1) tell(ink.say("well.taking", { n: i + 1, m: chosen.length }));
      try {
        found.push(await ink.upload(file));
      } catch (error) {
        if (!error.status || error.status >= 500) { tell(""); throw error; }
        fault = error;
        passed += 1;
      }
    }
    well.file.value = well.folder.value = "";
    tell("");
    if (!found.length) throw fault || new Error(ink.say("well.none"));
    ink.well.show(...found);
    const parts = [found.length > 1 ? ink.say("well.taken", { n: well.digests.length }) : "", passed ? ink.say("well.passed", { n: passed }) : ""];
    tell(parts.filter(Boolean).join(" · "));
  };

  // What was dropped, with all that lies in dropped folders. Entries are known only while the drop lasts.
  ink.well.drop = async (carried) => {
    const entries = [...carried.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean), files = [...carried.files];
    const dropped = entries.some((one) => one.isDirectory) ? (await Promise.all(entries.map(inside))).flat() : files;
    await ink.well.take(dropped);
  };

  async function inside(entry) {
    if (entry.isFile) return [await new Promise((done, failed) => { entry.file(done, failed); })];
    const reader = entry.createReader(), all = [];
    for (;;) { // a reader gives at most a hundred at once
      const some = await new Promise((done, failed) => { reader.readEntries(done, failed); });
      if (!some.length) return (await Promise.all(all.map(inside))).flat();
      all.push(...some);
    }
  }

  ink.well.show = (...digests) => {
    if (!well) return;
    well.digests = [...new Set(digests.filter(Boolean))];
    well.row.replaceChildren(...well.digests.slice(0, SHOWN).map((digest) => {
      const image = ink.make("img");
      image.alt = "";
      image.src = ink.url(`input/${digest}`);
      return image;
    }));
    well.row.dataset.many = String(well.digests.length > 1);
    well.said.hidden = well.digests.length > 0;
    well.away.hidden = !well.digests.length;
    well.zip.hidden = true;
    tell("");
    ink.welled?.();
    ink.estimateAgain?.();
  };

  // --- many pictures: as many requests as they need, one after the other, all with the steps of now

  ink.well.finish = async () => {
    if (run?.left.length) throw new Error(ink.say("well.busy"));
    const form = ink.form, names = Object.keys(form), held = ink.chips.get();
    const single = names.filter((name) => !/\.|^(count|carried)$/.test(name) && !names.some((other) => other.startsWith(`${name}.`)));
    const plain = Object.fromEntries([...single.map((name) => [name, form[name]]), ...Object.entries(held)]
      .filter(([name, value]) => value !== "" && value !== null && !name.includes(".") && !ink.drawn.includes(name)));
    run = { recipe: { ...plain, ...ink.decides(form), ...(held.post ? { post: held.post } : {}) }, left: [...well.digests], all: well.digests.length,
      jobs: new Set(), made: [] };
    well.zip.hidden = true;
    await next();
  };

  async function next() {
    const images = run.left.splice(0, batch);
    try {
      const order = await ink.ask("finish", { method: "POST", json: { recipe: run.recipe, images } });
      for (const job of order.jobs) run.jobs.add(job);
      ink.unproof?.();
      progress();
      ink.order(order);
    } catch (error) { run.left = []; progress(); throw error; }
  }

  function progress() {
    tell(ink.say("well.going", { n: run.made.length, m: run.all }));
    well.zip.hidden = run.jobs.size > 0 || run.left.length > 0 || run.made.length < 2;
  }

  // One of the run's pictures is over; after the last of a request comes the next one, unless she pressed Stop.
  ink.heard = (event) => {
    if (!run?.jobs.has(event.job) || !ENDED.has(event.kind)) return;
    run.jobs.delete(event.job);
    if (event.kind === "done") run.made.push(event.picture);
    if (event.kind === "cancelled") run.left = [];
    progress();
    if (!run.jobs.size && run.left.length) next().catch(ink.fault);
  };
})();
