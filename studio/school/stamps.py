"""The brushes for things: sun and moon, sprites and their mirror images, snowflakes, rain (see `kernels`)."""

from __future__ import annotations

import numpy as np

from studio.school.kernels import RGB, Map, Picture, compiled, step


@compiled
def orb(
    picture: Picture,
    lines: Map,
    ids: Map,
    at: tuple[float, float, float],
    colour: RGB,
    glow: RGB,
    glow_strength: float,
    bite: float,
    width: float,
    number: int,
) -> int:
    """A sun or moon at (x, y, radius); `bite` > 0 cuts a crescent; a glow of three radii lies around it."""
    cx, cy, r = at
    height, width_px = picture.shape[:2]
    reach = r * 4.0
    painted = 0
    y0, y1 = max(0, int(cy - reach)), min(height, int(cy + reach) + 1)
    x0, x1 = max(0, int(cx - reach)), min(width_px, int(cx + reach) + 1)
    for y in range(y0, y1):
        for x in range(x0, x1):
            dx, dy = x + 0.5 - cx, y + 0.5 - cy
            d = np.sqrt(dx * dx + dy * dy)
            disc = r - d
            if bite > 0.0:
                bx, by = dx - bite * r * 0.82, dy + bite * r * 0.36
                disc = min(disc, np.sqrt(bx * bx + by * by) - r * 0.94)
            a = min(1.0, max(0.0, disc + 0.5))
            g = glow_strength * step(reach, r * 0.6, d) ** 2
            for c in range(3):
                v = picture[y, x, c]
                v += (glow[c] - v) * g
                picture[y, x, c] = v + (colour[c] - v) * a
            if a > 0.5:
                ids[y, x] = number
                painted += 1
            edge = min(1.0, max(0.0, width * 0.5 + 0.5 - abs(disc)))
            if edge > 0.0:
                lines[y, x] = max(lines[y, x], np.uint8(255.0 * edge))
    return painted


@compiled
def stamp(
    picture: Picture,
    lines: Map,
    ids: Map,
    sprite: Map,
    left: int,
    top: int,
    ink: RGB,
    leaf: RGB,
    leaf_dark: RGB,
    body: RGB,
    snow: RGB,
    tops: float,
    number: int,
) -> int:
    """Sets a sprite (h, w, 4: ink, leaf, body, line; uint8) with its upper left corner at (left, top).

    `tops` > 0 whitens what faces the sky with `snow`. Returns how many pixels the whole sprite has, hidden or
    not.
    """
    height, width = picture.shape[:2]
    rows, columns = sprite.shape[:2]
    painted = 0
    for j in range(rows):
        y = top + j
        for i in range(columns):
            a_ink = sprite[j, i, 0] / 255.0
            a_leaf = sprite[j, i, 1] / 255.0
            a_body = sprite[j, i, 2] / 255.0
            solid = max(a_ink, max(a_leaf, a_body))
            if solid > 0.35:
                painted += 1
            x = left + i
            if x < 0 or x >= width or y < 0 or y >= height or (solid == 0.0 and sprite[j, i, 3] == 0):
                continue
            white = 0.0
            if tops > 0.0:
                up = max(1, rows // 26)
                above = 0.0
                if j >= up:
                    above = max(sprite[j - up, i, 0], max(sprite[j - up, i, 1], sprite[j - up, i, 2])) / 255.0
                white = tops * max(0.0, solid - above)
            deep = j / rows
            for c in range(3):
                p = picture[y, x, c]
                p += (body[c] - p) * a_body
                hue = leaf[c] + (leaf_dark[c] - leaf[c]) * min(1.0, 0.15 + 0.75 * deep)
                p += (hue - p) * a_leaf
                p += (ink[c] - p) * a_ink
                picture[y, x, c] = p + (snow[c] - p) * white
            if solid > 0.35:
                ids[y, x] = number
                lines[y, x] = 0
            if sprite[j, i, 3] > 40:
                lines[y, x] = max(lines[y, x], sprite[j, i, 3])
    return painted


@compiled
def reflect(
    picture: Picture, ids: Map, sprite: Map, left: int, base: int, ink: RGB, strength: float, number: int
) -> None:
    """The sprite's dim mirror image below the row `base`, only where ids show the water `number`."""
    height, width = picture.shape[:2]
    rows, columns = sprite.shape[:2]
    for j in range(rows):
        y = base + (rows - 1 - j) // 2
        if y < 0 or y >= height:
            continue
        for i in range(columns):
            x = left + i
            if x < 0 or x >= width or ids[y, x] != number:
                continue
            a = max(sprite[j, i, 0], max(sprite[j, i, 1], sprite[j, i, 2])) / 255.0
            a *= strength * (1.0 - 0.5 * (rows - 1 - j) / rows)
            for c in range(3):
                p = picture[y, x, c]
                picture[y, x, c] = p + (ink[c] - p) * a


@compiled
def flakes(picture: Picture, spots: Picture, colour: RGB, strength: float) -> None:
    """Snow: soft discs (x, y, radius) of at most a few pixels."""
    height, width = picture.shape[:2]
    for i in range(spots.shape[0]):
        cx, cy, r = spots[i]
        for y in range(max(0, int(cy - r - 1)), min(height, int(cy + r + 2))):
            for x in range(max(0, int(cx - r - 1)), min(width, int(cx + r + 2))):
                dx, dy = x + 0.5 - cx, y + 0.5 - cy
                a = strength * min(1.0, max(0.0, r + 0.5 - np.sqrt(dx * dx + dy * dy)))
                for c in range(3):
                    p = picture[y, x, c]
                    picture[y, x, c] = p + (colour[c] - p) * a


@compiled
def rain(picture: Picture, drops: Picture, lean: float, colour: RGB, width: float, strength: float) -> None:
    """Rain: slanting strokes (x, y, length) that all lean alike."""
    height, columns = picture.shape[:2]
    for i in range(drops.shape[0]):
        x0, y0, length = drops[i]
        for j in range(int(length)):
            y = int(y0) + j
            if y < 0 or y >= height:
                continue
            cx = x0 + lean * j
            for x in range(int(cx - width), int(cx + width) + 2):
                if 0 <= x < columns:
                    a = strength * min(1.0, max(0.0, width * 0.5 + 0.5 - abs(x + 0.5 - cx)))
                    for c in range(3):
                        p = picture[y, x, c]
                        picture[y, x, c] = p + (colour[c] - p) * a
