"""The bank of things: trees, houses, boats, bridges and birds, each drawn large once and reduced when placed.

A sprite is uint8 (h, w, 4): ink, leaf, body and line coverage. Ink is the brush line, leaf is what takes the
colour of the season (or a roof its tiles), body is what hides the ground behind it, line goes to the line
drawing.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from studio.school import buildings, trees

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from studio.school.brush import Sheet

VARIANTS = 16

DRAWERS: dict[str, Callable[[np.random.Generator], Sheet]] = {
    "pine": trees.pine,
    "broadleaf": trees.broadleaf,
    "willow": trees.willow,
    "bamboo": trees.bamboo,
    "bare": trees.bare,
    "hut": buildings.hut,
    "pavilion": buildings.pavilion,
    "pagoda": buildings.pagoda,
    "bridge": buildings.bridge,
    "boat": buildings.boat,
    "bird": buildings.bird,
    "seal": buildings.seal,
}


@cache
def _masters(kind: str) -> tuple[tuple[NDArray[np.uint8], ...], ...]:
    """Every variant of a kind as a pyramid: full size, a half, a quarter."""
    seed = sum(ord(letter) * 31**place for place, letter in enumerate(kind)) % 2**31
    rng = np.random.default_rng(seed)
    drawn: list[tuple[NDArray[np.uint8], ...]] = []
    for _ in range(VARIANTS):
        full = DRAWERS[kind](rng).cropped()
        drawn.append((full, _reduced(full, 2), _reduced(full, 4)))
    return tuple(drawn)


def _reduced(full: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    size = (max(1, full.shape[1] // times), max(1, full.shape[0] // times))
    return np.asarray(cv2.resize(full, size, interpolation=cv2.INTER_AREA), np.uint8)


def sprite(kind: str, variant: int, height: float, mirrored: bool) -> NDArray[np.uint8]:
    """One thing `height` pixels tall (its width follows), facing the other way if `mirrored`."""
    pyramid = _masters(kind)[variant % VARIANTS]
    rows = max(2, round(height))
    source = next((level for level in reversed(pyramid) if level.shape[0] >= rows * 1.15), pyramid[0])
    columns = max(2, round(rows * source.shape[1] / source.shape[0]))
    shrinking = rows <= source.shape[0]
    reduced = cv2.resize(
        source, (columns, rows), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
    )
    if mirrored:
        reduced = reduced[:, ::-1]
    return np.ascontiguousarray(reduced, dtype=np.uint8)


def aspect(kind: str, variant: int) -> float:
    """Width over height of a sprite."""
    full = _masters(kind)[variant % VARIANTS][0]
    return full.shape[1] / full.shape[0]
