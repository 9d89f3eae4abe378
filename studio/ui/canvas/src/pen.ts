// Pointers to strokes: pen, mouse and fingers on the sheet. A pen that has been seen leaves touch for moving it.

import { added, type Kind, type Mark, round, type Stroke } from "./drawing.js";
import { about, copies, ellipse, overlap, type Point, rectangle, straight, turn } from "./geometry.js";
import { reach } from "./ink";
import type { Drag } from "./pictures";
import type { Settings, Tool } from "./settings";
import type { Surface } from "./surface";

const TAP = { milliseconds: 350, pixels: 12 };
const PALM = 500; // milliseconds after the pen in which a touch is the hand that holds it
const UNDER_WAY = { milliseconds: 400, points: 8 }; // a finger's stroke that a second finger does not take back

export interface Hand {
  readonly settings: Settings;
  ready(): Kind | null; // the kind of layer that takes the stroke; null: none does, and she has been told
  rest(): void;
  undo(): void;
  redo(): void;
  fill(at: Point): void;
  pick(at: Point): void;
  grab(at: Point): Drag | null;
}

interface Touch { x: number; y: number; fromX: number; fromY: number; since: number }

export class Pen {
  private points: number[] = [];
  private pointer = -1;
  private tool: Tool = "brush";
  private erase = false;
  private start: Point = { x: 0, y: 0 };
  private lagging: Point = { x: 0, y: 0 };
  private before = { x: 0, y: 0, time: 0, pressure: 0.5 };
  private panning: Point | null = null;
  private dragging: Drag | null = null;
  private touches = new Map<number, Touch>();
  private most = 0; // fingers in this gesture
  private since = 0; // when its first finger came
  private penSeen = false;
  private penAt = -Infinity; // when the pen was last there, drawing or hovering
  space = false;

  constructor(private readonly surface: Surface, private readonly hand: Hand) {
    const canvas = surface.canvas;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event, false));
    canvas.addEventListener("pointercancel", (event) => this.up(event, true));
    canvas.addEventListener("lostpointercapture", (event) => this.up(event, true)); // no end came, as when the tab was left
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  }

  get busy(): boolean { return this.pointer >= 0; }

  private at(event: { clientX: number; clientY: number }): Point {
    const frame = this.surface.canvas.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  }

  private down(event: PointerEvent): void {
    event.preventDefault();
    if (event.isTrusted) this.surface.canvas.setPointerCapture(event.pointerId);
    this.surface.canvas.closest<HTMLElement>(".canvas")?.setAttribute("data-hand", "pointer");
    this.surface.canvas.focus({ preventScroll: true });
    const at = this.at(event);
    if (event.pointerType === "touch" && !this.finger(event, at)) return;
    if (event.pointerType === "pen") this.nib(event);
    if (this.pointer >= 0) return;
    this.pointer = event.pointerId;
    this.tool = event.pointerType === "pen" && event.buttons & 32 ? "eraser" : this.hand.settings.tool;
    if (this.space || event.button === 1 || this.tool === "pan") { this.panning = at; return; }
    if (event.button === 2) { this.pointer = -1; return; }
    this.begin(event, this.surface.toSheet(at));
  }

  // A finger comes. True when it may draw.
  private finger(event: PointerEvent, at: Point): boolean {
    const held = this.pointer >= 0 && !this.touches.has(this.pointer); // a pen or a mouse is at work
    if (held || event.timeStamp - this.penAt < PALM) return false;
    const first = this.touches.get(this.pointer);
    if (first && event.timeStamp - first.since > UNDER_WAY.milliseconds && this.points.length > 3 * UNDER_WAY.points) return false;
    if (!this.touches.size) [this.since, this.most] = [event.timeStamp, 0];
    this.touches.set(event.pointerId, { x: at.x, y: at.y, fromX: at.x, fromY: at.y, since: event.timeStamp });
    this.most = Math.max(this.most, this.touches.size);
    if (this.touches.size > 1) this.drop();
    return this.touches.size === 1 && !this.penSeen; // beside a pen a finger moves the sheet
  }

  // The pen comes: whatever touches the sheet now is the hand that holds it.
  private nib(event: PointerEvent): void {
    this.penSeen = true;
    this.penAt = event.timeStamp;
    this.touches.clear();
    if (this.pointer !== event.pointerId) this.drop();
  }

  private begin(event: PointerEvent, at: Point): void {
    if (this.tool === "pick" || (event.altKey && this.tool === "brush")) { this.hand.pick(at); this.pointer = -1; return; }
    if (this.tool === "move") {
      this.dragging = this.hand.grab(at);
      if (!this.dragging) this.pointer = -1;
      return;
    }
    if (!this.hand.ready()) { this.pointer = -1; return; }
    if (this.tool === "fill") { this.hand.fill(at); this.pointer = -1; return; }
    this.surface.catchUp();
    this.erase = this.tool === "eraser" || (event.altKey && this.tool !== "brush");
    this.start = this.lagging = at;
    this.before = { x: event.clientX, y: event.clientY, time: event.timeStamp, pressure: this.pressed(event) ?? 0.42 };
    this.points = [round(at.x), round(at.y), round(this.before.pressure, 100)];
    this.show(event);
  }

  // A pen's own pressure; null where there is none to be had.
  private pressed(event: PointerEvent): number | null {
    const real = event.pointerType === "pen" || (event.pressure > 0 && event.pressure !== 0.5 && event.pressure !== 1);
    return real ? event.pressure : null;
  }

  private move(event: PointerEvent): void {
    const at = this.at(event);
    if (event.pointerType === "pen") this.penAt = event.timeStamp;
    const touch = this.touches.get(event.pointerId);
    if (touch) {
      const single = this.touches.size === 1 && this.pointer < 0 && (this.penSeen || this.most > 1);
      if (this.touches.size > 1 || single) return this.gesture(event.pointerId, touch, at);
      [touch.x, touch.y] = [at.x, at.y];
    }
    if (event.pointerId !== this.pointer) return;
    if (this.panning) {
      const view = this.surface.view;
      this.surface.look({ ...view, x: view.x + at.x - this.panning.x, y: view.y + at.y - this.panning.y });
      this.panning = at;
    } else if (this.dragging) this.dragging.to(this.surface.toSheet(at));
    else if (this.points.length) {
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const one of passed.length ? passed : [event]) this.add(one);
      this.show(event);
    }
  }

  private add(event: PointerEvent): void {
    const at = this.surface.toSheet(this.at(event));
    if (this.tool !== "brush" && this.tool !== "eraser" && this.tool !== "lasso") {
      this.lagging = at;
      return;
    }
    const follow = 1 - this.hand.settings.steady;
    this.lagging = { x: this.lagging.x + (at.x - this.lagging.x) * follow, y: this.lagging.y + (at.y - this.lagging.y) * follow };
    const pressure = this.pressed(event) ?? this.guessed(event);
    const [x, y] = [this.points.at(-3) ?? 0, this.points.at(-2) ?? 0];
    if (Math.hypot(this.lagging.x - x, this.lagging.y - y) * this.surface.view.scale < 0.7) return;
    this.points.push(round(this.lagging.x), round(this.lagging.y), round(pressure, 100));
    this.before = { x: event.clientX, y: event.clientY, time: event.timeStamp, pressure };
  }

  // Without pressure a slow hand presses and a quick one does not.
  private guessed(event: PointerEvent): number {
    const { before } = this;
    const passed = Math.max(1, event.timeStamp - before.time);
    const speed = Math.hypot(event.clientX - before.x, event.clientY - before.y) / passed;
    const wished = 0.72 - Math.min(0.5, speed * 0.16);
    return before.pressure + (wished - before.pressure) * 0.18;
  }

  private made(square: boolean): { mark: Mark; points: number[] } | null {
    const { settings } = this.hand;
    const end = this.lagging;
    if (this.tool === "brush" || this.tool === "eraser") return { mark: "brush", points: this.points };
    if (this.tool === "lasso") return this.points.length < 9 ? null : { mark: "area", points: ringed(this.points) };
    if (Math.hypot(end.x - this.start.x, end.y - this.start.y) < 1) return null;
    if (this.tool === "line") {
      const to = straight(this.start, end, square);
      return { mark: "line", points: [this.start.x, this.start.y, 1, to.x, to.y, 1].map((value) => round(value)) };
    }
    const ring = (this.tool === "ellipse" ? ellipse : rectangle)(this.start, end, square).map((value) => round(value));
    return settings.filled ? { mark: "area", points: ringed(ring) } : { mark: "shape", points: ring };
  }

  private strokes(square: boolean, ahead: readonly number[] = []): Stroke[] {
    const made = this.made(square);
    if (!made) return [];
    const { settings } = this.hand;
    const { width, height } = this.surface.drawing;
    const points = made.mark === "brush" && ahead.length ? [...made.points, ...ahead] : made.points;
    const one = { mark: made.mark, erase: this.erase, color: settings.color, size: settings.size, softness: settings.softness, opacity: settings.opacity };
    return copies(points, settings, width, height, settings.size).map((copy) => ({ ...one, points: copy.map((value, i) => (i % 3 === 2 ? value : round(value))) }));
  }

  private show(event: PointerEvent): void {
    const ahead: number[] = [];
    if (!this.hand.settings.steady && event.getPredictedEvents) {
      for (const one of event.getPredictedEvents().slice(0, 2)) {
        const at = this.surface.toSheet(this.at(one));
        ahead.push(at.x, at.y, this.points.at(-1) ?? 0.5);
      }
    }
    this.surface.show(this.strokes(event.shiftKey, ahead));
  }

  private up(event: PointerEvent, cancelled: boolean): void {
    if (event.pointerType === "pen") this.penAt = event.timeStamp;
    if (this.touches.delete(event.pointerId)) this.lifted(event, cancelled);
    if (event.pointerId !== this.pointer) return;
    if (cancelled && event.pointerType === "touch") { this.drop(); return; } // the system took the finger for itself
    this.pointer = -1;
    const { dragging, panning } = this;
    this.panning = this.dragging = null;
    if (panning) return;
    if (dragging) { dragging.end(); return; }
    if (this.points.length) this.end(event, cancelled);
  }

  private end(event: PointerEvent, cancelled: boolean): void {
    const { surface } = this;
    const at = cancelled ? this.lagging : surface.toSheet(this.at(event)); // the lag is caught up where the hand has stopped
    const far = Math.hypot(at.x - this.lagging.x, at.y - this.lagging.y) * surface.view.scale > 1;
    if (far && this.points.length > 3 && ["brush", "eraser"].includes(this.tool)) this.points.push(round(at.x), round(at.y), this.points.at(-1) ?? 0.5);
    const sheet = { x0: 0, y0: 0, x1: surface.drawing.width, y1: surface.drawing.height };
    const strokes = this.strokes(event.shiftKey).filter((stroke) => overlap(reach(stroke), sheet)); // not what lies beside it
    this.points = [];
    surface.live = [];
    surface.history.push(strokes.length ? added(surface.drawing, surface.active, strokes) : surface.drawing);
    surface.show([]);
    this.hand.rest();
  }

  // What was begun is not wanted: it was the first finger of two, or the palm.
  private drop(): void {
    this.pointer = -1;
    this.dragging?.back();
    this.panning = this.dragging = null;
    this.points = [];
    this.surface.show([]);
  }

  private gesture(id: number, touch: Touch, to: Point): void {
    const { surface } = this;
    const other = [...this.touches.entries()].find(([one]) => one !== id)?.[1];
    if (!other) surface.look({ ...surface.view, x: surface.view.x + to.x - touch.x, y: surface.view.y + to.y - touch.y });
    else {
      const middle = { x: (touch.x + other.x) / 2, y: (touch.y + other.y) / 2 };
      const grown = Math.hypot(to.x - other.x, to.y - other.y) / Math.max(1, Math.hypot(touch.x - other.x, touch.y - other.y));
      const turned = turn({ x: touch.x - other.x, y: touch.y - other.y }, { x: to.x - other.x, y: to.y - other.y });
      const { width, height } = surface.drawing;
      const view = about(surface.view, middle, { scale: surface.view.scale * grown, angle: surface.view.angle + turned }, width, height);
      surface.look({ ...view, x: view.x + (to.x - touch.x) / 2, y: view.y + (to.y - touch.y) / 2 });
    }
    [touch.x, touch.y] = [to.x, to.y];
    if (Math.hypot(to.x - touch.fromX, to.y - touch.fromY) > TAP.pixels) this.most = Math.max(this.most, 9); // no tap any more
  }

  // Two fingers that touch and go take back a step; three bring it again.
  private lifted(event: PointerEvent, cancelled: boolean): void {
    if (cancelled) this.most = 9;
    if (this.touches.size) return;
    const tapped = event.timeStamp - this.since < TAP.milliseconds ? this.most : 0;
    this.most = 0;
    if (tapped === 2) this.hand.undo();
    if (tapped === 3) this.hand.redo();
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const { view, drawing } = this.surface;
    const at = this.at(event);
    const step = event.deltaMode === 1 ? 16 : 1;
    if (event.shiftKey && !event.ctrlKey) {
      this.surface.look(about(view, at, { angle: view.angle + (event.deltaY || event.deltaX) * step * 0.0015 }, drawing.width, drawing.height));
    } else {
      const factor = Math.exp(-event.deltaY * step * (event.ctrlKey ? 0.01 : 0.0015));
      this.surface.look(about(view, at, { scale: Math.min(64, Math.max(0.02, view.scale * factor)) }, drawing.width, drawing.height));
    }
  }
}

const ringed = (points: readonly number[]): number[] => points.map((value, i) => (i % 3 === 2 ? (i === 2 ? 0 : 1) : value));
