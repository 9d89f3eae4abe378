"""What lies under a mask, in latents, when denoising begins."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Start = Literal["original", "noise", "empty"]


def start_from(scheduler: Any, mask: Image, kind: Start, noise: Tensor) -> None:
    """Let a pipeline that paints with this fresh scheduler begin, under the mask, from something else.

    "noise": latents that are N(0, 1) noise, `noise` (1, C, h, w) · "empty": latents that are 0 · "original":
    what the picture has there. Before the first step a pipeline adds noise to the source's latents once;
    what they are under the mask is changed there. At a strength of 1 it begins from noise alone, and later
    calls only lay back what is outside of the mask.
    """
    if kind == "original":
        return
    add_noise = scheduler.add_noise
    waiting = [True]

    @functools.wraps(add_noise)
    def added(original: Tensor, drawn: Tensor, timesteps: Tensor) -> Tensor:
        if waiting:
            waiting.clear()
            inside = _latent_mask(mask, original)
            content = noise.to(original) if kind == "noise" else 0 * original
            original = original * (1 - inside) + content * inside
        return add_noise(original, drawn, timesteps)

    scheduler.add_noise = added


def _latent_mask(mask: Image, like: Tensor) -> Tensor:
    """1 where the mask is white, 0 where it is black (1, 1, h, w), as pipelines make it: nearest, of 128."""
    import numpy as np
    import torch
    from torch.nn.functional import interpolate

    white = torch.from_numpy((np.asarray(mask.convert("L")) >= 128).astype(np.float32))
    return interpolate(white[None, None], size=like.shape[-2:]).to(like)
