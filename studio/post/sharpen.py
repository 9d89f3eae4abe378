"""Sharpen: crisper edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import ConfigDict, Field

from studio.deep import Deep
from studio.post.tools import Finish, Tools, joined, parted

if TYPE_CHECKING:
    from PIL.Image import Image


class Sharpen(Finish):
    """Unsharp masking: what a blur takes away is added once more."""

    model_config = ConfigDict(title="Sharpen")

    deep: ClassVar[bool] = True
    kind: Literal["sharpen"] = "sharpen"
    amount: float = Field(
        default=0.5, ge=0, le=3, title="Amount", description="0 keeps the picture; above 1 edges glow."
    )
    radius: float = Field(
        default=1.0, ge=0.3, le=10, title="Radius", description="How wide an edge is, in pixels."
    )

    def __call__(self, image: Image | Deep, _: Tools) -> Image | Deep:
        """The picture sharpened; alpha is kept."""
        return unsharp(image, self.amount, self.radius)


def unsharp(image: Image | Deep, amount: float, radius: float) -> Image | Deep:
    """picture + amount · (picture - blur of `radius` pixels), in its own bits; alpha is kept."""
    import cv2

    colours, alpha = parted(image)
    soft = cv2.GaussianBlur(colours, (0, 0), radius)
    return joined(cv2.addWeighted(colours, 1 + amount, soft, -amount, 0), alpha)
