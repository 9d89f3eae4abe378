"""The brushes: numba kernels that each paint one layer into the picture, its line drawing and its id map at
once.

Pictures are float32 (H, W, 3) in 0..1, lines uint8 (H, W) white on black, ids uint8 (H, W). Layers come back
to front; an opaque layer rubs out the lines and ids beneath it, so both always agree with what can be seen.
Textures are sampled at `1 / scale` texture pixels per picture pixel, so strokes keep their size at every
size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

MASK = 1023
RGB = tuple[float, float, float]
Picture = NDArray[np.float32]
Map = NDArray[np.uint8]
Texture = NDArray[np.float32]
Row = NDArray[np.float32]
P = ParamSpec("P")
R = TypeVar("R")


def compiled(kernel: Callable[P, R]) -> Callable[P, R]:
    """Compiles a kernel to machine code on its first call, kept on disk, without the interpreter's lock."""
    return njit(cache=True, nogil=True)(kernel)


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


@compiled
def bilinear(texture: Texture, y: float, x: float) -> float:
    y0, x0 = int(np.floor(y)), int(np.floor(x))
    fy, fx = y - y0, x - x0
    y1, x1 = (y0 + 1) & MASK, (x0 + 1) & MASK
    y0, x0 = y0 & MASK, x0 & MASK
    upper = texture[y0, x0] * (1.0 - fx) + texture[y0, x1] * fx
    lower = texture[y1, x0] * (1.0 - fx) + texture[y1, x1] * fx
    return upper * (1.0 - fy) + lower * fy


@compiled
def nearest(texture: Texture, y: float, x: float) -> float:
    return texture[int(y) & MASK, int(x) & MASK]


@compiled
def step(edge0: float, edge1: float, x: float) -> float:
    t = (x - edge0) / (edge1 - edge0)
    t = min(1.0, max(0.0, t))
    return t * t * (3.0 - 2.0 * t)


@compiled
def sky(
    picture: Picture,
    top: RGB,
    middle: RGB,
    low: RGB,
    horizon: float,
    cloud: Texture,
    offset: float,
    scale: float,
    strength: float,
) -> None:
    """A graded wash from `top` through `middle` to `low` at the row `horizon`, stirred by cloud noise."""
    height, width = picture.shape[:2]
    k = 1.0 / scale
    for y in range(height):
        for x in range(width):
            n = nearest(cloud, y * k * 1.4 + offset, x * k * 0.8 + offset * 0.7) - 0.5
            t = y / horizon + n * 0.16
            t = min(1.0, max(0.0, t))
            m = 1.0 + n * strength
            for c in range(3):
                if t < 0.55:
                    v = top[c] + (middle[c] - top[c]) * (t / 0.55)
                else:
                    v = middle[c] + (low[c] - middle[c]) * ((t - 0.55) / 0.45)
                picture[y, x, c] = v * m


@compiled
def ridge(
    picture: Picture,
    lines: Map,
    ids: Map,
    top: Row,
    foot: float,
    x_centre: float,
    rock: Rock,
    cun: Texture,
    iso: Texture,
    moss: Texture,
    offset: float,
    scale: float,
    numbers: tuple[int, int],
    split: float,
) -> int:
    """One fold of rock under the profile `top` (W,), dissolving at the row `foot`.

    Dark at the contour and lighter downwards, hemp or axe strokes fanning out from the centre, foliage dots
    near the contour, snow on the upper sides. Rows above `split` get the id `numbers[0]`, the others
    `numbers[1]`. Returns how many pixels would carry `numbers[0]` if nothing hid them.
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
    for y in range(max(0, int(highest - 2.0 * rock.width) - 2), last):
        for x in range(width):
            t = top[x]
            below = y + 0.5 - t
            norm = np.sqrt(1.0 + slope[x] * slope[x])
            if below < -(rock.width + 0.5) * norm or t >= foot:
                continue
            n = nearest(iso, y * k + offset, x * k + offset * 1.3)
            fade = step(0.0, rock.fade, foot - y - (n - 0.3) * rock.fade * 0.7) if rock.fade > 0.0 else 1.0
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
                strokes = bilinear(cun, below * k * 0.9 + offset * 2.1, fan * k + offset * 0.4)
                strokes *= rock.cun * (0.35 + 0.65 * (0.5 + 0.5 * side)) * (0.25 + 0.75 * away)
                strokes *= step(0.25, 0.6, n + 0.25 * side)
                spots = 0.0
                tone = 0.0
                if rock.dots > 0.0:
                    near = step(20.0, 3.0, below * k) + 0.35 * step(0.55, 0.75, n)
                    spots = (
                        rock.dots * min(1.0, near) * nearest(moss, below * k + offset, x * k + offset * 3.0)
                    )
                    tone = step(0.44, 0.54, nearest(iso, y * k * 1.4 + 91.0, x * k * 1.4 + offset))
                white = 0.0
                if rock.snow > 0.0:
                    lit = 0.85 - 0.65 * side - 0.75 * d0 + 0.8 * (n - 0.45)
                    white = rock.snow * step(0.0, 0.7, lit)
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
            half = rock.width * (0.35 + 0.5 * nearest(iso, y * k * 0.3 + offset, x * k * 0.3))
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


@compiled
def mist(
    picture: Picture,
    lines: Map,
    ids: Map,
    colour: RGB,
    shadow: RGB,
    bands: Picture,
    cloud: Texture,
    offset: float,
    scale: float,
) -> None:
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
            drift[x] = (
                (bilinear(cloud, offset * 3.0 + i * 57.0, x * k * 0.9 + offset + i * 211.0) - 0.5)
                * 2.0
                * sway
            )
        for y in range(y0, y1):
            for x in range(width):
                n = bilinear(cloud, y * k * 1.1 + offset + i * 177.0, x * k * 1.5 + offset * 2.0 + i * 331.0)
                u = (y - middle - drift[x]) / half
                if u < 0.0:
                    shape = 1.0 + u + (n - 0.5) * 2.4 * ragged * min(1.0, -u * 1.6)
                else:
                    shape = 1.0 - u / (1.0 + soft) + (n - 0.5) * 0.5 * ragged * min(1.0, u * 2.0)
                a = strength * step(0.0, 0.36, shape) * (0.74 + 0.42 * n)
                a = min(1.0, a)
                if a <= 0.004:
                    continue
                deep = shade + 0.85 * step(0.15, 0.9, shape) * step(0.66, 0.34, n)
                deep = min(1.0, deep) * (1.0 if u < 0.0 else max(0.0, 1.0 - u))
                for c in range(3):
                    p = picture[y, x, c]
                    v = colour[c] + (shadow[c] - colour[c]) * deep
                    picture[y, x, c] = p + (v - p) * a
                if a > 0.62:
                    ids[y, x] = 0
                if a > 0.3:
                    lines[y, x] = np.uint8(lines[y, x] * (1.0 - step(0.3, 0.75, a)))


@compiled
def read(bank: Texture, at: float) -> float:
    low = int(np.floor(at))
    part = at - low
    n = bank.shape[0]
    return float(bank[low % n]) * (1.0 - part) + float(bank[(low + 1) % n]) * part


@compiled
def bump(x: float, at: float, left: float, right: float, blunt: float) -> float:
    u = abs(x - at) / (left if x < at else right)
    return (1.0 - u**blunt) ** 0.85 if u < 1.0 else 0.0


@compiled
def contour(
    width: int,
    peak: tuple[float, float, float],
    flanks: NDArray[np.float64],
    shoulders: NDArray[np.float64],
    crag: Texture,
    roll: Texture,
    start: float,
    foot: float,
    scale: float,
    rough: float,
) -> Row:
    """The rows (W,) of a mountain's contour; `peak` is (x, high, blunt), `shoulders` rows of (x, part of the
    height).

    The abscissa is bent by long noise, so no flank is a straight formula; crags fade towards the foot.
    """
    middle, high, blunt = peak
    half = 0.5 * (flanks[0] + flanks[1])
    rows = np.empty(width, np.float32)
    for i in range(width):
        x = i + half * 0.16 * rough * read(roll, start * 3.0 + i * 7.0 / scale)
        shape = bump(x, middle, flanks[0], flanks[1], blunt)
        for s in range(shoulders.shape[0]):
            at, part = shoulders[s, 0], shoulders[s, 1]
            shape = max(shape, part * bump(x, at, flanks[0] * 0.5, flanks[1] * 0.5, 2.2))
        if shape <= 0.0:
            rows[i] = foot + 2.0
            continue
        body = np.sqrt(shape)
        rise = high * (shape + body * 0.075 * rough * read(roll, start * 7.0 + i * 5.0 / scale))
        rows[i] = foot - rise - 5.0 * scale * rough * shape * read(crag, start + i * 1.5 / scale)
    smooth = rows.copy()
    for i in range(1, width - 1):
        smooth[i] = 0.25 * rows[i - 1] + 0.5 * rows[i] + 0.25 * rows[i + 1]
    return smooth


@compiled
def finish(picture: Picture) -> Map:
    """float32 0..1 to uint8, rounded and clipped."""
    height, width = picture.shape[:2]
    out = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            for c in range(3):
                out[y, x, c] = np.uint8(min(255.0, max(0.0, picture[y, x, c] * 255.0 + 0.5)))
    return out
