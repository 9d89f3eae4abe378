"""Upscalers in the published layouts with random weights, and the tools that steps are handed."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from studio.models.library import Library
from studio.models.manager import Models
from studio.post import Tools


def compact(scale: int, seed: int, width: int = 8, depth: int = 2) -> dict[str, torch.Tensor]:
    """SRVGGNetCompact's state: convolutions and PReLUs under `body.N`, its last layer nearly silent."""
    drawn = torch.Generator().manual_seed(seed)
    state: dict[str, torch.Tensor] = {}
    channels = [3, *[width] * (depth + 1), 3 * scale * scale]
    for n, (into, out) in enumerate(pairwise(channels)):
        state[f"body.{2 * n}.weight"] = torch.randn(out, into, 3, 3, generator=drawn) * 0.15
        state[f"body.{2 * n}.bias"] = torch.zeros(out)
        if n <= depth:
            state[f"body.{2 * n + 1}.weight"] = torch.full((width,), 0.25)
    return state


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "upscalers"
    place.mkdir()
    save_file(compact(2, 1), place / "tiny-x2.safetensors")
    save_file(compact(4, 2), place / "realesr-general-x4v3.safetensors")
    torch.save({"params": compact(4, 3)}, place / "realesr-general-wdn-x4v3.pth")
    return tmp_path


@pytest.fixture
def tools(folder):
    return Tools(Library(folder), Models("cpu"), lambda: None)


@pytest.fixture
def picture():
    """Smooth colours with some noise, of odd sides."""
    down, across = np.mgrid[0:45, 0:63]
    colours = np.stack([down * 5, across * 4, 255 - down * 2 - across * 2], axis=-1)
    noise = np.random.default_rng(0).normal(0, 8, colours.shape)
    return Image.fromarray((colours + noise).clip(0, 255).astype(np.uint8))
