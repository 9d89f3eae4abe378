"""What a finishing step is, and what it is handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.models.files import Kind
from studio.models.library import Library
from studio.models.manager import Models
from studio.part import Part

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Tools:
    """What steps work with. `check` raises `Stopped` once the painter has pressed Stop; `source` is the
    picture that was painted from, if there is one."""

    library: Library
    models: Models
    check: Callable[[], None]
    source: Callable[[], Image | None] = lambda: None


class Finish(Part):
    """A step of the finishing chain: `kind`, parameters, and a call (image, tools) → image.

    A step keeps transparency and changes nothing but what its parameters say.
    """

    @property
    def weights(self) -> tuple[tuple[Kind, str], ...]:
        """The files of weights it needs, as the library's kind and id."""
        return ()
