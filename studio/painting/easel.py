"""What a recipe is painted with, and how its stages get their keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.deep import Deep
from studio.models.library import Library, ModelFile
from studio.painting.stages import Stages, key
from studio.painting.watch import Watch
from studio.painting.workbench import Workbench
from studio.post import Tools

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

# A stage's version rises when its code changes what it makes.
VERSIONS = {"text": 1, "denoise": 3, "decode": 3, "enlarge": 3, "alpha": 1, "post": 1, "png": 1}


@dataclass(frozen=True, slots=True)
class Easel:
    """What a recipe is painted with: the models, what is kept from before, and who is told."""

    bench: Workbench
    library: Library
    stages: Stages
    watch: Watch
    environment: Mapping[str, str]  # device and dtypes: what makes the same recipe another picture
    checker: ModelFile | None = None  # the safety checker, where one shall look at the picture

    def key(self, name: str, said: Mapping[str, Any], *needs: str) -> str:
        """The address of a stage's result: what it is, what was said, and what it needs."""
        return key(name, VERSIONS[name], {**said, "environment": dict(self.environment)}, *needs)

    def tools(
        self, stage: str, i: int = 1, n: int = 1, source: Callable[[], Image | None] = lambda: None
    ) -> Tools:
        """What step `i` of `n` of a stage is handed."""
        return Tools(self.library, self.bench.models, self.watch.beat(stage, i, n), source)


def picture_bytes(picture: Image | Deep) -> int:
    """What keeping a picture costs."""
    return picture.width * picture.height * len(picture.getbands()) * (2 if isinstance(picture, Deep) else 1)


def tensor_bytes(tensor: torch.Tensor) -> int:
    """What keeping a tensor costs."""
    return tensor.numel() * tensor.element_size()
