"""Preprocessors with weights, on seeded random networks saved as they are published."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from controlnet_aux import (
    HEDdetector,
    LineartAnimeDetector,
    LineartDetector,
    MidasDetector,
    MLSDdetector,
    PidiNetDetector,
)
from PIL import Image, ImageDraw

from studio.control import annotators, hint
from studio.control.annotators import ANNOTATORS
from studio.models.library import Library
from studio.models.manager import Models
from studio.post import Tools

SIDE = 128  # the studio's 512 in small


@dataclass(frozen=True)
class Published:
    """How a network's file came to be: names, wrapper and precision; and the class that reads it there."""

    detector: Callable[[str], Callable[..., np.ndarray]]
    named: Callable[[str], str] = str
    wrapped: Callable[[dict], dict] = dict
    half: bool = False


def original(cls, **files):
    return lambda folder: cls.from_pretrained(folder, **files)


PUBLISHED = {
    "hed": Published(original(HEDdetector), half=True),
    "pidinet": Published(
        original(PidiNetDetector), "module.{}".format, lambda state: {"epoch": 19, "state_dict": state}
    ),
    "lineart_real": Published(original(LineartDetector, coarse_filename="sk_model.pth")),
    "lineart_coarse": Published(
        original(LineartDetector, filename="sk_model2.pth", coarse_filename="sk_model2.pth")
    ),
    "lineart_anime": Published(original(LineartAnimeDetector), "module.{}".format),
    "mlsd": Published(original(MLSDdetector)),
    "depth": Published(original(MidasDetector), half=True),
}


def drawn_at_random(net, seed):
    """Weights that keep signals alive through any depth (He et al. 2015), the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, tensor in net.state_dict().items():
        if name.endswith(("num_batches_tracked", "running_mean")):
            state[name] = torch.zeros_like(tensor)
        elif name.endswith("running_var") or (tensor.ndim == 1 and name.endswith("weight")):
            state[name] = torch.ones_like(tensor)
        elif tensor.ndim > 1:
            spread = (2 / tensor[0].numel()) ** 0.5
            state[name] = torch.randn(tensor.shape, generator=generator) * spread
        else:
            state[name] = torch.randn(tensor.shape, generator=generator) * 0.1
    return state


def save(folder, weights, state, how=None):
    how = how or Published(None)
    made = {
        how.named(name): t.half() if how.half and t.is_floating_point() else t for name, t in state.items()
    }
    suffix = ".pt" if weights.file.startswith("dpt") else ".pth"
    torch.save(how.wrapped(made), folder / f"{weights.file}{suffix}")


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "annotators"
    place.mkdir()
    return place


@pytest.fixture
def tools(folder):
    return Tools(Library(folder.parent), Models("cpu"), lambda: None)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(annotators, "SIDE", SIDE)


@pytest.fixture
def picture():
    """A house on a hill under a bright sky, with a grain that keeps every grey alive."""
    image = Image.new("RGB", (192, 128), (170, 200, 230))
    pen = ImageDraw.Draw(image)
    pen.polygon([(0, 128), (60, 70), (192, 100), (192, 128)], fill=(70, 110, 60))
    pen.rectangle([70, 40, 120, 90], fill=(160, 70, 50), outline=(20, 10, 10), width=3)
    noise = np.random.default_rng(3).normal(0, 6, (128, 192, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_hint_is_what_controlnet_aux_makes_of_the_same_file(name, folder, tools, picture, small):
    how, [weights] = PUBLISHED[name], ANNOTATORS[name].needs
    save(folder, weights, drawn_at_random(weights.network(), 7), how)
    made = hint(name, picture, *picture.size, tools)
    theirs = how.detector(str(folder))(
        np.asarray(picture), detect_resolution=SIDE, image_resolution=SIDE, output_type="np"
    )
    ours = np.asarray(made)
    assert ours.shape == theirs.shape == (128, 192, 3)
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1
    assert ours.std() > 1
    assert hint(name, picture, 200, 72, tools).size == (200, 72)
