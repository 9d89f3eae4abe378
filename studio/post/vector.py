"""A picture as SVG: traced into flat coloured shapes (VTracer). An export beside the PNG, not a step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from pydantic import Field

from studio.part import Part

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST = 2048  # pixels a side that are traced; more makes files that no program opens quickly


class Vector(Part):
    """How a picture becomes shapes."""

    colours: int = Field(default=24, ge=2, le=128, title="Colours", description="How many flat colours.")
    detail: int = Field(
        default=6, ge=1, le=10, title="Detail", description="10 keeps every speck, 1 only large shapes."
    )


def svg(image: Image, how: Vector) -> str:
    """The picture as an SVG document of paths; its `viewBox` is the traced size in pixels.

    What is transparent stays transparent. The picture's colours are reduced by median cut first, so
    `colours` is kept exactly.
    """
    import vtracer
    from PIL import Image as Pictures

    small = image.convert("RGBA")
    small.thumbnail((LARGEST, LARGEST), Pictures.Resampling.LANCZOS)
    flat = small.convert("RGB").quantize(how.colours, Pictures.Quantize.MEDIANCUT).convert("RGBA")
    flat.putalpha(small.getchannel("A").point([0] * 128 + [255] * 128))
    held = BytesIO()
    flat.save(held, "PNG")
    palette = [bytes(colour) for _, colour in flat.convert("RGB").getcolors(256) or []]  # pyright: ignore[reportArgumentType]
    traced = vtracer.convert_raw_image_to_svg(
        held.getvalue(),
        img_format="png",
        colormode="color",
        hierarchical="stacked",
        mode="spline",
        filter_speckle=11 - how.detail,
        color_precision=8,
        layer_difference=0,
        path_precision=2,
    )
    # Where specks are joined VTracer fills with their mean; it becomes the nearest colour there is.
    return re.sub(r'fill="#([0-9A-Fa-f]{6})"', lambda found: f'fill="{nearest(found[1], palette)}"', traced)


def nearest(said: str, palette: Sequence[bytes]) -> str:
    """The colour of the palette nearest to an RRGGBB, as #RRGGBB."""
    colour = bytes.fromhex(said)
    best = min(palette, key=lambda one: sum((a - b) ** 2 for a, b in zip(one, colour, strict=True)))
    return f"#{best.hex().upper()}"
