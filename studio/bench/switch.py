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

    `memory_share`: growth over the memory of painting txt2img alone, before anything else was ever painted,
    the ControlNet's own weights taken off; `view_ms`: building the view, which is all that a switch does.
    """
    painter = Painter(settings, Library(settings.models))
    kinds, blobs = kinds_of_painting()
    load_libraries()
    for i in range(rounds):
        again(painter, kinds["txt2img"].but(seed=i), blobs)
    alone = resident()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
    for i in range(rounds + 1):
        for name, recipe in kinds.items():
            again(painter, recipe.but(seed=i), blobs)
            if i:  # the first round loads the ControlNet
                found[name].append((resident(), view_ms(painter, recipe, blobs)))
    nets = net_bytes(painter, kinds["control"], blobs)
    memory = {name: median([m for m, _ in values]) - nets for name, values in found.items()}
    view = {name: median([ms for _, ms in values]) for name, values in found.items()}
    rows = [(name, memory[name] / 2**20, memory[name] / alone, view[name]) for name in kinds]
    figures = {"memory_share": max(memory.values()) / alone - 1, "view_ms": max(view.values())}
    columns = ("kind", "resident MiB", "over txt2img alone", "view ms")
    return Report("switch", columns, (("txt2img alone", alone / 2**20, 1.0, view["txt2img"]), *rows), figures)


def load_libraries() -> None:
    """The code that only some kinds need, so that models alone are measured."""
    import cv2
    import diffusers

    for module, name in (
        (diffusers, "StableDiffusionImg2ImgPipeline"),
        (diffusers, "StableDiffusionControlNetPipeline"),
        (cv2, "Canny"),
    ):
        getattr(module, name)


def kinds_of_painting() -> tuple[dict[str, Recipe], dict[str, bytes]]:
    """The three recipes, and the picture that two of them need."""
    from PIL import Image

    picture = encode_png(Image.linear_gradient("L").convert("RGB").resize((256, 256)))
    name = digest(picture)
    base = Recipe(prompt=PROMPT, guidance=3.0, steps=4, width=256, height=256, schedule="Trailing", seed=1)
    return {
        "txt2img": base,
        "img2img": base.but(source=Source(image=name, strength=0.8)),
        "control": base.but(controls=(Control(image=name, model="starter", hint="canny"),)),
    }, {name: picture}


def again(painter: Painter, recipe: Recipe, blobs: dict[str, bytes]) -> None:
    """Paint, nothing of it remembered from before."""
    painter.stages.clear()
    painter.one(recipe, blobs)


def net_bytes(painter: Painter, recipe: Recipe, blobs: dict[str, bytes]) -> int:
    """What the weights of the recipe's ControlNets take."""
    made = painter.chain(recipe, blobs, unwatched()).materials
    return sum(painter.bench.entry(file, "controlnet", made.family).bytes for _, file in made.controls)


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
        controls=tuple(
            (control, hint(control.hint, blank, 256, 256, chain.easel.tools("denoise")))
            for control in recipe.controls
        ),
    )
    began = time.perf_counter()
    entries = [bench.entry(materials.model, name, materials.family) for name in ("unet", "vae")]
    entries += [bench.entry(file, "controlnet", materials.family) for file in files]
    with painter.models.use(*entries) as (unet, vae, *nets):
        base = bench.scheduler(materials.model, materials.family)
        fresh = scheduler(recipe.sampler, recipe.schedule, base, recipe.steps)[0]
        sd.view(materials.family, sd.Parts(unet, vae, tuple(nets), base), inputs, fresh)
        return 1000 * (time.perf_counter() - began)
