"""The real worker on a machine that is short of memory wherever a negative prompt says so:

    out=NETWORK     it never has room      once=NETWORK     it has none at first
    wide=NETWORK    it has room for no more than `ROOM` positions across, at any depth of what it is part of

The networks around faces are stand-ins of a few weights, in the place of 450 MB; what calls them is real.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from studio.desk import worker
from studio.models.library import Library
from studio.painting.events import Event
from studio.painting.painter import Painter
from studio.post import align, facenets
from studio.recipe import Recipe
from studio.settings import Settings

ROOM = 150
BLOCKS = "diffusers.models.unets.unet_2d_blocks"
NETWORKS = {
    "text": ("transformers", "CLIPTextModel"),
    "unet": ("diffusers", "UNet2DConditionModel"),
    "controlnet": ("diffusers", "ControlNetModel"),
    "hint": ("diffusers.models.controlnets.controlnet", "ControlNetConditioningEmbedding"),
    "annotator": ("controlnet_aux.pidi.model", "PiDiNet"),
    "encoder": (BLOCKS, "DownEncoderBlock2D"),
    "decoder": (BLOCKS, "UpDecoderBlock2D"),
    "deep": (BLOCKS, "UNetMidBlock2D"),
    "upscaler": ("torch.nn", "PixelShuffle"),
    "retinaface": (__name__, "Finding"),
    "gfpgan": (__name__, "Restoring"),
    "parsenet": (__name__, "Parsing"),
}


class Light(nn.Module):
    """A network of one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


class Finding(Light):
    """In RetinaFace's place: one face, on the largest anchor of the middle, with an FFHQ face's landmarks."""

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        levels = [(-(-pixels.shape[2] // stride), -(-pixels.shape[3] // stride)) for stride in (8, 16, 32)]
        count, (down, across) = 2 * sum(d * a for d, a in levels), levels[-1]
        face = count - 2 * down * across + 2 * (down // 2 * across + across // 2) + 1
        scores = torch.zeros(count)
        scores[face] = 1
        marks = (torch.tensor(align.TEMPLATE) / align.SIDE - 0.5) * 10
        return torch.zeros(count, 4), scores, marks.flatten().expand(count, 10)


class Restoring(Light):
    """In GFPGAN's place: every face comes back white."""

    def forward(self, x: Tensor, return_rgb: bool) -> tuple[Tensor, list[Tensor]]:
        return torch.ones_like(x), []


class Parsing(Light):
    """In ParseNet's place: all of it is skin."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.eye(19)[1][None, :, None, None].expand(1, 19, *x.shape[2:])


class Scarce(Painter):
    """The painter, on that machine; nothing is kept from one picture to the next, so that all is computed."""

    def paint(
        self,
        recipe: Recipe,
        blobs: Mapping[str, bytes],
        emit: Callable[[Event], None],
        stopped: Callable[[], bool],
        extra: Mapping[str, Any] | None = None,
        checked: bool = False,
    ) -> None:
        self.stages.clear()
        said = [word.partition("=") for word in recipe.negative.split() if "=" in word]
        with short_of_memory({network: how for how, _, network in said}):
            super().paint(recipe, blobs, emit, stopped, extra, checked)


@contextmanager
def short_of_memory(wanting: Mapping[str, str]) -> Generator[None]:
    """Networks want for memory as their name's word says. Fails when one was never asked for anything."""
    real: list[tuple[Any, Any]] = []
    asked: set[str] = set()
    try:
        for name, how in wanting.items():
            where, kind = NETWORKS[name]
            cls = getattr(import_module(where), kind)
            real.append((cls, cls.forward))
            cls.forward = scarce(cls.forward, name, how, asked)
        yield
    finally:
        for cls, forward in real:
            cls.forward = forward
    assert asked >= wanting.keys(), "a network that should have failed was never run"


def scarce(forward: Callable[..., Any], name: str, how: str, asked: set[str]) -> Callable[..., Any]:
    def run(self: nn.Module, *given: Any, **named: Any) -> Any:
        first = name not in asked
        asked.add(name)
        if how == "out" or (how == "once" and first) or (how == "wide" and given[0].shape[-1] > ROOM):
            raise torch.OutOfMemoryError("out of memory")
        return forward(self, *given, **named)

    return run


def main(settings: Settings) -> int:
    """Serve as `studio.desk.worker` does, with stand-ins around faces."""
    for name, cls in {"retinaface": Finding, "restorer": Restoring, "parsenet": Parsing}.items():
        setattr(facenets, f"_load_{name}", lambda file, cls=cls: cls())
    reader, writer = worker.pipes()
    painter = Scarce(settings, Library(settings.models))
    painter.warm()
    return worker.serve(painter, reader, writer)


if __name__ == "__main__":
    worker.leave(main(Settings.model_validate_json(sys.argv[1])))
