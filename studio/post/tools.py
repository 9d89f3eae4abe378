"""What a finishing step is, and what it is handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from studio.deep import Deep
from studio.models.files import Kind, ModelFile
from studio.models.library import Library
from studio.models.manager import Models
from studio.part import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray
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

    A step keeps transparency and changes nothing but what its parameters say. `deep`: it takes and gives
    16 bits a colour too (`Deep`); others see 8, and what that leaves out is added again.
    """

    deep: ClassVar[bool] = False

    @property
    def weights(self) -> tuple[tuple[Kind, str], ...]:
        """The files of weights it needs, as the library's kind and id."""
        return ()

    def found(self, library: Library) -> tuple[ModelFile, ...]:
        """The files of weights it will work with. Raises `UnknownName` for one that it cannot do without."""
        return tuple(library.find(*needed) for needed in self.weights)

    def warnings(self, library: Library) -> tuple[str, ...]:  # noqa: ARG002 - some steps look there
        """What the painter should know of this step before or after: sentences."""
        return ()


def applied(step: Any, picture: Image | Deep, tools: Tools) -> Image | Deep:
    """What a step makes of a picture, in as many bits as it can."""
    if step.deep or not isinstance(picture, Deep):
        return step(picture, tools)
    plain = picture.plain()
    return picture.after(plain, step(plain, tools))


def parted(picture: Image | Deep) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Colours (H, W, 3), to be written to, and alpha (H, W) where there is some; uint8 or uint16."""
    import numpy as np

    if isinstance(picture, Deep):
        alpha = picture.pixels[..., 3] if picture.pixels.shape[2] == 4 else None
        return picture.pixels[..., :3].copy(), alpha
    alpha = np.asarray(picture.getchannel("A")) if picture.mode in ("RGBA", "LA") else None
    return np.array(picture.convert("RGB")), alpha


def joined(colours: NDArray[Any], alpha: NDArray[Any] | None) -> Image | Deep:
    """The picture of what `parted` gave."""
    import numpy as np
    from PIL import Image as Pictures

    if colours.dtype == np.uint16:
        return Deep(colours if alpha is None else np.concatenate([colours, alpha[..., None]], axis=2))
    done = Pictures.fromarray(colours)
    if alpha is not None:
        done.putalpha(Pictures.fromarray(alpha))
    return done
