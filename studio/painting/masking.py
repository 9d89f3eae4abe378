"""Masks: which part of a picture is repainted, at what size, and what lies there before it is.

A frame is a picture, a mask of its size, and the box of it that is painted: all of it, or a window around
the mask that is painted at the recipe's size and laid back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio import images
from studio.errors import BadInput
from studio.families.latents import keep_outside

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from studio.recipe import Mask, Recipe

    Grid = NDArray[np.float32]

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels
INSIDE = 128  # grey levels: from here on a mask says “repaint”


@dataclass(frozen=True, slots=True)
class Frame:
    """An RGB picture, the mask (L, white is repainted) of its size, and the box that is painted."""

    picture: Image
    mask: Image
    box: Box

    @property
    def is_window(self) -> bool:
        """Whether less than the whole picture is painted."""
        return self.box != (0, 0, *self.picture.size)

    def window(self, image: Image, width: int, height: int) -> Image:
        """What of an image of the picture's size lies in the box, at the size that is painted."""
        return images.fit(image.crop(self.box), width, height, "stretch")

    def put_back(self, painted: Image, blur: int) -> Image:
        """The whole picture with what was painted inside its mask; outside it is as before, to the pixel.

        `blur`: over how many pixels, from the mask's edge inwards, the new grows out of the old.
        """
        left, top, right, bottom = self.box
        whole = self.picture.copy()
        whole.paste(images.fit(painted, right - left, bottom - top, "stretch"), (left, top))
        return keep_outside(self.picture, whole, self.mask, blur)


def framed(picture: Image, mask: Image, recipe: Recipe) -> Frame:
    """The source and the mask as the recipe wants them.

    A mask of the source's own size is fitted as that is; any other is laid over the fitted source. Raises
    `BadInput` when only the masked part shall be painted and nothing is masked.
    """
    asked, fitting = recipe.mask, recipe.source.resize if recipe.source else "crop"
    size = (recipe.width, recipe.height)
    alike = mask.size == picture.size
    drawn = _drawn(mask, asked)
    if asked is None or asked.region == "whole":
        laid = images.fit(drawn, *size, fitting if alike else "stretch")
        return Frame(images.fit(picture.convert("RGB"), *size, fitting), laid, (0, 0, *size))
    laid = images.fit(drawn, *picture.size, "stretch")
    return Frame(picture.convert("RGB"), laid, window_of(laid, asked.padding, size))


def _drawn(mask: Image, asked: Mask | None) -> Image:
    from PIL import ImageOps

    grey = mask.convert("L")
    return ImageOps.invert(grey) if asked is not None and asked.invert else grey


def window_of(mask: Image, padding: int, size: tuple[int, int]) -> Box:
    """The box around what is masked, `padding` pixels wider on each side and grown to the ratio of `size`.

    It stays inside the picture: where that is too narrow for the ratio, the box ends with it. Raises
    `BadInput` for a mask that is black everywhere.
    """
    found = mask.point([255 * (grey >= INSIDE) for grey in range(256)]).getbbox()
    if found is None:
        raise BadInput("Nothing is masked: paint over what shall be repainted, or choose the whole picture.")
    left, top = max(0, found[0] - padding), max(0, found[1] - padding)
    right, bottom = min(mask.width, found[2] + padding), min(mask.height, found[3] + padding)
    wide, high = right - left, bottom - top
    width = min(mask.width, max(wide, round(high * size[0] / size[1])))
    height = min(mask.height, max(high, round(wide * size[1] / size[0])))
    left = min(max(0, left - (width - wide) // 2), mask.width - width)
    top = min(max(0, top - (height - high) // 2), mask.height - height)
    return left, top, left + width, top + height


def surrounded(picture: Image, mask: Image) -> Image:
    """The RGB picture with what is masked filled from its surroundings, the smoother the further inside.

    Pull-push interpolation (Gortler et al. 1996, The Lumigraph, section 3.4): averages of what is known are
    pulled up a pyramid and pushed down into the holes. All masked: mid grey.
    """
    import numpy as np
    from PIL import Image as Pictures

    known = (np.asarray(mask.convert("L")) < INSIDE).astype(np.float32)
    if not known.any():
        return Pictures.new("RGB", picture.size, (127, 127, 127))
    colours = np.asarray(picture.convert("RGB"), dtype=np.float32)
    filled = _pushed(colours * known[..., None], known)
    return Pictures.fromarray(filled.round().clip(0, 255).astype(np.uint8))


def _pushed(colours: Grid, known: Grid) -> Grid:
    """Colours (H, W, 3) where `known` (H, W) is 1, and interpolated ones elsewhere; given times `known`."""
    import cv2
    import numpy as np

    height, width = known.shape
    if known.min() >= 1 or max(height, width) == 1:
        return (colours / np.maximum(known, 1e-6)[..., None]).astype(np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    small = cv2.resize(colours, half, interpolation=cv2.INTER_AREA).reshape(half[1], half[0], 3)
    there = cv2.resize(known, half, interpolation=cv2.INTER_AREA).reshape(half[1], half[0])
    share = np.minimum(1.0, 4 * there) / np.maximum(there, 1e-6)  # one known pixel of four is enough
    coarse = _pushed((small * share[..., None]).astype(np.float32), (there * share).astype(np.float32))
    larger = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, 3)
    return (colours + (1 - known[..., None]) * larger).astype(np.float32)
