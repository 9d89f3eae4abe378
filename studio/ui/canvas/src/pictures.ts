// Pictures that come onto the canvas: pasted, dropped, chosen or loaded. Kept by digest among her inputs.

import { changed, type Drawing, freshId, type Kind, type Layer, layerOf, LONGEST, round, snap } from "./drawing.js";
import type { Point } from "./geometry.js";
import { ground } from "./ground";
import { canvasOf, context } from "./ink";
import type { Surface } from "./surface";

const AGAIN = 5000; // milliseconds
const GROUND: ReadonlySet<Kind> = new Set<Kind>(["picture", "hint"]); // they cover the sheet, so they lie under the others
export interface Drag { to(at: Point): void; end(): void; back(): void }

export class Pictures {
  private waiting = new Set<Promise<void>>();
  private count = 0;

  constructor(private readonly surface: Surface) {}

  // Every upload has arrived, and every picture is there to be drawn.
  async settled(): Promise<void> {
    await Promise.all(this.waiting);
    await this.surface.whole();
  }

  async read(source: Blob | string): Promise<{ image: HTMLImageElement; blob: Blob }> {
    const blob = typeof source === "string" ? await (await fetch(source, { credentials: "same-origin" })).blob() : source;
    if (!/^image\/(png|jpeg|webp)$/.test(blob.type)) throw new Error(ground().say("canvas.no_picture"));
    const image = new Image();
    image.src = URL.createObjectURL(blob);
    try { await image.decode(); } catch (error) { throw new Error(ground().say("canvas.no_picture"), { cause: error }); }
    return Math.max(image.naturalWidth, image.naturalHeight) > LONGEST ? this.smaller(image) : { image, blob };
  }

  // A phone's photo is larger than anything painted here: it is made smaller before it is sent.
  private async smaller(image: HTMLImageElement): Promise<{ image: HTMLImageElement; blob: Blob }> {
    const factor = LONGEST / Math.max(image.naturalWidth, image.naturalHeight);
    const canvas = canvasOf(image.naturalWidth * factor, image.naturalHeight * factor);
    context(canvas).drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", 0.93));
    URL.revokeObjectURL(image.src);
    return this.read(blob ?? new Blob());
  }

  // A new layer with the picture in it, `cover`ing the sheet or wholly inside of it.
  place(drawing: Drawing, image: HTMLImageElement, blob: Blob, kind: Kind, how: "cover" | "inside"): Drawing {
    this.count += 1;
    const local = `local-${this.count}`;
    this.surface.known(local, image);
    const [across, down] = [drawing.width / image.naturalWidth, drawing.height / image.naturalHeight];
    const factor = how === "cover" ? Math.max(across, down) : Math.min(across, down);
    const [width, height] = [round(image.naturalWidth * factor), round(image.naturalHeight * factor)];
    const picture = { image: "", local, x: round((drawing.width - width) / 2), y: round((drawing.height - height) / 2), width, height };
    const layer: Layer = { ...layerOf(kind, freshId(drawing, kind)), picture };
    const sending = this.send(local, blob).finally(() => this.waiting.delete(sending));
    this.waiting.add(sending);
    const above = GROUND.has(kind) ? drawing.layers.filter((one) => GROUND.has(one.kind)).length : drawing.layers.length;
    return { ...drawing, layers: [...drawing.layers.slice(0, above), layer, ...drawing.layers.slice(above)] };
  }

  private async send(local: string, blob: Blob): Promise<void> {
    try {
      const said = await ground().ask("upload", { method: "POST", body: blob });
      const digest = String(said["image"]);
      this.surface.history.everywhere((drawing) => {
        const layer = drawing.layers.find((one) => one.picture?.local === local);
        return layer?.picture ? changed(drawing, layer.id, { picture: { ...layer.picture, image: digest } }) : drawing;
      });
      this.surface.all();
    } catch (error) {
      if (!(error as { offline?: boolean }).offline) return ground().fault(error as Error);
      await new Promise((again) => setTimeout(again, AGAIN)); // it is on the sheet; it is sent when the studio is back
      return this.send(local, blob);
    }
  }

  // The picture that is taken hold of first: the chosen layer's, else the topmost.
  get held(): Layer | undefined {
    const { layer, drawing } = this.surface;
    return layer && free(layer) ? layer : drawing.layers.findLast((one) => one.kind === "picture" && free(one));
  }

  // Move the picture under the point, or by one of its corners scale it.
  grab(at: Point, done: () => void): Drag | null {
    const { surface } = this;
    const reach = 18 / surface.view.scale;
    const under = ({ picture }: Layer): boolean => Boolean(picture && inside(picture, at, reach));
    const chosen = surface.layer;
    const layer = chosen && free(chosen) && under(chosen)
      ? chosen
      : surface.drawing.layers.findLast((one) => one.kind === "picture" && free(one) && under(one));
    const from = layer?.picture;
    if (!layer || !from) return null;
    surface.active = layer.id;
    let next: Frame = from;
    const corner = CORNERS.find(([x, y]) => Math.hypot(from.x + x * from.width - at.x, from.y + y * from.height - at.y) < reach);
    const lay = (frame: Frame): Drawing => {
      const { x, y, width, height } = frame;
      const now = surface.drawing.layers.find((one) => one.id === layer.id)?.picture ?? from; // it may have arrived meanwhile
      return changed(surface.drawing, layer.id, { picture: { ...now, x, y, width, height } });
    };
    const show = (frame: Frame): void => {
      next = frame;
      surface.history.replace(lay(frame));
      surface.all();
    };
    return {
      to: (to) => show(corner ? stretched(from, corner, to) : { ...from, x: round(from.x + to.x - at.x), y: round(from.y + to.y - at.y) }),
      back: () => show(from),
      end: () => {
        const last = next;
        show(from);
        if (last.x !== from.x || last.y !== from.y || last.width !== from.width) surface.history.push(lay(last));
        surface.all();
        done();
      },
    };
  }
}

const CORNERS = [[0, 0], [1, 0], [0, 1], [1, 1]] as const;
const free = (layer: Layer): boolean => Boolean(layer.picture && !layer.hidden && !layer.locked);
const inside = ({ x, y, width, height }: Frame, at: Point, reach: number): boolean =>
  at.x > x - reach && at.y > y - reach && at.x < x + width + reach && at.y < y + height + reach;

interface Frame { x: number; y: number; width: number; height: number }

function stretched(from: Frame, [right, low]: readonly [number, number], to: Point): Frame {
  const fixed = { x: from.x + (1 - right) * from.width, y: from.y + (1 - low) * from.height };
  const factor = Math.max(0.02, Math.abs(to.x - fixed.x) / from.width, Math.abs(to.y - fixed.y) / from.height);
  const [width, height] = [round(from.width * factor), round(from.height * factor)];
  return { x: round(right ? fixed.x : fixed.x - width), y: round(low ? fixed.y : fixed.y - height), width, height };
}

// A size of the same area as the sheet in the proportions of a picture.
export function proportioned(drawing: Drawing, image: HTMLImageElement): [number, number] {
  const ratio = image.naturalWidth / image.naturalHeight;
  const area = drawing.width * drawing.height;
  return [snap(Math.sqrt(area * ratio)), snap(Math.sqrt(area / ratio))];
}
