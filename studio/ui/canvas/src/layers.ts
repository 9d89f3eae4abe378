// The list of layers: order, opacity, hide, lock, rename, add, delete.

import { changed, type Drawing, freshId, type Kind, type Layer, layerOf, MOST_LAYERS } from "./drawing.js";
import { ground } from "./ground";
import type { Surface } from "./surface";

export const KINDS: readonly Kind[] = ["lines", "paint", "mask"];

export class Layers {
  private shown: readonly Layer[] | null = null;
  private active = "";

  constructor(private readonly list: HTMLElement, private readonly surface: Surface, private readonly rest: () => void) {}

  title(layer: Layer): string {
    return layer.name || `${ground().say(`canvas.kind.${layer.kind}`)} ${layer.id.replace(/^\D+/, "")}`.trim();
  }

  render(force = false): void {
    const { layers } = this.surface.drawing;
    if (!force && layers === this.shown && this.active === this.surface.active) return;
    const held = this.list.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement;
    if (held && !force) return; // she is renaming one, or has its slider in her hand
    this.shown = layers;
    this.active = this.surface.active;
    this.list.replaceChildren(...[...layers].reverse().map((layer) => this.row(layer)));
  }

  edit(next: Drawing): void {
    this.surface.history.push(next);
    this.surface.all();
    this.render(true);
    this.rest();
  }

  add(kind: Kind): void {
    const { drawing } = this.surface;
    if (drawing.layers.length >= MOST_LAYERS) return ground().toast(ground().say("canvas.layers.most", { n: MOST_LAYERS }));
    const layer = layerOf(kind, freshId(drawing, kind));
    const at = drawing.layers.findIndex((one) => one.id === this.surface.active) + 1;
    this.surface.active = layer.id;
    this.edit({ ...drawing, layers: [...drawing.layers.slice(0, at), layer, ...drawing.layers.slice(at)] });
  }

  private row(layer: Layer): HTMLElement {
    const ink = ground();
    const row = ink.make("li", "c-layer");
    row.dataset["kind"] = layer.kind;
    row.dataset["id"] = layer.id;
    row.classList.toggle("off", layer.hidden);
    row.setAttribute("aria-current", String(layer.id === this.surface.active));
    const name = ink.make("input", "c-name");
    name.value = this.title(layer);
    name.maxLength = 60;
    name.setAttribute("aria-label", ink.say("canvas.layer.name"));
    name.onfocus = () => this.choose(layer.id);
    name.onchange = () => this.edit(changed(this.surface.drawing, layer.id, { name: name.value.trim() }));
    name.onkeydown = (event) => { if (event.key === "Enter") name.blur(); event.stopPropagation(); };
    const buttons = ink.make("span", "c-layer-tools");
    buttons.append(
      this.button(layer.hidden ? "show" : "hide", () => this.edit(changed(this.surface.drawing, layer.id, { hidden: !layer.hidden })), layer.hidden),
      this.button(layer.locked ? "unlock" : "lock", () => this.edit(changed(this.surface.drawing, layer.id, { locked: !layer.locked })), layer.locked),
      this.button("up", () => this.shift(layer.id, 1)),
      this.button("down", () => this.shift(layer.id, -1)),
      this.button("delete", () => this.remove(layer.id)),
    );
    const opacity = ink.make("input", "c-opacity");
    Object.assign(opacity, { type: "range", min: "0", max: "100", value: String(Math.round(layer.opacity * 100)) });
    opacity.setAttribute("aria-label", ink.say("canvas.layer.opacity"));
    opacity.title = ink.say("canvas.layer.opacity");
    const before = { drawing: this.surface.drawing };
    opacity.onpointerdown = () => { before.drawing = this.surface.drawing; };
    opacity.oninput = () => {
      this.surface.history.replace(changed(this.surface.drawing, layer.id, { opacity: Number(opacity.value) / 100 }));
      this.surface.all();
    };
    opacity.onchange = () => {
      const next = changed(this.surface.drawing, layer.id, { opacity: Number(opacity.value) / 100 });
      this.surface.history.replace(before.drawing);
      this.edit(next);
    };
    row.onclick = (event) => { if (event.target === row) this.choose(layer.id); };
    row.append(ink.make("i", "c-mark"), name, buttons, opacity);
    return row;
  }

  private button(what: string, act: () => void, on = false): HTMLButtonElement {
    const ink = ground();
    const button = ink.make("button", `bare c-icon c-${what}`);
    button.type = "button";
    button.title = ink.say(`canvas.layer.${what}`);
    button.setAttribute("aria-label", button.title);
    button.classList.toggle("on", on);
    button.onclick = act;
    return button;
  }

  choose(id: string): void {
    this.surface.active = id;
    this.active = id;
    for (const row of this.list.children) row.setAttribute("aria-current", String((row as HTMLElement).dataset["id"] === id));
    this.rest();
  }

  private shift(id: string, by: number): void {
    const layers = [...this.surface.drawing.layers];
    const at = layers.findIndex((layer) => layer.id === id), to = at + by;
    const [one, other] = [layers[at], layers[to]];
    if (!one || !other) return;
    [layers[at], layers[to]] = [other, one];
    this.edit({ ...this.surface.drawing, layers });
  }

  private remove(id: string): void {
    const { drawing } = this.surface;
    if (drawing.layers.length < 2) return;
    const layers = drawing.layers.filter((layer) => layer.id !== id);
    if (this.surface.active === id) this.surface.active = layers.at(-1)?.id ?? "";
    this.edit({ ...drawing, layers });
  }
}
