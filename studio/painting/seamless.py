"""Pictures that continue over their edges: while one is painted, convolutions pad with the other side."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


@contextmanager
def seamless(modules: Sequence[nn.Module], axes: str) -> Generator[None]:
    """While inside, every padding convolution of `modules` wraps round, along "x", "y" or "both" ("": none).

    The way a convolution pads is replaced on the module itself and taken away again, whatever happens inside.
    """
    from torch import nn

    if not axes:
        yield
        return
    changed: list[Any] = [
        layer
        for module in modules
        for layer in module.modules()
        if isinstance(layer, nn.Conv2d) and any(_padding(layer))
    ]
    try:
        for layer in changed:
            layer._conv_forward = _wrapping(layer, axes)
        yield
    finally:
        for layer in changed:
            layer.__dict__.pop("_conv_forward", None)


def _padding(layer: Any) -> tuple[int, int, int, int]:
    """How far a convolution pads: left, right, top, bottom, in positions."""
    left, right, top, bottom = layer._reversed_padding_repeated_twice
    return left, right, top, bottom


def _wrapping(layer: Any, axes: str) -> Any:
    import torch.nn.functional as functional

    left, right, top, bottom = _padding(layer)
    sideways = "circular" if axes in ("x", "both") else "constant"
    upright = "circular" if axes in ("y", "both") else "constant"

    def forward(pixels: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        wide = functional.pad(pixels, (left, right, 0, 0), mode=sideways)
        whole = functional.pad(wide, (0, 0, top, bottom), mode=upright)
        return functional.conv2d(whole, weight, bias, layer.stride, 0, layer.dilation, layer.groups)

    return forward
