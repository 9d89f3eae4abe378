"""The pictures beside the starter's presets, painted by itself: `python -m studio.school.thumbnails`."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from studio.families import FAMILIES
from studio.images import encode_webp, read
from studio.models.library import Library
from studio.painting.painter import Painter
from studio.presets import read_presets
from studio.recipe import Recipe
from studio.settings import Settings

SIDE = 192  # pixels of the longer side
LARGEST = 8 * 1024  # bytes
SEED = 20


def paint(settings: Settings, folder: Path) -> None:
    """One picture of 256² for each of the starter's own styles, as WebP of at most 8 KiB beside its file."""
    painter = Painter(settings, Library(settings.models))
    for name, preset in read_presets(settings.presets).items():
        if preset.families == ("starter",):
            asked = {**FAMILIES["starter"].defaults, "seed": SEED, **preset.over({})}
            picture = painter.one(Recipe.of(asked), {})
            (folder / f"{name}.webp").write_bytes(small(picture.png))


def small(png: bytes) -> bytes:
    """The picture at the best quality that fits."""
    image = read(png).convert("RGB")
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    encoded = (encode_webp(image, quality) for quality in range(85, 10, -5))
    return next(data for data in encoded if len(data) <= LARGEST)


if __name__ == "__main__":
    chosen = Settings.read()
    paint(chosen, chosen.presets)
