"""What a repeated recipe and a moved finishing slider cost, against a full painting."""

from __future__ import annotations

import time

from studio.bench.overhead import PROMPT, paint
from studio.bench.report import Report, median
from studio.models.library import Library
from studio.painting.painter import Painter
from studio.post import Clahe
from studio.recipe import Recipe
from studio.settings import Settings


def run(settings: Settings, rounds: int = 30) -> Report:
    """Measure; `repeat_ms`: the same recipe again; `post_share`: a moved CLAHE slider over all of it."""
    painter = Painter(settings, Library(settings.models))
    recipe = Recipe(
        prompt=PROMPT, guidance=3.0, width=256, height=256, schedule="Trailing", seed=1, post=(Clahe(),)
    )
    paint(painter, recipe)
    full: list[float] = []
    for i in range(max(3, rounds // 6)):
        painter.stages.clear()
        full.append(seconds(painter, recipe.but(seed=i)))
    paint(painter, recipe)
    repeat = [seconds(painter, recipe) for _ in range(rounds)]
    moved = [
        seconds(painter, recipe.but(post=(Clahe(amount=i / (2 * rounds)),))) for i in range(1, rounds + 1)
    ]
    rows = tuple(
        (name, 1000 * median(times), median(times) / median(full))
        for name, times in (("full painting", full), ("same recipe again", repeat), ("CLAHE moved", moved))
    )
    figures = {"repeat_ms": 1000 * median(repeat), "post_share": median(moved) / median(full)}
    return Report("stages", ("what", "ms", "share of a full painting"), rows, figures)


def seconds(painter: Painter, recipe: Recipe) -> float:
    """Wall seconds of one painting inside the worker."""
    began = time.perf_counter()
    paint(painter, recipe)
    return time.perf_counter() - began
