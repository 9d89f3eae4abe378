"""Pictures on their way out: as PNG, JPEG or WebP, with or without their recipe, one or many in a ZIP."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from studio import metadata
from studio.errors import NotFound
from studio.gallery import Gallery, Picture

Kind = Literal["png", "jpeg", "webp"]
PATTERN = "inkstone-{date}-{time}-{id}"
PATTERN_LENGTH, WORDS = 120, 48  # characters of the pattern, and of each word filled in
WORDS_BYTES = 120  # of a file's name in the gallery
ZIP_BEGINS = (1980, 1, 1, 0, 0, 0)  # the format knows no earlier time
ENDINGS: dict[Kind, str] = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}


def exported(png: bytes, kind: Kind, recipe: bool) -> bytes:
    """The file as it leaves; the marks of its origin stay in any case.

    Raises `BadInput` when the picture is larger than the format allows, `BadPicture` when it is damaged.
    """
    kept = png if recipe else metadata.without(png, inputs=True, recipe=True)
    return kept if kind == "png" else metadata.export(kept, kind)


def file_name(picture: Picture, kind: Kind, pattern: str = PATTERN) -> str:
    """What to call the file: the pattern's words in braces filled in, only letters, digits and hyphens kept.

    The first letters of the id are always in it, so that no two pictures are called the same.
    """
    when = datetime.fromtimestamp(picture.created, UTC)
    said = {"date": when.strftime("%Y%m%d"), "time": when.strftime("%H%M%S"), "id": picture.id[:8]}
    unique = pattern if "{id}" in pattern else f"{pattern}-{{id}}"
    return f"{plain(filled(unique, {**said, **described(picture)}))}{ENDINGS[kind]}"


def words(picture: Picture, pattern: str) -> str:
    """What the pattern says of a picture beyond time and id, for its file in the gallery: that has both.

    Nothing where she keeps to ours. At most 120 bytes of UTF-8, for no system takes more than 255 in all.
    """
    if pattern == PATTERN:
        return ""
    told = plain(filled(pattern, described(picture)))
    return plain(told.encode()[:WORDS_BYTES].decode(errors="ignore"))


def described(picture: Picture) -> dict[str, str]:
    """What the words in braces stand for, without time and id."""
    return {
        "seed": str(picture.seed or 0),
        "model": picture.model,
        "prompt": picture.prompt,
        "width": str(picture.width),
        "height": str(picture.height),
    }


def filled(pattern: str, said: Mapping[str, str]) -> str:
    """The pattern with its words in braces filled in."""
    return re.sub(r"\{(\w+)\}", lambda found: plain(said.get(found[1], ""))[:WORDS], pattern[:PATTERN_LENGTH])


def plain(text: str) -> str:
    """What every system takes in a file's name."""
    return re.sub(r"[^\w]+", "-", text).strip("-_")


def archive(
    gallery: Gallery,
    painter: str,
    pictures: Sequence[Picture],
    kind: Kind,
    recipe: bool,
    pattern: str = PATTERN,
) -> Iterator[bytes]:
    """A ZIP of pictures in pieces, one picture at a time in memory; what has gone since is left out."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as file:  # pictures do not pack any smaller
        for picture in pictures:
            try:
                data = exported(gallery.read(painter, picture.id), kind, recipe)
            except NotFound:
                continue
            when = max(datetime.fromtimestamp(picture.created, UTC).timetuple()[:6], ZIP_BEGINS)
            file.writestr(zipfile.ZipInfo(file_name(picture, kind, pattern), when), data)
            yield sink.taken()
    yield sink.taken()


class _Sink:
    """A file that only goes forward, for `zipfile`: it has no `tell` and no `seek`."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keeps a piece until it is taken."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
