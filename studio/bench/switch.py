"""What changing between txt2img, img2img and ControlNet costs on one loaded model."""

from __future__ import annotations

import gc
import time

import psutil

from studio.bench.overhead import PROMPT
from studio.bench.report import Report, median
from studio.control import hint
from studio.families import sd
from studio.images import digest, encode_png
from studio.models.library import Library
from studio.painting.painter import Painter
from studio.painting.watch import unwatched
from studio.recipe import Control, Recipe, Source
from studio.settings import Settings


def run(settings: Settings, rounds: int = 9) -> Report:
    """Measure resident memory after each kind of painting, and the milliseconds a pipeline view costs.

    `memory_share`: growth over txt2img alone, the ControlNet's own weights taken off; `view_ms`: building the
    view, which is all that a switch does.
    """
    from PIL import Image

    painter = Painter(settings, Library(settings.models))
    picture = encode_png(Image.linear_gradient("L").convert("RGB").resize((256, 256)))
    blobs = {digest(picture): picture}
    base = Recipe(prompt=PROMPT, guidance=3.0, steps=4, width=256, height=256, schedule="Trailing", seed=1)
    kinds = {
        "txt2img": base,
        "img2img": base.but(source=Source(image=digest(picture), strength=0.8)),
        "control": base.but(controls=(Control(image=digest(picture), model="starter", hint="canny"),)),
    }
    for recipe in kinds.values():
        painter.one(recipe, blobs)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
    painter.stages.clear()
    for i in range(rounds):
        for name, recipe in kinds.items():
            painter.stages.clear()
            painter.one(recipe.but(seed=i), blobs)
            found[name].append((resident(), view_ms(painter, recipe, blobs)))
    memory = {name: median([m for m, _ in values]) for name, values in found.items()}
    view = {name: median([ms for _, ms in values]) for name, values in found.items()}
    rows = tuple((name, memory[name] / 2**20, memory[name] / memory["txt2img"], view[name]) for name in kinds)
    figures = {"memory_share": max(memory.values()) / memory["txt2img"] - 1, "view_ms": max(view.values())}
    return Report("switch", ("kind", "resident MiB", "over txt2img", "view ms"), rows, figures)


def resident() -> float:
    """Bytes of memory this process holds."""
    gc.collect()
    return float(psutil.Process().memory_info().rss)


def view_ms(painter: Painter, recipe: Recipe, blobs: dict[str, bytes]) -> float:
    """Milliseconds to make the view that a recipe asks for, over modules that are loaded."""
    from PIL import Image

    from studio.samplers import scheduler

    chain = painter.chain(recipe, blobs, unwatched())
    materials, bench = chain.materials, painter.bench
    files = [file for _, file in materials.controls]
    blank = Image.new("RGB", (256, 256))
    inputs = sd.Inputs(
        source=blank if recipe.source else None,
        controls=tuple((control, hint(control.hint, blank, 256, 256)) for control in recipe.controls),
    )
    began = time.perf_counter()
    entries = [bench.entry(materials.model, name, materials.family) for name in ("unet", "vae")]
    entries += [bench.entry(file, "controlnet", materials.family) for file in files]
    with painter.models.use(*entries) as (unet, vae, *nets):
        base = bench.scheduler(materials.model, materials.family)
        fresh = scheduler(recipe.sampler, recipe.schedule, base, recipe.steps)[0]
        sd.view(materials.family, sd.Parts(unet, vae, tuple(nets), base), inputs, fresh)
        return 1000 * (time.perf_counter() - began)
