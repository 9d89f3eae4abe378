"""What a landscape shows: sixteen attributes, their classes, and how scenes are drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

GENERATOR_VERSION: int = 3
"""Raised whenever the same seed no longer gives the same picture."""

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "style": ("ink", "blue-green", "light-crimson", "gold-on-indigo"),
    "season": ("spring", "summer", "autumn", "winter"),
    "hour": ("dawn", "day", "dusk", "night"),
    "weather": ("clear", "snow", "rain"),
    "mist": ("none", "thin", "dense"),
    "water": ("none", "river", "lake", "waterfall"),
    "boats": ("0", "1", "2", "3"),
    "bridge": ("none", "bridge"),
    "tree": ("none", "pine", "broadleaf", "willow", "bamboo", "bare"),
    "grove": ("none", "single", "several"),
    "building": ("none", "hut", "pavilion", "pagoda"),
    "birds": ("none", "few", "flock"),
    "orb": ("none", "sun", "full moon", "crescent"),
    "composition": ("left", "centre", "right"),
    "peaks": ("one", "two", "several"),
    "height": ("low", "towering"),
}
"""Attribute -> classes; the position of a class is its label."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One class for every attribute of `ATTRIBUTES`, in the same order."""

    style: str
    season: str
    hour: str
    weather: str
    mist: str
    water: str
    boats: str
    bridge: str
    tree: str
    grove: str
    building: str
    birds: str
    orb: str
    composition: str
    peaks: str
    height: str


HELD_OUT: tuple[tuple[tuple[str, str], tuple[str, str]], ...] = (
    (("style", "gold-on-indigo"), ("weather", "rain")),
    (("style", "blue-green"), ("orb", "crescent")),
    (("tree", "willow"), ("hour", "night")),
    (("season", "autumn"), ("boats", "3")),
    (("birds", "flock"), ("orb", "full moon")),
    (("bridge", "bridge"), ("season", "winter")),
)
"""Pairs of classes that never meet in a training picture: the test of composition."""


def held_out(scene: Scene) -> bool:
    """Whether the scene joins a pair that `sample_scene` never draws."""
    return any(getattr(scene, a) == x and getattr(scene, b) == y for (a, x), (b, y) in HELD_OUT)


def labels(scene: Scene) -> dict[str, int]:
    """Attribute -> index of the scene's class in `ATTRIBUTES`."""
    return {name: classes.index(getattr(scene, name)) for name, classes in ATTRIBUTES.items()}


def sample_scene(rng: Generator) -> Scene:
    """Draws a scene: near-uniform and independent, except what cannot be and what is held out."""
    while True:
        scene = _draw(rng)
        if not held_out(scene):
            return scene


def possible(scene: Scene) -> bool:
    """Whether nature allows the scene: no snow in summer, no moon at noon, no boat on dry land."""
    return (
        scene.weather in _WEATHER[scene.season]
        and scene.tree in _TREES[scene.season]
        and (scene.tree == "none") == (scene.grove == "none")
        and scene.orb in (_ORBS[scene.hour] if scene.weather == "clear" else {"none": 1.0})
        and (scene.boats == "0" or scene.water in ("river", "lake"))
        and (scene.bridge == "none" or scene.water == "river")
    )


_WEATHER = {
    "spring": {"clear": 0.7, "rain": 0.3},
    "summer": {"clear": 0.7, "rain": 0.3},
    "autumn": {"clear": 0.7, "rain": 0.3},
    "winter": {"clear": 0.5, "snow": 0.5},
}
_LEAFY = {"none": 0.12, "pine": 0.22, "broadleaf": 0.24, "willow": 0.22, "bamboo": 0.2}
_TREES = {
    "spring": _LEAFY,
    "summer": _LEAFY,
    "autumn": {**_LEAFY, "bare": 0.2},
    "winter": {"none": 0.1, "pine": 0.27, "bamboo": 0.2, "bare": 0.43},
}
_SUNNY = {"none": 0.35, "sun": 0.65}
_ORBS = {
    "dawn": _SUNNY,
    "day": _SUNNY,
    "dusk": _SUNNY,
    "night": {"none": 0.2, "full moon": 0.4, "crescent": 0.4},
}
_BOATS = {"0": 0.28, "1": 0.24, "2": 0.24, "3": 0.24}
_BIRDS = {"none": 0.4, "few": 0.3, "flock": 0.3}
_BUILDINGS = {"none": 0.34, "hut": 0.22, "pavilion": 0.22, "pagoda": 0.22}
_WATERS = {"none": 0.19, "river": 0.28, "lake": 0.29, "waterfall": 0.24}


def _draw(rng: Generator) -> Scene:
    season, hour, water = _even(rng, "season"), _even(rng, "hour"), _pick(rng, _WATERS)
    weather = _pick(rng, _WEATHER[season])
    tree = _pick(rng, _TREES[season])
    grove = ("single", "several")[int(rng.integers(2))]
    bridged = rng.random() < 0.5
    scene = Scene(
        style=_even(rng, "style"),
        season=season,
        hour=hour,
        weather=weather,
        mist=_even(rng, "mist"),
        water=water,
        boats=_pick(rng, _BOATS),
        bridge="bridge" if bridged and water == "river" else "none",
        tree=tree,
        grove="none" if tree == "none" else grove,
        building=_pick(rng, _BUILDINGS),
        birds=_pick(rng, _BIRDS),
        orb=_pick(rng, _ORBS[hour]),
        composition=_even(rng, "composition"),
        peaks=_even(rng, "peaks"),
        height=_even(rng, "height"),
    )
    boats = scene.boats if water in ("river", "lake") else "0"
    return replace(scene, boats=boats, orb=scene.orb if weather == "clear" else "none")


def _even(rng: Generator, attribute: str) -> str:
    return _choose(rng, ATTRIBUTES[attribute], None)


def _pick(rng: Generator, odds: dict[str, float]) -> str:
    return _choose(rng, tuple(odds), tuple(odds.values()))


def _choose(rng: Generator, names: Sequence[str], odds: Sequence[float] | None) -> str:
    if odds is None:
        return names[int(rng.integers(len(names)))]
    at, total = rng.random() * sum(odds), 0.0
    for name, share in zip(names, odds, strict=True):
        total += share
        if at < total:
            return name
    return names[-1]
