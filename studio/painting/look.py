"""Looking at a picture without painting: its faces, what a preprocessor or a finish makes of it.

`LOOKS` is the registry; a kind may carry a word after a colon, as in “hint:canny”.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from studio import control, images
from studio.errors import BadInput, UnknownName
from studio.post import Step, facenets
from studio.post.tools import Tools, applied
from studio.recipe import Recipe

if TYPE_CHECKING:
    from PIL.Image import Image

PROOF = 1024  # px
QUICK = frozenset({"match", "clahe", "tone", "sharpen", "grain"})
_NO_DETECTOR = (
    "No face detector is here. Fetch one with “studio models get retinaface-resnet50”, or the small “yunet”."
)


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen: plain values, and pictures as PNG by name."""

    found: dict[str, Any]
    blobs: dict[str, bytes]


def faces(image: Image, _: str, tools: Tools) -> Sight:
    """`faces`: each with its box by shares of the sides (left, top, right, bottom), `score` and `landmarks`
    (five x, y by shares); `sentence` says what is missing when nothing can be found."""
    import numpy as np

    file = facenets.file_of(tools.library, *facenets.DETECTORS["auto"])
    if file is None:
        return Sight({"faces": [], "sentence": _NO_DETECTOR}, {})
    pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"))[..., ::-1])
    found = [_told(face, image.width, image.height) for face in facenets.faces_in(pixels, tools, file)]
    return Sight({"faces": found, "sentence": ""}, {})


def hint(image: Image, name: str, tools: Tools) -> Sight:
    """`picture`: the control image that the preprocessor `name` makes, of the picture's own size."""
    tools.check()
    made = control.hint(name, image, image.width, image.height, tools)
    return Sight({}, {"picture": images.encode_png(made)})


def finish(image: Image, steps: str, tools: Tools) -> Sight:
    """`picture`: what the quick ones of the finishing steps (JSON) make of it, at most `PROOF` pixels a side.

    Faces and Upscale are left to the painting.
    """
    from PIL.Image import Image as Plain

    image.thumbnail((PROOF, PROOF))
    given = image.copy()
    tools, made = replace(tools, source=lambda: given), image
    for step in steps_of(steps):
        if step.kind in QUICK:
            tools.check()
            made = applied(step, made, tools)
    if not isinstance(made, Plain):
        made = made.plain()
    return Sight({}, {"picture": images.encode_png(made)})


def steps_of(text: str) -> tuple[Step, ...]:
    """Finishing steps from JSON. Raises `BadInput`."""
    try:
        return Recipe.of({"post": json.loads(text)}).post
    except (ValueError, RecursionError) as error:
        raise BadInput("These finishing steps cannot be read.") from error


def memory(tools: Tools) -> Sight:
    """What of the models is in memory, and how much of it there may be."""
    return Sight(dict(tools.models.memory()), {})


def unload(tools: Tools) -> Sight:
    """Lets go of every model, then the same."""
    tools.models.unload()
    return memory(tools)


HOUSE: Mapping[str, Callable[[Tools], Sight]] = MappingProxyType(
    {"memory": memory, "unload": unload}
)  # no picture
LOOKS: Mapping[str, Callable[[Image, str, Tools], Sight]] = MappingProxyType(
    {"faces": faces, "hint": hint, "finish": finish}
)


def look(kind: str, picture: bytes, tools: Tools) -> Sight:
    """What is seen in a picture. Raises `UnknownName`, `BadPicture`, or what loading raises."""
    if kind in HOUSE:
        return HOUSE[kind](tools)
    check(kind)
    name, _, word = kind.partition(":")
    return LOOKS[name](images.read(picture), word, tools)


def check(kind: str) -> None:
    """Raises `UnknownName` or `BadInput` for a kind that `look` does not know."""
    name, _, word = kind.partition(":")
    if name not in LOOKS:
        raise UnknownName("way of looking", name, LOOKS)
    if name == "hint" and word not in control.HINTS:
        raise UnknownName("preprocessor", word, control.HINTS)
    if name == "finish":
        steps_of(word)


def _told(face: facenets.Face, width: int, height: int) -> dict[str, Any]:
    """A face by shares of the picture's sides, inside of it."""
    sides = (width, height, width, height)
    shares = [min(1.0, max(0.0, float(at) / side)) for at, side in zip(face.box, sides, strict=True)]
    return {
        **dict(zip(("left", "top", "right", "bottom"), shares, strict=True)),
        "score": float(face.score),
        "landmarks": [[float(x) / width, float(y) / height] for x, y in face.landmarks],
    }
