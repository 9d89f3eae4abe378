"""Upscale: a larger picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import ConfigDict, Field

from studio.deep import Deep
from studio.models.files import Kind
from studio.post.enlarge import PLAIN, enlarged, twin_of
from studio.post.sharpen import unsharp
from studio.post.tools import Finish, Tools

if TYPE_CHECKING:
    from PIL.Image import Image


class Upscale(Finish):
    """A larger picture, by any upscaler in models/upscalers, the starter's own, or plain interpolation."""

    model_config = ConfigDict(title="Upscale")

    deep: ClassVar[bool] = True
    kind: Literal["upscale"] = "upscale"
    model: str = Field(
        default="starter-x2",
        min_length=1,
        max_length=240,
        title="Upscaler",
        description="Which network from models/upscalers; “lanczos” and “nearest” need none.",
    )
    scale: float = Field(
        default=2.0, ge=1, le=4, title="Scale", description="How many times larger each side becomes."
    )
    longest: int = Field(
        default=0,
        ge=0,
        le=32_768,
        title="Longer side",
        description="In pixels; 0 goes by the scale.",
    )
    denoise: float = Field(
        default=1.0,
        ge=0,
        le=1,
        title="Noise reduction",
        description="Below 1 grain is kept; only Real-ESRGAN general-x4v3, with its twin beside it, can.",
    )
    sharpen: float = Field(
        default=0.0, ge=0, le=2, title="Sharpen afterwards", description="0 leaves it as it comes."
    )

    @property
    def weights(self) -> tuple[tuple[Kind, str], ...]:
        """The upscaler's file, and its twin where noise is kept."""
        if self.model in PLAIN:
            return ()
        needed = (self.model,) if self.denoise == 1 else (self.model, twin_of(self.model))
        return tuple(("upscaler", name) for name in needed)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """How large a picture of this size becomes."""
        scale = self.longest / max(width, height) if self.longest else self.scale
        return max(1, int(width * scale)), max(1, int(height * scale))

    def __call__(self, image: Image | Deep, tools: Tools) -> Image | Deep:
        """The picture at its new size; alpha is kept. Raises `BadInput`, `UnknownName` or `BadWeights`."""
        larger = enlarged(image, self.size(*image.size), self.model, tools, self.denoise)
        return unsharp(larger, self.sharpen, 1.0) if self.sharpen else larger
