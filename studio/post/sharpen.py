"""Sharpen: crisper edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import ConfigDict, Field

from studio.post.tools import Finish, Tools

if TYPE_CHECKING:
    from PIL.Image import Image


class Sharpen(Finish):
    """Unsharp masking: what a blur takes away is added once more."""

    model_config = ConfigDict(title="Sharpen")

    kind: Literal["sharpen"] = "sharpen"
    amount: float = Field(
        default=0.5, ge=0, le=3, title="Amount", description="0 keeps the picture; above 1 edges glow."
    )
    radius: float = Field(
        default=1.0, ge=0.3, le=10, title="Radius", description="How wide an edge is, in pixels."
    )

    def __call__(self, image: Image, _: Tools) -> Image:
        """The picture sharpened; alpha is kept."""
        return unsharp(image, self.amount, self.radius)


def unsharp(image: Image, amount: float, radius: float) -> Image:
    """picture + amount · (picture - blur of `radius` pixels), in 8 bits; alpha is kept."""
    import cv2
    import numpy as np
    from PIL import Image as Pictures

    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    colours = np.asarray(image.convert("RGB"))
    soft = cv2.GaussianBlur(colours, (0, 0), radius)
    done = Pictures.fromarray(cv2.addWeighted(colours, 1 + amount, soft, -amount, 0))
    if alpha is not None:
        done.putalpha(alpha)
    return done
