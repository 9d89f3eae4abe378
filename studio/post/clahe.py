"""CLAHE: local contrast on lightness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import ConfigDict, Field

from studio.post.tools import Finish, Tools

if TYPE_CHECKING:
    from PIL.Image import Image


class Clahe(Finish):
    """Contrast Limited Adaptive Histogram Equalisation on the L channel of CIE Lab.

    Zuiderveld, "Contrast Limited Adaptive Histogram Equalization", Graphics Gems IV, 1994.
    """

    model_config = ConfigDict(title="Local contrast (CLAHE)")

    kind: Literal["clahe"] = "clahe"
    clip: float = Field(
        default=2.0,
        ge=0.5,
        le=10,
        title="Clip limit",
        description="How far local contrast may rise; 1 hardly changes the picture.",
    )
    tiles: int = Field(
        default=8,
        ge=2,
        le=32,
        title="Tiles",
        description="How many tiles a side; more tiles work more locally.",
    )
    amount: float = Field(
        default=0.5, ge=0, le=1, title="Amount", description="0 keeps the picture, 1 replaces its lightness."
    )

    def __call__(self, image: Image, _: Tools) -> Image:
        """The picture with its lightness equalised; mode and alpha are kept."""
        import cv2
        import numpy as np
        from PIL import Image as Pillow

        alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
        lab = cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2LAB)
        equal = cv2.createCLAHE(clipLimit=self.clip, tileGridSize=(self.tiles, self.tiles)).apply(lab[..., 0])
        lab[..., 0] = np.rint(lab[..., 0] * (1 - self.amount) + equal * self.amount).astype(np.uint8)
        done = Pillow.fromarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))
        if alpha is not None:
            done.putalpha(alpha)
        return done
