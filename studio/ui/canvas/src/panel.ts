// Buttons, sliders and keys around the sheet.

import type { Easel } from "./easel";
import { ground } from "./ground";
import { KINDS, type Layers } from "./layers";
import type { Pen } from "./pen";
import { keep, type Settings, type Tool } from "./settings";
import { about } from "./geometry.js";

const KEYS: Readonly<Record<string, Tool>> = { b: "brush", e: "eraser", g: "fill", l: "line", r: "rectangle", o: "ellipse", a: "lasso", i: "pick", v: "move", h: "pan" };
const PIGMENTS = ["#1d1b18", "#6d6558", "#ffffff", "#b3261e", "#c8692b", "#d9a441", "#5b7f4b", "#2c6e70", "#2f5d8a", "#1f3a5f", "#7a4b6b", "#8a5a3c"];
const FOLDS = [1, 2, 3, 4, 5, 6, 7, 8];
const EDGES = ["left", "top", "right", "bottom"] as const;

export class Panel {
  private cursor: HTMLElement;
  private before: Tool = "brush";
  private edges = new Set<string>(["right"]);

  constructor(private readonly element: HTMLElement, private readonly easel: Easel, private readonly layers: Layers, private readonly pen: () => Pen) {
    this.cursor = this.find(".c-cursor");
    this.bind();
    this.keys();
    this.files();
    easel.refresh = () => this.render();
  }

  private find<T extends HTMLElement = HTMLElement>(selector: string): T {
    const found = this.element.querySelector<T>(selector);
    if (!found) throw new Error(`the canvas has no ${selector}`);
    return found;
  }

  private all(selector: string): HTMLElement[] { return [...this.element.querySelectorAll<HTMLElement>(selector)]; }

  private bind(): void {
    const { easel } = this;
    for (const one of this.all("[data-tool]")) one.onclick = () => this.choose(one.dataset["tool"] as Tool);
    for (const one of this.all("[data-open]")) one.onclick = () => this.open(one.dataset["open"] ?? "", one);
    const acts: Record<string, () => void> = {
      undo: () => easel.step("undo"), redo: () => easel.step("redo"), fit: () => easel.surface.fit(),
      in: () => this.zoom(1.25), out: () => this.zoom(0.8), mirror: () => this.mirror(), mask: () => this.mask(),
      full: () => void this.full(), export: () => void this.export(), clear: () => easel.clear(), picture: () => this.find<HTMLInputElement>(".c-file").click(),
      wrap: () => this.set({ wrap: !easel.settings.wrap }), filled: () => this.set({ filled: !easel.settings.filled }), grow: () => this.grow(),
      ...Object.fromEntries(KINDS.map((kind) => [`add-${kind}`, () => this.layers.add(kind)])),
    };
    for (const one of this.all("[data-act]")) one.onclick = () => acts[one.dataset["act"] ?? ""]?.();
    for (const one of this.all("input[data-set]") as HTMLInputElement[]) {
      const name = one.dataset["set"] as "size" | "softness" | "opacity" | "steady";
      one.oninput = () => this.set({ [name]: name === "size" ? sizeAt(Number(one.value)) : Number(one.value) / 100 });
    }
    const color = this.find<HTMLInputElement>(".c-color");
    color.oninput = () => this.set({ color: color.value });
    color.onchange = () => this.picked(color.value);
    for (const edge of EDGES) {
      const button = this.find(`[data-edge="${edge}"]`);
      button.onclick = () => { if (!this.edges.delete(edge)) this.edges.add(edge); this.render(); };
    }
    const fold = this.find<HTMLSelectElement>(".c-fold");
    fold.onchange = () => this.set({ fold: Number(fold.value) });
    easel.surface.canvas.addEventListener("pointermove", (event) => this.point(event));
    easel.surface.canvas.addEventListener("pointerleave", () => { this.cursor.hidden = true; });
    document.addEventListener("pointerdown", (event) => {
      if (!(event.target as Element).closest?.(".c-pop, [data-open]")) this.open("");
    });
    this.element.addEventListener("pointerdown", () => { this.element.dataset["hand"] = "pointer"; }, true);
    document.addEventListener("fullscreenchange", () => { if (!document.fullscreenElement) this.fill(false); });
  }

  private keys(): void {
    addEventListener("keydown", (event) => {
      if (event.key === "Tab") this.element.dataset["hand"] = "keys";
      if (!this.awake(event)) return;
      const key = event.key.toLowerCase();
      const command = event.ctrlKey || event.metaKey;
      if (this.pen().busy && key !== " ") return event.preventDefault(); // one thing at a time: the hand is drawing
      if (command && (key === "z" || key === "y")) this.easel.step(key === "y" || event.shiftKey ? "redo" : "undo");
      else if (command || event.altKey) return;
      else if (key === " ") { this.pen().space = true; this.render(); }
      else if (key === "[" || key === "]") this.set({ size: stepped(this.easel.settings.size, key === "]" ? 1 : -1) });
      else if (key === "m") this.mask();
      else if (key === "f") this.easel.surface.fit();
      else if (key === "escape" && this.element.querySelector(".c-pop:not([hidden])")) this.shut();
      else if (key === "escape" && this.element.classList.contains("full")) void this.full();
      else if (KEYS[key]) this.choose(KEYS[key]);
      else return;
      event.preventDefault();
      event.stopImmediatePropagation();
    }, true);
    addEventListener("keyup", (event) => {
      if (event.key !== " " || !this.pen().space) return;
      event.preventDefault();
      this.pen().space = false;
      this.render();
    });
    addEventListener("blur", () => { this.pen().space = false; });
    const tools = this.find(".c-tools");
    tools.onkeydown = (event) => {
      const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      const all = [...tools.querySelectorAll<HTMLElement>("button")], at = all.indexOf(document.activeElement as HTMLElement);
      if (!by || at < 0) return;
      all[(at + by + all.length) % all.length]?.focus();
      event.preventDefault();
    };
  }

  // Keys are the canvas's while it is shown and nothing is being written or asked.
  private awake(event: KeyboardEvent): boolean {
    const target = event.target as Element;
    if (target.closest?.("input:not([type=range], [readonly]), textarea, select, [contenteditable=true]") || document.querySelector("dialog[open]")) return false;
    const pressed = target.closest?.("button, a, [role=button], [role=tab]"); // after a click Space is the sheet's again
    if (event.key === " " && pressed && (this.element.dataset["hand"] !== "pointer" || !this.element.contains(pressed))) return false;
    return this.element.getClientRects().length > 0;
  }

  private shown(): boolean { return this.element.getClientRects().length > 0 && !document.querySelector("dialog[open]"); }

  private files(): void {
    const file = this.find<HTMLInputElement>(".c-file");
    const take = (found: Iterable<File>): boolean => {
      const one = [...found].find((each) => each.type.startsWith("image/"));
      if (one) this.easel.take(one).catch((error: Error) => ground().fault(error));
      return Boolean(one);
    };
    file.onchange = () => { take(file.files ?? []); file.value = ""; };
    addEventListener("paste", (event) => {
      const target = event.target as Element;
      if (this.shown() && !target.closest?.("textarea, input:not([type=range], [readonly])") && take(event.clipboardData?.files ?? [])) event.preventDefault();
    });
    addEventListener("drop", (event) => {
      const frame = this.element.getBoundingClientRect();
      const over = event.clientX >= frame.left && event.clientX <= frame.right && event.clientY >= frame.top && event.clientY <= frame.bottom;
      if (!this.shown() || !over || !take(event.dataTransfer?.files ?? [])) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      const veil = document.querySelector<HTMLElement>(".dropping");
      if (veil) veil.hidden = true;
    }, true);
  }

  set(change: Partial<Settings>): void {
    Object.assign(this.easel.settings, change);
    keep(this.easel.settings);
    this.render();
  }

  remember(color: string): void {
    const recent = [color, ...this.easel.settings.recent.filter((one) => one !== color && !PIGMENTS.includes(one))];
    this.set({ color, recent: PIGMENTS.includes(color) ? this.easel.settings.recent : recent.slice(0, 6) });
  }

  choose(tool: Tool): void {
    if (this.easel.settings.tool !== "pick") this.before = this.easel.settings.tool;
    this.set({ tool });
  }

  picked(color: string | null): void {
    if (color) this.remember(color);
    if (this.easel.settings.tool === "pick") this.set({ tool: this.before });
    // Lines are always ink and masks a veil, so a colour in the hand means paint, unless a hint is coloured.
    const kind = this.easel.surface.layer?.kind;
    if (color && kind !== "paint" && kind !== "hint") this.easel.reach("paint");
  }

  private mask(): void {
    const masking = this.easel.surface.layer?.kind === "mask";
    this.easel.reach(masking ? (ground().tab?.now() === "sketch" ? "lines" : "paint") : "mask");
    if (["move", "pan", "pick"].includes(this.easel.settings.tool)) this.set({ tool: "brush" });
  }

  private mirror(): void {
    const { surface } = this.easel;
    surface.look({ ...surface.view, mirror: !surface.view.mirror });
    this.render();
  }

  private zoom(factor: number): void {
    const { surface } = this.easel;
    const { width, height } = surface.drawing;
    surface.look(about(surface.view, { x: surface.across / 2, y: surface.down / 2 }, { scale: surface.view.scale * factor }, width, height));
  }

  private grow(): void {
    if (!this.edges.size) return ground().toast(ground().say("canvas.grow.none"));
    const by = Number(this.find<HTMLSelectElement>(".c-by").value);
    const at = (edge: string): number => (this.edges.has(edge) ? by : 0);
    this.easel.grow({ left: at("left"), top: at("top"), right: at("right"), bottom: at("bottom") });
  }

  private async full(): Promise<void> {
    const on = !this.element.classList.contains("full");
    this.fill(on);
    // The whole page goes full, or its messages would stay behind. An iPhone cannot: there the window is filled.
    if (on) await document.documentElement.requestFullscreen?.().catch(() => undefined);
    else if (document.fullscreenElement) await document.exitFullscreen();
  }

  private fill(on: boolean): void {
    this.element.classList.toggle("full", on);
    this.find('[data-act="full"]').setAttribute("aria-pressed", String(on));
    this.easel.surface.measured();
  }

  private async export(): Promise<void> {
    const blob = await this.easel.export();
    if (!blob) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = "inkstone-drawing.png";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  private open(name: string, by?: HTMLElement): void {
    for (const pop of this.all(".c-pop")) {
      const shown = pop.dataset["pop"] === name && pop.hidden;
      pop.hidden = !shown;
    }
    for (const one of this.all("[data-open]")) one.setAttribute("aria-expanded", String(one === by && !this.find(`[data-pop="${name}"]`).hidden));
    if (name === "layers") this.layers.render(true);
    if (name === "color") this.pigments();
    // Who came by keyboard goes on in what has opened.
    const pop = this.element.querySelector(`[data-pop="${name}"]:not([hidden])`);
    if (pop && this.element.dataset["hand"] === "keys") (pop.querySelector<HTMLElement>("[aria-current=true] .c-name") ?? pop.querySelector<HTMLElement>("button, input, select"))?.focus();
  }

  // Closed by Escape: the keyboard is back where it came from.
  private shut(): void {
    const opener = this.element.querySelector<HTMLElement>('[data-open][aria-expanded="true"]');
    this.open("");
    opener?.focus();
  }

  private pigments(): void {
    this.find(".c-pigments").replaceChildren(...[...PIGMENTS, ...this.easel.settings.recent].map((color) => {
      const one = ground().make("button", "c-pigment");
      one.type = "button";
      one.style.background = color;
      one.title = color;
      one.setAttribute("aria-label", color);
      one.onclick = () => this.picked(color);
      return one;
    }));
  }

  // The ring of the brush under the pointer; a finger covers it anyway.
  private point(event: PointerEvent): void {
    const { tool, size } = this.easel.settings;
    const shown = event.pointerType !== "touch" && ["brush", "eraser", "line", "rectangle", "ellipse"].includes(tool) && !this.pen().space;
    this.cursor.hidden = !shown;
    if (!shown) return;
    const across = Math.max(3, size * this.easel.surface.view.scale);
    this.cursor.style.width = this.cursor.style.height = `${across}px`;
    const frame = this.easel.surface.canvas.getBoundingClientRect();
    this.cursor.style.transform = `translate(${event.clientX - frame.left - across / 2}px, ${event.clientY - frame.top - across / 2}px)`;
  }

  render(): void {
    const { easel } = this;
    const { settings, surface } = easel;
    for (const one of this.all("[data-tool]")) {
      one.setAttribute("aria-pressed", String(one.dataset["tool"] === settings.tool));
      one.tabIndex = one.dataset["tool"] === settings.tool ? 0 : -1; // one stop; the arrows go on from there
    }
    for (const [name, on] of Object.entries({ wrap: settings.wrap, filled: settings.filled, mirror: surface.view.mirror, mask: surface.layer?.kind === "mask" })) {
      for (const one of this.all(`[data-act="${name}"]`)) one.setAttribute("aria-pressed", String(on));
    }
    for (const edge of EDGES) this.find(`[data-edge="${edge}"]`).setAttribute("aria-pressed", String(this.edges.has(edge)));
    (this.find('[data-act="undo"]') as HTMLButtonElement).disabled = !surface.history.canUndo;
    (this.find('[data-act="redo"]') as HTMLButtonElement).disabled = !surface.history.canRedo;
    for (const one of this.all("input[data-set]") as HTMLInputElement[]) {
      const name = one.dataset["set"] as "size" | "softness" | "opacity" | "steady";
      one.value = String(name === "size" ? placeOf(settings.size) : Math.round(settings[name] * 100));
      const shown = one.parentElement?.querySelector("output");
      if (shown) shown.textContent = name === "size" ? String(settings.size) : one.value;
    }
    const fold = this.find<HTMLSelectElement>(".c-fold");
    if (!fold.options.length) fold.append(...FOLDS.map((n) => new Option(String(n), String(n))));
    for (const option of fold.options) option.text = option.value === "1" ? ground().say("canvas.fold.none") : option.value;
    fold.value = String(settings.fold);
    this.find<HTMLInputElement>(".c-color").value = settings.color;
    this.find(".c-swatch").style.setProperty("--now", surface.layer?.kind === "lines" ? "#1d1b18" : surface.layer?.kind === "mask" ? "#c8281e" : settings.color);
    this.element.dataset["tool"] = this.pen().space ? "pan" : settings.tool;
    this.element.dataset["kind"] = surface.layer?.kind ?? "";
    this.find(".c-invite").hidden = !easel.isEmpty();
    this.find(".c-now").textContent = surface.layer ? this.layers.title(surface.layer) : "";
    this.viewed();
    this.layers.render();
  }

  viewed(): void {
    const { surface } = this.easel;
    this.find(".c-zoom").textContent = `${Math.round(surface.view.scale * 100)}%`;
    this.find(".c-size").textContent = `${surface.drawing.width} × ${surface.drawing.height}`;
    this.frame();
  }

  // The corners of the picture that is being moved.
  private frame(): void {
    const frame = this.find(".c-frame");
    const { easel } = this, { surface, settings } = easel;
    const picture = settings.tool === "move" ? easel.pictures.held?.picture : null;
    frame.hidden = !picture;
    if (!picture) return;
    const [a, b, c, d, e, f] = surface.matrix;
    frame.style.width = `${picture.width}px`;
    frame.style.height = `${picture.height}px`;
    frame.style.transform = `matrix(${a},${b},${c},${d},${e + a * picture.x + c * picture.y},${f + b * picture.x + d * picture.y})`;
    frame.style.setProperty("--thin", `${1 / surface.view.scale}px`);
  }
}

// The slider's 0 … 100 as 1 … 300 pixels, finer where brushes are fine.
const sizeAt = (place: number): number => Math.max(1, Math.round(300 ** (place / 100) * 10) / 10);
const placeOf = (size: number): number => Math.round((Math.log(size) / Math.log(300)) * 100);
const stepped = (size: number, by: number): number => sizeAt(Math.min(100, Math.max(0, placeOf(size) + 4 * by)));
