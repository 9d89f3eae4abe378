"""Upscale: a larger picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import ConfigDict, Field

from studio.deep import Deep
from studio.models.files import Kind, ModelFile
from studio.models.library import Library
from studio.post.enlarge import PLAIN, enlarged, twin_of
from studio.post.faces import Faces
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

    faces: bool = Field(
        default=False,
        title="Restore faces",
        description="Faces are painted anew, as by the Faces step, and laid onto the enlarged picture.",
    )

    @property
    def weights(self) -> tuple[tuple[Kind, str], ...]:
        """The upscaler's file, and its twin where noise is kept."""
        if self.model in PLAIN:
            return ()
        needed = (self.model,) if self.denoise == 1 else (self.model, twin_of(self.model))
        return tuple(("upscaler", name) for name in needed)

    def found(self, library: Library) -> tuple[ModelFile, ...]:
        """The files it will work with: without those for faces it goes on."""
        return (*super().found(library), *(Faces().found(library) if self.faces else ()))

    def warnings(self, library: Library) -> tuple[str, ...]:
        """What is missing for faces, and how to get it."""
        return Faces().warnings(library) if self.faces else ()

    def size(self, width: int, height: int) -> tuple[int, int]:
        """How large a picture of this size becomes."""
        scale = self._scale(width, height)
        return max(1, int(width * scale)), max(1, int(height * scale))

    def _scale(self, width: int, height: int) -> float:
        return self.longest / max(width, height) if self.longest else self.scale

    def _faced(self, image: Image | Deep, larger: Image | Deep, tools: Tools) -> Image | Deep:
        """Faces are known and painted in 8 bits; where there are none, 16 stay."""
        small, plain = (one.plain() if isinstance(one, Deep) else one for one in (image, larger))
        made = Faces().onto(small, plain, self._scale(*image.size), tools)
        return larger.after(plain, made) if isinstance(larger, Deep) else made

    def __call__(self, image: Image | Deep, tools: Tools) -> Image | Deep:
        """The picture at its new size; alpha is kept. Raises `BadInput`, `UnknownName` or `BadWeights`."""
        larger = enlarged(image, self.size(*image.size), self.model, tools, self.denoise)
        larger = self._faced(image, larger, tools) if self.faces else larger
        return unsharp(larger, self.sharpen, 1.0) if self.sharpen else larger
