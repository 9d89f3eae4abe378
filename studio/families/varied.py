"""Other noise for a pipeline that paints over a picture: it draws its own and takes none from outside."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def vary(pipeline: Any, mixed: Callable[[Tensor], Tensor]) -> None:
    """Let a fresh pipeline over a picture, with a fresh scheduler, paint with `mixed(its own noise)`.

    The noise that it draws is added to the picture's latents, and to what is outside of a mask before each
    step. Where a masked picture is replaced whole, it begins from the noise alone.
    """
    scheduler, prepare = pipeline.scheduler, pipeline.prepare_latents
    add_noise = scheduler.add_noise

    @functools.wraps(add_noise)
    def added(original: Tensor, drawn: Tensor, timesteps: Tensor) -> Tensor:
        return add_noise(original, mixed(drawn), timesteps)

    @functools.wraps(prepare)  # pipelines look at its signature
    def prepared(*args: Any, **kwargs: Any) -> Any:
        made = prepare(*args, **kwargs)
        if not kwargs.get("is_strength_max"):
            return made
        _, drawn, *rest = made
        return (mixed(drawn) * scheduler.init_noise_sigma, drawn, *rest)

    scheduler.add_noise, pipeline.prepare_latents = added, prepared
