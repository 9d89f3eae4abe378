"""diffusers' and transformers' networks, by name.

Both libraries export lazily and annotate their networks' results wrongly (a tuple for an output object), so a
type checker can say nothing true about them: here they are `Any`, under the names that readers know.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, TypeAlias

AutoencoderKL: TypeAlias = Any
AutoencoderTiny: TypeAlias = Any
CLIPTextModel: TypeAlias = Any
CLIPTokenizer: TypeAlias = Any
ControlNetModel: TypeAlias = Any
DPMSolverMultistepScheduler: TypeAlias = Any
ModelMixin: TypeAlias = Any
UNet2DConditionModel: TypeAlias = Any


def published(name: str, library: str = "diffusers") -> Any:
    """The class called `name` in diffusers or transformers, imported when it is asked for."""
    return getattr(import_module(library), name)
