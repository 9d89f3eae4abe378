"""Where things go: peaks by composition, a near bank for trees and houses, clear sky for the sun and the
birds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from studio.school import kernels
from studio.school.banks import LENGTH, banks

if TYPE_CHECKING:
    from numpy.random import Generator

    from studio.school.scene import Scene

Profile = NDArray[np.float32]


class Peak(NamedTuple):
    """One mountain; x, high and half in pixels."""

    x: float
    high: float
    half: float
    blunt: float


class Plan(NamedTuple):
    """The skeleton of a picture, in pixels; rows grow downwards."""

    width: int
    height: int
    scale: float
    level: float
    peaks: tuple[Peak, ...]
    side: int
    bank: Profile
    skyline: Profile


def plan(scene: Scene, rng: Generator, width: int, height: int) -> Plan:
    """Places the mountains and the near bank."""
    scale = min(width, height) / 256
    level = height * rng.uniform(0.64, 0.70)
    peaks = _peaks(scene, rng, width, height)
    lean = {"left": 1, "right": -1, "centre": 1 if rng.random() < 0.5 else -1}[scene.composition]
    side = lean if rng.random() < 0.8 else -lean
    bank = near_bank(rng, width, height, side, scale)
    return Plan(width, height, scale, level, peaks, side, bank, np.full(width, level, np.float32))


def _peaks(scene: Scene, rng: Generator, width: int, height: int) -> tuple[Peak, ...]:
    centre = {"left": 0.27, "centre": 0.5, "right": 0.73}[scene.composition] + rng.uniform(-0.025, 0.025)
    towering = scene.height == "towering"
    high = height * (rng.uniform(0.50, 0.57) if towering else rng.uniform(0.25, 0.30))
    half = (0.19 if towering else 0.24) * rng.uniform(0.92, 1.1)
    if scene.peaks == "one":
        places = [(centre, 1.0, 1.15)]
    elif scene.peaks == "two":
        gap = half * rng.uniform(1.15, 1.3)
        inward = {"left": 1, "right": -1, "centre": 1 if rng.random() < 0.5 else -1}[scene.composition]
        shift = 0.42 if scene.composition == "centre" else 0.28
        host = centre - inward * gap * shift
        places = [(host, 1.0, 0.82), (host + inward * gap, rng.uniform(0.66, 0.80), 0.72)]
    else:
        places = [(centre, 1.0, 0.72)]
        for k, step in enumerate((-1, 1, -2, 2)[: int(rng.integers(3, 5))]):
            x = float(np.clip(centre + step * half * rng.uniform(0.64, 0.74), 0.05, 0.95))
            places.append((x, rng.uniform(0.62, 0.80) * (0.9 if k > 1 else 1.0), rng.uniform(0.5, 0.62)))
    least = 0.80 if scene.mist == "dense" else 0.0  # lower companions would drown in a sea of cloud
    return tuple(
        Peak(x * width, high * max(part, least), half * wide * width, rng.uniform(1.25, 2.3))
        for x, part, wide in sorted(places, key=lambda p: -p[1])
    )


def profile(rng: Generator, width: int, peak: Peak, foot: float, scale: float, rough: float) -> Profile:
    """The contour of one mountain as rows (W,): uneven flanks, shoulders, crags; below `foot` where there
    is none.
    """
    noise = banks()
    flanks = peak.half * rng.uniform(0.8, 1.2, 2)
    sides = np.where(rng.random(2) < 0.5, -flanks[0], flanks[1])
    shoulders = np.stack([peak.x + rng.uniform(0.3, 0.65, 2) * sides, rng.uniform(0.32, 0.52, 2)], 1)
    start = float(rng.uniform(0, LENGTH))
    return kernels.contour(
        width,
        (peak.x, peak.high, peak.blunt),
        flanks,
        shoulders,
        noise.crag,
        noise.roll,
        start,
        float(foot),
        scale,
        float(rough),
    )


def _along(bank: Profile, at: NDArray[np.floating]) -> Profile:
    """A 1-D bank read at fractional places."""
    low = np.floor(at).astype(np.int64)
    part = (at - low).astype(np.float32)
    return (bank[low % LENGTH] * (1 - part) + bank[(low + 1) % LENGTH] * part).astype(np.float32)


def near_bank(rng: Generator, width: int, height: int, side: int, scale: float) -> Profile:
    """The top of the near bank as rows (W,): high at its side (-1 left, 1 right), gone past the middle."""
    x = np.arange(width, dtype=np.float32) / width
    u = x if side < 0 else 1.0 - x
    rise = rng.uniform(0.15, 0.19) * height
    reach = rng.uniform(0.60, 0.70)
    roll = _along(banks().roll, rng.uniform(0, LENGTH) + x * (width * 4.0 / scale))
    shape = np.clip(1.0 - (u / reach) ** 1.7, 0.0, 1.0) ** 0.8
    return (height + 2 - (rise * shape + roll * 5.0 * scale * np.sqrt(shape))).astype(np.float32)


def far_range(rng: Generator, width: int, level: float, high: float, scale: float) -> Profile:
    """A distant chain of hills as rows (W,)."""
    x = np.arange(width, dtype=np.float32)
    start = rng.uniform(0, LENGTH)
    long = _along(banks().roll, start + x * (2.2 / scale))
    fine = _along(banks().crag, start * 3 + x * (1.2 / scale))
    return (level - high * (0.62 + 0.38 * long) - 2.0 * scale * fine).astype(np.float32)


def clear_spot(
    rng: Generator,
    plan: Plan,
    size: tuple[float, float],
    rows: tuple[float, float],
    taken: list[tuple[float, float]],
) -> tuple[float, float] | None:
    """The middle of a free patch of sky of half-size `size` between `rows`, or None where there is none."""
    half_x, half_y = size
    best: tuple[float, tuple[float, float]] | None = None
    for _ in range(24):
        x = rng.uniform(half_x + 4, plan.width - half_x - 4)
        y = rng.uniform(*rows)
        a, b = max(0, int(x - half_x)), min(plan.width, int(x + half_x) + 1)
        room = float(plan.skyline[a:b].min()) - (y + half_y)
        apart = min((abs(x - u) + abs(y - v) for u, v in taken), default=1e9)
        score = min(room, 6.0 * plan.scale) + min(apart, half_x + half_y + 40 * plan.scale)
        if y - half_y > 2 and (best is None or score > best[0]):
            best = (score, (x, y))
    return best[1] if best else None
