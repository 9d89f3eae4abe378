// Strokes to pixels. The context is already scaled so that one unit is one pixel of the drawing.

import { getStroke } from "perfect-freehand";
import type { Kind, Stroke } from "./drawing.js";
import { boxOf, type Box } from "./geometry.js";

export const INK = "#1d1b18";
export const VEIL = "#c8281e";
const CHROMA = 64; // levels between the channels of what is no grey
const FEW = 16; // pixels
type Context = CanvasRenderingContext2D;

export function context(canvas: HTMLCanvasElement, options?: CanvasRenderingContext2DSettings): Context {
  const found = canvas.getContext("2d", options);
  if (!found) throw new Error("This browser cannot draw.");
  return found;
}

export function canvasOf(width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  return canvas;
}

// Lines are ink and masks a veil, whatever colour the brush has.
export const colorOn = (kind: Kind, stroke: Stroke): string => (kind === "lines" ? INK : kind === "mask" ? VEIL : stroke.color);

export function reach(stroke: Stroke): Box {
  return boxOf(stroke.points, 0, stroke.mark === "area" ? 2 : stroke.size * (0.75 + stroke.softness / 2) + 2);
}

export function paintStroke(target: Context, stroke: Stroke, color: string): void {
  if (stroke.points.length < 3) return;
  target.save();
  target.globalCompositeOperation = stroke.erase ? "destination-out" : "source-over";
  target.fillStyle = target.strokeStyle = color;
  target.lineCap = target.lineJoin = "round";
  if (stroke.mark === "area") {
    target.globalAlpha = stroke.opacity;
    target.fill(rings(stroke.points), "evenodd");
  } else if (stroke.softness < 0.04) {
    target.globalAlpha = stroke.opacity;
    body(target, stroke, stroke.size);
  } else soft(target, stroke, color);
  target.restore();
}

function body(target: Context, stroke: Stroke, size: number): void {
  if (stroke.mark === "brush") target.fill(outline(stroke.points, size));
  else {
    target.lineWidth = size;
    target.stroke(polyline(stroke.points, stroke.mark === "shape"));
  }
}

// A soft edge is a pile of ever narrower strokes: the n-th of k, laid with alpha 1/(k-n+1), makes a straight
// slope from nothing at the rim to full in the middle. Piled elsewhere, then laid down once.
function soft(target: Context, stroke: Stroke, color: string): void {
  const now = target.getTransform();
  const zoom = Math.hypot(now.a, now.b);
  const many = Math.min(20, Math.max(4, Math.round((stroke.size * stroke.softness * zoom) / 3)));
  const box = reach(stroke);
  const corners = [[box.x0, box.y0], [box.x1, box.y0], [box.x0, box.y1], [box.x1, box.y1]].map(([x = 0, y = 0]) => now.transformPoint({ x, y }));
  const x0 = Math.max(0, Math.floor(Math.min(...corners.map((p) => p.x)))), y0 = Math.max(0, Math.floor(Math.min(...corners.map((p) => p.y))));
  const x1 = Math.min(target.canvas.width, Math.ceil(Math.max(...corners.map((p) => p.x)))), y1 = Math.min(target.canvas.height, Math.ceil(Math.max(...corners.map((p) => p.y))));
  if (x1 <= x0 || y1 <= y0) return;
  const pile = context(canvasOf(x1 - x0, y1 - y0));
  pile.setTransform(now.a, now.b, now.c, now.d, now.e - x0, now.f - y0);
  pile.fillStyle = pile.strokeStyle = color;
  pile.lineCap = pile.lineJoin = "round";
  const widest = stroke.size * (1 + stroke.softness / 2), narrowest = stroke.size * (1 - stroke.softness * 0.95);
  for (let n = 1; n <= many; n += 1) {
    pile.globalAlpha = 1 / (many - n + 1);
    body(pile, stroke, Math.max(0.3, widest + ((narrowest - widest) * (n - 1)) / (many - 1)));
  }
  target.globalAlpha = stroke.opacity;
  target.setTransform(1, 0, 0, 1, 0, 0);
  target.drawImage(pile.canvas, x0, y0);
}

export function outline(points: readonly number[], size: number): Path2D {
  const input: [number, number, number][] = [];
  for (let i = 0; i + 2 < points.length; i += 3) input.push([points[i] ?? 0, points[i + 1] ?? 0, points[i + 2] ?? 0.5]);
  const edge = getStroke(input, { size, thinning: 0.62, smoothing: 0.5, streamline: 0.22, simulatePressure: false, last: true });
  const path = new Path2D();
  const first = edge[0];
  if (!first) return path;
  path.moveTo(first[0] ?? 0, first[1] ?? 0);
  for (let i = 0; i < edge.length; i += 1) {
    const [x = 0, y = 0] = edge[i] ?? [], [nx = 0, ny = 0] = edge[(i + 1) % edge.length] ?? [];
    path.quadraticCurveTo(x, y, (x + nx) / 2, (y + ny) / 2);
  }
  path.closePath();
  return path;
}

function polyline(points: readonly number[], closed: boolean): Path2D {
  const path = new Path2D();
  for (let i = 0; i + 2 < points.length; i += 3) path.lineTo(points[i] ?? 0, points[i + 1] ?? 0);
  if (closed) path.closePath();
  return path;
}

function rings(points: readonly number[]): Path2D {
  const path = new Path2D();
  for (let i = 0; i + 2 < points.length; i += 3) {
    if (points[i + 2] === 0) {
      if (i) path.closePath();
      path.moveTo(points[i] ?? 0, points[i + 1] ?? 0);
    } else path.lineTo(points[i] ?? 0, points[i + 1] ?? 0);
  }
  path.closePath();
  return path;
}

// A black and white picture as a veil: white covers, black does not.
export function coverage(image: CanvasImageSource, width: number, height: number, color: string): HTMLCanvasElement {
  const canvas = canvasOf(width, height);
  const target = context(canvas, { willReadFrequently: true });
  target.drawImage(image, 0, 0, canvas.width, canvas.height);
  const found = target.getImageData(0, 0, canvas.width, canvas.height);
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  for (let i = 0; i < found.data.length; i += 4) {
    const light = ((found.data[i] ?? 0) * 0.299 + (found.data[i + 1] ?? 0) * 0.587 + (found.data[i + 2] ?? 0) * 0.114) * ((found.data[i + 3] ?? 0) / 255);
    found.data.set([r, g, b, light], i);
  }
  target.putImageData(found, 0, 0);
  return canvas;
}

// Whether a picture says something by its colours: lines and depths are grey, but for a camera's noise.
export function coloured(image: HTMLImageElement): boolean {
  const { naturalWidth: width, naturalHeight: height } = image;
  const target = context(canvasOf(width, height), { willReadFrequently: true });
  target.drawImage(image, 0, 0);
  const { data } = target.getImageData(0, 0, width, height);
  let found = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [r = 0, g = 0, b = 0] = [data[i], data[i + 1], data[i + 2]];
    if (Math.max(r, g, b) - Math.min(r, g, b) > CHROMA) found += 1;
  }
  return found > FEW;
}
