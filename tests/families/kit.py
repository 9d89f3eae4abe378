"""Tiny modules of a family, and embeddings to go with them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tiny
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from studio.families import Family, family, sd
from studio.families.encode import Conditioning, Words
from studio.recipe import Recipe

SIDE = 64


@dataclass(frozen=True)
class Kit:
    family: Family
    parts: sd.Parts
    conditioning: Conditioning

    def with_channels(self, channels: int) -> "Kit":
        torch.manual_seed(1)
        config = {**tiny.unet_config(self.family.name), "in_channels": channels}
        unet = UNet2DConditionModel(**config).eval()
        return replace(self, parts=replace(self.parts, unet=unet))

    def paint(
        self, recipe: Recipe, inputs: sd.Inputs | None = None, conditioning=None, nets=(), on_step=None
    ):
        parts = replace(self.parts, controlnets=tuple(nets))
        said = conditioning or self.conditioning
        latents = sd.denoise(
            self.family, recipe, said, parts, inputs or sd.Inputs(), on_step or (lambda i, n, x: None)
        )
        return np.asarray(sd.decode(self.family, latents, self.parts.vae))


def words(kind: str, seed: int, chunks: int = 1) -> Words:
    width = {"sd15": 768, "sdxl": 2048, "starter": 32}[kind]
    drawn = torch.Generator().manual_seed(seed)
    embeds = torch.randn((1, 77 * chunks, width), generator=drawn)
    return Words(embeds, torch.randn((1, 1280), generator=drawn) if kind == "sdxl" else None)


def make(kind: str) -> Kit:
    torch.manual_seed(0)
    vae: Any = AutoencoderKL(**tiny.vae_config(kind)).eval()
    prediction = "v_prediction" if kind == "starter" else "epsilon"
    parts = sd.Parts(tiny.unet(kind), vae, (), tiny.scheduler_config(kind, prediction))
    said = Conditioning(((1.0, ((20, words(kind, 1)),)),), ((20, words(kind, 2)),))
    return Kit(family(kind), parts, said)
