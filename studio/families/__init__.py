"""Architecture families: how each paints, and what it paints with by default.

`FAMILIES` is the registry: a new family is one file and one entry. Nothing here loads torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from studio.errors import UnknownName
from studio.families.family import Encoder, Family, Rgb
from studio.models.files import ModelFile

__all__ = ["FAMILIES", "Encoder", "Family", "Rgb", "defaults", "family"]

_CONFIGS = Path(__file__).with_name("configs")
_COMPONENTS = {
    "unet": "UNet2DConditionModel",
    "vae": "AutoencoderKL",
    "vae_tiny": "AutoencoderTiny",
    "text_encoder": "CLIPTextModel",
    "controlnet": "ControlNetModel",
}
# Least-squares fits of pictures to latents, found by several people and the same in every studio.
_SD1_RGB = Rgb(
    (
        (0.3512, 0.2297, 0.3227),
        (0.3250, 0.4974, 0.2350),
        (-0.2829, 0.1762, 0.2721),
        (-0.2120, -0.2616, -0.7177),
    )
)
_SDXL_RGB = Rgb(
    (
        (0.3651, 0.4232, 0.4341),
        (-0.2533, -0.0042, 0.1068),
        (0.1076, 0.1111, -0.0362),
        (-0.3165, -0.2492, -0.2188),
    ),
    (0.1084, -0.0175, -0.0011),
)
_KARRAS = {"sampler": "DPM++ 2M", "schedule": "Karras"}
# Distilled models by the word in their name; the words are tried in this order.
_DISTILLED: dict[str, dict[str, Any]] = {
    "lightning": {"sampler": "Euler", "schedule": "Trailing", "steps": 4, "guidance": 1.0},
    "hyper": {"sampler": "DDIM", "schedule": "Trailing", "steps": 8, "guidance": 1.0},
    "turbo": {"sampler": "Euler a", "schedule": "Trailing", "steps": 4, "guidance": 1.0},
    "lcm": {"sampler": "LCM", "schedule": "Trailing", "steps": 6, "guidance": 1.0},
}
_SMALL_TURBO = {**_DISTILLED, "turbo": {**_DISTILLED["turbo"], "width": 512, "height": 512}}


def _squares(side: int, long: int, longest: int) -> tuple[tuple[int, int], ...]:
    return ((side, side), (side, long), (long, side), (longest, side))


_TABLE = (
    Family(
        name="starter",
        title="Starter",
        work=15.2,
        defaults={
            "width": 256,
            "height": 256,
            "steps": 20,
            "guidance": 5.0,
            "sampler": "DPM++ 2M",
            "schedule": "Trailing",
        },
        drafts=4,
        finish=(
            {"kind": "upscale", "model": "starter-x2", "scale": 2.0},
            {"kind": "grain", "amount": 0.12, "size": 1.2},
        ),
        components=_COMPONENTS,
        encoders=(Encoder("text_encoder"),),
        sizes=_squares(256, 320, 384),
        distilled=_DISTILLED,
    ),
    Family(
        name="sd15",
        title="Stable Diffusion 1.5",
        work=1532.0,
        defaults={"width": 512, "height": 512, "steps": 20, "guidance": 7.0, **_KARRAS},
        components=_COMPONENTS,
        encoders=(Encoder("text_encoder"),),
        sizes=_squares(512, 768, 912),
        config=_CONFIGS / "sd15",
        rgb=_SD1_RGB,
        distilled=_DISTILLED,
    ),
    Family(
        name="sd2",
        title="Stable Diffusion 2",
        work=1822.0,
        defaults={"width": 512, "height": 512, "steps": 20, "guidance": 7.0, **_KARRAS},
        components=_COMPONENTS,
        encoders=(Encoder("text_encoder", embedding="clip_h", pad=0),),
        sizes=_squares(768, 1024, 1152),
        config=_CONFIGS / "sd2",
        rgb=_SD1_RGB,
        distilled=_SMALL_TURBO,
    ),
    Family(
        name="sdxl",
        title="Stable Diffusion XL",
        work=3224.0,
        defaults={"width": 1024, "height": 1024, "steps": 28, "guidance": 5.0, **_KARRAS},
        components={**_COMPONENTS, "text_encoder_2": "CLIPTextModelWithProjection"},
        encoders=(
            Encoder("text_encoder", least_skip=2, normed=False),
            Encoder("text_encoder_2", "tokenizer_2", "clip_g", 0, 2, False, True),
        ),
        sizes=((1024, 1024), (896, 1152), (1152, 896), (1344, 768), (768, 1344)),
        config=_CONFIGS / "sdxl",
        rgb=_SDXL_RGB,
        zero_empty_negative=True,
        pipelines="StableDiffusionXL",
        distilled=_SMALL_TURBO,
    ),
)
FAMILIES: Mapping[str, Family] = MappingProxyType({f.name: f for f in _TABLE})


def family(name: str) -> Family:
    """The family of this name. Raises `UnknownName`, listing what exists."""
    if name not in FAMILIES:
        raise UnknownName("model family", name, FAMILIES)
    return FAMILIES[name]


def defaults(file: ModelFile) -> dict[str, Any]:
    """The partial recipe a checkpoint starts with: its family's, and its own where it is distilled.

    Distilled models (Lightning, Hyper, Turbo, LCM) are told by their name; a step count in it
    (“…_8step”) is taken.
    """
    kin = family(file.family)
    found = dict(kin.defaults)
    if kin.name == "sd2" and file.prediction == "v_prediction":
        found |= {"width": 768, "height": 768}
    words = re.split(r"[^a-z0-9]+", f"{file.id} {file.title}".lower())
    for word, settings in kin.distilled.items():
        if any(said.endswith(word) or said.startswith(word) for said in words):
            steps = re.search(r"(?:^|[^a-z0-9])(\d{1,2})[ _-]?steps?(?:$|[^a-z])", f"{file.id} ".lower())
            return {**found, **settings, **({"steps": int(steps[1])} if steps and int(steps[1]) else {})}
    return found
