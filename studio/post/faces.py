"""Faces: found, restored by GFPGAN (arXiv 2101.04061), and laid back into the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from studio.models.files import ModelFile
from studio.models.library import Library
from studio.part import Part
from studio.post import align, facenets
from studio.post.facenets import DETECTORS, PARSENET, Detector, Face, file_of
from studio.post.tools import Finish, Tools

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    Pixels = NDArray[Any]

FETCH = {"GFPGANv1.4": "gfpgan-1.4", "GFPGANv1.3": "gfpgan-1.3"}  # ids of models/catalog.toml by file name
ALIKE = 0.3  # share of two boxes that must overlap to be the same face


class FaceBox(Part):
    """A face that was chosen on the picture, by shares of its sides, and how far it is restored."""

    model_config = ConfigDict(title="Face")

    left: float = Field(ge=0, le=1, title="Left")
    top: float = Field(ge=0, le=1, title="Top")
    right: float = Field(ge=0, le=1, title="Right")
    bottom: float = Field(ge=0, le=1, title="Bottom")
    strength: float = Field(
        default=1.0, ge=0, le=1, title="Strength", description="0 leaves this face alone, 1 restores it."
    )

    @model_validator(mode="after")
    def _has_area(self) -> Self:
        if self.left >= self.right or self.top >= self.bottom:
            raise ValueError("a face's box must end right of and below where it begins")
        return self


class Faces(Finish):
    """Blurred or broken faces, painted anew by GFPGAN and laid back softly; the rest is not touched."""

    model_config = ConfigDict(title="Faces")

    kind: Literal["faces"] = "faces"
    model: str = Field(
        default="GFPGANv1.4",
        min_length=1,
        max_length=240,
        title="Face model",
        description="Which network from models/faces restores; 1.3 is softer and nearer to the original.",
    )
    visibility: float = Field(
        default=1.0, ge=0, le=1, title="Visibility", description="0 keeps the faces, 1 takes the restored."
    )
    detector: Detector = Field(
        default="auto",
        title="Detector",
        description="RetinaFace is exact, YuNet small and quick; auto takes RetinaFace when it is there.",
    )
    seed: int = Field(
        default=0, ge=0, lt=2**32, title="Seed", description="Of the fine noise in skin and hair."
    )
    only: tuple[FaceBox, ...] = Field(
        default=(),
        max_length=64,
        title="Only these faces",
        description="Faces chosen on the picture; empty restores every face.",
    )

    def found(self, library: Library) -> tuple[ModelFile, ...]:
        """The files there are of those it works with; they may be fetched between two pictures."""
        wanted = (file_of(library, self.model), self._detector(library), file_of(library, PARSENET))
        return tuple(file for file in wanted if file is not None)

    def warnings(self, library: Library) -> tuple[str, ...]:
        """What is missing, and how to get it."""
        missing: list[str] = []
        if file_of(library, self.model) is None:
            missing.append(_wanted(self.model))
        if self._detector(library) is None:
            ids = {"yunet": "yunet"}.get(self.detector, "retinaface-resnet50")
            other = ", or the small “yunet”" if self.detector == "auto" else ""
            missing.append(f"a face detector is missing (“studio models get {ids}”{other})")
        if missing:
            return (
                f"The faces were left as they are: {'; '.join(missing)}. The files go into models/faces.",
            )
        if file_of(library, PARSENET) is None:
            return (
                "Faces are laid back with a plain soft edge: ParseNet, which knows face from hair, is "
                "missing (“studio models get parsenet”).",
            )
        return ()

    def __call__(self, image: Image, tools: Tools) -> Image:
        """The picture with its faces restored; alpha is kept, and without the weights every pixel.

        Raises `BadWeights` for files that cannot be used.
        """
        return self.onto(image, image, 1.0, tools)

    def onto(self, image: Image, larger: Image, scale: float, tools: Tools) -> Image:
        """`larger`, the same picture `scale` times as large, with the faces restored that are in `image`."""
        import numpy as np
        from PIL import Image as Pictures

        model, detector = file_of(tools.library, self.model), self._detector(tools.library)
        if model is None or detector is None or self.visibility == 0:
            return larger
        alpha = larger.getchannel("A") if larger.mode in ("RGBA", "LA") else None
        pixels = np.asarray(image.convert("RGB"))[..., ::-1]
        faces = [
            (face, strength)
            for face in facenets.faces_in(pixels, tools, detector)
            if (strength := self.strength(face, *image.size))
        ]
        if not faces:
            return larger
        ground = None if larger is image else np.asarray(larger.convert("RGB"))[..., ::-1].copy()
        whole = enhanced(np.ascontiguousarray(pixels), faces, tools, model, self.seed, ground, scale)
        done = Pictures.fromarray(np.ascontiguousarray(whole[..., ::-1]))
        if alpha is not None:
            done.putalpha(alpha)
        return done

    def strength(self, face: Face, width: int, height: int) -> float:
        """How far this face of a picture of that size is restored, 0-1."""
        if not self.only:
            return self.visibility
        left, top, right, bottom = face.box
        shares = (left / width, top / height, right / width, bottom / height)
        nearest = max(self.only, key=lambda one: _overlap(one, shares))
        return self.visibility * nearest.strength if _overlap(nearest, shares) >= ALIKE else 0.0

    def _detector(self, library: Library) -> ModelFile | None:
        return file_of(library, *DETECTORS[self.detector])


def enhanced(
    pixels: Pixels,
    faces: Sequence[tuple[Face, float]],
    tools: Tools,
    model: ModelFile,
    seed: int,
    background: Pixels | None = None,
    scale: float = 1.0,
) -> Pixels:
    """GFPGANer's chain: BGR pixels (H, W, 3) of 8 bits with each face restored as far as its strength says.

    Faces are taken from `pixels`, and laid onto `background`, the same picture `scale` times larger (else
    enlarged by Lanczos).
    """
    laid: list[align.Pasted] = []
    entry, parsenet = facenets.restorer(tools, model), file_of(tools.library, PARSENET)
    for face, strength in faces:
        matrix = align.similarity(face.landmarks)
        if matrix is None:
            continue
        made = facenets.restored(align.aligned(pixels, matrix), tools, entry, seed)
        mask = facenets.mask_of(made, tools, facenets.parser(tools, parsenet)) if parsenet else None
        laid.append(align.Pasted(made, matrix, mask, strength))
    tools.check()
    return align.pasted(_ground(pixels, background, scale), laid, scale)


def _ground(pixels: Pixels, background: Pixels | None, scale: float) -> Pixels:
    import cv2

    height, width = int(pixels.shape[0] * scale), int(pixels.shape[1] * scale)
    ground = pixels if background is None else background
    if ground.shape[:2] == (height, width):
        return ground
    return cv2.resize(ground, (width, height), interpolation=cv2.INTER_LANCZOS4)


def _overlap(one: FaceBox, other: tuple[float, float, float, float]) -> float:
    """The share of both boxes that both cover (intersection over union)."""
    left, top, right, bottom = other
    across = min(one.right, right) - max(one.left, left)
    down = min(one.bottom, bottom) - max(one.top, top)
    both = max(0.0, across) * max(0.0, down)
    areas = (one.right - one.left) * (one.bottom - one.top) + (right - left) * (bottom - top)
    return both / (areas - both) if areas > both else 0.0


def _wanted(model: str) -> str:
    """The sentence's part about a restorer that is not there."""
    id_ = FETCH.get(model)
    if id_ is None:
        return f"there is no face model “{model[:80]}” in models/faces"
    return (
        f"{model} is missing (“studio models get {id_}”; parts of it, StyleGAN2 and DFDNet, are not for "
        "commercial use)"
    )
