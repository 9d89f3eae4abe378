"""What the studio costs over a bare diffusers pipeline: same modules, same seed, interleaved in one process.

Arms: `bare` (the pipeline called directly), `bare again` (the noise of the measurement), `studio` (everything
from prompt to PNG with previews, nothing kept), `studio, prompt kept` (only the text stage is kept). Each
arm ends with a PNG in memory. The pixels are compared first. Ratios are of processor time on one thread, in
pairs within a round, in random order.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

from studio.bench.report import Report, median, median_interval
from studio.errors import StudioError
from studio.models.library import Library
from studio.painting.events import Event, Picture
from studio.painting.materials import gather
from studio.painting.painter import Painter
from studio.recipe import Recipe
from studio.samplers import scheduler
from studio.settings import Settings

PROMPT = "a lone boat on a misty lake, blue-green mountains"


def run(settings: Settings, rounds: int = 40, steps: int = 20) -> Report:
    """Measure; about `rounds` × 4 pictures. `ratio` is the median of studio/bare, `upper` its 95 % bound."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        painter = Painter(settings, Library(settings.models))
        recipe = Recipe(
            prompt=PROMPT, steps=steps, guidance=3.0, width=256, height=256, schedule="Trailing", seed=1
        )
        bare = bare_pipeline(painter, recipe)
        if paint(painter, recipe).png_pixels() != bare(recipe).tobytes():
            raise StudioError("The studio's pixels differ from the bare pipeline's: nothing to compare.")
        arms: dict[str, Callable[[Recipe], Any]] = {
            "bare": bare,
            "bare again": bare,
            "studio": lambda r: (painter.stages.clear(), paint(painter, r)),
            "studio, prompt kept": lambda r: paint(painter, r),
        }
        return report(measure(arms, recipe, rounds))
    finally:
        torch.set_num_threads(threads)


class Painted:
    """The one picture a painting brought."""

    def __init__(self, picture: Picture) -> None:
        self.png = picture.png

    def png_pixels(self) -> bytes:
        """Its decoded RGB bytes."""
        from PIL import Image

        return Image.open(BytesIO(self.png)).convert("RGB").tobytes()


def paint(painter: Painter, recipe: Recipe) -> Painted:
    """Paint with previews, as a job does."""
    events: list[Event] = []
    painter.paint(recipe, {}, events.append, lambda: False)
    return Painted(next(event for event in events if isinstance(event, Picture)))


def bare_pipeline(painter: Painter, recipe: Recipe) -> Callable[[Recipe], Any]:
    """diffusers' own pipeline over the studio's own modules; returns recipe → Pillow picture, PNG written."""
    import diffusers
    import torch
    from transformers import CLIPTokenizer

    materials = gather(recipe, painter.library)
    names = ("text_encoder", "unet", "vae")
    entries = [painter.bench.entry(materials.model, name, materials.family) for name in names]
    base = painter.bench.scheduler(materials.model, materials.family)
    parts: dict[str, Any] = {
        **{name: entry.value for name, entry in zip(names, entries, strict=True)},
        "tokenizer": CLIPTokenizer.from_pretrained(materials.model.path / "tokenizer"),
        "scheduler": scheduler(recipe.sampler, recipe.schedule, base, recipe.steps)[0],
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }
    pipeline: Any = getattr(diffusers, "StableDiffusionPipeline")(**parts)  # noqa: B009 - not in diffusers' stubs
    pipeline.set_progress_bar_config(disable=True)

    def call(asked: Recipe) -> Any:
        pipeline.scheduler, extra = scheduler(asked.sampler, asked.schedule, base, asked.steps)
        picture = pipeline(
            asked.prompt,
            negative_prompt=asked.negative,
            height=asked.height,
            width=asked.width,
            num_inference_steps=asked.steps,
            guidance_scale=asked.guidance,
            generator=torch.Generator("cpu").manual_seed(asked.seed),
            **extra,
        ).images[0]
        picture.save(BytesIO(), "PNG", compress_level=1)
        return picture

    return call


def measure(
    arms: dict[str, Callable[[Recipe], Any]], recipe: Recipe, rounds: int
) -> dict[str, list[tuple[float, float]]]:
    """Seconds of (processor, wall) per arm and round; every round has its own seed and order."""
    order = random.Random(0)  # noqa: S311
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in arms}
    for i in range(rounds):
        for name in order.sample(sorted(arms), len(arms)):
            began, wall = time.process_time(), time.perf_counter()
            # Each arm sees each seed once, so nothing but the prompt can be kept from another arm.
            arms[name](recipe.but(seed=1000 + i if name != "studio" else 500_000 + i))
            found[name].append((time.process_time() - began, time.perf_counter() - wall))
    return found


def report(found: dict[str, list[tuple[float, float]]]) -> Report:
    """Paired ratios against `bare`, with the 95 % interval of their median."""
    base = found["bare"]
    rows: list[tuple[Any, ...]] = []
    figures: dict[str, Any] = {}
    for name, times in found.items():
        ratios = [mine / bare for (mine, _), (bare, _) in zip(times, base, strict=True)]
        low, high = median_interval(ratios)
        ms = [1000 * median([t[i] for t in times]) for i in (0, 1)]
        rows.append((name, ms[0], ms[1], median(ratios), low, high))
        if name == "studio":
            figures |= {"ratio": median(ratios), "lower": low, "upper": high}
        elif name != "bare":
            figures |= {f"{name.replace(', ', '_').replace(' ', '_')}_ratio": median(ratios)}
    columns = ("arm", "CPU ms", "wall ms", "ratio", "95 % from", "to")
    return Report("overhead", columns, tuple(rows), figures, ("Pixels equal. One thread.",))
