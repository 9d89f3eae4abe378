"""What is really visible: the id map is counted, and the scene corrected to say no more than that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from studio.school.scene import Scene

IDS: dict[str, int] = {
    "sky": 0,
    "far": 2,
    "rock": 3,
    "ground": 4,
    "water": 5,
    "bank": 6,
    "peak": 10,
    "boat": 20,
    "tree": 30,
    "building": 40,
    "bridge": 41,
    "bird": 50,
    "orb": 80,
    "fall": 81,
    "seal": 82,
}
"""First id of every kind; peaks, boats, trees and birds count upwards from theirs. 0 is sky and mist."""

SHARE, LEAST = 0.40, 12


def small(ids: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which pixels of an id map are of a small thing: boat, building, bridge or bird."""
    boat = (ids >= IDS["boat"]) & (ids < IDS["tree"])
    bird = (ids >= IDS["bird"]) & (ids < IDS["orb"])
    return boat | bird | np.isin(ids, (IDS["building"], IDS["bridge"]))


def seen(scene: Scene, ids: NDArray[np.uint8], drawn: dict[int, int]) -> Scene:
    """The scene as it can be seen in `ids` (H, W); `drawn` holds each object's pixels had nothing hidden
    it.
    """
    left = np.bincount(ids.ravel(), minlength=256)
    visible = {
        number for number, whole in drawn.items() if number > 0 and left[number] >= max(LEAST, SHARE * whole)
    }

    def count(kind: str, room: int) -> int:
        return sum(IDS[kind] <= number < IDS[kind] + room for number in visible)

    trees, birds, peaks = count("tree", 10), count("bird", 30), count("peak", 10)
    return replace(
        scene,
        boats=str(count("boat", 10)),
        tree=scene.tree if trees else "none",
        grove=("none", "single", "several")[min(trees, 2)],
        building=scene.building if IDS["building"] in visible else "none",
        bridge="bridge" if IDS["bridge"] in visible else "none",
        birds="none" if birds == 0 else "few" if birds < 6 else "flock",
        orb=scene.orb if IDS["orb"] in visible else "none",
        water=_water(scene.water, visible, int(left[IDS["water"]])),
        peaks=("one", "one", "two", "several")[min(peaks, 3)],
    )


def _water(planned: str, visible: set[int], pixels: int) -> str:
    """A fall that cannot be seen leaves its stream; water that cannot be seen leaves nothing."""
    if planned == "waterfall" and IDS["fall"] in visible:
        return planned
    if pixels < LEAST:
        return "none"
    return "river" if planned == "waterfall" else planned
