"""The brushes: numba kernels that each paint one layer into the picture, its line drawing and its id map at once.

Pictures are float32 (H, W, 3) in 0..1, lines uint8 (H, W) white on black, ids uint8 (H, W). Layers come back to
front; an opaque layer rubs out the lines and ids beneath it, so both always agree with what can be seen.
Textures are sampled at `1 / scale` texture pixels per picture pixel, so strokes keep their size at every size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit  # pyright: ignore[reportUnknownVariableType]

MASK = 1023
RGB = tuple[float, float, float]


class Rock(NamedTuple):
    """How a fold of rock is painted; lengths in picture pixels, strengths in 0..1."""

    cover: RGB
    crest: RGB
    middle: RGB
    foot: RGB
    ink: RGB
    dot: RGB
    dot_light: RGB
    snow_colour: RGB
    depth: float
    wash: float
    cun: float
    dots: float
    snow: float
    shade: float
    outline: float
    width: float
    fade: float
    line: float


@njit(cache=True, nogil=True, inline="always")
def _tap(texture, y, x):
    y0, x0 = int(np.floor(y)), int(np.floor(x))
    fy, fx = y - y0, x - x0
    y1, x1 = (y0 + 1) & MASK, (x0 + 1) & MASK
    y0, x0 = y0 & MASK, x0 & MASK
    upper = texture[y0, x0] * (1.0 - fx) + texture[y0, x1] * fx
    lower = texture[y1, x0] * (1.0 - fx) + texture[y1, x1] * fx
    return upper * (1.0 - fy) + lower * fy


@njit(cache=True, nogil=True, inline="always")
def _near(texture, y, x):
    return texture[int(y) & MASK, int(x) & MASK]


@njit(cache=True, nogil=True, inline="always")
def _step(edge0, edge1, x):
    t = (x - edge0) / (edge1 - edge0)
    t = min(1.0, max(0.0, t))
    return t * t * (3.0 - 2.0 * t)


@njit(cache=True, nogil=True)
def sky(picture, top, middle, low, horizon, cloud, offset, scale, strength):
    """A graded wash from `top` through `middle` to `low` at the row `horizon`, stirred by cloud noise."""
    height, width = picture.shape[:2]
    k = 1.0 / scale
    for y in range(height):
        for x in range(width):
            n = _near(cloud, y * k * 1.4 + offset, x * k * 0.8 + offset * 0.7) - 0.5
            t = y / horizon + n * 0.16
            t = min(1.0, max(0.0, t))
            m = 1.0 + n * strength
            for c in range(3):
                if t < 0.55:
                    v = top[c] + (middle[c] - top[c]) * (t / 0.55)
                else:
                    v = middle[c] + (low[c] - middle[c]) * ((t - 0.55) / 0.45)
                picture[y, x, c] = v * m


@njit(cache=True, nogil=True)
def orb(picture, lines, ids, at, colour, glow, glow_strength, bite, width, number):
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
            g = glow_strength * _step(reach, r * 0.6, d) ** 2
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


@njit(cache=True, nogil=True)
def ridge(picture, lines, ids, top, foot, x_centre, rock, cun, iso, moss, offset, scale, numbers, split):
    """One fold of rock under the profile `top` (W,), dissolving at the row `foot`.

    Dark at the contour and lighter downwards, hemp or axe strokes fanning out from the centre, foliage dots near
    the contour, snow on the upper sides. Rows above `split` get the id `numbers[0]`, the others `numbers[1]`.
    Returns how many pixels would carry `numbers[0]` if nothing hid them.
    """
    height, width = picture.shape[:2]
    k = 1.0 / scale
    reach = max(2, int(3 * scale))
    slope = np.empty(width, np.float32)
    lean = np.empty(width, np.float32)
    highest = float(height)
    for x in range(width):
        a, b = max(0, x - 1), min(width - 1, x + 1)
        slope[x] = (top[b] - top[a]) / max(1, b - a)
        a, b = max(0, x - reach), min(width - 1, x + reach)
        lean[x] = (top[b] - top[a]) / max(1, b - a)
        highest = min(highest, top[x])
    painted = 0
    last = min(height, int(foot) + 1)
    for y in range(max(0, int(highest) - 2), last):
        for x in range(width):
            t = top[x]
            below = y + 0.5 - t
            if below < -2.0 * rock.width or t >= foot:
                continue
            n = _near(iso, y * k + offset, x * k + offset * 1.3)
            fade = _step(0.0, rock.fade, foot - y - (n - 0.3) * rock.fade * 0.7) if rock.fade > 0.0 else 1.0
            norm = np.sqrt(1.0 + slope[x] * slope[x])
            distance = below / norm
            a = min(1.0, max(0.0, distance + 0.5)) * fade
            d = below / rock.depth
            if a > 0.0:
                d0 = min(1.0, max(0.0, d))
                away = 1.0 - d0
                side = min(1.0, max(-1.0, lean[x] * 0.8))
                dark = rock.shade * (0.5 + 0.5 * side) * (0.35 + 0.65 * away)
                wash = rock.wash * (0.30 + 0.70 * away * away) * (0.62 + 0.76 * n) + dark * 0.45
                wash = min(1.0, max(0.0, wash))
                fan = (x - x_centre) / (1.0 + 0.55 * max(0.0, d))
                strokes = _tap(cun, below * k * 0.9 + offset * 2.1, fan * k + offset * 0.4)
                strokes *= rock.cun * (0.35 + 0.65 * (0.5 + 0.5 * side)) * (0.25 + 0.75 * away)
                strokes *= _step(0.25, 0.6, n + 0.25 * side)
                spots = 0.0
                tone = 0.0
                if rock.dots > 0.0:
                    near = _step(20.0, 3.0, below * k) + 0.35 * _step(0.55, 0.75, n)
                    spots = rock.dots * min(1.0, near) * _near(moss, below * k + offset, x * k + offset * 3.0)
                    tone = _near(iso, y * k * 2.0 + 91.0, x * k * 2.0 + offset)
                white = 0.0
                if rock.snow > 0.0:
                    lit = 0.85 - 0.65 * side - 0.75 * d0 + 0.8 * (n - 0.45)
                    white = rock.snow * _step(0.0, 0.7, lit)
                for c in range(3):
                    if d0 < 0.5:
                        hue = rock.crest[c] + (rock.middle[c] - rock.crest[c]) * d0 * 2.0
                    else:
                        hue = rock.middle[c] + (rock.foot[c] - rock.middle[c]) * (d0 * 2.0 - 1.0)
                    v = rock.cover[c] + (hue - rock.cover[c]) * wash
                    v *= 1.0 - 0.45 * dark
                    v += (rock.snow_colour[c] - v) * white
                    v += (rock.ink[c] - v) * strokes * (1.0 - 0.5 * white)
                    if spots > 0.0:
                        leaf = rock.dot[c] + (rock.dot_light[c] - rock.dot[c]) * tone
                        v += (leaf - v) * spots
                    p = picture[y, x, c]
                    picture[y, x, c] = p + (v - p) * a
                if a > 0.5:
                    lines[y, x] = 0
                    if y < split:
                        ids[y, x] = numbers[0]
                        painted += 1
                    else:
                        ids[y, x] = numbers[1]
            half = rock.width * (0.5 + 0.5 * n)
            stroke = min(1.0, max(0.0, half + 0.5 - abs(distance))) * fade
            if stroke > 0.0:
                for c in range(3):
                    p = picture[y, x, c]
                    picture[y, x, c] = p + (rock.ink[c] - p) * stroke * rock.outline
            if rock.line > 0.0:
                drawn = min(1.0, max(0.0, max(0.75, rock.width * 0.55) + 0.5 - abs(distance))) * fade
                if drawn * rock.line > 0.2:
                    lines[y, x] = max(lines[y, x], np.uint8(255.0 * drawn * rock.line))
    return painted


@njit(cache=True, nogil=True)
def mist(picture, lines, ids, colour, shadow, bands, cloud, offset, scale):
    """Layers of mist; each band is (centre row, half height, strength, raggedness, lower edge
    softness, shade): shade 0 is `colour`, 1 is `shadow`. The upper edges billow, the lower ones melt away."""
    height, width = picture.shape[:2]
    k = 1.0 / scale
    for i in range(bands.shape[0]):
        middle, half, strength, ragged, soft, shade = bands[i]
        sway = 0.55 * ragged * half
        y0 = max(0, int(middle - sway - half * (1.0 + 1.2 * ragged)))
        y1 = min(height, int(middle + sway + half * (1.0 + soft)) + 1)
        drift = np.empty(width, np.float32)
        for x in range(width):
            drift[x] = (_tap(cloud, offset * 3.0 + i * 57.0, x * k * 0.9 + offset + i * 211.0) - 0.5) * 2.0 * sway
        for y in range(y0, y1):
            for x in range(width):
                n = _tap(cloud, y * k * 1.1 + offset + i * 177.0, x * k * 1.5 + offset * 2.0 + i * 331.0)
                u = (y - middle - drift[x]) / half
                if u < 0.0:
                    shape = 1.0 + u + (n - 0.5) * 2.4 * ragged * min(1.0, -u * 1.6)
                else:
                    shape = 1.0 - u / (1.0 + soft) + (n - 0.5) * 0.5 * ragged * min(1.0, u * 2.0)
                a = strength * _step(0.0, 0.36, shape) * (0.74 + 0.42 * n)
                a = min(1.0, a)
                if a <= 0.004:
                    continue
                deep = shade + 0.75 * _step(0.25, 1.3, shape) * _step(0.62, 0.25, n)
                deep = min(1.0, deep) * (1.0 if u < 0.0 else max(0.0, 1.0 - u))
                for c in range(3):
                    p = picture[y, x, c]
                    v = colour[c] + (shadow[c] - colour[c]) * deep
                    picture[y, x, c] = p + (v - p) * a
                if a > 0.62:
                    ids[y, x] = 0
                if a > 0.3:
                    lines[y, x] = np.uint8(lines[y, x] * (1.0 - _step(0.3, 0.75, a)))


@njit(cache=True, nogil=True)
def lake(picture, lines, ids, level, colour, deep, ink, mirror, ripple, wave, offset, scale, number):
    """Still water below the row `level`: the upper picture mirrored and dimmed, with wave lines."""
    height, width = picture.shape[:2]
    k = 1.0 / scale
    top = int(level)
    for y in range(top, height):
        t = (y - top) / max(1.0, height - top)
        for x in range(width):
            n = _near(wave, y * k * 1.5 + offset, x * k + offset * 1.7)
            wobble = (n - 0.2) * 5.0 * scale * t
            sx = min(width - 1, max(0, int(x + wobble)))
            sy = max(0, int(top - (y - top) * 0.92 - 1.0))
            keep = mirror * (1.0 - 0.75 * t)
            lift = ripple * n * (0.25 + 0.75 * t) * _step(0.0, 0.12, t)
            edge = _step(0.0, 0.06, t)
            for c in range(3):
                base = colour[c] + (deep[c] - colour[c]) * t
                v = base + (picture[sy, sx, c] - base) * keep
                v += (ink[c] - v) * lift
                p = picture[y, x, c]
                picture[y, x, c] = p + (v - p) * edge
            ids[y, x] = number
            lines[y, x] = 0


@njit(cache=True, nogil=True)
def meadow(picture, lines, ids, level, near, far, tint, ink, iso, moss, wave, offset, scale, course, water, number):
    """Level ground below `level`, cut by a stream when `course` (H, 2) holds centres and half-widths > 0.

    `water` is (pale, deep, bank ink) for the stream; ids are `number` for ground and `number + 1` for water.
    """
    height, width = picture.shape[:2]
    k = 1.0 / scale
    top = int(level)
    pale, deep, bank = water
    for y in range(top, height):
        t = (y - top) / max(1.0, height - top)
        appear = _step(0.0, 0.22, t)
        centre, half = course[y, 0], course[y, 1]
        for x in range(width):
            n = _near(iso, y * k * 2.2 + offset, x * k * 0.8 + offset)
            m = _near(moss, y * k * 1.5 + offset * 1.9, x * k + offset * 0.3)
            bay = _tap(iso, y * k * 0.6 + offset, x * k * 0.25 + offset * 5.0)
            edge = abs(x + 0.5 - centre) - half + (bay - 0.5) * 9.0 * scale * (0.2 + t)
            inside = min(1.0, max(0.0, 0.5 - edge)) if half > 0.0 else 0.0
            rim = 0.0
            if half > 0.0:
                rim = min(1.0, max(0.0, (0.9 + 1.3 * t) * scale + 0.5 - abs(edge + 0.5))) * _step(0.02, 0.2, t)
                shadow = _step(9.0 * scale * (0.3 + t), 0.0, edge) * (1.0 - inside)
            else:
                shadow = 0.0
            ripple = _near(wave, y * k * 1.6 + offset, x * k + offset * 1.7) if inside > 0.0 else 0.0
            spot = m * 0.5 * _step(0.45, 0.75, n) * appear
            for c in range(3):
                v = far[c] + (near[c] - far[c]) * min(1.0, t * 1.2)
                v += (tint[c] - v) * (0.25 + 0.6 * t) * _step(0.3, 0.8, n)
                v += (ink[c] - v) * (spot * 0.6 + 0.22 * shadow)
                w = pale[c] + (deep[c] - pale[c]) * t * (0.75 + 0.5 * n)
                w += (bank[c] - w) * 0.42 * ripple * (0.3 + 0.7 * t)
                v += (w - v) * inside
                v += (bank[c] - v) * rim * 0.85
                p = picture[y, x, c]
                picture[y, x, c] = p + (v - p) * max(appear, inside * _step(0.0, 0.05, t))
            ids[y, x] = number + 1 if inside > 0.5 else number
            lines[y, x] = np.uint8(255.0 * rim) if rim > 0.35 else 0


@njit(cache=True, nogil=True)
def fall(picture, lines, ids, x_top, y_top, y_foot, half, white, rock, wave, offset, scale, number):
    """A waterfall: a white ribbon with hanging strands between two dark walls, spray at its foot."""
    height, width = picture.shape[:2]
    k = 1.0 / scale
    painted = 0
    long = max(1.0, y_foot - y_top)
    for y in range(max(0, int(y_top)), min(height, int(y_foot) + 1)):
        t = (y - y_top) / long
        tier = _step(0.36, 0.42, t) + _step(0.68, 0.74, t)
        bend = 1.2 * scale * np.sin(t * 7.0 + offset) + half * 0.55 * tier * np.sin(offset)
        centre = x_top + bend
        body = half * (0.62 + 0.2 * tier + 0.25 * t) * (0.35 + 0.65 * _step(0.0, 0.10, t))
        wall = 4.5 * scale
        x0, x1 = max(0, int(centre - body - wall) - 1), min(width, int(centre + body + wall) + 2)
        for x in range(x0, x1):
            grain = _near(wave, x * k * 2.0 + offset, y * k * 0.7 + offset)
            edge = abs(x + 0.5 - centre) - body + (grain - 0.3) * 2.4 * scale
            inside = min(1.0, max(0.0, 0.5 - edge)) * _step(0.0, 0.03, t)
            dark = _step(wall, 0.0, edge) * (1.0 - inside) * (1.0 - _step(0.75, 1.0, t)) * _step(0.0, 0.05, t)
            strand = _near(wave, (x - centre) * k * 3.0 + offset, y * k * 0.8 + offset)
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


@njit(cache=True, nogil=True)
def spray(picture, at, colour, strength):
    """A soft round cloud at (x, y, radius along x, radius along y)."""
    cx, cy, rx, ry = at
    height, width = picture.shape[:2]
    for y in range(max(0, int(cy - ry)), min(height, int(cy + ry) + 1)):
        for x in range(max(0, int(cx - rx)), min(width, int(cx + rx) + 1)):
            dx, dy = (x + 0.5 - cx) / rx, (y + 0.5 - cy) / ry
            a = strength * _step(1.0, 0.0, np.sqrt(dx * dx + dy * dy))
            for c in range(3):
                p = picture[y, x, c]
                picture[y, x, c] = p + (colour[c] - p) * a


@njit(cache=True, nogil=True)
def stamp(picture, lines, ids, sprite, left, top, ink, leaf, leaf_dark, body, snow, tops, number):
    """Sets a sprite (h, w, 4: ink, leaf, body, line; uint8) with its upper left corner at (left, top).

    `tops` > 0 whitens what faces the sky with `snow`. Returns how many pixels the whole sprite has, hidden or not.
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


@njit(cache=True, nogil=True)
def reflect(picture, ids, sprite, left, base, ink, strength, number):
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


@njit(cache=True, nogil=True)
def flakes(picture, spots, colour, strength):
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


@njit(cache=True, nogil=True)
def rain(picture, drops, lean, colour, width, strength):
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


@njit(cache=True, nogil=True)
def finish(picture):
    """float32 0..1 to uint8, rounded and clipped."""
    height, width = picture.shape[:2]
    out = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            for c in range(3):
                out[y, x, c] = np.uint8(min(255.0, max(0.0, picture[y, x, c] * 255.0 + 0.5)))
    return out


@njit(cache=True, nogil=True, inline="always")
def _read(bank, at):
    low = int(np.floor(at))
    part = at - low
    n = bank.shape[0]
    return bank[low % n] * (1.0 - part) + bank[(low + 1) % n] * part


@njit(cache=True, nogil=True, inline="always")
def _bump(x, at, left, right, blunt):
    u = abs(x - at) / (left if x < at else right)
    return (1.0 - u**blunt) ** 0.85 if u < 1.0 else 0.0


@njit(cache=True, nogil=True)
def contour(width, peak, flanks, shoulders, crag, roll, start, foot, scale, rough):
    """The rows (W,) of a mountain's contour; `peak` is (x, high, blunt), `shoulders` rows of (x, part of the height).

    The abscissa is bent by long noise, so no flank is a straight formula; crags fade towards the foot.
    """
    middle, high, blunt = peak
    half = 0.5 * (flanks[0] + flanks[1])
    rows = np.empty(width, np.float32)
    for i in range(width):
        x = i + half * 0.16 * rough * _read(roll, start * 3.0 + i * 7.0 / scale)
        shape = _bump(x, middle, flanks[0], flanks[1], blunt)
        for s in range(shoulders.shape[0]):
            at, part = shoulders[s, 0], shoulders[s, 1]
            shape = max(shape, part * _bump(x, at, flanks[0] * 0.5, flanks[1] * 0.5, 2.2))
        if shape <= 0.0:
            rows[i] = foot + 2.0
            continue
        body = np.sqrt(shape)
        rise = high * (shape + body * 0.075 * rough * _read(roll, start * 7.0 + i * 5.0 / scale))
        rows[i] = foot - rise - 5.0 * scale * rough * shape * _read(crag, start + i * 1.5 / scale)
    smooth = rows.copy()
    for i in range(1, width - 1):
        smooth[i] = 0.25 * rows[i - 1] + 0.5 * rows[i] + 0.25 * rows[i + 1]
    return smooth
