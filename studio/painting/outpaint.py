"""Outpainting: a picture and how far it shall grow become the source and the mask of an ordinary recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from studio.errors import BadInput
from studio.painting.masking import surrounded
from studio.part import Part
from studio.recipe import LONGEST

if TYPE_CHECKING:
    from PIL.Image import Image

OVERLAP = 32  # pixels over which the new grows out of the old
SOFT = 8.0  # pixels (sigma) by which mirrored borders are blurred


class Edges(Part):
    """How far a picture grows beyond each edge, in pixels."""

    left: int = Field(default=0, ge=0, le=LONGEST)
    right: int = Field(default=0, ge=0, le=LONGEST)
    top: int = Field(default=0, ge=0, le=LONGEST)
    bottom: int = Field(default=0, ge=0, le=LONGEST)

    @property
    def any(self) -> bool:
        """Whether it grows at all."""
        return any((self.left, self.right, self.top, self.bottom))


@dataclass(frozen=True, slots=True)
class Extended:
    """The larger picture (RGB, sides multiples of 8) with something plausible in the new parts, the mask (L)
    that is white there and `overlap` pixels into the old, and that overlap: the recipe's mask blur."""

    source: Image
    mask: Image
    overlap: int


def extended(picture: Image, edges: Edges, overlap: int = OVERLAP) -> Extended:
    """The picture, grown; what is transparent in it shall be painted, too.

    New parts mirror what they touch, blurred; transparent ones are filled from around them. Where a side
    would be no multiple of 8, up to 7 pixels more are painted at the right or the bottom. Raises `BadInput`
    when nothing would be new or it would become too large.
    """
    import cv2
    import numpy as np
    from PIL import Image as Pictures

    hole = _holes(picture)
    if not edges.any and hole is None:
        raise BadInput("Say how far the picture shall grow: at least one edge, in pixels.")
    known = picture.convert("RGB") if hole is None else surrounded(picture, hole)
    width, height = edges.left + picture.width + edges.right, edges.top + picture.height + edges.bottom
    beyond = (edges.top, edges.bottom + -height % 8, edges.left, edges.right + -width % 8)
    if max(width + -width % 8, height + -height % 8) > LONGEST:
        raise BadInput(
            f"The picture would become {width} × {height} pixels; at most {LONGEST} a side are painted in "
            "one pass. Let it grow less, or unroll a handscroll."
        )
    grown = cv2.copyMakeBorder(np.asarray(known), *beyond, cv2.BORDER_REFLECT)
    inner = np.zeros(known.size[::-1], np.uint8) if hole is None else np.asarray(hole)
    new = cv2.copyMakeBorder(inner, *beyond, cv2.BORDER_CONSTANT, value=255)
    blurred = cv2.GaussianBlur(grown, (0, 0), SOFT)
    away = cv2.distanceTransform(255 - new, cv2.DIST_L2, 5)
    source = np.where((new > 0)[..., None], blurred, grown)
    mask = ((away <= overlap) * 255).astype(np.uint8)
    return Extended(Pictures.fromarray(source), Pictures.fromarray(mask), overlap)


def _holes(picture: Image) -> Image | None:
    """White where the picture is more transparent than not (L); None when it is nowhere."""
    if not picture.has_transparency_data:
        return None
    alpha = picture.convert("RGBA").getchannel("A")
    hole = alpha.point([255 * (value < 128) for value in range(256)])
    return hole if hole.getbbox() else None
