"""A drawing as vectors: layers of strokes, and the pictures that lie among them.

The canvas keeps it, a recipe names it by its digest, and a PNG carries it, so that a sketch stays editable.
Stored, it is one file: a mark, the JSON's length and the JSON, then each picture's length and bytes in the
order of `Drawing.images`. Coordinates are pixels of the drawing.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from studio import images
from studio.errors import BadInput
from studio.part import Part
from studio.recipe import LONGEST, ImageRef, explain

JSON_BYTES = 8 * 2**20
MOST_LAYERS, MOST_STROKES = 64, 20_000
MARK = b"inKdraw1"
LENGTH = struct.Struct(">I")

Place = Annotated[float, Field(ge=-100_000, le=100_000)]
Share = Annotated[float, Field(ge=0, le=1)]


class Stroke(Part):
    """One line of the brush, a shape, or an area. `points`: x, y, pressure (0 to 1), and so on.

    In an area, pressure 0 begins another ring; its rings are filled even-odd.
    """

    mark: Literal["brush", "line", "shape", "area"]
    erase: bool
    color: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")
    size: float = Field(gt=0, le=LONGEST)
    softness: Share
    opacity: Share
    points: tuple[Place, ...]

    @model_validator(mode="after")
    def _in_threes(self) -> Self:
        if len(self.points) % 3:
            raise ValueError("a stroke's points are x, y and pressure")
        return self


class Placed(Part):
    """A picture on a layer: the digest of an input of hers, and where it lies."""

    image: ImageRef
    x: Place
    y: Place
    width: float = Field(gt=0, le=100_000)
    height: float = Field(gt=0, le=100_000)


class Layer(Part):
    """Strokes over at most one picture. What is painted from, drawn after or repainted is said by `kind`."""

    id: str = Field(pattern=r"^[0-9a-z]{1,32}$")
    kind: Literal["lines", "hint", "paint", "picture", "mask"]
    name: str = Field(max_length=60)
    opacity: Share
    hidden: bool
    locked: bool
    picture: Placed | None
    strokes: tuple[Stroke, ...]


class Drawing(Part):
    """Everything on a canvas, from the bottom layer up."""

    version: Literal[1]
    width: int = Field(ge=64, le=LONGEST)
    height: int = Field(ge=64, le=LONGEST)
    layers: tuple[Layer, ...] = Field(max_length=MOST_LAYERS)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if sum(len(layer.strokes) for layer in self.layers) > MOST_STROKES:
            raise ValueError(f"a drawing has at most {MOST_STROKES} strokes")
        if len({layer.id for layer in self.layers}) < len(self.layers):
            raise ValueError("two layers of a drawing have the same name")
        return self

    @property
    def images(self) -> tuple[str, ...]:
        """The digests of the pictures on it, each once."""
        return tuple(dict.fromkeys(layer.picture.image for layer in self.layers if layer.picture))

    @classmethod
    def of(cls, values: object) -> Self:
        """A drawing from plain values. Raises `BadInput`."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise BadInput(f"This drawing cannot be read: {explain(error)}") from error


def pack(drawing: Drawing, pictures: Mapping[str, bytes]) -> bytes:
    """The drawing with its pictures (by digest) as one file. Raises `BadInput` when it is too large."""
    text = drawing.model_dump_json().encode()
    if len(text) > JSON_BYTES:
        raise BadInput("This drawing has more strokes than can be kept; begin a fresh sheet.")
    parts = [text, *(pictures[digest] for digest in drawing.images)]
    return MARK + b"".join(LENGTH.pack(len(part)) + part for part in parts)


def unpack(data: bytes) -> tuple[Drawing, dict[str, bytes]]:
    """What `pack` put together, everything checked. Raises `BadInput`."""
    parts: list[bytes] = []
    at = len(MARK)
    while data.startswith(MARK) and at + LENGTH.size <= len(data) and len(parts) <= MOST_LAYERS:
        length = LENGTH.unpack_from(data, at)[0]
        parts.append(data[at + LENGTH.size : at + LENGTH.size + length])
        at += LENGTH.size + length
    if not parts or at != len(data) or len(parts[0]) > JSON_BYTES:
        raise BadInput("This is no drawing of the studio's, or it is damaged.")
    try:
        drawing = Drawing.model_validate_json(parts[0])
    except ValidationError as error:
        raise BadInput(f"This drawing cannot be read: {explain(error)}") from error
    pictures = {images.digest(part): part for part in parts[1:]}
    if tuple(pictures) != drawing.images:
        raise BadInput("A picture inside this drawing is damaged.")
    for part in pictures.values():
        images.check(part)
    return drawing, pictures
