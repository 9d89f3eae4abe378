"""Preprocessors: every line-type ControlNet wants white lines on black, at the picture's own size.

`HINTS` is the registry: a new preprocessor is one function and one entry. Those here need no weights, and
are not controlnet-aux's: its Canny and its standard line art work at 512 pixels and are stretched afterwards,
which moves and blurs the lines, and the latter's white is half grey; its scribbles need a network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from studio.control.annotators import ANNOTATORS, Annotator
from studio.errors import UnknownName
from studio.models.files import ModelFile
from studio.models.library import Library
from studio.post.tools import Tools

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Grey = NDArray[np.uint8]

Hint = Callable[["Image", int, int], "Image"]  # without weights

INK = 128  # grey levels: above this an inverted stroke counts as drawn
STRICTNESS: Mapping[str, tuple[float, float, float]] = MappingProxyType(  # weight, start and end of a Control
    {"loose": (0.6, 0.0, 0.6), "normal": (1.0, 0.0, 1.0), "strict": (1.4, 0.0, 1.0)}
)
GRAIN = 24  # grey levels: what a photograph's noise and the grain of paper make
SPECK = 6  # pixels: fewer are dust
EDGES = (100, 200)  # the two thresholds of Canny 1986, as usual for ControlNet


def none(image: Image, width: int, height: int) -> Image:
    """The picture as it is: it already is a control image."""
    return _sized(image, width, height)


def invert(image: Image, width: int, height: int) -> Image:
    """Dark strokes on light paper become white on black; their greys are kept."""
    return _drawn(255 - _grey(image, width, height))


def scribble(image: Image, width: int, height: int) -> Image:
    """Freehand strokes on light paper, as pure white on pure black."""
    ink = 255 - _grey(image, width, height)
    return _drawn(((ink > INK) * 255).astype("uint8"))


def canny(image: Image, width: int, height: int) -> Image:
    """The edges of a painted or photographed picture."""
    import cv2
    import numpy as np

    return _drawn(np.asarray(cv2.Canny(_grey(image, width, height), *EDGES), dtype=np.uint8))


def lineart(image: Image, width: int, height: int) -> Image:
    """Lines of a drawing, a painting or a photograph, thin and with soft greys.

    Where the picture is darker than its surroundings (a blur of 6 pixels), stretched to full white.
    """
    import cv2
    import numpy as np

    grey = _grey(image, width, height).astype(np.float32)
    darker = np.clip(cv2.GaussianBlur(grey, (0, 0), 6) - grey, 0, None)
    darker[darker < 8] = 0  # paper grain and compression noise
    strongest = float(np.percentile(darker[darker > 0], 75)) if darker.any() else 1.0
    return _drawn(np.clip(darker / strongest * 255, 0, 255).astype(np.uint8))


def paper(image: Image, width: int, height: int) -> Image:
    """A sketch on paper, photographed: shadows, folds and the paper's tint go, its lines stay.

    The paper's light is what remains when strokes are closed (a grey morphological closing, wider than any
    stroke) and smoothed; what is darker than that by more than Otsu's threshold (1979) is ink.
    """
    import cv2
    import numpy as np

    grey = cv2.GaussianBlur(_grey(image, width, height), (0, 0), 0.8)
    wide = max(9, min(width, height) // 16) | 1
    ground = cv2.morphologyEx(
        grey, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide))
    )
    ground = np.maximum(cv2.GaussianBlur(ground, (0, 0), wide / 3), 1)
    darker = np.clip(255 - grey.astype(np.float32) / ground * 255, 0, 255).astype(np.uint8)
    threshold, _ = cv2.threshold(darker, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    ink = ((darker > max(threshold, GRAIN)) * 255).astype(np.uint8)
    count, labels, sizes, _ = cv2.connectedComponentsWithStats(ink)
    small = [i for i in range(1, count) if sizes[i, cv2.CC_STAT_AREA] < SPECK]
    ink[np.isin(labels, small)] = 0
    return _drawn(ink)


HINTS: Mapping[str, Hint | Annotator] = MappingProxyType(
    {
        "none": none,
        "invert": invert,
        "scribble": scribble,
        "canny": canny,
        "lineart": lineart,
        "paper": paper,
        **ANNOTATORS,
    }
)


def hint(name: str, image: Image, width: int, height: int, tools: Tools) -> Image:
    """The control image (RGB, exactly width × height) of `image`.

    Raises `UnknownName`, `MissingWeights` with what to fetch, or what loading weights raises.
    """
    chosen = _named(name)
    if isinstance(chosen, Annotator):
        return chosen(_sized(image, *image.size), width, height, tools)
    return chosen(image, width, height)


def weights_of(name: str, library: Library) -> tuple[ModelFile, ...]:
    """The files of weights that a preprocessor works with.

    Raises `UnknownName`, or `MissingWeights` with what to fetch.
    """
    chosen = _named(name)
    return chosen.files(library) if isinstance(chosen, Annotator) else ()


def is_ready(name: str, library: Library) -> bool:
    """Whether a preprocessor has all it needs."""
    chosen = _named(name)
    return not isinstance(chosen, Annotator) or chosen.is_here(library)


def is_lines(name: str) -> bool:
    """Whether it gives white lines on black; what the others give is told by its greys or colours."""
    chosen = _named(name)
    return chosen.sharp if isinstance(chosen, Annotator) else chosen is not none


def _named(name: str) -> Hint | Annotator:
    if name not in HINTS:
        raise UnknownName("preprocessor", name, HINTS)
    return HINTS[name]


def _sized(image: Image, width: int, height: int) -> Image:
    """RGB on white paper where it is transparent, stretched to the size."""
    from PIL import Image as Pictures

    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Pictures.new("RGBA", layer.size, "white")
        image = Pictures.alpha_composite(paper, layer)
    shown = image.convert("RGB")
    return (
        shown if shown.size == (width, height) else shown.resize((width, height), Pictures.Resampling.LANCZOS)
    )


def _grey(image: Image, width: int, height: int) -> Grey:
    import numpy as np

    return np.array(_sized(image, width, height).convert("L"), dtype=np.uint8)


def _drawn(lines: Grey) -> Image:
    from PIL import Image as Pictures

    return Pictures.fromarray(lines).convert("RGB")
