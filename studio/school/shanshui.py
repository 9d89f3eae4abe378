"""Draws one landscape: picture, line drawing and id map from a scene and a seed, then says what can be seen.

Everything here is our own drawing; the grammar (nested folds, lobed feet, strokes along guide lines, plants
by place) follows traditional shan shui as described for the program shan-shui-inf. No picture by an artist is
used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from studio.school import kernels, things
from studio.school.audit import IDS, seen
from studio.school.banks import Banks, banks
from studio.school.layout import Peak, Plan, far_range, plan, profile
from studio.school.palettes import Palette, mix, palette
from studio.school.scene import Scene, sample_scene

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

SMALLEST, LARGEST = 128, 1024


@dataclass(frozen=True, slots=True)
class Painting:
    """picture (H, W, 3) uint8 RGB · lines (H, W) uint8, white on black · ids (H, W) uint8 · what is
    visible.
    """

    picture: NDArray[np.uint8]
    lines: NDArray[np.uint8]
    ids: NDArray[np.uint8]
    scene: Scene


@dataclass(frozen=True, slots=True)
class Easel:
    """What every brush needs: the three buffers, the plan, the colours, the banks, and one stream of
    chance.
    """

    picture: NDArray[np.float32]
    lines: NDArray[np.uint8]
    ids: NDArray[np.uint8]
    plan: Plan
    colours: Palette
    scene: Scene
    rng: Generator
    banks: Banks
    drawn: dict[int, int]


def paint_landscape(seed: int, width: int = 256, height: int = 256) -> Painting:
    """The landscape number `seed`: a scene drawn by `sample_scene`, painted. Same seed and size, same
    picture.
    """
    return paint_scene(sample_scene(np.random.default_rng((seed, 0))), seed, width, height)


def paint_scene(scene: Scene, seed: int, width: int = 256, height: int = 256) -> Painting:
    """Paints a scene at 128..1024 pixels a side; below 256 it is painted at twice the size and reduced.

    The scene of the result is the audited one: an object counts if at least 40 % of it and 12 pixels are
    visible. Raises ValueError for sizes out of range.
    """
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        raise ValueError(f"A landscape is {SMALLEST} to {LARGEST} pixels a side, not {width} x {height}.")
    double = min(width, height) < 192
    w, h = (width * 2, height * 2) if double else (width, height)
    rng = np.random.default_rng((seed, 1))
    shape = plan(scene, rng, w, h)
    blank = np.zeros((h, w), np.uint8)
    easel = Easel(
        np.empty((h, w, 3), np.float32), blank, blank.copy(), shape, palette(scene), scene, rng, banks(), {}
    )
    _paint(easel)
    visible = seen(scene, easel.ids, easel.drawn)
    picture, lines, ids = kernels.finish(easel.picture), easel.lines, easel.ids
    if double:
        picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        lines = cv2.resize(lines, (width, height), interpolation=cv2.INTER_AREA)
        lines = np.minimum(lines.astype(np.uint16) * 3 // 2, 255).astype(np.uint8)
        ids = np.ascontiguousarray(ids[::2, ::2])
    return Painting(picture, lines, ids, visible)


def flipped(painting: Painting) -> Painting:
    """The mirror image; left and right change places in the scene too."""
    swap = {"left": "right", "right": "left", "centre": "centre"}
    return Painting(
        np.ascontiguousarray(painting.picture[:, ::-1]),
        np.ascontiguousarray(painting.lines[:, ::-1]),
        np.ascontiguousarray(painting.ids[:, ::-1]),
        replace(painting.scene, composition=swap[painting.scene.composition]),
    )


def _paint(easel: Easel) -> None:
    """Back to front."""
    shape, colours, rng = easel.plan, easel.colours, easel.rng
    strength = 0.05 if easel.scene.style == "gold-on-indigo" else 0.035
    kernels.sky(
        easel.picture,
        colours.sky_top,
        colours.sky_middle,
        colours.sky_low,
        float(shape.level),
        easel.banks.cloud,
        float(rng.uniform(0, 1024)),
        shape.scale,
        strength,
    )
    tops = [profile(rng, shape.width, p, shape.level, shape.scale, 1.0) for p in shape.peaks]
    for top in tops:
        np.minimum(shape.skyline, top, out=shape.skyline)
    ranges = [
        far_range(rng, shape.width, shape.level, shape.height * part, shape.scale)
        for part in (rng.uniform(0.13, 0.18), rng.uniform(0.06, 0.1))
    ]
    np.minimum(shape.skyline, ranges[0], out=shape.skyline)
    if easel.scene.mist == "dense":
        np.minimum(shape.skyline, shape.level - 0.62 * shape.peaks[0].high, out=shape.skyline)
    things.orb(easel)
    for depth, top in enumerate(ranges):
        _far(easel, top, depth)
    for number, (peak, top) in enumerate(zip(shape.peaks, tops, strict=True)):
        _mountain(easel, peak, top, number)
    _mist(easel)
    if easel.scene.water == "waterfall":
        things.waterfall(easel, tops[0])
    things.water(easel)
    _hills(easel)
    if easel.scene.bridge == "bridge":
        things.bridge(easel)
    _bank(easel)
    things.on_the_bank(easel)
    things.seal(easel)
    things.boats(easel)
    things.birds(easel)
    things.weather(easel)


def _rock(easel: Easel, depth: float, near: float) -> kernels.Rock:
    """The look of main rock; `near` 0..1 darkens and sharpens."""
    colours, scene, scale = easel.colours, easel.scene, easel.plan.scale
    gold = scene.style == "gold-on-indigo"
    boneless = {"ink": 0.7, "blue-green": 0.45, "light-crimson": 0.55, "gold-on-indigo": 0.5}[scene.style]
    return kernels.Rock(
        cover=mix(colours.mist, colours.foot, 0.25),
        crest=colours.crest,
        middle=colours.middle,
        foot=colours.foot,
        ink=colours.ink,
        dot=colours.dot,
        dot_light=colours.dot_light,
        snow_colour=colours.snow,
        depth=depth,
        wash=1.0 if gold or scene.style == "blue-green" else 0.88,
        cun=boneless,
        dots=0.0 if scene.season == "winter" else 0.92,
        snow=0.92 if scene.season == "winter" else 0.0,
        shade=0.25 if gold else 0.6,
        outline=0.45 + 0.35 * near if not gold else 0.9,
        width=1.25 * scale,
        fade=depth * 0.42,
        line=1.0,
    )


def _far(easel: Easel, top: NDArray[np.float32], depth: int) -> None:
    colours, shape = easel.colours, easel.plan
    tone = mix(colours.far, colours.sky_low, 0.42 - 0.25 * depth)
    rock = _rock(easel, shape.height * 0.16, 0.0)._replace(
        cover=mix(colours.sky_low, colours.mist, 0.5),
        crest=tone,
        middle=mix(tone, colours.mist, 0.4),
        foot=colours.mist,
        cun=0.0,
        dots=0.0,
        snow=0.0,
        shade=0.12,
        outline=0.0 if easel.scene.style != "gold-on-indigo" else 0.35,
        line=0.55,
        fade=shape.height * 0.10,
        wash=0.95,
    )
    _ridge(easel, top, shape.level, shape.width / 2, rock, (IDS["far"], IDS["far"]), 0.0)


def _ridge(
    easel: Easel,
    top: NDArray[np.float32],
    foot: float,
    x: float,
    rock: kernels.Rock,
    ids: tuple[int, int],
    split: float,
) -> int:
    noise = easel.banks
    cun = noise.axe if easel.plan.peaks[0].blunt > 1.9 else noise.hemp
    return kernels.ridge(
        easel.picture,
        easel.lines,
        easel.ids,
        top,
        float(foot),
        float(x),
        rock,
        cun,
        noise.iso,
        noise.moss,
        float(easel.rng.uniform(0, 1024)),
        easel.plan.scale,
        ids,
        float(split),
    )


def _mountain(easel: Easel, peak: Peak, top: NDArray[np.float32], number: int) -> None:
    """A peak: its silhouette, two or three folds nested inside, then the lobes of its foot."""
    shape, rng = easel.plan, easel.rng
    crest = IDS["peak"] + number
    split = shape.level - peak.high * 0.76
    rock = _rock(easel, peak.high, 1.0 - 0.25 * min(number, 2))
    easel.drawn[crest] = _ridge(easel, top, shape.level, peak.x, rock, (crest, IDS["rock"]), split)
    side = 1.0 if rng.random() < 0.5 else -1.0
    folds = 3 if number == 0 else 2
    tallest = 0.76 if easel.scene.peaks == "several" else 0.64
    for k in range(folds):
        part = tallest - 0.17 * k + rng.uniform(-0.05, 0.05)
        x = peak.x + side * peak.half * (0.34 + 0.12 * k) * rng.uniform(0.8, 1.2)
        fold = Peak(x, peak.high * part, peak.half * (0.62 - 0.05 * k), rng.uniform(1.0, 1.7))
        inner = profile(rng, shape.width, fold, shape.level, shape.scale, 0.8)
        inner = np.maximum(inner, top)
        look = rock._replace(depth=fold.high, fade=fold.high * 0.45, outline=rock.outline * 0.85)
        _ridge(easel, inner, shape.level, x, look, (crest, IDS["rock"]), split)
        side = -side
    for _ in range(3):
        x = peak.x + peak.half * rng.uniform(-0.85, 0.85)
        toe = Peak(x, peak.high * rng.uniform(0.10, 0.2), peak.half * rng.uniform(0.22, 0.36), 2.2)
        lobe = profile(rng, shape.width, toe, shape.level, shape.scale, 0.5)
        lobe = np.maximum(lobe, top)
        look = rock._replace(
            depth=toe.high * 1.3, fade=toe.high * 0.6, wash=rock.wash * 0.8, cun=rock.cun * 0.6
        )
        _ridge(easel, lobe, shape.level, x, look, (IDS["rock"], IDS["rock"]), 0.0)


def _mist(easel: Easel) -> None:
    """Bands of mist: at the feet always a little; thin, a ribbon; dense, a sea of cloud up to half the
    height.
    """
    shape, rng = easel.plan, easel.rng
    high, level, scale = shape.peaks[0].high, shape.level, shape.scale
    bands = {
        "none": [(level, 8 * scale, 0.4, 0.3, 0.6, 0.0)],
        "thin": [
            (level - high * rng.uniform(0.36, 0.44), max(7 * scale, high * 0.07), 0.66, 0.8, 1.0, 0.2),
            (level - 4 * scale, 15 * scale, 0.8, 0.6, 0.5, 0.0),
        ],
        "dense": [
            (level - high * rng.uniform(0.40, 0.46), max(8 * scale, high * 0.07), 0.9, 1.1, 1.2, 0.0),
            (level - high * 0.26, max(13 * scale, high * 0.15), 0.95, 1.2, 0.7, 0.2),
            (level - high * 0.09, max(15 * scale, high * 0.12), 1.0, 1.2, 0.6, 0.0),
            (level + 2 * scale, 16 * scale, 1.0, 0.9, 0.8, 0.15),
        ],
    }[easel.scene.mist]
    colours = easel.colours
    shadow = mix(colours.mist, mix(colours.sky_middle, colours.far, 0.6), 0.6)
    kernels.mist(
        easel.picture,
        easel.lines,
        easel.ids,
        colours.mist,
        shadow,
        np.array(bands, np.float32),
        easel.banks.cloud,
        float(rng.uniform(0, 1024)),
        scale,
    )


def _hills(easel: Easel) -> None:
    """Low hills between the mountains and the near bank, beside the stream if there is one."""
    shape, rng, colours, water = easel.plan, easel.rng, easel.colours, easel.scene.water
    if water == "lake":
        return
    narrow = water in ("river", "waterfall")
    deep = shape.height - shape.level
    for k in range(4 if narrow else 3):
        foot = shape.level + deep * (0.16 + 0.13 * (k // 2) if narrow else 0.38 + 0.3 * k)
        x = shape.width * rng.uniform(0.1, 0.9)
        half = shape.width * (rng.uniform(0.13, 0.2) if narrow else rng.uniform(0.35, 0.55))
        hill = Peak(x, shape.height * rng.uniform(0.05, 0.09), half, 1.8)
        row = easel.ids[min(shape.height - 1, int(foot))]
        a, b = max(0, int(x - half * 0.8)), min(shape.width, int(x + half * 0.8))
        if narrow and (row[a:b] == IDS["water"]).any():
            continue
        top = profile(rng, shape.width, hill, foot, shape.scale, 0.5)
        rock = _rock(easel, hill.high * 1.2, 0.5)._replace(
            crest=mix(colours.ground, colours.crest, 0.35),
            middle=colours.ground,
            foot=colours.ground_far,
            cover=colours.ground_far,
            cun=0.2,
            shade=0.3,
            fade=hill.high * 0.7,
            outline=0.5,
            line=0.9,
        )
        _ridge(easel, top, foot, x, rock, (IDS["ground"], IDS["ground"]), 0.0)


def _bank(easel: Easel) -> None:
    """The near bank: earth and grass of the season, darker than all behind it."""
    shape, colours = easel.plan, easel.colours
    gold, winter = easel.scene.style == "gold-on-indigo", easel.scene.season == "winter"
    earth, grass = (mix(c, colours.snow, 0.6 if winter else 0.0) for c in (colours.ground, colours.tint))
    rock = _rock(easel, shape.height * 0.26, 1.0)._replace(
        cover=earth,
        crest=mix(earth, colours.ink, 0.05 if gold else 0.35),
        middle=grass,
        foot=earth,
        cun=0.18,
        shade=0.3,
        fade=0.0,
        outline=0.9,
        dots=0.7,
        wash=0.9,
        snow=0.95 if winter else 0.0,
    )
    _ridge(easel, shape.bank, shape.height + 4.0, shape.width / 2, rock, (IDS["bank"], IDS["bank"]), 0.0)
    _boulders(easel)


def _boulders(easel: Easel) -> None:
    """Two or three rocks where the bank runs out."""
    shape, rng = easel.plan, easel.rng
    for k in range(int(rng.integers(2, 4))):
        u = rng.uniform(0.46, 0.60)
        x = shape.width * (u if shape.side < 0 else 1.0 - u)
        foot = min(shape.height + 4.0, float(shape.bank[int(x)]) + 14.0 * shape.scale)
        stone = Peak(
            x, shape.scale * rng.uniform(13, 24) * (1.0 - 0.2 * k), shape.scale * rng.uniform(11, 20), 2.0
        )
        top = profile(rng, shape.width, stone, foot, shape.scale, 0.7)
        look = _rock(easel, stone.high * 1.6, 1.0)._replace(fade=5.0 * shape.scale, dots=0.0)
        _ridge(easel, top, foot, x, look, (IDS["bank"], IDS["bank"]), 0.0)
