"""Grain: the tooth of paper under the paint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from studio.deep import Deep
from studio.post.tools import Finish, Tools, joined, parted

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

SHEET = 512  # px of the paper that is made; it continues seamlessly
DEEPEST = 0.16  # of the range, one standard deviation at an amount of 1
ROWS = 256


class Grain(Finish):
    """Paper grain: soft fibres and fine specks, seen in the middle tones and not in pure black and white."""

    model_config = ConfigDict(title="Paper grain")

    deep: ClassVar[bool] = True
    kind: Literal["grain"] = "grain"
    amount: float = Field(
        default=0.25, ge=0, le=1, title="Amount", description="0 is smooth, 1 a rough paper."
    )
    size: float = Field(
        default=1.5, ge=0.5, le=8, title="Grain size", description="How coarse the paper is, in pixels."
    )
    seed: int = Field(
        default=0, ge=0, lt=2**31, title="Sheet", description="The same number is the same sheet of paper."
    )

    def __call__(self, image: Image | Deep, tools: Tools) -> Image | Deep:
        """The picture on paper; alpha is kept. The same seed and size lay the same grain."""
        import numpy as np

        pixels, alpha = parted(image)
        most = np.iinfo(pixels.dtype).max
        sheet = paper(self.seed, self.size) * np.float32(self.amount * DEEPEST)
        across = -(-pixels.shape[1] // SHEET)
        for top in range(0, len(pixels), ROWS):
            tools.check()
            rows = pixels[top : top + ROWS].astype(np.float32) / most
            band = np.take(sheet, np.arange(top, top + len(rows)) % SHEET, axis=0)
            band = np.tile(band, (1, across))[:, : pixels.shape[1], None]
            grey = rows.mean(axis=2, keepdims=True)
            seen = 4 * grey * (1 - grey)
            pixels[top : top + ROWS] = np.rint(np.clip(rows + band * seen, 0, 1) * most)
        return joined(pixels, alpha)


def paper(seed: int, size: float) -> NDArray[Any]:
    """A sheet (SHEET, SHEET) of mean 0 and standard deviation 1 whose edges meet.

    White noise, its spectrum cut by Gaussians: specks of `size` pixels and, weaker, fibres four times as
    long as they are wide.
    """
    import numpy as np

    noise = np.random.Generator(np.random.PCG64(seed)).standard_normal((2, SHEET, SHEET))
    down, across = np.meshgrid(np.fft.fftfreq(SHEET), np.fft.fftfreq(SHEET), indexing="ij")
    specks = np.exp(-2 * (np.pi * size / 2) ** 2 * (down**2 + across**2))
    fibres = np.exp(-2 * (np.pi * size) ** 2 * (down**2 + (4 * across) ** 2))
    sheet = sum(
        weight * (made := np.fft.ifft2(np.fft.fft2(one) * cut).real) / made.std()
        for one, cut, weight in zip(noise, (specks, fibres), (1.0, 0.6), strict=True)
    )
    sheet = np.asarray(sheet) - np.mean(sheet)
    return (sheet / sheet.std()).astype(np.float32)
