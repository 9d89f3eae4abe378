import assert from "node:assert/strict";
import { test } from "node:test";
import { added, blank, grown, heir, laidOver, opened, resized, saved, type Stroke } from "./drawing.js";
import { flooded, outlined, widened } from "./fill.js";
import { about, applied, copies, fitted, inverse, matrix, turn } from "./geometry.js";
import { DEPTH, History } from "./history.js";

const stroke: Stroke = { mark: "brush", erase: false, color: "#000000", size: 4, softness: 0, opacity: 1, points: [10, 20, 0.5, 30, 40, 1] };

test("a drawing comes back from its JSON", () => {
  const drawing = added(blank(256, 128), "lines", [stroke]);
  assert.deepEqual(opened(JSON.parse(JSON.stringify(saved(drawing)))), drawing);
  assert.throws(() => opened({ version: 2 }));
});

test("200 steps go back and forth, and a new one ends the future", () => {
  const history = new History(0);
  for (let n = 1; n <= DEPTH + 5; n += 1) history.push(n);
  while (history.undo());
  assert.equal(history.now, 5);
  while (history.redo());
  assert.equal(history.now, DEPTH + 5);
  history.undo();
  history.push(-1);
  assert.equal(history.redo(), false);
});

test("a grown sheet keeps what is on it in its place and masks what is new", () => {
  const painted = added(blank(256, 256), "paint", [stroke]);
  const wide = grown(painted, { left: 64, top: 0, right: 0, bottom: 0 });
  assert.deepEqual([wide.width, wide.height], [320, 256]);
  assert.deepEqual(wide.layers[0]?.strokes[0]?.points.slice(0, 2), [74, 20]);
  assert.equal(wide.layers[2]?.strokes.length, 1);
});

test("what was drawn before the kept sheet came lies over it", () => {
  const kept = added(blank(512, 512), "lines", [stroke]);
  const both = laidOver(kept, added(added(blank(256, 256), "lines", [stroke]), "paint", [stroke]));
  assert.deepEqual(both.layers.map((layer) => layer.strokes.length), [1, 2, 0]);
  assert.deepEqual(both.layers[1]?.strokes.map((one) => one.points[0]), [10, 20]);
});

test("when a layer is gone another of its kind takes over, and no mask while there is something to draw on", () => {
  const sheet = blank(64, 64);
  assert.equal(heir(sheet, "lines")?.id, "lines");
  assert.equal(heir({ ...sheet, layers: sheet.layers.slice(1) }, "paint")?.id, "lines");
});

test("another size scales about the middle", () => {
  assert.deepEqual(resized(added(blank(256, 256), "lines", [stroke]), 512, 512).layers[1]?.strokes[0]?.points.slice(0, 2), [20, 40]);
});

test("the view keeps the point under the finger and can be undone", () => {
  const view = fitted(256, 256, 800, 600), at = { x: 111, y: 222 };
  const under = applied(inverse(matrix(view, 256, 256)), at);
  const next = about(view, at, { scale: view.scale * 3, angle: 1 }, 256, 256);
  const now = applied(matrix(next, 256, 256), under);
  assert.ok(Math.hypot(now.x - at.x, now.y - at.y) < 1e-9);
});

test("fingers that pass the left turn the short way round", () => {
  assert.ok(Math.abs(turn({ x: -1, y: 0 }, { x: -1, y: -0.1 }) - Math.atan(0.1)) < 1e-9);
  assert.ok(Math.abs(turn({ x: -1, y: -0.1 }, { x: -1, y: 0.1 }) + 2 * Math.atan(0.1)) < 1e-9);
});

test("symmetry turns about the middle; a wrapped stroke enters at the other side", () => {
  assert.deepEqual(copies([10, 20, 1], { fold: 2, wrap: false }, 100, 100, 2)[1], [90, 20, 1]);
  assert.equal(copies([10, 20, 1], { fold: 8, wrap: false }, 100, 100, 2).length, 8);
  assert.deepEqual(copies([1, 50, 1], { fold: 1, wrap: true }, 100, 100, 2).map(([x]) => x), [1, 101]);
});

test("a fill stops at lines, and its outline encloses it and its holes", () => {
  const [w, h] = [12, 12];
  const data = new Uint8ClampedArray(w * h * 4).fill(255);
  for (let i = 2; i <= 9; i += 1) for (const [x, y] of [[i, 2], [i, 9], [2, i], [9, i]] as const) data.fill(0, (y * w + x) * 4, (y * w + x) * 4 + 3);
  const inner = flooded(data, w, h, 5, 5, 10);
  assert.equal(inner.reduce((sum, one) => sum + one, 0), 36);
  assert.equal(widened(inner, w, h).reduce((sum, one) => sum + one, 0), 60);
  assert.equal(outlined(inner, w, h, 1).filter((_, i) => i % 3 === 2).filter((begins) => begins === 0).length, 1);
  const outer = flooded(data, w, h, 0, 0, 10);
  assert.equal(outlined(outer, w, h, 1).filter((_, i) => i % 3 === 2).filter((begins) => begins === 0).length, 2);
});
