// A layer's pixels, kept in step with its strokes: what is new is laid on top, an undo goes back to a copy made
// on the way. Long work is done in slices.

import type { Layer, Placed, Stroke } from "./drawing.js";
import { canvasOf, colorOn, context, paintStroke } from "./ink";

const EVERY = 12; // strokes between two copies
const COPIES = 4;

interface Copy { readonly count: number; readonly last: Stroke | undefined; readonly canvas: HTMLCanvasElement }
export type Find = (placed: Placed, layer: Layer) => CanvasImageSource | null;

export class Raster {
  readonly canvas: HTMLCanvasElement;
  private readonly ink: CanvasRenderingContext2D;
  private strokes: readonly Stroke[] = [];
  private done = 0; // how many of them are on the canvas
  private picture: Placed | null = null;
  private image: CanvasImageSource | null = null;
  private copies: Copy[] = [];

  constructor(width: number, height: number, readonly density: number) {
    this.canvas = canvasOf(width * density, height * density);
    this.ink = context(this.canvas);
  }

  get behind(): boolean { return this.done < this.strokes.length; }

  // Take over what the layer is now. Nothing is drawn yet but what can be had at once.
  follow(layer: Layer, find: Find): void {
    const image = layer.picture ? find(layer.picture, layer) : null;
    const same = layer.picture === this.picture && image === this.image;
    if (same && layer.strokes === this.strokes) return;
    const grown = same && this.done <= layer.strokes.length && this.last(layer.strokes, this.done) === this.last(this.strokes, this.done);
    this.strokes = layer.strokes;
    if (grown) return;
    if (!same) this.copies = [];
    this.picture = layer.picture;
    this.image = image;
    this.rewind();
  }

  private last(strokes: readonly Stroke[], count: number): Stroke | undefined { return strokes[count - 1]; }

  private rewind(): void {
    this.copies = this.copies.filter((copy) => copy.count <= this.strokes.length && this.last(this.strokes, copy.count) === copy.last);
    const copy = this.copies.at(-1);
    this.ink.setTransform(1, 0, 0, 1, 0, 0);
    this.ink.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (copy) this.ink.drawImage(copy.canvas, 0, 0);
    this.ink.setTransform(this.density, 0, 0, this.density, 0, 0);
    if (!copy && this.picture && this.image) {
      this.ink.imageSmoothingQuality = "high";
      this.ink.drawImage(this.image, this.picture.x, this.picture.y, this.picture.width, this.picture.height);
    }
    this.done = copy?.count ?? 0;
  }

  // Draw what is missing until `deadline` (performance.now). True when nothing is missing any more.
  work(layer: Layer, deadline = Infinity): boolean {
    this.ink.setTransform(this.density, 0, 0, this.density, 0, 0);
    while (this.done < this.strokes.length) {
      const stroke = this.strokes[this.done];
      if (stroke) paintStroke(this.ink, stroke, colorOn(layer.kind, stroke));
      this.done += 1;
      if (this.done % EVERY === 0) this.remember();
      if (performance.now() > deadline) break;
    }
    return !this.behind;
  }

  private remember(): void {
    // Of the older copies every second one goes, so that a few of them reach far back.
    if (this.copies.length >= COPIES) this.copies.splice(1, 1);
    const canvas = canvasOf(this.canvas.width, this.canvas.height);
    context(canvas).drawImage(this.canvas, 0, 0);
    this.copies.push({ count: this.done, last: this.strokes[this.done - 1], canvas });
  }
}

// How many pixels of a raster stand for one of the drawing: small drawings are kept finer than they are.
export function densityFor(width: number, height: number): number {
  const side = Math.max(width, height);
  return side > 2048 ? 2048 / side : Math.min(4, Math.max(1, 1024 / side));
}
