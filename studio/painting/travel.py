"""Prompt travel: the pictures on the way from one recipe to another.

What the prompts mean is interpolated linearly, the noise on the sphere (see `studio.painting.noise`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from studio.errors import BadInput
from studio.painting.passes import Toward
from studio.painting.watch import unwatched
from studio.recipe import Recipe

if TYPE_CHECKING:
    from PIL.Image import Image

    from studio.painting.painter import Painter

# What must be equal at both ends: everything but the words and the seed.
MAY_DIFFER = {"prompt", "negative", "seed"}


def fractions(frames: int) -> list[float]:
    """`frames` (≥ 2) shares of the way, from 0 to 1 with both ends."""
    return [i / (frames - 1) for i in range(frames)]


def check_ends(start: Recipe, end: Recipe) -> None:
    """Raises `BadInput` when the ends differ in more than words and seed, or start from a picture."""
    differing = [
        field.title or name
        for name, field in Recipe.model_fields.items()
        if name not in MAY_DIFFER and getattr(start, name) != getattr(end, name)
    ]
    if differing:
        raise BadInput(f"Both ends of a travel must be painted alike; they differ in {', '.join(differing)}.")
    if start.source is not None:
        raise BadInput(
            "A travel leads between two pictures painted from words alone, not from a source picture."
        )
    if start.hires is not None:
        raise BadInput(
            "A travel is painted in one pass; switch the high-res fix off, or enlarge its pictures."
        )


def travel(painter: Painter, start: Recipe, end: Recipe, frames: int) -> Iterator[Image]:
    """The `frames` pictures from `start` to `end`, ends included.

    Raises `BadInput` when the ends are not painted alike or their prompts change while painting.
    """
    check_ends(start, end)
    watch = unwatched()
    goal = painter.chain(end, {}, watch).first
    for share in fractions(frames):
        yield painter.finished(painter.chain(start, {}, watch, toward=Toward(goal, share)))


def strip(frames: Sequence[Image]) -> Image:
    """All frames side by side."""
    from PIL import Image as Pillow

    width, height = frames[0].size
    whole = Pillow.new("RGB", (width * len(frames), height))
    for i, frame in enumerate(frames):
        whole.paste(frame, (i * width, 0))
    return whole


def webp(frames: Sequence[Image], fps: float) -> bytes:
    """An endless animation, there and back."""
    made = BytesIO()
    there_and_back = [*frames, *frames[-2:0:-1]]
    there_and_back[0].save(
        made, "WEBP", save_all=True, append_images=there_and_back[1:], duration=round(1000 / fps), loop=0
    )
    return made.getvalue()
