// The drawing as a value: layers of vector strokes. Nothing in it changes; an edit makes another one.

export const VERSION = 1;
export const MOST_LAYERS = 64;
export const MOST_STROKES = 20_000;
export const LONGEST = 4096;

// hint: what guides by its colours or greys, as a pose or a depth does
export type Kind = "lines" | "hint" | "paint" | "picture" | "mask";
export const GUIDES: ReadonlySet<Kind> = new Set<Kind>(["lines", "hint"]); // they guide, and are not painted from
// brush: pressure ink; line: a polyline of even width; shape: a closed one; area: filled rings
export type Mark = "brush" | "line" | "shape" | "area";

export interface Stroke {
  readonly mark: Mark;
  readonly erase: boolean;
  readonly color: string; // #rrggbb
  readonly size: number; // pixels of the drawing
  readonly softness: number; // 0 crisp … 1 soft to the middle
  readonly opacity: number; // 0 … 1
  readonly points: readonly number[]; // x, y, pressure, x, y, pressure … ; in an area, pressure 0 begins a ring
}

export interface Placed {
  readonly image: string; // SHA-256 of an input picture; "" while it is being uploaded
  readonly local: string; // where the page has it meanwhile; never saved
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Layer {
  readonly id: string;
  readonly kind: Kind;
  readonly name: string;
  readonly opacity: number;
  readonly hidden: boolean;
  readonly locked: boolean;
  readonly picture: Placed | null;
  readonly strokes: readonly Stroke[];
}

export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly layers: readonly Layer[]; // from the bottom up
}

export const round = (value: number, by = 10): number => Math.round(value * by) / by;
export const snap = (side: number): number => Math.min(LONGEST, Math.max(64, Math.round(side / 8) * 8));

export function layerOf(kind: Kind, id: string, name = ""): Layer {
  return { id, kind, name, opacity: 1, hidden: false, locked: false, picture: null, strokes: [] };
}

export function blank(width: number, height: number): Drawing {
  return { width, height, layers: [layerOf("paint", "paint"), layerOf("lines", "lines"), layerOf("mask", "mask")] };
}

export function freshId(drawing: Drawing, kind: Kind): string {
  const taken = new Set(drawing.layers.map((layer) => layer.id));
  if (!taken.has(kind)) return kind;
  let n = 2;
  while (taken.has(`${kind}${n}`)) n += 1;
  return `${kind}${n}`;
}

export function changed(drawing: Drawing, id: string, change: Partial<Layer>): Drawing {
  return { ...drawing, layers: drawing.layers.map((layer) => (layer.id === id ? { ...layer, ...change } : layer)) };
}

export function added(drawing: Drawing, id: string, strokes: readonly Stroke[]): Drawing {
  const layer = drawing.layers.find((one) => one.id === id);
  return layer ? changed(drawing, id, { strokes: [...layer.strokes, ...strokes] }) : drawing;
}

export function strokesIn(drawing: Drawing): number {
  return drawing.layers.reduce((sum, layer) => sum + layer.strokes.length, 0);
}

export const isBare = (layer: Layer): boolean => !layer.picture && !layer.strokes.some((stroke) => !stroke.erase);

// The layer that takes the next stroke when the chosen one, of this kind, is gone.
export function heir(drawing: Drawing, kind: Kind): Layer | undefined {
  const topmost = (wanted: Kind): Layer | undefined => drawing.layers.findLast((layer) => layer.kind === wanted);
  return topmost(kind) ?? topmost("paint") ?? topmost("lines") ?? drawing.layers.at(-1);
}

// Scaled by `factor`, then moved by (dx, dy), onto another size.
export function moved(drawing: Drawing, width: number, height: number, factor: number, dx: number, dy: number): Drawing {
  const place = (stroke: Stroke): Stroke => ({
    ...stroke,
    size: round(stroke.size * factor, 100),
    points: stroke.points.map((value, i) => (i % 3 === 2 ? value : round(value * factor + (i % 3 ? dy : dx)))),
  });
  const layers = drawing.layers.map((layer) => ({
    ...layer,
    strokes: layer.strokes.map(place),
    picture: layer.picture && {
      ...layer.picture,
      x: round(layer.picture.x * factor + dx),
      y: round(layer.picture.y * factor + dy),
      width: round(layer.picture.width * factor),
      height: round(layer.picture.height * factor),
    },
  }));
  return { width, height, layers };
}

export function resized(drawing: Drawing, width: number, height: number): Drawing {
  const [across, down] = [width / drawing.width, height / drawing.height];
  const full = drawing.layers.some((layer) => layer.picture);
  const factor = full ? Math.max(across, down) : Math.min(across, down); // a picture stays without margins
  const [dx, dy] = [(width - drawing.width * factor) / 2, (height - drawing.height * factor) / 2];
  return moved(drawing, width, height, factor, dx, dy);
}

// What was drawn on one sheet laid over another: strokes on the topmost layer of their kind, pictures as they are.
export function laidOver(below: Drawing, above: Drawing): Drawing {
  return resized(above, below.width, below.height).layers.reduce((sheet, layer) => {
    if (layer.picture) return { ...sheet, layers: [...sheet.layers, { ...layer, id: freshId(sheet, layer.kind) }] };
    const at = sheet.layers.findLast((one) => one.kind === layer.kind);
    return at && layer.strokes.length ? added(sheet, at.id, layer.strokes) : sheet;
  }, below);
}

export interface Edges { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number }
export const LAP = 32; // pixels over which the new grows out of the old
export const MASK_COLOR = "#ffffff";

// A larger sheet. What is new, and a little of the old beside it, is masked: it is to be painted.
export function grown(drawing: Drawing, edges: Edges): Drawing {
  const [w, h] = [drawing.width + edges.left + edges.right, drawing.height + edges.top + edges.bottom];
  let next = moved(drawing, w, h, 1, edges.left, edges.top);
  if (!drawing.layers.some((layer) => layer.kind !== "mask" && !GUIDES.has(layer.kind) && !isBare(layer))) return next;
  const lap = LAP;
  const bars: number[][] = [];
  if (edges.left) bars.push([0, 0, edges.left + lap, h]);
  if (edges.right) bars.push([w - edges.right - lap, 0, w, h]);
  if (edges.top) bars.push([0, 0, w, edges.top + lap]);
  if (edges.bottom) bars.push([0, h - edges.bottom - lap, w, h]);
  const strokes = bars.map(([x0 = 0, y0 = 0, x1 = 0, y1 = 0]): Stroke => ({
    mark: "area", erase: false, color: MASK_COLOR, size: 1, softness: 0, opacity: 1,
    points: [x0, y0, 0, x1, y0, 1, x1, y1, 1, x0, y1, 1],
  }));
  let mask = next.layers.find((layer) => layer.kind === "mask");
  if (!mask) {
    mask = layerOf("mask", freshId(next, "mask"));
    next = { ...next, layers: [...next.layers, mask] };
  }
  return changed(added(next, mask.id, strokes), mask.id, { hidden: false });
}

// --- as JSON

export interface Saved { version: number; width: number; height: number; layers: SavedLayer[] }
interface SavedLayer extends Omit<Layer, "picture" | "strokes"> {
  picture: Omit<Placed, "local"> | null;
  strokes: Stroke[];
}

export function saved(drawing: Drawing): Saved {
  const layers = drawing.layers.map((layer): SavedLayer => {
    const { picture, strokes, ...rest } = layer;
    const there = picture?.image ? { image: picture.image, x: picture.x, y: picture.y, width: picture.width, height: picture.height } : null;
    return { ...rest, picture: there, strokes: [...strokes] };
  });
  return { version: VERSION, width: drawing.width, height: drawing.height, layers };
}

// What our own server has checked. Throws when it is another version's.
export function opened(value: unknown): Drawing {
  const said = value as Partial<Saved> | null;
  if (!said || said.version !== VERSION || !Array.isArray(said.layers) || !said.width || !said.height) {
    throw new Error("not a drawing of this version");
  }
  const layers = said.layers.slice(0, MOST_LAYERS).map((layer): Layer => ({
    ...layerOf(layer.kind, layer.id, layer.name),
    opacity: layer.opacity, hidden: layer.hidden, locked: layer.locked,
    picture: layer.picture ? { ...layer.picture, local: "" } : null,
    strokes: layer.strokes,
  }));
  return { width: said.width, height: said.height, layers };
}
