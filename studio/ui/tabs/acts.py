"""What can be done with a finished picture, or a model. A new action is a function and an entry in `ACTS`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from studio.habits import SETTINGS
from studio.recipe import LONGEST, Hires, Recipe, Source
from studio.studio import Studio

SUBTLE, STRONG = 0.35, 0.65  # denoising strengths


@dataclass(frozen=True, slots=True)
class Act:
    """What the page does next: `recipe` fills the form (only `fields` and their parts), `order` the stage."""

    order: Mapping[str, Any]
    recipe: Recipe | None = None
    fields: frozenset[str] | None = None


def opening(recipe: Recipe) -> dict[str, Any]:
    """The order that opens a recipe in the tab where it was made, its drawing and pictures on the canvas."""
    source = recipe.source
    finished = source is not None and source.strength == 0
    tab = "txt2img"
    if recipe.controls:
        tab = "sketch"
    elif finished:
        tab = "highres" if recipe.hires else "finish"
    elif source is not None:
        tab = "img2img"
    shown = {
        "tab": tab,
        "image": source.image if source else "",
        "mask": recipe.mask.image if recipe.mask else "",
        "lines": recipe.controls[0].image if recipe.controls else "",
        "size": [recipe.width, recipe.height],
    }
    return {"open": shown, "n": time.time()}


def made_by(studio: Studio, painter: str, picture: str) -> Recipe:
    """The recipe of one of her pictures, as it can be painted here. Raises `NotFound`, `BadMetadata`."""
    found = studio.palette.restore(studio.gallery.read(painter, picture), painter)
    return studio.palette.recipe(found.values, painter)


def as_source(studio: Studio, painter: str, picture: str, strength: float) -> Recipe:
    """The picture's recipe with the picture itself as the source; painted over, it ends as it did."""
    digest = studio.inputs.put(painter, studio.gallery.bare(painter, picture))
    made = made_by(studio, painter, picture)
    finished = made.source is not None and made.source.strength == 0  # its chain was for that picture only
    finish = () if strength == 0 else studio.palette.fresh(made.model).post if finished else made.post
    plain = {"mask": None, "controls": (), "drawing": None, "hires": None, "post": finish}
    return made.but(**plain, source=Source(image=digest, strength=strength))


def reuse(studio: Studio, painter: str, picture: str) -> Act:
    """Everything, in the tab where it was made."""
    recipe = made_by(studio, painter, picture)
    return Act(opening(recipe), recipe)


def reuse_prompt(studio: Studio, painter: str, picture: str) -> Act:
    """Its words only."""
    words = frozenset({"prompt", "negative"})
    return Act({"open": {"tab": ""}, "n": time.time()}, made_by(studio, painter, picture), words)


def reuse_seed(studio: Studio, painter: str, picture: str) -> Act:
    """Its seed only."""
    return Act(
        {"open": {"tab": ""}, "n": time.time()}, made_by(studio, painter, picture), frozenset({"seed"})
    )


def replay(studio: Studio, painter: str, picture: str) -> Act:
    """The same picture once more."""
    return submitted(studio, painter, made_by(studio, painter, picture), picture, 1)


def vary(strength: float) -> Callable[[Studio, str, str], Act]:
    """Others like it: painted over at this denoising strength, each from a new seed."""

    def act(studio: Studio, painter: str, picture: str) -> Act:
        recipe = as_source(studio, painter, picture, strength).but(seed=-1)
        return submitted(studio, painter, recipe, picture, studio.habits.count(painter, recipe.model))

    return act


def to_img2img(studio: Studio, painter: str, picture: str) -> Act:
    """Onto the canvas, to paint over."""
    recipe = as_source(studio, painter, picture, Source.model_fields["strength"].default).but(seed=-1)
    return Act(opening(recipe), recipe)


def to_sketch(studio: Studio, painter: str, picture: str) -> Act:
    """Onto the canvas, to draw after."""
    digest = studio.inputs.put(painter, studio.gallery.bare(painter, picture))
    made = made_by(studio, painter, picture)
    finish = studio.palette.fresh(made.model).post
    bare = {"source": None, "mask": None, "controls": (), "drawing": None, "hires": None, "post": finish}
    recipe = made.but(**bare)
    order = opening(recipe)
    order["open"] |= {"tab": "sketch", "trace": digest}
    return Act(order, recipe)


def to_highres(studio: Studio, painter: str, picture: str) -> Act:
    """Larger and painted over once more."""
    recipe = as_source(studio, painter, picture, 0).but(hires=Hires())
    return Act(opening(recipe), recipe)


def to_finish(studio: Studio, painter: str, picture: str) -> Act:
    """Into the chain of finishing steps."""
    recipe = as_source(studio, painter, picture, 0)
    return Act(opening(recipe), recipe)


def to_scroll(studio: Studio, painter: str, picture: str) -> Act:
    """Unrolled further as a handscroll: its words, and its height for every part."""
    shown = studio.gallery.get(painter, picture)
    bare = {"source": None, "mask": None, "controls": (), "drawing": None, "hires": None, "post": ()}
    recipe = made_by(studio, painter, picture).but(**bare, seed=-1)
    side = min(LONGEST, shown.height // 8 * 8)
    recipe = recipe.but(width=max(recipe.width if recipe.height == side else side, 64), height=max(side, 64))
    return Act({"open": {"tab": "img2img", "unroll": shown.id}, "n": time.time()}, recipe)


def with_model(studio: Studio, painter: str, model: str) -> Act:
    """Paint with this model, as she last did, and end as it does; words, seed and other parts stay."""
    recipe = studio.palette.recipe({"model": model}, painter)
    fields = frozenset({*SETTINGS, "model", "post"})
    return Act({"open": {"tab": "txt2img"}, "n": time.time()}, recipe, fields)


def submitted(studio: Studio, painter: str, recipe: Recipe, parent: str, count: int) -> Act:
    """Put it in line; the stage shows how it goes. The new pictures remember which one they came from."""
    asked = studio.submit(recipe.model_dump(mode="json"), painter, count, parent=parent)
    return Act({"group": asked.group, "jobs": asked.jobs, "ratio": recipe.width / recipe.height})


ACTS: Mapping[str, Callable[[Studio, str, str], Act]] = MappingProxyType(
    {
        "reuse": reuse,
        "reuse-prompt": reuse_prompt,
        "reuse-seed": reuse_seed,
        "replay": replay,
        "vary-subtle": vary(SUBTLE),
        "vary-strong": vary(STRONG),
        "img2img": to_img2img,
        "sketch": to_sketch,
        "upscale": to_highres,
        "finish": to_finish,
        "unroll": to_scroll,
        "model": with_model,
    }
)
