"""Sun and water, boats and bridges, trees and houses, birds, weather and the seal: where they stand and
how large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from studio.school import stamps, waters
from studio.school.audit import IDS
from studio.school.layout import clear_spot
from studio.school.palettes import RGB, mix
from studio.school.sprites import aspect, sprite

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from studio.school.shanshui import Easel

TREE_HEIGHT = {"pine": 0.40, "broadleaf": 0.38, "willow": 0.36, "bamboo": 0.38, "bare": 0.38}
GROVE_HEIGHT = {"pine": 0.25, "broadleaf": 0.24, "willow": 0.24, "bamboo": 0.27, "bare": 0.25}
BUILDING_HEIGHT = {"hut": 0.115, "pavilion": 0.15, "pagoda": 0.27}


def orb(easel: Easel) -> None:
    """The sun or the moon in clear sky: low at dawn and dusk, high at noon and night."""
    scene, shape, colours, rng = easel.scene, easel.plan, easel.colours, easel.rng
    if scene.orb == "none":
        return
    radius = shape.scale * rng.uniform(12.5, 15.5)
    low = scene.hour in ("dawn", "dusk")
    rows = (0.22, 0.46) if low else (0.09, 0.22)
    spot = clear_spot(
        rng, shape, (radius * 1.1, radius), (rows[0] * shape.height, rows[1] * shape.height), []
    )
    if spot is None:
        return
    sun = scene.orb == "sun"
    bite = 0.72 if scene.orb == "crescent" else 0.0
    colour = colours.sun if sun else colours.moon
    strength = 0.55 if low and sun else 0.35
    easel.drawn[IDS["orb"]] = stamps.orb(
        easel.picture,
        easel.lines,
        easel.ids,
        (spot[0], spot[1], radius),
        colour,
        colours.glow,
        strength,
        bite,
        1.5 * shape.scale,
        IDS["orb"],
    )


def waterfall(easel: Easel, top: NDArray[np.float32]) -> None:
    """A fall down the tallest peak."""
    scene, shape, rng, colours = easel.scene, easel.plan, easel.rng, easel.colours
    peak = shape.peaks[0]
    x = float(np.clip(peak.x + peak.half * rng.uniform(-0.12, 0.12), 8, shape.width - 8))
    crest = float(top[int(x)])
    dense = scene.mist == "dense"
    y_top = crest + (shape.level - crest) * (rng.uniform(0.07, 0.11) if dense else rng.uniform(0.22, 0.3))
    y_foot = shape.level - (0.34 * peak.high if dense else 0.0)
    white = mix(colours.snow, (1.0, 1.0, 1.0), 0.25)
    ink = mix(colours.crest, (0.0, 0.0, 0.0), 0.35)
    half = shape.scale * rng.uniform(6.5, 8.5) * min(1.0, max(0.6, 2.2 * peak.high / shape.height))
    easel.drawn[IDS["fall"]] = waters.fall(
        easel.picture,
        easel.lines,
        easel.ids,
        x,
        y_top,
        y_foot,
        half,
        white,
        ink,
        easel.banks.wave,
        float(rng.uniform(0, 1024)),
        shape.scale,
        IDS["fall"],
    )
    easel.drawn[-1] = int(x)
    waters.spray(
        easel.picture, (x, y_foot, half * 5, half * 2.2), mix(white, colours.mist, 0.7 if dense else 0.0), 0.9
    )


def water(easel: Easel) -> None:
    """A lake that mirrors, a river that winds, or plain ground."""
    scene, shape, colours, rng = easel.scene, easel.plan, easel.colours, easel.rng
    offset = float(rng.uniform(0, 1024))
    if scene.water == "lake":
        mirror = 0.55
        waters.lake(
            easel.picture,
            easel.lines,
            easel.ids,
            float(shape.level),
            colours.water,
            colours.water_deep,
            colours.ink,
            mirror,
            0.34,
            easel.banks.wave,
            offset,
            shape.scale,
            IDS["water"],
        )
        return
    course = np.zeros((shape.height, 2), np.float32) if scene.water == "none" else river_course(easel)
    waters.meadow(
        easel.picture,
        easel.lines,
        easel.ids,
        float(shape.level),
        colours.tint,
        colours.ground_far,
        colours.ground,
        colours.ink,
        easel.banks.iso,
        easel.banks.moss,
        easel.banks.wave,
        offset,
        shape.scale,
        course,
        (colours.water, colours.water_deep, colours.ink, mix(colours.sky_low, (1.0, 1.0, 1.0), 0.35)),
        IDS["ground"],
    )


def river_course(easel: Easel) -> NDArray[np.float32]:
    """Centre and half-width of the river for every row, (H, 2)."""
    shape, rng = easel.plan, easel.rng
    t = np.clip((np.arange(shape.height) - shape.level) / (shape.height - shape.level), 0, 1)
    swing = rng.uniform(0.13, 0.2) * (1 if rng.random() < 0.5 else -1)
    away = -shape.side
    fall = easel.scene.water == "waterfall"
    start = easel.drawn.get(-1, 0) / shape.width if fall else 0.5
    if fall:
        goal = 0.5 + away * 0.2
        centre = start + (goal - start) * t + 0.5 * swing * np.sin(7.0 * np.sqrt(t)) * t
        return np.stack([centre * shape.width, (0.022 + 0.075 * t) * shape.width], 1).astype(np.float32)
    centre = (
        0.5
        + away * (0.05 + 0.16 * t)
        + swing * np.sin(4.6 * np.sqrt(t + 0.02) + rng.uniform(-0.4, 0.4)) * (1 - 0.55 * t)
    )
    half = 0.03 + 0.17 * t**1.2
    return np.stack([centre * shape.width, half * shape.width], 1).astype(np.float32)


def boats(easel: Easel) -> None:
    """Boats in lanes of open water, larger when nearer."""
    scene, shape, rng = easel.scene, easel.plan, easel.rng
    count = int(scene.boats)
    if count == 0:
        return
    first = 0.52 if scene.bridge == "bridge" else 0.2 if scene.water == "lake" else 0.34
    lanes = first + (np.arange(count) + rng.uniform(0.25, 0.75, count)) * (0.86 - first) / count
    for k, t in enumerate(lanes):
        y = int(shape.level + (shape.height - shape.level) * t)
        high = shape.scale * (9.0 + 8.0 * float(t))
        variant = int(rng.integers(16))
        long = high * aspect("boat", variant)
        x = _afloat(easel, y, long)
        if x is not None:
            picture = sprite("boat", variant, high, rng.random() < 0.5)
            left = int(x - picture.shape[1] / 2)
            stamps.reflect(
                easel.picture, easel.ids, picture, left, y + 1, easel.colours.ink, 0.35, IDS["water"]
            )
            _stamp(
                easel,
                picture,
                left,
                y - picture.shape[0] + 1,
                IDS["boat"] + k,
                (easel.colours.awning, easel.colours.awning),
            )


def _afloat(easel: Easel, y: int, long: float) -> float | None:
    """An x where the row y is water from end to end and the near bank does not hide it."""
    shape, rng = easel.plan, easel.rng
    wet = easel.ids[y] == IDS["water"]
    wet &= shape.bank > y + 3 * shape.scale
    run = np.flatnonzero(wet)
    if run.size < long * 0.7:
        return None
    low, high = float(run[0]) + long * 0.5, float(run[-1]) - long * 0.5
    if high <= low:
        return (low + high) / 2
    return max((rng.uniform(low, high) for _ in range(12)), key=lambda x: _room(easel, x, y, long))


def _room(easel: Easel, x: float, y: int, long: float) -> float:
    """How much of the patch around a boat is bare water."""
    a, b = max(0, int(x - long * 0.75)), min(easel.plan.width, int(x + long * 0.75))
    patch = easel.ids[max(0, int(y - long * 0.5)) : y + int(long * 0.3), a:b]
    return float((patch == IDS["water"]).mean()) if patch.size else 0.0


def bridge(easel: Easel) -> None:
    """A bridge over the narrow part of the river."""
    shape, rng = easel.plan, easel.rng
    y = int(shape.level + (shape.height - shape.level) * rng.uniform(0.30, 0.38))
    run = np.flatnonzero(easel.ids[y] == IDS["water"])
    if run.size == 0:
        return
    variant = int(rng.integers(16))
    long = max(64.0 * shape.scale, run.size * 2.0)
    picture = sprite("bridge", variant, long / aspect("bridge", variant), False)
    left = int((run[0] + run[-1]) / 2 - picture.shape[1] / 2)
    stone = mix(easel.colours.foot, easel.colours.snow, 0.55)
    _stamp(
        easel,
        picture,
        left,
        y - picture.shape[0] + int(3 * shape.scale),
        IDS["bridge"],
        (stone, stone),
    )


def on_the_bank(easel: Easel) -> None:
    """Trees near the edge, a house further in."""
    scene, rng, tall = easel.scene, easel.rng, _tall(easel)
    if scene.tree != "none":
        _trees(easel)
    if scene.building != "none":
        u = rng.uniform(0.38, 0.45) if scene.tree != "none" else rng.uniform(0.14, 0.36)
        high = BUILDING_HEIGHT[scene.building] * tall * rng.uniform(0.92, 1.1)
        _stand(easel, scene.building, IDS["building"], u, high, (easel.colours.roof, easel.colours.roof))


def _tall(easel: Easel) -> float:
    """The height that things on the bank are measured by; in a tall picture the width holds them back."""
    return min(float(easel.plan.height), 1.15 * easel.plan.width)


def _trees(easel: Easel) -> None:
    scene, rng = easel.scene, easel.rng
    leaves, tall = _leaves(easel), _tall(easel)
    if scene.grove == "single":
        high = TREE_HEIGHT[scene.tree] * tall * rng.uniform(0.92, 1.12)
        _stand(easel, scene.tree, IDS["tree"], rng.uniform(0.13, 0.19), high, leaves)
        return
    count = int(rng.integers(3, 5))
    for k in range(count):
        high = GROVE_HEIGHT[scene.tree] * tall * rng.uniform(0.85, 1.2)
        u = 0.05 + 0.24 * (k + rng.uniform(0.2, 0.8)) / count
        _stand(easel, scene.tree, IDS["tree"] + k, u, high, leaves)


def _leaves(easel: Easel) -> tuple[RGB, RGB]:
    """Evergreens stay green; the others take the season's leaf."""
    scene, colours = easel.scene, easel.colours
    dark = {"night": 0.42, "dusk": 0.8}.get(scene.hour, 1.0)
    if scene.style == "gold-on-indigo":
        dark = max(dark, 0.75)

    def shade(r: float, g: float, b: float) -> RGB:
        return (r * dark, g * dark, b * dark)

    if scene.tree == "pine":
        return shade(0.20, 0.44, 0.30), shade(0.08, 0.28, 0.22)
    if scene.tree == "bamboo":
        return shade(0.42, 0.64, 0.28), shade(0.16, 0.42, 0.20)
    if scene.tree == "willow" and scene.season == "spring":
        return shade(0.66, 0.80, 0.32), shade(0.46, 0.66, 0.24)
    if scene.tree == "broadleaf" and scene.season == "spring":
        return colours.leaf, mix(colours.leaf, colours.leaf_dark, 0.25)
    return colours.leaf, colours.leaf_dark


def _stand(easel: Easel, kind: str, number: int, u: float, high: float, leaves: tuple[RGB, RGB]) -> None:
    """Sets a thing on the bank, `u` of the width away from the bank's side."""
    shape, rng = easel.plan, easel.rng
    picture = sprite(kind, int(rng.integers(16)), high, rng.random() < 0.5)
    x = shape.width * (u if shape.side < 0 else 1.0 - u)
    half = picture.shape[1] / 2
    x = float(np.clip(x, half * 0.8, shape.width - half * 0.8))
    base = int(shape.bank[min(shape.width - 1, max(0, int(x)))]) + max(2, int(4 * shape.scale))
    _stamp(easel, picture, int(x - half), min(base, shape.height - 2) - picture.shape[0], number, leaves)


def _stamp(
    easel: Easel, picture: NDArray[np.uint8], left: int, top: int, number: int, leaves: tuple[RGB, RGB]
) -> None:
    colours, winter = easel.colours, easel.scene.season == "winter"
    body = {IDS["building"]: colours.wall, IDS["bridge"]: leaves[0]}.get(
        number, mix(colours.ink, leaves[1], 0.4)
    )
    easel.drawn[number] = stamps.stamp(
        easel.picture,
        easel.lines,
        easel.ids,
        picture,
        left,
        top,
        colours.ink,
        leaves[0],
        leaves[1],
        body,
        colours.snow,
        0.9 if winter and number < IDS["bird"] else 0.0,
        number,
    )


def birds(easel: Easel) -> None:
    """A few birds in a loose line, or a flock in a wedge, in clear sky."""
    scene, shape, rng = easel.scene, easel.plan, easel.rng
    if scene.birds == "none":
        return
    flock = scene.birds == "flock"
    count = int(rng.integers(8, 12)) if flock else int(rng.integers(2, 5))
    size = (46.0 if flock else 40.0) * shape.scale, (34.0 if flock else 13.0) * shape.scale
    taken = [_middle(easel.ids, IDS["orb"])] if IDS["orb"] in easel.drawn else []
    spot = clear_spot(rng, shape, size, (0.10 * shape.height, 0.40 * shape.height), taken)
    if spot is None:
        return
    heading = 1 if rng.random() < 0.5 else -1
    for k in range(count):
        rank = (k + 1) // 2
        wing = (1 if k % 2 else -1) if flock else 1
        step_x, step_y = (16.0, 6.5 * wing) if flock else (25.0, 8.0)
        back = rank if flock else k - (count - 1) / 2 + rng.uniform(-0.15, 0.15)
        x = (
            spot[0]
            + heading * shape.scale * (back * step_x - (36.0 if flock else 0.0))
            + rng.normal(0, 1.6 * shape.scale)
        )
        y = spot[1] + shape.scale * back * step_y + rng.normal(0, (2.0 if flock else 4.0) * shape.scale)
        bird = sprite("bird", int(rng.integers(16)), shape.scale * rng.uniform(5.0, 6.2), rng.random() < 0.5)
        left, top = int(x - bird.shape[1] / 2), int(y - bird.shape[0] / 2)
        _fly(easel, bird, left, top, IDS["bird"] + k)


def _fly(easel: Easel, bird: NDArray[np.uint8], left: int, top: int, number: int) -> None:
    """Sets a bird, pale at night and dark by day."""
    pale = easel.scene.hour == "night" and easel.scene.style != "gold-on-indigo"
    ink = mix(easel.colours.snow, (1.0, 1.0, 1.0), 0.3) if pale else easel.colours.ink
    easel.drawn[number] = stamps.stamp(
        easel.picture, easel.lines, easel.ids, bird, left, top, ink, ink, ink, ink, ink, 0.0, number
    )


def _middle(ids: NDArray[np.uint8], number: int) -> tuple[float, float]:
    rows, columns = np.nonzero(ids == number)
    return (float(columns.mean()), float(rows.mean())) if rows.size else (0.0, 0.0)


def weather(easel: Easel) -> None:
    """Snowflakes small and soft; rain slanting."""
    scene, shape, rng = easel.scene, easel.plan, easel.rng
    area = shape.width * shape.height / (65536 * shape.scale**2)
    if scene.weather == "snow":
        count = int(260 * area)
        spots = rng.uniform(0, 1, (count, 3)) * (shape.width, shape.height, 1.0)
        spots[:, 2] = (0.75 + 0.85 * spots[:, 2] ** 2) * shape.scale
        flake = mix(easel.colours.snow, (1.0, 1.0, 1.0), 0.5)
        stamps.flakes(easel.picture, spots.astype(np.float32), flake, 0.9)
    if scene.weather == "rain":
        count = int(230 * area)
        drops = rng.uniform(0, 1, (count, 3)) * (shape.width * 1.2, shape.height * 1.1, 1.0)
        drops[:, 1] -= 0.1 * shape.height
        drops[:, 2] = (11.0 + 11.0 * drops[:, 2]) * shape.scale
        tone = (
            mix(easel.colours.mist, (1.0, 1.0, 1.0), 0.35)
            if scene.hour in ("night", "dusk")
            else mix(easel.colours.ink, easel.colours.sky_top, 0.45)
        )
        stamps.rain(easel.picture, drops.astype(np.float32), -0.28, tone, 1.2 * shape.scale, 0.55)


def seal(easel: Easel) -> None:
    """A vermilion seal in a lower corner away from the near bank."""
    shape, rng = easel.plan, easel.rng
    if rng.random() < 0.35:
        return
    picture = sprite("seal", int(rng.integers(16)), 13.0 * shape.scale, False)
    left = int(8 * shape.scale) if shape.side > 0 else shape.width - picture.shape[1] - int(8 * shape.scale)
    top = shape.height - picture.shape[0] - int(8 * shape.scale)
    _stamp(easel, picture, left, top, IDS["seal"], (easel.colours.seal, easel.colours.seal))
