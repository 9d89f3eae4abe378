"""Upscalers: every architecture that spandrel knows, from states that `load` has read safely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.errors import BrokenWeights, UnknownWeights
from studio.models.files import ModelFile
from studio.models.load import load_state, lock_down
from studio.models.manager import is_out_of_memory

if TYPE_CHECKING:
    import torch
    from spandrel import ImageModelDescriptor
    from torch import Tensor, nn

OWN = "starter-x2"
# What spandrel's architectures raise on tensors that do not fit together.
_UNFIT = (RuntimeError, LookupError, ValueError, TypeError, AttributeError, AssertionError, ArithmeticError)


@dataclass(frozen=True, slots=True, eq=False)
class Upscaler:
    """A network that makes RGB pictures `scale` times larger: `run` takes and gives (1, 3, H, W) in 0-1.

    Sides that are cut into tiles are multiples of `multiple`; others `run` completes by itself.
    """

    model: nn.Module
    run: Callable[[Tensor], Tensor]
    scale: int
    multiple: int


def load_upscaler(
    file: ModelFile, device: torch.device, twin: ModelFile | None = None, share: float = 1.0
) -> Upscaler:
    """The network in a file; with a `twin` of the same shape, its weights mixed in as `1 - share`.

    That is the deep network interpolation (arXiv 1811.10515) by which Real-ESRGAN's general models set how
    strongly noise is removed. In half precision on a GPU where the architecture allows it, else float32.
    Raises `UnknownWeights` for an architecture that is not known, `BrokenWeights` for damaged files.
    """
    import torch

    lock_down()
    state = load_state(file.path)
    if twin is not None:
        state = _mixed(state, load_state(twin.path), share, file)
    found = _described(state, file)
    half = device.type == "cuda" and found.supports_half
    found.model.eval().requires_grad_(False).to(torch.float16 if half else torch.float32)
    if file.id == OWN:  # half the time on processors; the others are compared bit by bit with their originals
        found.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    shuffle = getattr(found.model, "shuffle_factor", None)  # such a network completes its input to this
    return Upscaler(
        model=found.model,
        run=found.model if shuffle else found,
        scale=int(found.scale),
        multiple=int(shuffle or found.size_requirements.multiple_of),
    )


def _described(state: dict[str, Tensor], file: ModelFile) -> ImageModelDescriptor[Any]:
    from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError

    try:
        found = ModelLoader("cpu").load_from_state_dict(state)
    except UnsupportedModelError as error:
        raise UnknownWeights(
            f"“{file.title}” is of an architecture that is not known here; choose another upscaler."
        ) from error
    except _UNFIT as error:
        if is_out_of_memory(error):
            raise
        raise BrokenWeights(
            f"“{file.title}” does not fit its architecture; it is damaged or incomplete. Download it again."
        ) from error
    plain = isinstance(found, ImageModelDescriptor) and found.input_channels == found.output_channels == 3
    if not isinstance(found, ImageModelDescriptor) or not plain or found.purpose == "FaceSR":
        raise UnknownWeights(f"“{file.title}” does not make colour pictures larger; choose another upscaler.")
    return found


def _mixed(
    one: dict[str, Tensor], two: dict[str, Tensor], share: float, file: ModelFile
) -> dict[str, Tensor]:
    if {name: t.shape for name, t in one.items()} != {name: t.shape for name, t in two.items()}:
        raise BrokenWeights(f"The twin of “{file.title}” is of another shape; download both again.")
    return {name: share * tensor + (1 - share) * two[name] for name, tensor in one.items()}
