"""Short films: frames with their times become an animated WebP, or an MP4.

frames travel as  u32 milliseconds · u32 length · JPEG, PNG or WebP,  one after the other (big-endian)
"""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from studio import images
from studio.errors import BadInput

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_FRAMES = 300
LONGEST_SIDE = 512  # pixels: every frame of a WebP is in memory at once
MP4_FPS = 16  # an MP4 shows its frames at one pace: longer ones several times
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
    first, *others = pictures(frames, longest)
    out = io.BytesIO()
    first.save(
        out,
        "WEBP",
        save_all=True,
        append_images=others,
        duration=times(frames),
        loop=0,
        quality=quality,
        method=1,
    )
    return out.getvalue()


def filmed(frames: Sequence[Shown], longest: int = LONGEST_SIDE) -> bytes:
    """The same as an MP4, which plays once; a frame stays at most 1.5 s. Raises as `animate` and `mp4`."""
    ends = accumulate((min(_LAST_MS, time) * MP4_FPS / 1000 for time in times(frames)), initial=0.0)
    counts = [max(1, round(end) - round(begin)) for begin, end in pairwise(ends)]
    repeated = (
        one for one, count in zip(pictures(frames, longest), counts, strict=True) for _ in range(count)
    )
    with tempfile.TemporaryDirectory() as folder:  # OpenCV writes to files only
        path = Path(folder) / "film.mp4"
        mp4(repeated, MP4_FPS, path)
        return path.read_bytes()


def mp4(frames: Iterable[Image], fps: float, path: Path) -> None:
    """Frames of one size as a film by OpenCV: VP9 in MP4, which needs no patent licence.

    Sides are made even, as the format wants them. Raises `BadInput` when OpenCV cannot write it.
    """
    import cv2
    import numpy as np

    film: cv2.VideoWriter | None = None
    size = (0, 0)
    try:
        for frame in frames:
            if film is None:
                size = (max(2, frame.width // 2 * 2), max(2, frame.height // 2 * 2))
                film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"vp09"), fps, size)
                if not film.isOpened():
                    raise BadInput("This OpenCV cannot write MP4; take the film as WebP.")
            even = frame if frame.size == size else frame.resize(size)
            film.write(cv2.cvtColor(np.asarray(even.convert("RGB")), cv2.COLOR_RGB2BGR))
    finally:
        if film is not None:
            film.release()


def pictures(frames: Sequence[Shown], longest: int) -> Iterator[Image]:
    """Every frame's picture (RGB), one after the other, all of the first one's size."""
    from PIL import Image as Pictures

    bounds = images.Bounds(pixels=2 * 2**20)
    size: tuple[int, int] | None = None
    for frame in frames:
        picture = images.read(frame.picture, bounds).convert("RGB")
        if size is None:
            picture = images.thumbnail(picture, longest)
            size = picture.size
        yield picture if picture.size == size else picture.resize(size, Pictures.Resampling.LANCZOS)


def times(frames: Sequence[Shown]) -> list[int]:
    """How long each is shown, in milliseconds; the last one a moment longer."""
    *before, last = (frame.milliseconds for frame in frames)
    return [*before, max(last, _LAST_MS)]
