// The sheet on the screen: the drawing, its rasters, the view, and a loop that runs only while something changes.

import { type Drawing, GUIDES, type Layer, type Placed, type Stroke, blank, changed } from "./drawing.js";
import { type Box, type Matrix, type Point, type View, applied, around, common, fitted, inverse, joined, matrix } from "./geometry.js";
import { History } from "./history.js";
import { canvasOf, colorOn, context, coverage, INK, paintStroke, reach, VEIL } from "./ink";
import { densityFor, Raster } from "./raster";

const SLICE = 8; // milliseconds a frame for catching up
export interface Flat { exact?: boolean; seen?: boolean }

export class Surface {
  readonly history: History<Drawing>;
  active = "lines";
  view: View = { scale: 1, angle: 0, mirror: false, x: 0, y: 0 };
  live: Stroke[] = [];
  onFrame: (kind: "change" | "view") => void = () => undefined;
  private rasters = new Map<string, Raster>();
  private pictures = new Map<string, HTMLImageElement>();
  private tinted = new WeakMap<HTMLImageElement, Map<string, HTMLCanvasElement>>();
  private readonly ink: CanvasRenderingContext2D;
  private scratch = canvasOf(1, 1);
  private frame = 0;
  private dirty: Box | "all" | null = null;
  private drawn: Box | null = null; // what the live strokes covered in the last frame
  private inked = false;
  private fits = true;
  private mount = "#efe8da";
  private room = { across: 0, down: 0 };

  constructor(readonly canvas: HTMLCanvasElement, width: number, height: number) {
    this.history = new History(blank(width, height));
    this.ink = context(canvas, { desynchronized: true, alpha: false });
  }

  get drawing(): Drawing { return this.history.now; }
  get layer(): Layer | undefined { return this.drawing.layers.find((one) => one.id === this.active); }
  get matrix(): Matrix { return matrix(this.view, this.drawing.width, this.drawing.height); }
  get across(): number { return this.canvas.clientWidth || 1; }
  get down(): number { return this.canvas.clientHeight || 1; }

  toSheet(point: Point): Point { return applied(inverse(this.matrix), point); }

  fit(): void {
    this.view = { ...fitted(this.drawing.width, this.drawing.height, this.across, this.down), mirror: this.view.mirror };
    this.fits = true;
    this.all("view");
  }

  look(view: View): void {
    const scale = Math.min(64, Math.max(0.02, view.scale));
    this.view = { ...view, scale };
    this.fits = false;
    this.all("view");
  }

  // The element has another size, or is shown for the first time.
  measured(): void {
    const ratio = Math.min(2, devicePixelRatio || 1);
    const [width, height] = [Math.round(this.across * ratio), Math.round(this.down * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.mount = getComputedStyle(this.canvas).getPropertyValue("--mount").trim() || this.mount;
    const { room, view } = this;
    this.room = { across: this.across, down: this.down };
    if (this.fits) return this.fit();
    // What was in the middle stays there.
    this.view = { ...view, x: view.x + (this.across - room.across) / 2, y: view.y + (this.down - room.down) / 2 };
    this.all("view");
  }

  all(kind: "change" | "view" = "change"): void {
    this.dirty = "all";
    if (kind === "change") this.inked = true;
    this.ask();
  }

  // The strokes that the pen is making now.
  show(strokes: Stroke[]): void {
    this.live = strokes;
    this.inked = true;
    const now = strokes.map(reach).reduce<Box | null>(joined, null);
    if (this.dirty !== "all") this.dirty = joined(this.dirty, joined(now, this.drawn));
    this.drawn = now;
    this.ask();
  }

  private ask(): void {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.tick());
  }

  private tick(): void {
    this.frame = 0;
    const behind = this.catchUp(performance.now() + SLICE);
    const area = this.dirty;
    this.dirty = null;
    if (area) this.paint(area);
    const kind = this.inked ? "change" : "view";
    this.inked = false;
    this.onFrame(kind);
    if (behind) this.all();
  }

  // Bring every raster up to the drawing. True while one is still behind.
  catchUp(deadline = Infinity): boolean {
    const { width, height, layers } = this.drawing;
    const density = densityFor(width, height);
    let behind = false;
    for (const id of [...this.rasters.keys()]) if (!layers.some((layer) => layer.id === id)) this.rasters.delete(id);
    for (const layer of layers) {
      let raster = this.rasters.get(layer.id);
      if (!raster || raster.density !== density || raster.canvas.width !== Math.round(width * density) || raster.canvas.height !== Math.round(height * density)) {
        raster = new Raster(width, height, density);
        this.rasters.set(layer.id, raster);
      }
      raster.follow(layer, (placed, of) => this.find(placed, of));
      if (raster.behind && performance.now() < deadline) raster.work(layer, deadline);
      behind ||= raster.behind;
    }
    return behind;
  }

  // The whole screen, or of it the whole pixels that an area of the sheet lies in: a pixel cut in half would be
  // laid twice, and pale.
  private paint(area: Box | "all"): void {
    const { ink, drawing } = this;
    const ratio = this.canvas.width / this.across;
    const [a, b, c, d, e, f] = this.matrix.map((value) => value * ratio) as unknown as Matrix;
    const sheet = { x0: 0, y0: 0, x1: drawing.width, y1: drawing.height };
    const full = { x0: 0, y0: 0, x1: this.canvas.width, y1: this.canvas.height };
    const on = area === "all" ? full : around([a, b, c, d, e, f], area);
    const [x0, y0, x1, y1] = [Math.floor(on.x0), Math.floor(on.y0), Math.ceil(on.x1), Math.ceil(on.y1)];
    const wide = around(inverse([a, b, c, d, e, f]), { x0: x0 - 2, y0: y0 - 2, x1: x1 + 2, y1: y1 + 2 });
    const box = common(wide, sheet);
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.save();
    ink.beginPath();
    ink.rect(x0, y0, x1 - x0, y1 - y0);
    ink.clip();
    ink.fillStyle = this.mount;
    ink.fillRect(x0, y0, x1 - x0, y1 - y0);
    ink.setTransform(a, b, c, d, e, f);
    ink.beginPath();
    ink.rect(0, 0, drawing.width, drawing.height);
    this.paper(ratio, wide.x0 < 0 || wide.y0 < 0 || wide.x1 > sheet.x1 || wide.y1 > sheet.y1);
    ink.clip();
    if (box.x1 > box.x0 && box.y1 > box.y0) for (const layer of drawing.layers) this.lay(ink, layer, box);
    ink.restore();
  }

  private paper(ratio: number, rim: boolean): void {
    const { ink } = this;
    ink.save();
    if (rim) {
      ink.shadowColor = "rgba(40, 30, 15, .28)";
      ink.shadowBlur = 14 * ratio;
      ink.shadowOffsetY = 3 * ratio;
    }
    ink.fillStyle = "#fff";
    ink.fill();
    ink.restore();
  }

  private lay(ink: CanvasRenderingContext2D, layer: Layer, box: Box): void {
    const raster = this.rasters.get(layer.id);
    if (layer.hidden || !raster) return;
    const drawing = layer.id === this.active && this.live.length > 0;
    ink.globalAlpha = layer.opacity * (layer.kind === "mask" ? 0.5 : 1);
    ink.imageSmoothingQuality = "high";
    const source = drawing ? this.withLive(raster, layer, box) : raster.canvas;
    const r = source.width / this.drawing.width, s = source.height / this.drawing.height;
    ink.drawImage(source, box.x0 * r, box.y0 * s, (box.x1 - box.x0) * r, (box.y1 - box.y0) * s, box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0);
    ink.globalAlpha = 1;
  }

  private withLive(raster: Raster, layer: Layer, box: Box): HTMLCanvasElement {
    const { canvas, density } = raster;
    if (this.scratch.width !== canvas.width || this.scratch.height !== canvas.height) this.scratch = canvasOf(canvas.width, canvas.height);
    const pad = context(this.scratch);
    const x = Math.floor(box.x0 * density), y = Math.floor(box.y0 * density);
    const w = Math.ceil(box.x1 * density) - x, h = Math.ceil(box.y1 * density) - y;
    pad.setTransform(1, 0, 0, 1, 0, 0);
    pad.save();
    pad.beginPath();
    pad.rect(x, y, w, h);
    pad.clip();
    pad.clearRect(x, y, w, h);
    pad.drawImage(canvas, x, y, w, h, x, y, w, h);
    pad.setTransform(density, 0, 0, density, 0, 0);
    for (const stroke of this.live) paintStroke(pad, stroke, colorOn(layer.kind, stroke));
    pad.restore();
    return this.scratch;
  }

  // --- the same for others: what lies on the layers, at any size

  // Layers of these kinds onto a context of width × height pixels, the stroke in the making included. What is faded
  // guides in full; where it is `seen` it is as faded as on the screen.
  flatten(ink: CanvasRenderingContext2D, width: number, height: number, kinds: ReadonlySet<string>, { exact = false, seen = false }: Flat = {}): void {
    const across = width / this.drawing.width, down = height / this.drawing.height;
    if (!exact) this.catchUp();
    for (const layer of this.drawing.layers) {
      if (layer.hidden || !kinds.has(layer.kind)) continue;
      const raster = this.rasters.get(layer.id);
      const live = layer.id === this.active && this.live.length > 0;
      ink.globalAlpha = layer.kind !== "mask" && (seen || !GUIDES.has(layer.kind)) ? layer.opacity : 1;
      ink.imageSmoothingQuality = "high";
      const box = { x0: 0, y0: 0, x1: this.drawing.width, y1: this.drawing.height };
      const source = exact || !raster ? this.drawnAt(layer, width, height, across, down) : live ? this.withLive(raster, layer, box) : raster.canvas;
      ink.drawImage(source, 0, 0, width, height);
    }
    ink.globalAlpha = 1;
  }

  // Straight from the vectors, sharp at any size.
  private drawnAt(layer: Layer, width: number, height: number, across: number, down: number): HTMLCanvasElement {
    const canvas = canvasOf(width, height);
    const ink = context(canvas);
    ink.setTransform(across, 0, 0, down, 0, 0);
    ink.imageSmoothingQuality = "high";
    const image = layer.picture ? this.find(layer.picture, layer) : null;
    if (layer.picture && image) ink.drawImage(image, layer.picture.x, layer.picture.y, layer.picture.width, layer.picture.height);
    for (const stroke of layer.strokes) paintStroke(ink, stroke, colorOn(layer.kind, stroke));
    return canvas;
  }

  // --- pictures on layers

  readonly url = { of: (digest: string): string => digest };

  find(placed: Placed, layer: Layer): CanvasImageSource | null {
    const image = this.pictures.get(placed.local || placed.image) ?? this.pictures.get(placed.image);
    if (!image) {
      if (placed.image) void this.fetch(placed.image, this.url.of(placed.image)).catch(() => undefined);
      return null;
    }
    if (!image.complete || !image.naturalWidth) return null;
    if (layer.kind !== "lines" && layer.kind !== "mask") return image;
    const known = this.tinted.get(image) ?? new Map<string, HTMLCanvasElement>();
    this.tinted.set(image, known);
    const color = layer.kind === "lines" ? INK : VEIL;
    const tint = known.get(color) ?? coverage(image, image.naturalWidth, image.naturalHeight, color);
    known.set(color, tint);
    return tint;
  }

  async fetch(name: string, address: string): Promise<HTMLImageElement> {
    const image = this.pictures.get(name) ?? new Image();
    if (!this.pictures.has(name)) {
      this.pictures.set(name, image);
      image.src = address;
    }
    await image.decode();
    this.all();
    return image;
  }

  known(name: string, image: HTMLImageElement): void { this.pictures.set(name, image); }

  async whole(): Promise<void> {
    const needed = this.drawing.layers.flatMap((layer) => (layer.picture?.image ? [layer.picture] : []));
    await Promise.all(needed.filter((one) => !one.local).map((one) => this.fetch(one.image, this.url.of(one.image))));
  }

  change(id: string, change: Partial<Layer>): void {
    this.history.push(changed(this.drawing, id, change));
    this.all();
  }
}
