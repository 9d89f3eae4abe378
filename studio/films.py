"""Short films: frames with their times become an animated WebP.

frames travel as  u32 milliseconds · u32 length · JPEG, PNG or WebP,  one after the other (big-endian)
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from studio import images
from studio.errors import BadInput

MOST_FRAMES = 300
LONGEST_SIDE = 512  # pixels: every frame is in memory at once
_HEAD = struct.Struct(">II")
_LAST_MS, _LEAST_MS, _MOST_MS = 1500, 20, 5000
_NO_FILM = "This is no film; record a few strokes again."


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame's picture as encoded bytes, and how long it is shown, in milliseconds."""

    picture: bytes
    milliseconds: int


def unpack(data: bytes) -> tuple[Shown, ...]:
    """The frames of a film as a page sends it. Raises `BadInput` when it is none, or too long."""
    found: list[Shown] = []
    at = 0
    while at < len(data):
        if len(data) - at < _HEAD.size:
            raise BadInput(_NO_FILM)
        milliseconds, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if not size or at + size > len(data):
            raise BadInput(_NO_FILM)
        found.append(Shown(data[at : at + size], min(_MOST_MS, max(_LEAST_MS, milliseconds))))
        at += size
        if len(found) > MOST_FRAMES:
            raise BadInput(f"A film has at most {MOST_FRAMES} frames; record a shorter one.")
    if not found:
        raise BadInput("There is nothing to film yet; draw something first.")
    return tuple(found)


def animate(frames: Sequence[Shown], quality: int = 80, longest: int = LONGEST_SIDE) -> bytes:
    """An animated WebP that loops, every frame of the first one's size, at most `longest` pixels a side.

    The last frame stays a moment longer. Raises `BadPicture` for a frame that cannot be read.
    """
    from PIL import Image

    bounds = images.Bounds(pixels=2 * 2**20)
    first = images.thumbnail(images.read(frames[0].picture, bounds).convert("RGB"), longest)
    pictures = [first]
    for frame in frames[1:]:
        picture = images.read(frame.picture, bounds).convert("RGB")
        pictures.append(
            picture if picture.size == first.size else picture.resize(first.size, Image.Resampling.LANCZOS)
        )
    times = [frame.milliseconds for frame in frames]
    times[-1] = max(times[-1], _LAST_MS)
    out = io.BytesIO()
    first.save(
        out,
        "WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=times,
        loop=0,
        quality=quality,
        method=1,
    )
    return out.getvalue()
