// The list of layers: order, opacity, hide, lock, rename, add, delete.

import { changed, type Drawing, freshId, heir, type Kind, type Layer, layerOf, MOST_LAYERS } from "./drawing.js";
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
    const held = this.list.contains(document.activeElement) ? document.activeElement as HTMLElement : null;
    if (held instanceof HTMLInputElement && !held.readOnly && !force) return; // she is renaming one, or has its slider in her hand
    this.shown = layers;
    this.active = this.surface.active;
    const at = held?.closest<HTMLElement>(".c-layer")?.dataset["id"], part = held?.dataset["part"];
    this.list.replaceChildren(...[...layers].reverse().map((layer, i) => this.row(layer, layers.length - 1 - i)));
    // The keyboard stays where it was.
    if (held) (this.list.querySelector<HTMLElement>(`[data-id="${at}"] [data-part="${part}"]`) ?? this.list.querySelector<HTMLElement>("[aria-current=true] .c-name"))?.focus();
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

  private row(layer: Layer, at: number): HTMLElement {
    const ink = ground();
    const row = ink.make("li", "c-layer");
    row.dataset["kind"] = layer.kind;
    row.dataset["id"] = layer.id;
    row.classList.toggle("off", layer.hidden);
    row.setAttribute("aria-current", String(layer.id === this.surface.active));
    row.onclick = (event) => { if (event.target === row) this.choose(layer.id); };
    row.append(ink.make("i", "c-mark"), this.name(layer), this.buttons(layer, at), this.opacity(layer));
    return row;
  }

  // The first click (or Enter) chooses the layer, so that a phone's keyboard stays away; one more renames it.
  private name(layer: Layer): HTMLElement {
    const name = ground().make("input", "c-name");
    Object.assign(name, { value: this.title(layer), maxLength: 60, readOnly: true, title: ground().say("canvas.layer.name") });
    name.setAttribute("aria-label", `${ground().say("canvas.layer.name")}: ${name.value}`);
    name.dataset["part"] = "name";
    const write = (): void => {
      name.blur();
      name.readOnly = false;
      name.focus();
      name.select();
    };
    let chosen = false;
    name.onpointerdown = () => { chosen = layer.id === this.surface.active && name.readOnly; };
    name.onclick = () => (chosen ? write() : this.choose(layer.id));
    name.onblur = () => { name.readOnly = true; };
    name.onchange = () => this.edit(changed(this.surface.drawing, layer.id, { name: name.value.trim() }));
    name.onkeydown = (event) => {
      if (event.key === "Enter" && name.readOnly) (layer.id === this.surface.active ? write : () => this.choose(layer.id))();
      else if (event.key === "Escape" && !name.readOnly) { name.value = this.title(layer); name.blur(); }
      else if (event.key === "Enter") { name.blur(); name.focus(); }
      else return;
      event.stopPropagation();
    };
    return name;
  }

  private buttons(layer: Layer, at: number): HTMLElement {
    const change = (to: Partial<Layer>) => (): void => this.edit(changed(this.surface.drawing, layer.id, to));
    const buttons = ground().make("span", "c-layer-tools"), last = this.surface.drawing.layers.length - 1;
    buttons.append(
      this.button("seen", layer.hidden ? "show" : "hide", change({ hidden: !layer.hidden }), { on: layer.hidden }),
      this.button("locked", layer.locked ? "unlock" : "lock", change({ locked: !layer.locked }), { on: layer.locked }),
      this.button("up", "up", () => this.shift(layer.id, 1), { idle: at === last }),
      this.button("down", "down", () => this.shift(layer.id, -1), { idle: at === 0 }),
      this.button("delete", "delete", () => this.remove(layer.id), { idle: last === 0 }),
    );
    return buttons;
  }

  // Idle ones keep the keyboard, so they are not `disabled`.
  private button(part: string, what: string, act: () => void, { on = false, idle = false }): HTMLButtonElement {
    const ink = ground();
    const button = ink.make("button", `bare c-icon c-${what}`);
    button.type = "button";
    button.title = ink.say(`canvas.layer.${what}`);
    button.dataset["part"] = part;
    button.setAttribute("aria-label", button.title);
    button.setAttribute("aria-disabled", String(idle));
    button.classList.toggle("on", on);
    button.onclick = act;
    return button;
  }

  // One step however long the slider is held.
  private opacity(layer: Layer): HTMLElement {
    const opacity = ground().make("input", "c-opacity"), tip = ground().say("canvas.layer.opacity");
    Object.assign(opacity, { type: "range", min: "0", max: "100", value: String(Math.round(layer.opacity * 100)), title: tip });
    opacity.setAttribute("aria-label", tip);
    opacity.dataset["part"] = "opacity";
    let before: Drawing | null = null;
    const faded = (): Drawing => changed(this.surface.drawing, layer.id, { opacity: Number(opacity.value) / 100 });
    opacity.oninput = () => {
      before ??= this.surface.drawing;
      this.surface.history.replace(faded());
      this.surface.all();
    };
    opacity.onchange = () => {
      const next = faded();
      if (before) this.surface.history.replace(before);
      before = null;
      this.edit(next);
    };
    return opacity;
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
    const next = { ...drawing, layers: drawing.layers.filter((layer) => layer.id !== id) };
    const kind = drawing.layers.find((layer) => layer.id === id)?.kind ?? "paint";
    if (this.surface.active === id) this.surface.active = heir(next, kind)?.id ?? "";
    this.edit(next);
  }
}
