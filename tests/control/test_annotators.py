"""Preprocessors with weights, on seeded random networks saved as they are published."""

import colorsys
import dataclasses
import math
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

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
from controlnet_aux.open_pose import Body, Face, Hand, Keypoint
from controlnet_aux.open_pose.util import draw_handpose
from PIL import Image, ImageDraw

from studio.control import HINTS, annotators, hint, is_ready, weights_of
from studio.control.annotators import ANNOTATORS, BODY, FACE, HAND, NARROWEST, working_side
from studio.errors import BrokenWeights, MissingWeights, RefusedWeights
from studio.models.catalog import read_catalog
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


@pytest.mark.parametrize(("weights", "original"), [(BODY, Body), (HAND, Hand), (FACE, Face)])
def test_openpose_s_files_fill_the_networks_as_controlnet_aux_fills_them(weights, original, folder, tools):
    """The files name a layer of body and hand without the block that it stands in."""
    state = drawn_at_random(weights.network(), 11)
    published = state if weights is FACE else {name.partition(".")[2]: t for name, t in state.items()}
    save(folder, weights, published)
    [file] = Library(folder.parent).files("annotator")
    ours = annotators._load(weights, file).state_dict()
    theirs = original(str(file.path)).model.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


class Blobs(torch.nn.Module):
    """Stands for a pose network: a blob at a share of the sides in each channel, whatever it is shown."""

    def __init__(self, points, then):
        super().__init__()
        self.nothing = torch.nn.Parameter(torch.zeros(1))
        self.points, self.then, self.seen = points, then, 0

    def forward(self, x):
        self.seen += 1
        high, wide = x.shape[2] // 8, x.shape[3] // 8
        down, across = torch.meshgrid(torch.arange(high), torch.arange(wide), indexing="ij")
        far = [(across - px * wide) ** 2 + (down - py * high) ** 2 for px, py in self.points]
        return self.then(torch.exp(-torch.stack(far) / 2)[None])


def test_a_person_is_drawn_with_hands_and_a_face_where_their_networks_are_given():
    bones = {2: 1, 3: 2, 4: 3, 5: 1, 6: 5, 7: 6, 8: 1, 9: 8, 10: 9, 11: 1, 12: 11, 13: 12}
    bones |= {0: 1, 14: 0, 16: 14, 15: 0, 17: 15}
    at = {1: (0.1, 0.1)}
    for i, (joint, before) in enumerate(bones.items()):  # every bone leads down and to the right
        turned = math.radians(10 + 70 * i / len(bones))
        at[joint] = (at[before][0] + 0.25 * math.cos(turned), at[before][1] + 0.25 * math.sin(turned))
    joints = [at[joint] for joint in range(18)] + [(2, 2)]
    body = Blobs(joints, lambda maps: (torch.full((1, 38, *maps.shape[2:]), 0.7), maps))
    hand = Blobs([(0.3 + 0.02 * i, 0.5) for i in range(22)], lambda maps: maps)
    face = Blobs([(0.5, 0.4 + 0.02 * i) for i in range(5)], lambda maps: [maps])
    grey = np.full((512, 512, 3), 127, np.uint8)
    alone = annotators._poses(grey, 512, (body,))
    assert (alone.max(axis=2) > 0).mean() > 0.005
    assert not (alone == 255).all(axis=2).any()
    whole = annotators._poses(grey, 512, (body, hand, face))
    assert (whole == 255).all(axis=2).sum() > 20  # a face is white dots
    assert hand.seen >= 4  # each hand in four sizes
    assert (whole != alone).any(axis=2).sum() > (whole == 255).all(axis=2).sum()


def test_a_hand_is_drawn_as_controlnet_aux_draws_it(monkeypatch):
    colours = SimpleNamespace(hsv_to_rgb=lambda hsv: np.array(colorsys.hsv_to_rgb(*hsv)))
    monkeypatch.setitem(sys.modules, "matplotlib", SimpleNamespace(colors=colours))
    spots = np.random.default_rng(5).uniform(0.1, 0.9, (21, 2))
    spots[[3, 20]] = -1 / 256  # not found
    theirs = draw_handpose(np.zeros((192, 256, 3), np.uint8), [Keypoint(x, y) for x, y in spots])
    ours = np.zeros((192, 256, 3), np.uint8)
    annotators._draw_hand(ours, [(int(x * 256), int(y * 192)) for x, y in spots])
    assert theirs.any()
    assert (ours == theirs).all()


@pytest.mark.parametrize("name", ANNOTATORS)
def test_without_weights_it_is_said_what_to_fetch(name, tools, picture):
    assert not is_ready(name, tools.library)
    with pytest.raises(MissingWeights) as told:
        hint(name, picture, 64, 64, tools)
    for weights in ANNOTATORS[name].needs:
        assert weights.file in str(told.value)
        assert weights.fetch in str(told.value)
    assert ("studio models get" in str(told.value)) == (name != "depth")


def test_what_is_to_be_fetched_is_in_the_catalog_under_the_name_that_is_looked_for():
    catalog = read_catalog()
    for weights in (one for annotator in ANNOTATORS.values() for one in annotator.needs if one.fetch):
        assert catalog[weights.fetch].kind == "annotator"
        assert catalog[weights.fetch].file == f"{weights.file}.pth"


def test_of_openpose_only_what_is_missing_is_asked_for(folder, tools):
    torch.save({}, folder / "body_pose_model.pth")
    assert is_ready("openpose", tools.library)
    assert not is_ready("openpose_full", tools.library)
    with pytest.raises(MissingWeights, match="get annotator-openpose-hand annotator-openpose-face”"):
        weights_of("openpose_full", tools.library)


def test_hints_without_weights_are_always_ready(tools):
    assert all(is_ready(name, tools.library) for name in HINTS if name not in ANNOTATORS)
    assert weights_of("canny", tools.library) == ()


class Bomb:
    def __reduce__(self):
        return (print, ("boom",))


@pytest.mark.parametrize(
    ("held", "error", "said"),
    [
        ({"norm": torch.zeros(1, 3, 1, 1)}, BrokenWeights, "lacks"),
        ({"weight": Bomb()}, RefusedWeights, "asks to run code"),
    ],
)
def test_a_file_that_is_something_else_is_refused_by_a_sentence(
    held, error, said, folder, tools, picture, capsys
):
    torch.save(held, folder / "ControlNetHED.pth")
    with pytest.raises(error, match=said):
        hint("hed", picture, 64, 64, tools)
    assert "boom" not in capsys.readouterr().out
    assert tools.models.memory()["components"] == 0


def test_a_network_is_loaded_once_without_any_connection(folder, tools, picture, small, monkeypatch):
    [weights] = ANNOTATORS["pidinet"].needs
    save(folder, weights, drawn_at_random(weights.network(), 7))

    def refused(*_):
        raise AssertionError("it went to the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    first = hint("pidinet", picture, *picture.size, tools)
    assert tools.models.memory()["components"] == 1
    monkeypatch.setattr(annotators, "load_state", refused)
    assert hint("pidinet", picture, *picture.size, tools) == first
    tools.models.unload()
    with pytest.raises(AssertionError):
        hint("pidinet", picture, *picture.size, tools)


def test_what_a_network_sees_is_bounded_however_long_the_picture_is(tools, monkeypatch):
    assert [working_side(*size) for size in ((512, 512), (768, 3072), (4096, 256))] == [512, 512, 256]
    seen = []

    def detect(pixels, side, _):
        seen.append((pixels.shape, side))
        return pixels

    long = dataclasses.replace(ANNOTATORS["hed"], needs=(), detect=detect)
    assert long(Image.new("RGB", (6000, 3)), 6000, 3, tools).size == (6000, 3)
    assert seen == [((3, 3 * NARROWEST, 3), 256)]
