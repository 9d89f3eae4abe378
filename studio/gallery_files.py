"""A picture's row from its file: name, size, recipe and digest, read without decoding a pixel."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from studio import containers, metadata
from studio.errors import BadPicture
from studio.gallery_index import Picture
from studio.recipe import Recipe

PAINTER = re.compile(r"[0-9a-z]{1,64}")
FOLDER = re.compile(r"\d{4}-\d\d|trash")
FILE = re.compile(
    r"(?:(?P<trashed>\d{1,12})\.)?"
    r"(?P<name>(?P<time>\d{8}T\d{9})-(?:[^/]{1,160}-)?(?P<id>[0-9a-f]{32}))\.png"
)
TIME = "%Y%m%dT%H%M%S%f"
_ID = re.compile(r"[0-9a-f]{32}")
_MOST_CHUNK = 4 * 2**20  # no setting of ours is larger
_PIECE = 2**20


def files_of(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The files in a painter's months and trash; what an interrupted write left is removed."""
    for part in sorted(f.path for f in os.scandir(folder) if f.is_dir() and FOLDER.fullmatch(f.name)):
        for entry in os.scandir(part):
            if entry.name.startswith(".") and entry.name.endswith(".tmp"):
                os.unlink(entry.path)
            elif entry.is_file():
                yield entry


def read_row(painter: str, file: str, stream: BinaryIO) -> Picture | None:
    """A picture's row, from its file's name and content; None when it is no whole PNG with such a name."""
    match = FILE.fullmatch(file)
    size, bare, digest = without_pixels(stream)
    if match is None or bare is None:
        return None
    try:
        head, found = containers.header(bare), metadata.read_file(bare)
        created = datetime.strptime(match["time"], TIME).replace(tzinfo=UTC)
    except (BadPicture, ValueError):
        return None
    recipe, partial, trashed = found.recipe, found.partial, match["trashed"]
    parent = found.facts.get("parent")
    seed = recipe.seed if recipe else partial.get("seed")
    return Picture(
        match["id"],
        painter,
        match["name"],
        created.timestamp(),
        size,
        head.width,
        head.height,
        recipe.model if recipe else str(partial.get("model", "")),
        recipe.prompt if recipe else str(partial.get("prompt", "")),
        seed if isinstance(seed, int) and 0 <= seed < 2**64 else None,
        recipe.images if recipe else (),
        trashed=None if trashed is None else int(trashed),
        kinds=kinds(recipe),
        digest=digest,
        parent=parent if isinstance(parent, str) and _ID.fullmatch(parent) else "",
    )


def kinds(recipe: Recipe | None) -> tuple[str, ...]:
    """How a picture was made; nothing when its recipe is not whole."""
    if recipe is None:
        return ()
    if recipe.controls:
        kind = "sketch"
    elif recipe.source is None:
        kind = "txt2img"
    else:
        kind = "img2img" if recipe.source.strength else "finish"
    return (kind, "highres") if recipe.hires is not None else (kind,)


def without_pixels(stream: BinaryIO) -> tuple[int, bytes | None, str]:
    """A PNG's length in bytes, all its chunks but the pixels, and the digest of what `metadata.without`
    leaves of it; None and "" when it is cut short or no PNG."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    parts, pixels, at, digest = [stream.read(8)], False, 8, hashlib.sha256(containers.PNG)
    if parts[0] != containers.PNG:
        return size, None, ""
    while at + 12 <= size:
        start = stream.read(8)
        length, kind = int.from_bytes(start[:4], "big"), start[4:]
        at += length + 12
        if at > size or not kind.isalpha():
            break
        if kind in (b"IDAT", metadata.INPUT) or length > _MOST_CHUNK:
            pixels = pixels or kind == b"IDAT"
            if metadata.stays(kind, b"", inputs=True, recipe=True):
                _hash(stream, start, length + 4, digest)
            stream.seek(at)
        else:
            body = stream.read(length + 4)
            parts.append(start + body)
            if metadata.stays(kind, body, inputs=True, recipe=True):
                digest.update(parts[-1])
        if kind == b"IEND":
            return size, b"".join(parts) if pixels else None, digest.hexdigest()
    return size, None, ""


def _hash(stream: BinaryIO, start: bytes, left: int, digest: Any) -> None:
    digest.update(start)
    while left > 0 and (piece := stream.read(min(left, _PIECE))):
        digest.update(piece)
        left -= len(piece)
