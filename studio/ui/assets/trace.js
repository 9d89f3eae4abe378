// Lines, a depth or a pose from a picture or a photographed sketch: chosen, looked at, and laid onto the canvas as a
// layer of its own.
(() => {
  "use strict";
  const ink = window.inkstone;
  const USUAL = "lineart";
  let view = null, digest = "", lines = null, kind = USUAL, hints = [], turn = 0;

  ink.trace = (element) => {
    const one = (name) => element.querySelector(`.${name}`);
    view = Object.fromEntries(["trace", "tracing", "hold", "given", "made", "said", "kinds", "onto", "other", "close"].map((n) => [n, one(n)]));
    view.file = element.querySelector("input");
    view.image = view.made.querySelector("img");
    document.querySelector(".gradio-container").append(view.tracing); // where no hidden tab hides it
    view.trace.onclick = () => open().catch(ink.fault);
    view.close.onclick = () => view.tracing.close();
    view.hold.onclick = view.other.onclick = () => view.file.click();
    view.file.onchange = () => { take([...view.file.files]); view.file.value = ""; };
    view.onto.onclick = () => onto().catch(ink.fault);
    view.tracing.addEventListener("paste", (event) => { event.stopPropagation(); take([...(event.clipboardData?.files || [])]); });
    view.tracing.addEventListener("dragover", (event) => event.preventDefault());
    view.tracing.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      document.querySelector(".dropping").hidden = true;
      take([...event.dataTransfer.files]);
    });
    ink.spoken(render);
  };

  // The control image that a preprocessor makes of one of her inputs, as a PNG.
  ink.lines = async (image, name) => {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(ink.url("look"), { method: "POST", credentials: "same-origin", headers, body: JSON.stringify({ kind: `hint:${name}`, image }) });
    if (answer.ok) return answer.blob();
    const said = await answer.json().catch(() => ({}));
    throw new Error(ink.tell(said.sentence) || ink.say("wrong", { what: `HTTP ${answer.status}` }));
  };

  // The lines of one of her inputs at the size of the canvas.
  ink.lines.at = async (image, name, size) => {
    const found = new Image();
    found.src = ink.url(`input/${image}`);
    await found.decode();
    return ink.lines((await sent(found, size)).image, name);
  };

  // A picture stretched to a size, on white, among her inputs.
  async function sent(image, [width, height]) {
    const sheet = ink.make("canvas"), pen = sheet.getContext("2d");
    Object.assign(sheet, { width, height });
    pen.imageSmoothingQuality = "high";
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, width, height);
    pen.drawImage(image, 0, 0, width, height);
    const blob = await new Promise((done) => sheet.toBlob(done, "image/png"));
    return { blob, image: await ink.upload(blob) };
  }

  async function open() {
    view.tracing.showModal();
    hints = (await ink.ask("look")).hints;
    render();
  }

  // The size at which it will lie on the canvas: lines are then exactly where they were found.
  function placed(image) {
    const [width, height] = ink.canvas.size(), ratio = image.naturalWidth / image.naturalHeight;
    const snap = (side) => Math.min(4096, Math.max(64, Math.round(side / 8) * 8));
    if (ink.canvas.isEmpty()) return [snap(Math.sqrt(width * height * ratio)), snap(Math.sqrt(width * height / ratio))];
    const factor = Math.min(width / image.naturalWidth, height / image.naturalHeight);
    return [Math.round(image.naturalWidth * factor), Math.round(image.naturalHeight * factor)].map((side) => Math.max(16, side));
  }

  async function take(files) {
    const file = files.find((one) => /^image\/(png|jpeg|webp)$/.test(one.type));
    if (!file) { if (files.length) ink.toast(ink.say("well.none"), { kind: "fault" }); return; }
    const mine = ++turn, image = new Image();
    image.src = URL.createObjectURL(file);
    try {
      await image.decode();
      const said = await sent(image, placed(image));
      if (mine !== turn) return;
      digest = said.image;
      view.given.src = URL.createObjectURL(said.blob);
      render();
      await look();
    } catch (error) {
      ink.fault(error instanceof DOMException ? new Error(ink.say("well.none")) : error);
    } finally { URL.revokeObjectURL(image.src); }
  }

  async function look() {
    const mine = ++turn;
    lines = null;
    render();
    say(ink.say("trace.looking"));
    try {
      const found = await ink.lines(digest, kind);
      if (mine !== turn) return;
      lines = found;
      URL.revokeObjectURL(view.image.src);
      view.image.src = URL.createObjectURL(lines);
      say("");
    } catch (error) { if (mine === turn) say(error.message); }
    if (mine === turn) render();
  }

  const say = (text) => { view.said.textContent = ink.tell ? ink.tell(text) : text; };

  async function onto() {
    const told = hints.find((one) => one.name === kind); // what is no lines keeps its greys and colours
    await ink.canvas.take(lines, told.lines ? "lines" : "hint");
    ink.touch();
    view.tracing.close();
  }

  function render() {
    view.given.hidden = !digest;
    view.hold.querySelector("span").hidden = Boolean(digest);
    view.other.hidden = !digest;
    view.image.hidden = !lines;
    view.onto.disabled = !lines;
    if (!digest) say(ink.say("trace.none"));
    view.kinds.replaceChildren(...hints.map((one) => {
      const button = ink.make("button", "plain", ink.say(`hint.${one.name}`) || one.name);
      button.type = "button";
      button.dataset.kind = one.name;
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", String(one.name === kind));
      button.setAttribute("aria-disabled", String(!one.ready));
      button.title = ink.tell(one.sentence);
      button.onclick = () => {
        if (!one.ready) { say(ink.tell(one.sentence)); return; }
        kind = one.name;
        if (digest) look();
        else render();
      };
      return button;
    }));
  }
})();
