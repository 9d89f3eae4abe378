// The canvas as a whole: what tools do to the drawing, what others ask of it, and how it is kept.

import { added, blank, changed, type Drawing, freshId, grown, GUIDES, heir, isBare, laidOver, type Edges, type Kind, type Layer, layerOf, MOST_STROKES, opened, resized, type Saved, saved, snap, strokesIn, LONGEST } from "./drawing.js";
import { bled } from "./bleed";
import { flooded, outlined, widened } from "./fill.js";
import { copies, type Point } from "./geometry.js";
import { ground } from "./ground";
import { canvasOf, coloured, context } from "./ink";
import { type Drag, Pictures, proportioned } from "./pictures";
import { recalled, type Settings } from "./settings";
import { type Flat, Surface } from "./surface";

export type Said = "change" | "rest" | "size" | "grow"; // grow: a painted sheet has new ground to be painted
export interface Wanted { image?: Blob | string; mask?: Blob | string; lines?: Blob | string; drawing?: unknown; size?: readonly [number, number]; fit?: "cover" | "inside" }
const COLOURS: ReadonlySet<string> = new Set(["picture", "paint"]);
const LINES: ReadonlySet<string> = new Set(["lines"]);
const HINTS: ReadonlySet<string> = new Set(["hint"]);
const MASKS: ReadonlySet<string> = new Set(["mask"]);
const SEEN: ReadonlySet<string> = new Set([...COLOURS, ...GUIDES]);
const FAINT = 0.5; // how far a hint is seen where something is drawn already; it guides in full
const SHEET = 512;
const SIDE = 128; // pixels: enough to see whether new ground is there

export class Easel {
  readonly surface: Surface;
  readonly pictures: Pictures;
  readonly settings: Settings = recalled();
  refresh: () => void = () => undefined;
  private listeners: Record<Said, (() => void)[]> = { change: [], rest: [], size: [], grow: [] };
  private unsized: Drawing | null = null; // the drawing before the form began to ask for other sizes

  constructor(canvas: HTMLCanvasElement) {
    this.surface = new Surface(canvas, SHEET, SHEET);
    this.pictures = new Pictures(this.surface);
    this.surface.url.of = (digest) => ground().url(`input/${digest}`);
  }

  get drawing(): Drawing { return this.surface.drawing; }

  on(what: Said, act: () => void): void { this.listeners[what].push(act); }
  say(what: Said): void { for (const act of this.listeners[what]) act(); }

  rest(): void {
    this.unsized = null;
    this.refresh();
    this.say("rest");
  }

  isEmpty(): boolean { return this.drawing.layers.every((layer) => layer.hidden || isBare(layer)); }

  // --- history

  step(by: "undo" | "redo"): void {
    const { width, height } = this.drawing;
    const kind = this.surface.layer?.kind ?? this.home();
    if (!this.surface.history[by]()) return;
    const sized = this.drawing.width !== width || this.drawing.height !== height;
    if (!this.surface.layer) this.surface.active = heir(this.drawing, kind)?.id ?? "";
    if (sized) this.surface.fit();
    this.surface.all();
    this.rest();
    if (sized) this.say("size");
  }

  private put(next: Drawing): void {
    const sized = next.width !== this.drawing.width || next.height !== this.drawing.height;
    this.surface.history.push(next);
    if (sized) this.surface.fit();
    this.surface.all();
    this.rest();
    if (sized) this.say("size");
  }

  // --- size

  // The form asks for a size. Of a row of sizes (1, 10, 102, 1024 as she types) each starts from the first.
  resize(width: number, height: number): void {
    const [w, h] = [snap(width), snap(height)];
    if (w === this.drawing.width && h === this.drawing.height) return;
    const from = this.unsized ?? this.drawing;
    this.unsized = from;
    this.surface.history.replace(resized(from, w, h));
    this.surface.fit();
    this.surface.all();
    this.refresh();
  }

  grow(edges: Edges): void {
    const { width, height } = this.drawing;
    if (width + edges.left + edges.right > LONGEST || height + edges.top + edges.bottom > LONGEST) {
      ground().toast(ground().say("canvas.grow.most", { n: LONGEST }));
      return;
    }
    this.put(grown(this.drawing, edges));
    if (this.has(COLOURS)) this.say("grow");
  }

  clear(): void {
    const fresh = blank(this.drawing.width, this.drawing.height);
    this.surface.active = heir(fresh, this.home(fresh))?.id ?? "";
    this.put(fresh);
  }

  // --- tools

  // What a first stroke is: a line in the tab of lines, elsewhere paint, and over a picture a mask.
  home(drawing = this.drawing): Kind {
    if (ground().tab?.now() === "sketch") return "lines";
    return drawing.layers.some((layer) => layer.picture) ? "mask" : "paint";
  }

  // The layer that takes the next stroke: the one chosen, else the nearest that can be drawn on.
  ready(): Kind | null {
    let layer = this.surface.layer;
    if (strokesIn(this.drawing) >= MOST_STROKES) {
      ground().toast(ground().say("canvas.strokes.most", { n: MOST_STROKES }));
      return null;
    }
    if (!layer || layer.kind === "picture") layer = this.reach("paint");
    if (layer.locked) {
      ground().toast(ground().say("canvas.locked"));
      return null;
    }
    if (layer.hidden) this.surface.history.replace(changed(this.drawing, layer.id, { hidden: false }));
    return layer.kind;
  }

  // The top layer of a kind, made when there is none, and chosen.
  reach(kind: Kind): Layer {
    let layer = this.surface.layer?.kind === kind ? this.surface.layer : [...this.drawing.layers].reverse().find((one) => one.kind === kind);
    if (!layer) {
      layer = layerOf(kind, freshId(this.drawing, kind));
      this.surface.history.replace({ ...this.drawing, layers: [...this.drawing.layers, layer] });
    }
    this.surface.active = layer.id;
    this.refresh();
    return layer;
  }

  fill(at: Point): void {
    const { width, height } = this.drawing;
    if (at.x < 0 || at.y < 0 || at.x >= width || at.y >= height) return;
    const scale = Math.max(1, Math.max(width, height) / 1024);
    const [w, h] = [Math.round(width / scale), Math.round(height / scale)];
    const pixels = this.flat(w, h, new Set([...SEEN, ...(this.surface.layer?.kind === "mask" ? MASKS : [])]), true, { seen: true });
    const found = flooded(pixels.getImageData(0, 0, w, h).data, w, h, Math.floor(at.x / scale), Math.floor(at.y / scale), 48);
    const rings = outlined(widened(found, w, h), w, h, scale);
    const { settings } = this;
    const all = copies(rings, { fold: settings.fold, wrap: false }, width, height, 0);
    this.put(added(this.drawing, this.surface.active, all.map((points) => ({
      mark: "area", erase: false, color: settings.color, size: 1, softness: 0, opacity: settings.opacity, points,
    }))));
  }

  pick(at: Point): string | null {
    const { width, height } = this.drawing;
    if (at.x < 0 || at.y < 0 || at.x >= width || at.y >= height) return null;
    const pixels = this.flat(width, height, SEEN, true, { seen: true });
    const [r = 0, g = 0, b = 0] = pixels.getImageData(Math.floor(at.x), Math.floor(at.y), 1, 1).data;
    return `#${[r, g, b].map((one) => one.toString(16).padStart(2, "0")).join("")}`;
  }

  // Take hold of a picture, or say why there is none to be had.
  grab(at: Point): Drag | null {
    const drag = this.pictures.grab(at, () => this.rest());
    if (!drag && !this.pictures.held) {
      const locked = this.drawing.layers.some((layer) => layer.picture && layer.locked);
      ground().toast(ground().say(locked ? "canvas.locked" : "canvas.move.none"));
    }
    return drag;
  }

  // --- pictures out

  private flat(width: number, height: number, kinds: ReadonlySet<string>, paper: boolean, how: Flat = {}): CanvasRenderingContext2D {
    const ink = context(canvasOf(width, height), { willReadFrequently: true });
    if (paper) {
      ink.fillStyle = "#fff";
      ink.fillRect(0, 0, width, height);
    }
    this.surface.flatten(ink, width, height, kinds, how);
    return ink;
  }

  private has(kinds: ReadonlySet<string>): boolean {
    return this.drawing.layers.some((layer) => !layer.hidden && kinds.has(layer.kind) && !isBare(layer));
  }

  // Contract: `lines` and `mask` white on black, the lines over the hints in their own colours; `colour` as it lies
  // on white paper; the live stroke included.
  draw(kind: "lines" | "colour" | "mask", ink: CanvasRenderingContext2D, exact = false): void {
    const { width, height } = ink.canvas;
    ink.save();
    ink.setTransform(1, 0, 0, 1, 0, 0);
    if (kind === "colour") {
      ink.fillStyle = "#fff";
      ink.fillRect(0, 0, width, height);
      this.surface.flatten(ink, width, height, COLOURS, { exact });
    } else {
      ink.clearRect(0, 0, width, height);
      this.surface.flatten(ink, width, height, kind === "lines" ? LINES : MASKS, { exact });
      ink.globalCompositeOperation = "source-in";
      ink.fillStyle = "#fff";
      ink.fillRect(0, 0, width, height);
      ink.globalCompositeOperation = "destination-over";
      if (kind === "lines" && this.has(HINTS)) ink.drawImage(this.flat(width, height, HINTS, false, { exact }).canvas, 0, 0);
      ink.fillStyle = "#000";
      ink.fillRect(0, 0, width, height);
    }
    ink.restore();
  }

  async blob(kind: "lines" | "colour" | "mask", width: number, height: number): Promise<Blob | null> {
    await this.pictures.settled();
    if (!this.has({ lines: GUIDES, colour: COLOURS, mask: MASKS }[kind])) return null;
    const ink = context(canvasOf(width, height));
    this.draw(kind, ink, true);
    if (kind === "colour" && this.has(MASKS)) this.ground(ink);
    return new Promise((done) => ink.canvas.toBlob(done, "image/png"));
  }

  // Whether something bare is masked, as where a painted sheet has grown.
  bare(): boolean {
    if (!this.has(MASKS) || !this.has(COLOURS)) return false;
    const alphas = [MASKS, COLOURS].map((kinds) => this.flat(SIDE, SIDE, kinds, false, { exact: true }).getImageData(0, 0, SIDE, SIDE).data);
    const [mask, painted] = alphas;
    return Boolean(mask?.some((value, i) => i % 4 === 3 && value > 200 && (painted?.[i] ?? 0) < 32));
  }

  // What is masked and bare is new ground: not white paper lies there, but the colours around it.
  private ground(ink: CanvasRenderingContext2D): void {
    const { width, height } = ink.canvas;
    const painted = this.flat(width, height, COLOURS, false, { exact: true });
    const under = bled(painted.canvas);
    const mask = this.flat(width, height, MASKS, false, { exact: true });
    under.globalCompositeOperation = "destination-in";
    under.drawImage(mask.canvas, 0, 0);
    ink.drawImage(under.canvas, 0, 0);
    ink.drawImage(painted.canvas, 0, 0);
  }

  async export(): Promise<Blob | null> {
    await this.pictures.settled();
    const { width, height } = this.drawing;
    const ink = this.flat(width, height, SEEN, true, { exact: true, seen: true });
    return new Promise((done) => ink.canvas.toBlob(done, "image/png"));
  }

  // --- pictures and drawings in

  json(): Saved { return saved(this.drawing); }

  async load(wanted: Wanted): Promise<void> {
    let next: Drawing;
    if (wanted.drawing) {
      try { next = opened(wanted.drawing); } catch (error) { throw new Error(ground().say("canvas.unreadable"), { cause: error }); }
    } else {
      const [width, height] = wanted.size ?? [this.drawing.width, this.drawing.height];
      next = blank(snap(width), snap(height));
      const how = wanted.fit ?? "cover";
      if (wanted.image) {
        const { image, blob } = await this.pictures.read(wanted.image);
        if (!wanted.size) next = blank(...proportioned(next, image));
        next = this.pictures.place(next, image, blob, "picture", how);
      }
      for (const kind of ["lines", "mask"] as const) {
        const from = wanted[kind];
        if (!from) continue;
        const { image, blob } = await this.pictures.read(from);
        const hint = kind === "lines" && coloured(image);
        const bare = hint ? next : { ...next, layers: next.layers.filter((layer) => layer.id !== kind) };
        next = this.pictures.place(bare, image, blob, hint ? "hint" : kind, "cover");
      }
    }
    this.surface.active = heir(next, wanted.image ? "mask" : this.home(next))?.id ?? "";
    this.put(next);
    await this.surface.whole();
  }

  // What she drew meanwhile goes over what is there now.
  lay(mine: Drawing): void { this.put(laidOver(this.drawing, mine)); }

  // A picture as a layer; onto an empty sheet it brings its proportions.
  async take(source: Blob | string, kind: Kind = "picture"): Promise<void> {
    const { image, blob } = await this.pictures.read(source);
    const fresh = this.isEmpty();
    const [width, height] = fresh ? proportioned(this.drawing, image) : [this.drawing.width, this.drawing.height];
    const base = fresh ? resized(this.drawing, width, height) : this.drawing;
    const id = freshId(base, kind);
    const next = this.pictures.place(base, image, blob, kind, fresh ? "cover" : "inside");
    if (kind !== "picture") this.surface.active = id;
    this.put(kind === "hint" && !fresh ? changed(next, id, { opacity: FAINT }) : next);
  }
}
