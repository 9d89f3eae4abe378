// The stage: what is being painted, step by step. It follows one request at a time, the others wait in line.
(() => {
  "use strict";
  const ink = window.inkstone;
  const ENDED = new Set(["done", "cancelled", "failed"]);
  const LAST = "last";
  const ACTS = ["vary-subtle", "vary-strong", "upscale", "img2img", "sketch", "unroll"];
  const WIDE = 2.6; // a picture wider than this many times its height is looked at along its length
  const groups = new Map(); // group -> Map(job -> what is known of it), in the order of arrival
  let view = null, shown = "", source = null, began = 0, ticking = 0, sending = 0, title = "Inkstone";

  ink.stage = (element, props, trigger, watch, events) => {
    view = Object.fromEntries(["stage", "tiles", "empty", "progress", "line", "examples"].map((name) => [
      name, element.querySelector(`.${name}`),
    ]));
    ink.emit = (name, data) => { if (events.includes(name)) trigger(name, data); };
    watch("words", () => ink.speak(props.words));
    watch("order", () => ordered(props.order));
    ink.speak(props.words);
    ink.spoken(() => { examples(); render(); });
    resume();
    addEventListener("online", resume);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) resume(); });
  };

  // Ask the studio where things stand and take hold of what is running. Also after a lost connection.
  async function resume() {
    try {
      const state = await ink.ask("state");
      for (const { group, jobs } of state.groups) know(group, jobs.map((event) => event.job), jobs);
      const open = new Set(state.groups.map((one) => one.group));
      for (const [group, jobs] of groups) {
        if (!open.has(group) && !over(jobs) && group !== shown) groups.delete(group);
      }
      ink.strip?.fill?.(state.pictures, state.more);
      if (!groups.size && state.pictures.length) showLast(state.pictures[0]);
      if (!groups.size) ink.welcome(state.live);
      follow();
    } catch (error) {
      if (error.status === 401) ink.fault(error);
      else setTimeout(resume, 3000);
    }
  }

  // Nothing runs: the sheet shows what she painted last.
  function showLast(picture) {
    groups.set(LAST, new Map([[picture.id, { job: picture.id, kind: "done", picture: picture.id }]]));
    shape(picture.width / picture.height);
  }

  ink.gone = (picture) => {
    if (groups.get(LAST)?.has(picture)) { groups.delete(LAST); follow(); }
  };

  ink.follow = resume;

  // Show a picture that was made without a request of its own.
  ink.present = (picture) => {
    for (const [name, jobs] of [...groups]) if (over(jobs)) groups.delete(name);
    shown = "";
    showLast(picture);
    follow();
  };

  ink.act = (name, picture) => { ink.holdParts(); ink.emit("act", { act: name, id: picture }); };

  function ordered(order) {
    if (order?.scroll) ink.scroll.watch(order.scroll);
    if (order?.open) setTimeout(() => ink.open(order.open), 30); // after the form has its values
    if (!order || (!order.group && !order.sentence && !order.scroll)) return;
    clearTimeout(sending);
    document.body.classList.remove("sending");
    if (order.scroll) return;
    if (order.sentence) {
      ink.toast(order.sentence, { kind: "fault" });
      render();
      return;
    }
    groups.delete(LAST);
    know(order.group, order.jobs, []);
    follow();
    if (order.group === shown) shape(order.ratio);
    ink.gridded?.(order);
  }
  ink.order = ordered;

  function know(group, ids, events) {
    const jobs = groups.get(group) || new Map();
    for (const id of ids) if (!jobs.has(id)) jobs.set(id, { job: id, kind: "queued", n: 0 });
    groups.set(group, jobs);
    for (const event of events) take(jobs, event);
  }

  const over = (jobs) => [...jobs.values()].every((one) => ENDED.has(one.kind));

  // Listen to the first request that is not over; browsers allow few connections, so to that one only.
  function follow() {
    const next = [...groups].find(([, jobs]) => !over(jobs));
    const name = next ? next[0] : [...groups.keys()].pop() || "";
    if (name !== shown) {
      source?.close();
      source = null;
      shown = name;
      began = performance.now();
      view.tiles.replaceChildren();
      for (const old of [...groups.keys()]) if (old !== shown && over(groups.get(old))) groups.delete(old);
    }
    if (next && (!source || source.readyState === EventSource.CLOSED)) listen(shown);
    render();
  }

  function listen(group) {
    const jobs = groups.get(group);
    const since = Math.max(0, ...[...jobs.values()].map((one) => one.seen || 0));
    source?.close();
    source = new EventSource(ink.url(`events?group=${encodeURIComponent(group)}&since=${since}`));
    const mine = source;
    mine.onmessage = (message) => {
      if (mine !== source) return;
      const event = JSON.parse(message.data);
      event.seen = event.n;
      take(jobs, event);
      if (over(jobs)) { mine.close(); ended(group, jobs); follow(); } else render();
    };
    mine.addEventListener("end", () => {
      mine.close();
      if (over(jobs)) follow();
      else { line(ink.say("lost")); setTimeout(resume, 2000); } // the studio is closing, or was restarted
    });
    mine.onerror = () => {
      if (mine !== source) return;
      line(ink.say("lost"));
      if (mine.readyState === EventSource.CLOSED) { groups.delete(group); setTimeout(resume, 2000); }
    };
  }

  function take(jobs, event) {
    const old = jobs.get(event.job);
    if (!old || (event.n || 0) < (old.n || 0)) return;
    const fresh = (event.attempt || 0) > (old.attempt || 0);
    const kept = fresh ? { job: old.job } : old;
    const preview = event.preview ? `data:image/webp;base64,${event.preview}` : kept.preview;
    jobs.set(event.job, { ...kept, ...event, preview, at: performance.now(), begun: kept.begun || event.kind !== "queued" });
    if (event.kind === "done" || event.kind === "image") ink.strip?.add?.(event.picture);
    ink.heard?.(event);
  }

  function ended(group, jobs) {
    if (ink.scroll.has(group)) return; // a part of a scroll, whose end is told when it comes
    const faults = [...jobs.values()].filter((one) => one.kind === "failed");
    if (faults.length) ink.toast([...new Set(faults.map((one) => one.sentence))].join(" "), { kind: "fault" });
    const notes = [...jobs.values()].filter((one) => one.kind === "done" && one.sentence);
    if (notes.length) ink.toast([...new Set(notes.map((one) => one.sentence))].join(" "));
    if ([...jobs.values()].some((one) => one.kind !== "cancelled")) ink.told?.(finished([...jobs.values()]));
    ink.estimateAgain?.(); // the first picture of a model is the first measure
  }

  ink.sending = () => {
    ink.unproof?.();
    document.body.classList.add("sending");
    clearTimeout(sending);
    sending = setTimeout(() => { document.body.classList.remove("sending"); render(); }, 15000);
    render();
  };

  ink.stop = async () => {
    const jobs = groups.get(shown);
    if (!jobs || over(jobs)) return;
    line(ink.say("stopping"));
    try { await ink.ask("cancel", { method: "POST", json: { group: shown } }); } catch (error) { ink.fault(error); }
  };

  // --- what it looks like

  function render() {
    if (!view) return;
    const jobs = groups.get(shown);
    const rolling = unrolling(jobs);
    const busy = rolling || (jobs ? !over(jobs) : false);
    document.body.classList.toggle("painting", busy);
    view.stage.dataset.state = busy ? "painting" : jobs ? "done" : "empty";
    if (jobs) document.body.classList.add("begun");
    view.empty.hidden = Boolean(jobs) || rolling;
    view.tiles.hidden = !jobs || rolling;
    ink.scroll.show?.(rolling, jobs && ink.scroll.has(shown) ? [...jobs.values()][0] : null);
    clearInterval(ticking);
    if (busy) ticking = setInterval(status, 1000);
    if (jobs) tiles(jobs);
    status();
  }

  // A scroll is shown while it grows, unless something else of hers is being painted.
  const unrolling = (jobs) => ink.scroll.going() && (!jobs || over(jobs) || ink.scroll.has(shown));
  ink.scrolled = render;

  function tiles(jobs) {
    const many = jobs.size;
    view.tiles.dataset.count = many > 4 ? "many" : String(many);
    for (const [id, job] of jobs) {
      let tile = view.tiles.querySelector(`[data-job="${CSS.escape(id)}"]`);
      if (!tile) { tile = blank(id); view.tiles.append(tile); }
      tile.dataset.kind = job.kind === "image" ? "done" : job.kind;
      const image = tile.querySelector("img"), note = tile.querySelector(".face span");
      const picture = job.picture;
      const wanted = picture ? ink.url(`picture/${picture}.png`) : job.preview || "";
      if (wanted && image.getAttribute("src") !== wanted) image.src = wanted;
      image.hidden = !wanted || job.kind === "failed";
      image.alt = picture ? "" : ink.say("preview");
      const face = tile.querySelector(".face");
      face.disabled = !picture;
      face.title = picture ? ink.say("enlarge") : "";
      tile.querySelector(".tile-acts").hidden = !picture || !ENDED.has(job.kind);
      if (many === 1 && tile.dataset.picture !== (picture || "")) setTimeout(() => ink.hung?.(view.tiles, picture), 0);
      tile.dataset.picture = picture || "";
      note.textContent = wanted && job.kind !== "failed" ? "" : job.kind === "failed" ? ink.tell(job.sentence)
        : job.kind === "cancelled" ? ink.say("stopped") : job.kind === "queued" ? ink.say("waiting") : "";
    }
  }

  function blank(id) {
    const tile = ink.make("div", "tile"), face = ink.make("button", "face"), acts = ink.make("div", "tile-acts");
    face.type = "button";
    tile.dataset.job = id;
    acts.append(...ACTS.map((name) => {
      const button = ink.make("button", "bare");
      button.type = "button";
      button.dataset.act = name;
      button.append(ink.make("i"), ink.make("span", "", ink.say(`scroll.act.${name}`)));
      button.title = ink.say(`gallery.act.${name}`);
      button.setAttribute("aria-label", button.title);
      button.onclick = () => { if (tile.dataset.picture) ink.act(name, tile.dataset.picture); };
      return button;
    }));
    acts.hidden = true;
    const image = ink.make("img");
    image.hidden = true;
    image.onload = () => shape(image.naturalWidth / image.naturalHeight);
    face.append(image, ink.make("span"));
    tile.append(face, acts);
    face.onclick = () => { if (tile.dataset.picture) ink.large?.(tile.dataset.picture); };
    return tile;
  }

  function shape(ratio) {
    if (ratio > 0 && Number.isFinite(ratio)) view.tiles.style.setProperty("--ratio", String(ratio));
    view.tiles.dataset.wide = String(ratio > WIDE);
  }

  function status() {
    const jobs = groups.get(shown);
    const all = jobs ? [...jobs.values()] : [];
    const rolling = unrolling(jobs), now = rolling && ink.scroll.has(shown) && !over(jobs) ? all : [];
    const busy = rolling || (all.length > 0 && !over(jobs));
    const share = all.reduce((sum, one) => sum + (ENDED.has(one.kind) || one.picture ? 1 : one.progress || 0), 0);
    const percent = Math.floor(100 * (rolling ? ink.scroll.share(now[0]?.progress || 0) : all.length ? share / all.length : 0));
    view.progress.hidden = !busy && !document.body.classList.contains("sending");
    view.progress.firstChild.style.width = `${percent}%`;
    view.progress.setAttribute("aria-valuenow", String(percent));
    title = busy ? `${percent}% · Inkstone` : "Inkstone";
    if (document.title !== title) document.title = title;
    if (document.body.classList.contains("sending") && !busy) line(ink.say("sending"));
    else if (rolling) line(ink.scroll.line(now.length ? running(now) : ink.say("starting")));
    else line(busy ? running(all) : finished(all));
  }

  function running(all) {
    const parts = [];
    const now = all.find((one) => !ENDED.has(one.kind) && one.kind !== "queued");
    if (!now) {
      const places = all.filter((one) => one.kind === "queued" && one.place != null).map((one) => one.place);
      const place = Math.min(...places);
      parts.push(places.length === 0 || place < 1 ? ink.say("starting") : place === 1 ? ink.say("next") : ink.say("place", { place }));
    } else if (now.kind === "started") {
      parts.push(ink.say(now.cold ? "loading" : "starting"));
    } else {
      const key = `stage.${now.stage}`;
      parts.push(ink.say(key in ink.words ? key : "stage.other", { i: now.i, of: now.of }));
    }
    if (all.length > 1 && now) parts.push(ink.say("picture_of", { i: all.indexOf(now) + 1, of: all.length }));
    const left = remaining(all, now);
    if (left > 0) parts.push(ink.say("eta", { time: ink.time(left) }));
    const behind = [...groups].filter(([name, jobs]) => name !== shown && !over(jobs)).reduce((n, [, jobs]) => n + jobs.size, 0);
    if (behind) parts.push(ink.say("more_waiting", { n: behind }));
    return parts.join(" · ");
  }

  // Seconds until the last one is done: as the studio says; for those it cannot tell, as long as the first takes.
  function remaining(all, now) {
    const still = (one) => one.eta - (performance.now() - one.at) / 1000;
    const open = all.filter((one) => !ENDED.has(one.kind));
    const known = open.filter((one) => one.eta != null).map(still);
    if (known.length === open.length) return Math.max(0, ...known);
    if (!now || now.eta == null || !now.progress) return 0;
    const one = still(now) / Math.max(0.01, 1 - now.progress);
    return still(now) + one * (open.length - 1);
  }

  function finished(all) {
    if (!all.length || shown === LAST) return "";
    const failed = all.find((one) => one.kind === "failed");
    if (failed) return ink.tell(failed.sentence);
    if (all.some((one) => one.kind === "cancelled")) return ink.say("stopped");
    const seconds = all.reduce((sum, one) => sum + (one.seconds || 0), 0);
    return seconds ? ink.say("done", { time: ink.time(seconds) }) : ink.say("done.plain");
  }

  function line(text) { if (view && view.line.textContent !== text) view.line.textContent = text; }

  function examples() {
    view.examples.replaceChildren(...[...document.querySelectorAll("#examples button")].map((_, i) => {
      const card = ink.make("button", "card");
      card.type = "button";
      card.dataset.example = String(i);
      card.append(ink.make("b", "", ink.say(`example.${i}`)));
      card.onclick = () => {
        document.getElementById(`example-${i}`)?.click();
        document.querySelector("#field-prompt textarea")?.focus({ preventScroll: false });
      };
      return card;
    }));
  }

  ink.showEstimate = (seconds, others) => {
    const jobs = groups.get(shown);
    if (view && (!jobs || over(jobs)) && !document.body.classList.contains("sending")) {
      const parts = [seconds ? ink.say("estimate", { time: ink.time(seconds) }) : "", others ? ink.say("others", { n: others + 1 }) : ""];
      view.line.dataset.estimate = parts.filter(Boolean).join(" · ");
    }
  };
})();
