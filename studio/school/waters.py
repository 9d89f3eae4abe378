"""The brushes for water: a mirror lake, ground cut by a stream, a waterfall and its spray (see `kernels`)."""

from __future__ import annotations

import numpy as np

from studio.school.kernels import RGB, Map, Picture, Texture, bilinear, compiled, nearest, step


@compiled
def lake(
    picture: Picture,
    lines: Map,
    ids: Map,
    level: float,
    colour: RGB,
    deep: RGB,
    ink: RGB,
    mirror: float,
    ripple: float,
    wave: Texture,
    offset: float,
    scale: float,
    number: int,
) -> None:
    """Still water below the row `level`: the upper picture mirrored and dimmed, with wave lines."""
    height, width = picture.shape[:2]
    k = 1.0 / scale
    top = int(level)
    for y in range(top, height):
        t = (y - top) / max(1.0, height - top)
        for x in range(width):
            n = nearest(wave, y * k * 1.5 + offset, x * k + offset * 1.7)
            wobble = (n - 0.2) * 5.0 * scale * t
            sx = min(width - 1, max(0, int(x + wobble)))
            sy = max(0, int(top - (y - top) * 0.92 - 1.0))
            keep = mirror * (1.0 - 0.75 * t)
            lift = ripple * n * (0.25 + 0.75 * t) * step(0.0, 0.12, t)
            edge = step(0.0, 0.06, t)
            for c in range(3):
                base = colour[c] + (deep[c] - colour[c]) * t
                v = base + (picture[sy, sx, c] - base) * keep
                v += (ink[c] - v) * lift
                p = picture[y, x, c]
                picture[y, x, c] = p + (v - p) * edge
            ids[y, x] = number
            lines[y, x] = 0


@compiled
def meadow(
    picture: Picture,
    lines: Map,
    ids: Map,
    level: float,
    grass: RGB,
    far: RGB,
    tint: RGB,
    ink: RGB,
    iso: Texture,
    moss: Texture,
    wave: Texture,
    offset: float,
    scale: float,
    course: Picture,
    water: tuple[RGB, RGB, RGB, RGB],
    number: int,
) -> None:
    """Level ground below `level`, cut by a stream when `course` (H, 2) holds centres and half-widths > 0.

    `water` is (pale, deep, bank ink, glint) for the stream; ids are `number` for ground and `number + 1` for
    water.
    """
    height, width = picture.shape[:2]
    k = 1.0 / scale
    top = int(level)
    pale, deep, bank, glint = water
    for y in range(top, height):
        t = (y - top) / max(1.0, height - top)
        appear = step(0.0, 0.22, t)
        centre, half = course[y, 0], course[y, 1]
        for x in range(width):
            n = nearest(iso, y * k * 2.2 + offset, x * k * 0.8 + offset)
            m = nearest(moss, y * k * 1.5 + offset * 1.9, x * k + offset * 0.3)
            bay = bilinear(iso, y * k * 0.6 + offset, x * k * 0.25 + offset * 5.0)
            edge = abs(x + 0.5 - centre) - half + (bay - 0.5) * 9.0 * scale * (0.2 + t)
            inside = min(1.0, max(0.0, 0.5 - edge)) if half > 0.0 else 0.0
            rim = 0.0
            if half > 0.0:
                rim = min(1.0, max(0.0, (0.9 + 1.3 * t) * scale + 0.5 - abs(edge + 0.5))) * step(0.02, 0.2, t)
                shadow = step(9.0 * scale * (0.3 + t), 0.0, edge) * (1.0 - inside)
            else:
                shadow = 0.0
            ripple = nearest(wave, y * k * 1.6 + offset, x * k + offset * 1.7) if inside > 0.0 else 0.0
            shine = nearest(wave, y * k * 1.6 + offset + 400.0, x * k * 0.8 + offset) if inside > 0.0 else 0.0
            spot = m * 0.5 * step(0.45, 0.75, n) * appear
            for c in range(3):
                v = far[c] + (grass[c] - far[c]) * min(1.0, t * 1.2)
                v += (tint[c] - v) * (0.25 + 0.6 * t) * step(0.3, 0.8, n)
                v += (ink[c] - v) * (spot * 0.6 + 0.22 * shadow)
                w = pale[c] + (deep[c] - pale[c]) * t * (0.75 + 0.5 * n)
                w += (bank[c] - w) * 0.32 * ripple * (0.3 + 0.7 * t)
                w += (glint[c] - w) * 0.30 * shine * step(0.02, 0.2, t)
                v += (w - v) * inside
                v += (bank[c] - v) * rim * 0.85
                p = picture[y, x, c]
                picture[y, x, c] = p + (v - p) * max(appear, inside * step(0.0, 0.05, t))
            ids[y, x] = number + 1 if inside > 0.5 else number
            lines[y, x] = np.uint8(255.0 * rim) if rim > 0.35 else 0


@compiled
def fall(
    picture: Picture,
    lines: Map,
    ids: Map,
    x_top: float,
    y_top: float,
    y_foot: float,
    half: float,
    white: RGB,
    rock: RGB,
    wave: Texture,
    offset: float,
    scale: float,
    number: int,
) -> int:
    """A waterfall: a white ribbon with hanging strands between two dark walls, spray at its foot."""
    height, width = picture.shape[:2]
    k = 1.0 / scale
    painted = 0
    long = max(1.0, y_foot - y_top)
    for y in range(max(0, int(y_top)), min(height, int(y_foot) + 1)):
        t = (y - y_top) / long
        tier = step(0.36, 0.42, t) + step(0.68, 0.74, t)
        bend = 1.2 * scale * np.sin(t * 7.0 + offset) + half * 0.55 * tier * np.sin(offset)
        centre = x_top + bend
        body = half * (0.62 + 0.2 * tier + 0.25 * t) * (0.35 + 0.65 * step(0.0, 0.10, t))
        wall = 4.5 * scale
        x0, x1 = max(0, int(centre - body - wall) - 1), min(width, int(centre + body + wall) + 2)
        for x in range(x0, x1):
            grain = nearest(wave, x * k * 2.0 + offset, y * k * 0.7 + offset)
            edge = abs(x + 0.5 - centre) - body + (grain - 0.3) * 2.4 * scale
            inside = min(1.0, max(0.0, 0.5 - edge)) * step(0.0, 0.03, t)
            dark = step(wall, 0.0, edge) * (1.0 - inside) * (1.0 - step(0.7, 0.95, t)) * step(0.0, 0.05, t)
            strand = nearest(wave, (x - centre) * k * 3.0 + offset, y * k * 0.8 + offset)
            for c in range(3):
                p = picture[y, x, c]
                p += (rock[c] - p) * dark * 0.75
                v = white[c] + (rock[c] - white[c]) * strand * 0.5
                picture[y, x, c] = p + (v - p) * inside
            if inside > 0.5:
                ids[y, x] = number
                lines[y, x] = 0
                painted += 1
            elif edge < 1.4 * scale and 0.04 < t < 0.92:
                lines[y, x] = 255
    return painted


@compiled
def spray(picture: Picture, at: tuple[float, float, float, float], colour: RGB, strength: float) -> None:
    """A soft round cloud at (x, y, radius along x, radius along y)."""
    cx, cy, rx, ry = at
    height, width = picture.shape[:2]
    for y in range(max(0, int(cy - ry)), min(height, int(cy + ry) + 1)):
        for x in range(max(0, int(cx - rx)), min(width, int(cx + rx) + 1)):
            dx, dy = (x + 0.5 - cx) / rx, (y + 0.5 - cy) / ry
            a = strength * step(1.0, 0.0, np.sqrt(dx * dx + dy * dy))
            for c in range(3):
                p = picture[y, x, c]
                picture[y, x, c] = p + (colour[c] - p) * a
