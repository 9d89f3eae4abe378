"""Tone: light, contrast, colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from studio.deep import Deep
from studio.post.tools import Finish, Tools, joined, parted

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

ROWS = 256  # pixels are worked on in floats, so only this many rows at once
LUMA = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709
WARMTH = 0.35  # of the red and blue light at the end of the temperature slider


class Tone(Finish):
    """Exposure and temperature on the light itself, contrast and saturation on what the eye sees of it."""

    model_config = ConfigDict(title="Light and colour")

    deep: ClassVar[bool] = True
    kind: Literal["tone"] = "tone"
    exposure: float = Field(
        default=0.0, ge=-2, le=2, title="Exposure", description="In stops: 1 doubles the light."
    )
    contrast: float = Field(
        default=0.0, ge=-1, le=1, title="Contrast", description="Spreads light and dark around the middle."
    )
    saturation: float = Field(
        default=0.0, ge=-1, le=1, title="Saturation", description="-1 is ink alone, 1 doubles the colours."
    )
    temperature: float = Field(
        default=0.0, ge=-1, le=1, title="Temperature", description="Below 0 cooler, above 0 warmer."
    )

    def __call__(self, image: Image | Deep, tools: Tools) -> Image | Deep:
        """The picture with its light and colours changed; alpha is kept, and with all at 0 every pixel."""
        import numpy as np

        pixels, alpha = parted(image)
        most = np.iinfo(pixels.dtype).max
        for top in range(0, len(pixels), ROWS):
            tools.check()
            rows = self._toned(pixels[top : top + ROWS].astype(np.float32) / most)
            pixels[top : top + ROWS] = np.rint(np.clip(rows, 0, 1) * most)
        return joined(pixels, alpha)

    def _toned(self, colours: NDArray[Any]) -> NDArray[Any]:
        """sRGB colours (H, W, 3) in 0-1, changed."""
        import numpy as np

        luma = np.array(LUMA, np.float32)
        if self.exposure or self.temperature:
            warm = np.array([1 + WARMTH * self.temperature, 1, 1 - WARMTH * self.temperature], np.float32)
            light = _linear(colours) * (2**self.exposure) * (warm / float(warm @ luma))
            colours = _encoded(np.clip(light, 0, 1))
        if self.contrast:
            colours = 0.5 + (colours - 0.5) * np.float32(2**self.contrast)
        if self.saturation:
            grey = (colours @ luma)[..., None]
            colours = grey + (colours - grey) * np.float32(1 + self.saturation)
        return colours


def _linear(colours: NDArray[Any]) -> NDArray[Any]:
    """Light from sRGB (IEC 61966-2-1)."""
    import numpy as np

    return np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)


def _encoded(light: NDArray[Any]) -> NDArray[Any]:
    """sRGB from light."""
    import numpy as np

    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
