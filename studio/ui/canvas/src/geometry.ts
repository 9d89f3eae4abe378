// Points, boxes, the view, and the copies of symmetry and tiling.

export interface Point { readonly x: number; readonly y: number }
export interface Box { x0: number; y0: number; x1: number; y1: number }

export function boxOf(points: readonly number[], from = 0, margin = 0): Box {
  const box = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
  for (let i = from; i + 1 < points.length; i += 3) {
    const x = points[i] ?? 0, y = points[i + 1] ?? 0;
    if (x < box.x0) box.x0 = x;
    if (x > box.x1) box.x1 = x;
    if (y < box.y0) box.y0 = y;
    if (y > box.y1) box.y1 = y;
  }
  return { x0: box.x0 - margin, y0: box.y0 - margin, x1: box.x1 + margin, y1: box.y1 + margin };
}

export function joined(a: Box | null, b: Box | null): Box | null {
  if (!a || !b) return a ?? b;
  return { x0: Math.min(a.x0, b.x0), y0: Math.min(a.y0, b.y0), x1: Math.max(a.x1, b.x1), y1: Math.max(a.y1, b.y1) };
}

export const overlap = (a: Box, b: Box): boolean => a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;

export function common(a: Box, b: Box): Box {
  return { x0: Math.max(a.x0, b.x0), y0: Math.max(a.y0, b.y0), x1: Math.min(a.x1, b.x1), y1: Math.min(a.y1, b.y1) };
}

// The upright box around a box that went through a matrix.
export function around(by: Matrix, { x0, y0, x1, y1 }: Box): Box {
  return boxOf([[x0, y0], [x1, y0], [x0, y1], [x1, y1]].flatMap(([x = 0, y = 0]) => {
    const at = applied(by, { x, y });
    return [at.x, at.y, 1];
  }));
}

// What is shown where: scaled, mirrored, turned about the middle of the sheet, moved.
export interface View { scale: number; angle: number; mirror: boolean; x: number; y: number }
export type Matrix = readonly [number, number, number, number, number, number];

export function matrix(view: View, width: number, height: number): Matrix {
  const cos = Math.cos(view.angle) * view.scale, sin = Math.sin(view.angle) * view.scale, flip = view.mirror ? -1 : 1;
  const [a, b, c, d] = [cos * flip, sin * flip, -sin, cos];
  return [a, b, c, d, view.x - (a * width + c * height) / 2, view.y - (b * width + d * height) / 2];
}

export function applied([a, b, c, d, e, f]: Matrix, { x, y }: Point): Point {
  return { x: a * x + c * y + e, y: b * x + d * y + f };
}

export function inverse([a, b, c, d, e, f]: Matrix): Matrix {
  const det = a * d - b * c;
  return [d / det, -b / det, -c / det, a / det, (c * f - d * e) / det, (b * e - a * f) / det];
}

export function fitted(width: number, height: number, across: number, down: number): View {
  const margin = Math.min(48, across * 0.05 + 8);
  const scale = Math.max(0.02, Math.min((across - margin) / width, (down - margin) / height));
  return { scale, angle: 0, mirror: false, x: across / 2, y: down / 2 };
}

// The view after `change`, such that what lies under the screen's point `at` stays there.
export function about(view: View, at: Point, change: Partial<View>, width: number, height: number): View {
  const under = applied(inverse(matrix(view, width, height)), at);
  const next = { ...view, ...change };
  const now = applied(matrix(next, width, height), under);
  return { ...next, x: next.x + at.x - now.x, y: next.y + at.y - now.y };
}

export interface Repeats { readonly fold: number; readonly wrap: boolean }

// The stroke itself first, then its mirror image (2) or its turns about the middle (3 to 8); with `wrap` also
// what enters on the other side of an edge, so that the sheet tiles without a seam.
export function copies(points: readonly number[], repeats: Repeats, width: number, height: number, margin: number): number[][] {
  const turned: number[][] = [[...points]];
  if (repeats.fold === 2) turned.push(points.map((value, i) => (i % 3 === 0 ? width - value : value)));
  for (let n = 1; repeats.fold > 2 && n < repeats.fold; n += 1) {
    const cos = Math.cos((n * 2 * Math.PI) / repeats.fold), sin = Math.sin((n * 2 * Math.PI) / repeats.fold);
    const copy: number[] = [];
    for (let i = 0; i + 2 < points.length; i += 3) {
      const x = (points[i] ?? 0) - width / 2, y = (points[i + 1] ?? 0) - height / 2;
      copy.push(width / 2 + x * cos - y * sin, height / 2 + x * sin + y * cos, points[i + 2] ?? 0);
    }
    turned.push(copy);
  }
  return repeats.wrap ? turned.flatMap((one) => tiled(one, width, height, margin)) : turned;
}

function tiled(points: number[], width: number, height: number, margin: number): number[][] {
  const found: number[][] = [];
  const box = boxOf(points, 0, margin);
  for (const dx of [0, -width, width]) {
    for (const dy of [0, -height, height]) {
      const seen = box.x1 + dx > 0 && box.x0 + dx < width && box.y1 + dy > 0 && box.y0 + dy < height;
      if (seen) found.push(points.map((value, i) => (i % 3 === 0 ? value + dx : i % 3 === 1 ? value + dy : value)));
    }
  }
  return found;
}

export function rectangle(a: Point, b: Point, square: boolean): number[] {
  const end = square ? squared(a, b) : b;
  return [a.x, a.y, 1, end.x, a.y, 1, end.x, end.y, 1, a.x, end.y, 1];
}

export function ellipse(a: Point, b: Point, square: boolean): number[] {
  const end = square ? squared(a, b) : b;
  const [cx, cy, rx, ry] = [(a.x + end.x) / 2, (a.y + end.y) / 2, (end.x - a.x) / 2, (end.y - a.y) / 2];
  const count = 72;
  return Array.from({ length: count }, (_, i) => (i * 2 * Math.PI) / count)
    .flatMap((t) => [cx + rx * Math.cos(t), cy + ry * Math.sin(t), 1]);
}

// The angle from one direction to another, the short way round.
export function turn(a: Point, b: Point): number {
  return Math.atan2(a.x * b.y - a.y * b.x, a.x * b.x + a.y * b.y);
}

// A line's end, on one of 24 directions when it shall be straight.
export function straight(a: Point, b: Point, strict: boolean): Point {
  if (!strict) return b;
  const step = Math.PI / 12, angle = Math.round(Math.atan2(b.y - a.y, b.x - a.x) / step) * step;
  const length = Math.hypot(b.x - a.x, b.y - a.y);
  return { x: a.x + length * Math.cos(angle), y: a.y + length * Math.sin(angle) };
}

function squared(a: Point, b: Point): Point {
  const side = Math.max(Math.abs(b.x - a.x), Math.abs(b.y - a.y));
  return { x: a.x + side * Math.sign(b.x - a.x || 1), y: a.y + side * Math.sign(b.y - a.y || 1) };
}
