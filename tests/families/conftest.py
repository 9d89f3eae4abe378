"""Tiny families, and pictures to start from."""

import numpy as np
import pytest
from families.kit import SIDE, Kit, make
from PIL import Image


@pytest.fixture(scope="session")
def kits() -> dict[str, Kit]:
    return {kind: make(kind) for kind in ("sd15", "sdxl", "starter")}


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    pixels = np.stack([rows * 3, columns * 3, 255 - rows * 2], axis=-1)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def mask() -> Image.Image:
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[16:48, 16:48] = 255
    return Image.fromarray(pixels)
