"""Pictures of an unfinished picture: cheap every step, sharper now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from studio.images import encode_webp

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

SHARP_EVERY = 0.5  # seconds between two pictures of the tiny decoder
SHARP_SHARE = 0.01  # of the time painted so far: all previews together may cost a painting 2 %


class Previews:
    """Makes each step's preview: the linear latent→RGB matrix, or the tiny decoder when worth its time."""

    def __init__(
        self,
        rough: Callable[[torch.Tensor], Image],
        sharp: Callable[[torch.Tensor], Image] | None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.rough = rough
        self.sharp = sharp
        self.clock = clock
        self.began = self.last = clock()
        self.spent = 0.0
        self.cost: float | None = None  # of one sharp preview; not known before the first
        self.steps = 0

    def of(self, latents: torch.Tensor) -> bytes:
        """The preview of (1, C, H/8, W/8) latents as WebP."""
        now = self.clock()
        self.steps += 1
        if self.sharp is None or not self._worth_it(now):
            return encode_webp(self.rough(latents), quality=85)
        picture = self.sharp(latents)
        self.last = self.clock()
        self.cost = self.last - now
        self.spent += self.cost
        return encode_webp(picture, quality=80)

    def _worth_it(self, now: float) -> bool:
        painted = now - self.began
        # A tiny decoder costs about as much as a step of the model it belongs to.
        cost = painted / self.steps if self.cost is None else self.cost
        return now - self.last >= SHARP_EVERY and self.spent + cost <= SHARP_SHARE * painted
