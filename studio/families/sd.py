"""Stable Diffusion and its kin (starter, SD 1.5, SD 2, SDXL) through diffusers' own pipelines.

A pipeline is a throw-away view over modules that are borrowed, `Cls(**modules, scheduler=fresh)`; which
class it is follows from which inputs are present. Its pixels are those of the bare pipeline with the
same embeddings, seed and scheduler.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from studio import samplers
from studio.errors import BadInput
from studio.families.compose import composed
from studio.families.encode import Conditioning
from studio.families.family import Family
from studio.families.filling import Start, start_from
from studio.families.latents import decode, encode_picture, fit_rgb, keep_outside, preview
from studio.families.varied import vary
from studio.recipe import Control, Recipe

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor, nn

__all__ = [
    "Inputs",
    "OnStep",
    "Parts",
    "decode",
    "denoise",
    "draw_noise",
    "fit_rgb",
    "keep_outside",
    "preview",
    "steps_to_run",
    "view",
]

OnStep = Callable[[int, int, "Tensor"], None]
INPAINTING_CHANNELS = 9  # latents, mask, and the masked picture's latents


@dataclass(frozen=True, slots=True)
class Parts:
    """The modules that paint, borrowed, on one device and in one precision."""

    unet: Any
    vae: Any
    controlnets: tuple[Any, ...]
    scheduler_base: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The pictures that go in, each of the recipe's size; a control picture is already a hint.

    `source` may be latents (1, C, H/8, W/8) already; `strength` says how much of it is replaced, None what
    the recipe says. `noise` (see `draw_noise`) replaces the seed's own where there is no source; `mixed` is
    what becomes of the noise drawn where there is one. `start`: what lies under the mask when denoising
    begins.
    """

    source: Image | Tensor | None = None
    mask: Image | None = None
    controls: tuple[tuple[Control, Image], ...] = ()
    noise: Tensor | None = None
    mixed: Callable[[Tensor], Tensor] | None = None
    strength: float | None = None
    start: Start = "original"


def steps_to_run(recipe: Recipe, strength: float | None = None) -> int:
    """How many of the recipe's steps are painted over a source: int(steps · strength), as in diffusers.

    `strength` where it is not the recipe's own.
    """
    own = 1.0 if recipe.source is None else recipe.source.strength
    return int(recipe.steps * (own if strength is None else strength))


def draw_noise(family: Family, recipe: Recipe) -> Tensor:
    """The seed's noise (1, C, H/8, W/8), N(0, 1) in float32: the same that painting from nothing draws."""
    import torch

    sides = (recipe.height // family.latent_scale, recipe.width // family.latent_scale)
    drawn = torch.Generator("cpu").manual_seed(recipe.seed)
    return torch.randn((1, family.latent_channels, *sides), generator=drawn)


def denoise(
    family: Family,
    recipe: Recipe,
    conditioning: Conditioning,
    parts: Parts,
    inputs: Inputs,
    on_step: OnStep,
) -> Tensor:
    """The finished latents (1, C, H/8, W/8) of a recipe whose seed is resolved.

    `on_step(i, n, latents)` is called after each of the n model calls (i from 1) with the clean latents
    that the model sees so far; what it raises (`Stopped`) ends the work at once. A strength so small that
    no step would run gives the source's own latents. Raises `BadInput` for ControlNets without pictures.
    """
    import torch

    if len(parts.controlnets) != len(inputs.controls):
        raise BadInput("Every ControlNet needs a picture, and every control picture a ControlNet.")
    if inputs.source is not None and steps_to_run(recipe, inputs.strength) < 1:
        if isinstance(inputs.source, torch.Tensor):
            return inputs.source
        return encode_picture(inputs.source, parts.vae, parts.unet.dtype)
    inputs = _complete(recipe, parts, inputs)
    scheduler, said = samplers.scheduler(
        recipe.sampler, recipe.schedule, parts.scheduler_base, recipe.steps, [recipe.seed]
    )
    glimpsed = _Glimpse(scheduler)
    if inputs.mask is not None:
        start_from(scheduler, inputs.mask, inputs.start, draw_noise(family, recipe))

    def after_step(pipeline: Any, i: int, _t: Any, _tensors: Any) -> dict[str, Any]:
        on_step(i + 1, pipeline.num_timesteps, glimpsed.clean)
        return {}

    pipeline = view(family, parts, inputs, scheduler)
    if inputs.mixed is not None and inputs.source is not None:
        vary(pipeline, inputs.mixed)
    with composed(parts.unet, parts.controlnets, conditioning):
        return pipeline(
            **_texts(conditioning, parts.unet),
            **_pictures(recipe, inputs),
            **_start(inputs, parts.unet),
            **said,
            num_inference_steps=recipe.steps,
            guidance_scale=recipe.guidance,
            generator=torch.Generator("cpu").manual_seed(recipe.seed),
            output_type="latent",
            callback_on_step_end=after_step,
        ).images


def _complete(recipe: Recipe, parts: Parts, inputs: Inputs) -> Inputs:
    """An inpainting model always wants a mask: without one it repaints everything."""
    import torch

    if parts.unet.config.in_channels != INPAINTING_CHANNELS or inputs.mask is not None:
        return inputs
    if isinstance(inputs.source, torch.Tensor):
        raise BadInput(
            "An inpainting model paints over pixels only; choose another upscaler than a latent one."
        )
    from PIL import Image as Pictures

    size = (recipe.width, recipe.height)
    source = inputs.source or Pictures.new("RGB", size, (127, 127, 127))
    return replace(inputs, source=source, mask=Pictures.new("L", size, 255))


def view(family: Family, parts: Parts, inputs: Inputs, scheduler: Any) -> Any:
    """A pipeline over the borrowed modules; it costs about a millisecond and owns nothing."""
    import diffusers

    task = "Inpaint" if inputs.mask is not None else "Img2Img" if inputs.source is not None else ""
    name = f"{family.pipelines}{'ControlNet' if inputs.controls else ''}{task}Pipeline"
    nets = list(parts.controlnets)
    modules: dict[str, Any] = {
        "vae": parts.vae,
        "unet": parts.unet,
        "scheduler": scheduler,
        **{f"{kind}{n}": None for kind in ("text_encoder", "tokenizer") for n in _numbers(family)},
        **({"controlnet": nets[0] if len(nets) == 1 else nets} if nets else {}),
    }
    if len(family.encoders) > 1:
        modules["add_watermarker"] = False  # pictures are marked in their metadata, not in their pixels
    else:
        modules |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    pipeline = getattr(diffusers, name)(**modules)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _numbers(family: Family) -> list[str]:
    return ["", "_2"][: len(family.encoders)]


def _texts(conditioning: Conditioning, unet: nn.Module) -> dict[str, Tensor]:
    first = conditioning.at(1)
    words, negative = first.parts[0][1], first.negative
    place: Any = unet
    said = {"prompt_embeds": words.embeds, "negative_prompt_embeds": negative.embeds}
    if words.pooled is not None and negative.pooled is not None:
        said |= {"pooled_prompt_embeds": words.pooled, "negative_pooled_prompt_embeds": negative.pooled}
    return {name: tensor.to(place.device, place.dtype) for name, tensor in said.items()}


def _start(inputs: Inputs, unet: Any) -> dict[str, Tensor]:
    if inputs.noise is None or inputs.source is not None:
        return {}
    return {"latents": inputs.noise.to(unet.device, unet.dtype)}


def _pictures(recipe: Recipe, inputs: Inputs) -> dict[str, Any]:
    """What the pipeline is told of sizes and pictures; only img2img without ControlNet takes no size."""
    told: dict[str, Any] = {}
    if inputs.source is not None:
        own = recipe.source.strength if recipe.source else 1.0
        told |= {"image": inputs.source, "strength": own if inputs.strength is None else inputs.strength}
    if inputs.mask is not None:
        told["mask_image"] = inputs.mask
    if inputs.source is None or inputs.mask is not None or inputs.controls:
        told |= {"width": recipe.width, "height": recipe.height}
    if inputs.controls:
        told |= _controls(inputs.controls, "image" if inputs.source is None else "control_image")
    return told


def _controls(controls: Sequence[tuple[Control, Image]], name: str) -> dict[str, Any]:
    lists: dict[str, list[Any]] = {
        name: [picture for _, picture in controls],
        "controlnet_conditioning_scale": [control.weight for control, _ in controls],
        "control_guidance_start": [control.start for control, _ in controls],
        "control_guidance_end": [control.end for control, _ in controls],
    }
    return {key: values[0] if len(values) == 1 else values for key, values in lists.items()}


class _Glimpse:
    """Looks over a fresh scheduler's shoulder: `clean` is what the model takes the picture to be.

    Most schedulers hand it back or keep it; for the others it is the noisy latents.
    """

    def __init__(self, scheduler: Any) -> None:
        self.clean: Any = None
        step = scheduler.step
        told = scheduler.config.get("predict_x0") or "dpmsolver++" in str(
            scheduler.config.get("algorithm_type")
        )

        @functools.wraps(step)  # pipelines look at its signature
        def watched(*args: Any, **kwargs: Any) -> Any:
            result = step(*args, **kwargs)
            kept = scheduler.model_outputs[-1] if told else result[0]
            self.clean = result[1] if len(result) > 1 else kept
            return result

        scheduler.step = watched
