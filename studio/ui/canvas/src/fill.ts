// Flood fill, and the outline of what was filled, so that a fill is a vector like everything else.

// Which pixels of the RGBA picture hang together with (x, y) and differ by at most `tolerance` a channel.
export function flooded(data: Uint8ClampedArray, width: number, height: number, x: number, y: number, tolerance: number): Uint8Array {
  const found = new Uint8Array(width * height);
  const start = (y * width + x) * 4;
  const [r = 0, g = 0, b = 0] = [data[start], data[start + 1], data[start + 2]];
  const alike = (at: number): boolean =>
    Math.abs((data[at * 4] ?? 0) - r) <= tolerance &&
    Math.abs((data[at * 4 + 1] ?? 0) - g) <= tolerance &&
    Math.abs((data[at * 4 + 2] ?? 0) - b) <= tolerance;
  const waiting = [y * width + x];
  while (waiting.length) {
    const at = waiting.pop() ?? 0;
    if (found[at]) continue;
    const row = Math.floor(at / width) * width;
    let left = at, right = at;
    while (left > row && !found[left - 1] && alike(left - 1)) left -= 1;
    while (right < row + width - 1 && !found[right + 1] && alike(right + 1)) right += 1;
    for (let i = left; i <= right; i += 1) found[i] = 1;
    for (const next of [-width, width]) {
      let open = false;
      for (let i = left + next; i <= right + next; i += 1) {
        const free = i >= 0 && i < found.length && !found[i] && alike(i);
        if (free && !open) waiting.push(i);
        open = free;
      }
    }
  }
  return found;
}

// Wider by one pixel on every side: the fill reaches under the softened edge of the line around it.
export function widened(mask: Uint8Array, width: number, height: number): Uint8Array {
  const out = mask.slice();
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * width + x;
      if (mask[at]) continue;
      if ((x > 0 && mask[at - 1]) || (x < width - 1 && mask[at + 1]) || mask[at - width] || mask[at + width]) out[at] = 1;
    }
  }
  return out;
}

// The rings around a mask, along the edges of its pixels: x, y, begins? 0 : 1. Filled even-odd they give the mask.
export function outlined(mask: Uint8Array, width: number, height: number, scale: number): number[] {
  const inside = (x: number, y: number): boolean => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] === 1;
  const across = width + 1;
  const out = new Map<number, number[]>(); // corner -> where its edges lead, the mask on their right
  const edge = (x0: number, y0: number, x1: number, y1: number): void => {
    const from = y0 * across + x0;
    const ways = out.get(from);
    if (ways) ways.push(y1 * across + x1);
    else out.set(from, [y1 * across + x1]);
  };
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (!inside(x, y)) continue;
      if (!inside(x, y - 1)) edge(x, y, x + 1, y);
      if (!inside(x + 1, y)) edge(x + 1, y, x + 1, y + 1);
      if (!inside(x, y + 1)) edge(x + 1, y + 1, x, y + 1);
      if (!inside(x - 1, y)) edge(x, y + 1, x, y);
    }
  }
  const points: number[] = [];
  for (const [start, ways] of out) {
    while (ways.length) ring(start, out, across, scale, points);
  }
  return points;
}

function ring(start: number, out: Map<number, number[]>, across: number, scale: number, points: number[]): void {
  const corners: number[] = [];
  let at = start;
  do {
    corners.push(at);
    at = out.get(at)?.pop() ?? start;
  } while (at !== start);
  const kept = corners.filter((corner, i) => {
    const before = corners.at(i - 1) ?? corner, after = corners[(i + 1) % corners.length] ?? corner;
    return corner - before !== after - corner; // a corner only where the direction changes
  });
  const thinned = softened(kept.map((corner) => [(corner % across) * scale, Math.floor(corner / across) * scale] as const), scale);
  thinned.forEach(([x, y], i) => points.push(Math.round(x * 10) / 10, Math.round(y * 10) / 10, i ? 1 : 0));
}

// Stairs of one pixel become slopes: the middles of short edges instead of their ends.
function softened(ring: (readonly [number, number])[], scale: number): (readonly [number, number])[] {
  if (ring.length < 8) return ring;
  return ring.flatMap((point, i) => {
    const next = ring[(i + 1) % ring.length] ?? point;
    const short = Math.abs(next[0] - point[0]) + Math.abs(next[1] - point[1]) <= 2 * scale;
    return short ? [[(point[0] + next[0]) / 2, (point[1] + next[1]) / 2] as const] : [point, next];
  });
}
