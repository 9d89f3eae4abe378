"""High-res fix: the first pass's picture, or its latents, enlarged and painted over once more.

decoded ──▶ enlarge (pixels) ──▶ second pass: denoise ──▶ decode
latents ──▶ enlarge (latent) ──▶
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from studio import images
from studio.deep import Deep
from studio.errors import BadInput
from studio.families import tiled_vae
from studio.families.latents import encode_picture
from studio.models.library import Library
from studio.painting.easel import picture_bytes, tensor_bytes
from studio.painting.materials import LoraUse, Materials, fingerprint, gather
from studio.painting.passes import Over, Pass
from studio.painting.stages import Stage
from studio.post.enlarge import allowed, enlarged, found
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

    picture: Stage[Image | Deep]
    warnings: tuple[str, ...] = ()


def hires(first: Pass) -> Larger | None:
    """The stages behind a first pass; None where the recipe asks for none.

    At a strength of 0 an upscaler of pixels alone makes the picture. Raises `BadInput` when it would become
    too large, `UnknownName` for a sampler or an upscaler that is not there.
    """
    asked = first.recipe.hires
    if asked is None:
        return None
    own = _size(first)
    size, cover = asked.size(*own), asked.cover(*own)
    if max(size) > LONGEST:
        raise BadInput(
            f"The high-res fix paints at most {LONGEST} pixels a side, not {size[0]} × {size[1]}; choose a "
            "smaller scale, or finish with the Upscale step."
        )
    allowed(*cover)  # a thin picture would become enormous before it is cut
    if asked.denoising == 0 and not asked.is_latent:
        return Larger(_pixels(first, asked, size, cover))
    stage = _latents(first, asked, size, cover) if asked.is_latent else _pixels(first, asked, size, cover)
    materials = second_materials(first, asked, size)
    second = Pass(materials, first.blobs, first.easel, over=Over(stage, asked.denoising))
    picture = _with_alpha(first, second.decoded, size) if first.is_finish_only else second.decoded
    return Larger(picture, materials.warnings)


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
    """The same models, or another painter's, with the second pass's recipe and what its prompt asks for.

    Another painter brings her own autoencoder, and LoRAs that are not made for her family stay behind with a
    warning. Raises `UnknownName` or `UnknownWeights` for a painter that is not there, `BadInput` for a
    ControlNet that is not made for her, or where latents of one family would have to serve another.
    """
    materials, library = first.materials, first.easel.library
    recipe = second_recipe(materials.recipe, asked, size)
    if asked.model:
        recipe = recipe.but(model=asked.model, vae=None)
    gathered = gather(recipe, library)
    alike = gathered.family.name == materials.family.name
    if asked.is_latent and not alike:
        raise BadInput(
            f"Latents of {materials.family.title} mean nothing to {gathered.family.title}; choose an "
            "upscaler of pixels for a high-res fix by another family."
        )
    sampler, _ = resolve(recipe.sampler, recipe.schedule)
    said = plan(
        recipe.prompt,
        recipe.negative,
        materials.recipe.steps,
        hires_steps=asked.steps or materials.recipe.steps,
        second_order=sampler.order > 1,
        emphasis=recipe.emphasis,
    )
    missing = gathered.warnings[len(gathered.plan.warnings) :]
    foreign = [] if alike else [use for use in gathered.loras if not _made_for(gathered, use, library)]
    return replace(
        gathered,
        plan=said,
        vae=gathered.vae if asked.model else materials.vae,
        loras=tuple(use for use in gathered.loras if use not in foreign),
        warnings=(*said.warnings, *missing, *(_left_out(use) for use in foreign)),
    )


def _made_for(materials: Materials, use: LoraUse, library: Library) -> bool:
    return library.identified(use.file).family in ("", materials.family.name)


def _left_out(use: LoraUse) -> str:
    return (
        f"The LoRA “{use.file.title}” is not made for the model of the high-res fix and was left out there."
    )


def _pixels(first: Pass, asked: Hires, size: tuple[int, int], cover: tuple[int, int]) -> Stage[Image | Deep]:
    """The first pass's picture, enlarged by an upscaler of pixels to cover the size and cut to it."""
    easel, name = first.easel, asked.upscaler
    tools = easel.tools("enlarge")
    files = [fingerprint(found(needed, tools)) for _, needed in asked.weights]

    def make() -> Image | Deep:
        picture = easel.stages.get(first.decoded)
        with easel.watch.stage("enlarge"):
            return _middle(enlarged(picture, cover, name, tools), size)

    said = {"upscaler": name, "size": size, "cover": cover, "weights": files}
    return Stage(easel.key("enlarge", said, first.decoded.key), make, picture_bytes)


def _middle(picture: Image | Deep, size: tuple[int, int]) -> Image | Deep:
    left, top = (picture.width - size[0]) // 2, (picture.height - size[1]) // 2
    if isinstance(picture, Deep):
        return Deep(picture.pixels[top : top + size[1], left : left + size[0]].copy())
    return picture if picture.size == size else picture.crop((left, top, left + size[0], top + size[1]))


def _with_alpha(first: Pass, painted: Stage[Image | Deep], size: tuple[int, int]) -> Stage[Image | Deep]:
    """What was painted over a finished picture, as transparent as that one."""
    easel = first.easel

    def make() -> Image | Deep:
        before, picture = _plain(easel.stages.get(first.decoded)), _plain(easel.stages.get(painted))
        if "A" not in before.getbands():
            return picture
        clear = picture.copy()
        clear.putalpha(images.fit(before.getchannel("A"), *size, "crop"))
        return clear

    return Stage(easel.key("alpha", {"size": size}, first.decoded.key, painted.key), make, picture_bytes)


def _latents(first: Pass, asked: Hires, size: tuple[int, int], cover: tuple[int, int]) -> Stage[torch.Tensor]:
    """The first pass's latents, enlarged by interpolation to cover the size and cut to it."""
    easel, scale = first.easel, first.materials.family.latent_scale

    def make() -> torch.Tensor:
        from torch.nn.functional import interpolate

        latents = _encoded(first) if first.is_finish_only else easel.stages.get(first.latents)
        with easel.watch.stage("enlarge"):
            sides = (cover[1] // scale, cover[0] // scale)
            larger = interpolate(latents.float(), size=sides, mode=LATENT_MODES[asked.upscaler])
            top, left = ((cover[i] - size[i]) // scale // 2 for i in (1, 0))
            kept = larger[..., top : top + size[1] // scale, left : left + size[0] // scale]
            return kept.contiguous().to(latents.dtype)

    needs = first.decoded.key if first.is_finish_only else first.latents.key
    said = {"upscaler": asked.upscaler, "size": size, "cover": cover}
    return Stage(easel.key("enlarge", said, needs), make, tensor_bytes)


def _plain(picture: Image | Deep) -> Image:
    return picture.plain() if isinstance(picture, Deep) else picture


def _encoded(first: Pass) -> torch.Tensor:
    """The latents of a finished picture that nothing was painted over yet."""
    picture = _plain(first.easel.stages.get(first.decoded))
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
    return images.size(first.blob(recipe.source.image))
