// `inkstone.canvas`: starts the drawing surface on the page, and is what the rest of the page asks it for.

import { GUIDES, type Kind } from "./drawing.js";
import { Easel, type Said, type Wanted } from "./easel";
import { ground } from "./ground";
import { Keeping } from "./keeping";
import { Layers } from "./layers";
import { Panel } from "./panel";
import { Pen } from "./pen";

let easel: Easel | null = null;

function start(element: HTMLElement): void {
  const ink = ground();
  const root = element.querySelector<HTMLElement>(".canvas");
  const sheet = element.querySelector<HTMLCanvasElement>(".c-sheet");
  const list = element.querySelector<HTMLElement>(".c-layers");
  if (!root || !sheet || !list || easel) return;
  const made = new Easel(sheet);
  easel = made;
  const keeping = new Keeping(made);
  const layers = new Layers(list, made.surface, () => made.rest());
  const panel: Panel = new Panel(root, made, layers, () => pen);
  const pen: Pen = new Pen(made.surface, {
    settings: made.settings,
    ready: () => made.ready(),
    rest: () => made.rest(),
    undo: () => made.step("undo"),
    redo: () => made.step("redo"),
    fill: (at) => made.fill(at),
    pick: (at) => panel.picked(made.pick(at)),
    grab: (at) => made.grab(at),
  });
  made.surface.onFrame = (kind) => {
    if (kind === "change") made.say("change");
    panel.viewed();
  };
  new ResizeObserver(() => made.surface.measured()).observe(sheet);
  new MutationObserver(() => made.surface.measured()).observe(document.body, { attributeFilter: ["class"] });
  ink.onTab?.((name) => {
    const kind = made.surface.layer?.kind;
    const guides = Boolean(kind && GUIDES.has(kind));
    if ((name === "sketch" && !guides) || (name === "img2img" && guides)) made.reach(made.home());
  });
  Object.assign(canvas, api(made, keeping));
  ink.spoken(() => {
    for (const one of root.querySelectorAll<HTMLElement>("[data-word]")) one.textContent = ink.say(one.dataset["word"] ?? "");
    for (const one of root.querySelectorAll<HTMLElement>("[data-tip]")) {
      one.title = ink.say(one.dataset["tip"] ?? "");
      one.setAttribute("aria-label", one.title);
    }
    layers.render(true);
    panel.render();
  });
  panel.render();
  made.surface.measured();
  ink.canvasAt?.();
  void keeping.recall();
}

function api(made: Easel, keeping: Keeping): Record<string, unknown> {
  const sides = (width?: number, height?: number): [number, number] => [width ?? made.drawing.width, height ?? made.drawing.height];
  return {
    size: () => [made.drawing.width, made.drawing.height],
    resize: (width: number, height: number) => made.resize(width, height),
    load: (wanted: Wanted) => made.load(wanted),
    take: (source: Blob | string, kind?: Kind) => made.take(source, kind),
    drawing: () => made.json(),
    isEmpty: () => made.isEmpty(),
    lines: (width?: number, height?: number) => made.blob("lines", ...sides(width, height)),
    colour: (width?: number, height?: number) => made.blob("colour", ...sides(width, height)),
    mask: (width?: number, height?: number) => made.blob("mask", ...sides(width, height)),
    bare: () => made.bare(),
    export: () => made.export(),
    draw: (kind: "lines" | "colour" | "mask", ink: CanvasRenderingContext2D) => made.draw(kind, ink),
    on: (what: Said, act: () => void) => made.on(what, act),
    grow: (left: number, top: number, right: number, bottom: number) => made.grow({ left, top, right, bottom }),
    undo: () => made.step("undo"),
    redo: () => made.step("redo"),
    clear: () => made.clear(),
    keep: () => keeping.now(),
    view: () => ({ ...made.surface.view }),
    settings: made.settings,
  };
}

const canvas = (element: HTMLElement): void => start(element);
ground().canvas = canvas;
