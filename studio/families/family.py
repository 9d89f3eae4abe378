"""What one architecture family is: its parts, its text encoders, its sizes and its usual settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Encoder:
    """One CLIP text encoder and how its hidden states become embeddings.

    `least_skip` is the lowest layer count from the end that is read (SDXL: the one before last); `normed`
    whether the final layer norm is applied to it; `pooled` whether its projected end-of-text state goes to
    the UNet too; `pad` the padding token of published single files (None: the end mark); `embedding` the
    tensor's name in files of textual inversions.
    """

    component: str
    tokenizer: str = "tokenizer"
    embedding: str = "clip_l"
    pad: int | None = None
    least_skip: int = 1
    normed: bool = True
    pooled: bool = False


@dataclass(frozen=True, slots=True)
class Rgb:
    """A linear preview: colour = latents · matrix + bias, colours in [-1, 1]; one row a latent channel."""

    matrix: tuple[tuple[float, float, float], ...]
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Family:
    """An architecture family.

    `defaults` is a partial recipe; `finish` the steps that end every picture of it, where what they need is
    here; `drafts` how many pictures one press of Paint makes; `components` maps
    component to class name; `sizes` are widths and heights in pixels it paints well; `config` is the folder
    of diffusers configs for single files; `rgb` the preview, or None when it must be fitted to the
    autoencoder (`sd.fit_rgb`); `work` the multiply-adds (10⁹) of one UNet call for a megapixel, by which the
    time of one family is guessed from another's.
    """

    name: str
    title: str
    defaults: Mapping[str, Any]
    components: Mapping[str, str]
    encoders: tuple[Encoder, ...]
    sizes: tuple[tuple[int, int], ...]
    config: Path | None = None
    rgb: Rgb | None = None
    drafts: int = 1
    finish: tuple[Mapping[str, Any], ...] = ()
    latent_channels: int = 4
    latent_scale: int = 8
    zero_empty_negative: bool = False
    pipelines: str = "StableDiffusion"
    work: float = 0.0
    distilled: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
