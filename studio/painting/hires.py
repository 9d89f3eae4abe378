"""High-res fix: the first pass's picture, or its latents, enlarged and painted over once more.

decoded ──▶ enlarge (pixels) ──▶ second pass: denoise ──▶ decode
latents ──▶ enlarge (latent) ──▶
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from studio import containers, images
from studio.errors import BadInput
from studio.families import tiled_vae
from studio.families.latents import encode_picture
from studio.painting.easel import picture_bytes, tensor_bytes
from studio.painting.materials import LoraUse, Materials, fingerprint, mentioned, prompted_loras
from studio.painting.passes import Over, Pass
from studio.painting.stages import Stage
from studio.post.enlarge import enlarged, found
from studio.prompt import plan
from studio.recipe import LATENT_MODES, LONGEST, Hires, Recipe
from studio.samplers import SAMPLERS, resolve

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

MOST_STEPS = 150


@dataclass(frozen=True, slots=True)
class Larger:
    """The picture at its new size, and what the painter should know of the second prompt."""

    picture: Stage[Image]
    warnings: tuple[str, ...] = ()


def hires(first: Pass) -> Larger | None:
    """The stages behind a first pass; None where the recipe asks for none.

    At a strength of 0 an upscaler of pixels alone makes the picture. Raises `BadInput` when it would become
    too large, `UnknownName` for a sampler or an upscaler that is not there.
    """
    asked = first.recipe.hires
    if asked is None:
        return None
    size = asked.size(*_size(first))
    if max(size) > LONGEST:
        raise BadInput(
            f"The high-res fix paints at most {LONGEST} pixels a side, not {size[0]} × {size[1]}; choose a "
            "smaller scale, or finish with the Upscale step."
        )
    if asked.denoising == 0 and not asked.is_latent:
        return Larger(_pixels(first, asked, size))
    stage = _latents(first, asked, size) if asked.is_latent else _pixels(first, asked, size)
    materials = second_materials(first, asked, size)
    second = Pass(materials, first.blobs, first.easel, over=Over(stage, asked.denoising))
    return Larger(second.decoded, materials.warnings)


def second_recipe(recipe: Recipe, asked: Hires, size: tuple[int, int]) -> Recipe:
    """The recipe of the second pass: what `asked` does not say is as in the first.

    Its steps are so many that the strength leaves as many as were asked for, as A1111 counts them, within
    what a sampler takes.
    """
    name, schedule = asked.sampler or recipe.sampler, recipe.schedule
    if asked.sampler:
        resolve(name, "Automatic")
        schedule = schedule if schedule in SAMPLERS[name].schedules else "Automatic"
    steps = asked.steps or recipe.steps
    total = math.ceil(steps / max(asked.denoising, 0.01))
    total += int(total * asked.denoising) < steps  # where the product falls just below a whole number
    most = SAMPLERS[name].most_steps if name in SAMPLERS else MOST_STEPS
    return recipe.but(
        prompt=asked.prompt or recipe.prompt,
        negative=asked.negative or recipe.negative,
        sampler=name,
        schedule=schedule,
        guidance=max(1.0, asked.guidance) if asked.guidance else recipe.guidance,
        steps=min(total, most, MOST_STEPS),
        width=size[0],
        height=size[1],
        hires=None,
        post=(),
    )


def second_materials(first: Pass, asked: Hires, size: tuple[int, int]) -> Materials:
    """The same models, with the second pass's recipe and what its prompt asks for."""
    materials, library = first.materials, first.easel.library
    recipe = second_recipe(materials.recipe, asked, size)
    sampler, _ = resolve(recipe.sampler, recipe.schedule)
    said = plan(
        recipe.prompt,
        recipe.negative,
        materials.recipe.steps,
        hires_steps=asked.steps or materials.recipe.steps,
        second_order=sampler.order > 1,
        emphasis=recipe.emphasis,
    )
    listed = [LoraUse(library.find("lora", lora.model), lora.unet, lora.text) for lora in recipe.loras]
    prompted, missing = prompted_loras(said.networks, library)
    return replace(
        materials,
        recipe=recipe,
        plan=said,
        loras=(*listed, *prompted),
        embeddings=mentioned(library.files("embedding"), f"{recipe.prompt}\n{recipe.negative}"),
        warnings=(*said.warnings, *missing),
    )


def _pixels(first: Pass, asked: Hires, size: tuple[int, int]) -> Stage[Image]:
    """The first pass's picture, enlarged by an upscaler of pixels."""
    easel, name = first.easel, asked.upscaler
    tools = easel.tools("enlarge")
    files = [fingerprint(found(needed, tools)) for _, needed in asked.weights]

    def make() -> Image:
        picture = easel.stages.get(first.decoded)
        with easel.watch.stage("enlarge"):
            return enlarged(picture, size, name, tools)

    said = {"upscaler": name, "size": size, "weights": files}
    return Stage(easel.key("enlarge", said, first.decoded.key), make, picture_bytes)


def _latents(first: Pass, asked: Hires, size: tuple[int, int]) -> Stage[torch.Tensor]:
    """The first pass's latents, enlarged by interpolation."""
    easel, scale = first.easel, first.materials.family.latent_scale

    def make() -> torch.Tensor:
        from torch.nn.functional import interpolate

        latents = _encoded(first) if first.is_finish_only else easel.stages.get(first.latents)
        with easel.watch.stage("enlarge"):
            sides = (size[1] // scale, size[0] // scale)
            larger = interpolate(latents.float(), size=sides, mode=LATENT_MODES[asked.upscaler])
            return larger.to(latents.dtype)

    needs = first.decoded.key if first.is_finish_only else first.latents.key
    return Stage(easel.key("enlarge", {"upscaler": asked.upscaler, "size": size}, needs), make, tensor_bytes)


def _encoded(first: Pass) -> torch.Tensor:
    """The latents of a finished picture that nothing was painted over yet."""
    picture = first.easel.stages.get(first.decoded)
    sides = [max(64, round(side / 8) * 8) for side in picture.size]
    models, watch = first.easel.bench.models, first.easel.watch
    work = tiled_vae.work_bytes(sides[0], sides[1], 2) // 2
    with (
        watch.stage("encode"),
        models.use(first.vae(), work_bytes=work) as (vae,),
        tiled_vae.in_tiles(vae, models.room(), watch.beat("encode", 1, 1)),
    ):
        return encode_picture(images.fit(picture, sides[0], sides[1]), vae, vae.dtype)


def _size(first: Pass) -> tuple[int, int]:
    """How large the first pass's picture will be; of a finished picture its header tells."""
    recipe = first.recipe
    if recipe.source is None or not first.is_finish_only:
        return recipe.width, recipe.height
    data = first.blob(recipe.source.image)
    head = images.check(data)
    lies = containers.orientation(containers.exif(data, head.kind)) >= 5  # turned by a quarter
    return (head.height, head.width) if lies else (head.width, head.height)
