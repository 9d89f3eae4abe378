"""Colour match: the source's palette over what was painted from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field

from studio.post.tools import Finish, Tools

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

ROWS = 256  # pixels are worked on in floats, so only this many rows at once
SAMPLE = 512  # pixels a side are enough to know a palette


class Match(Finish):
    """The mean and the spread of each axis of CIE L*a*b* become the source's (Reinhard et al. 2001).

    Without a source picture there is nothing to match, and the picture stays as it is.
    """

    model_config = ConfigDict(title="Colours of the source")

    kind: Literal["match"] = "match"
    amount: float = Field(
        default=1.0, ge=0, le=1, title="Amount", description="How far the colours go to those of the source."
    )

    def __call__(self, image: Image, tools: Tools) -> Image:
        """The picture in the source's colours; alpha is kept, and with amount 0 every pixel."""
        import cv2
        import numpy as np
        from PIL import Image as Pictures

        source = tools.source()
        if source is None or self.amount == 0:
            return image
        alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
        pixels = np.array(image.convert("RGB"))
        mean, spread = _palette(image)
        to_mean, to_spread = _palette(source)
        factor = 1 + self.amount * (np.clip(to_spread / np.maximum(spread, 1e-3), 0.2, 5) - 1)
        middle = mean + self.amount * (to_mean - mean)
        for top in range(0, len(pixels), ROWS):
            tools.check()
            rows = cv2.cvtColor(pixels[top : top + ROWS].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
            moved = ((rows - mean) * factor + middle).astype(np.float32)
            light = cv2.cvtColor(moved, cv2.COLOR_LAB2RGB)
            pixels[top : top + ROWS] = np.rint(np.clip(light, 0, 1) * 255)
        done = Pictures.fromarray(pixels)
        if alpha is not None:
            done.putalpha(alpha)
        return done


def _palette(image: Image) -> tuple[NDArray[Any], NDArray[Any]]:
    """Mean and standard deviation of L*, a* and b*, (3,) each, of what is not transparent."""
    import cv2
    import numpy as np

    small = image.convert("RGBA")
    small.thumbnail((SAMPLE, SAMPLE))
    values = np.asarray(small)
    lab = cv2.cvtColor(np.ascontiguousarray(values[..., :3]).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    seen = lab[values[..., 3] > 0] if (values[..., 3] > 0).any() else lab.reshape(-1, 3)
    return seen.mean(axis=0), seen.std(axis=0)
