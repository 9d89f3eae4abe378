"""Memory that runs out inside of a network: a job given to the real Desk and a real worker beside it."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from halls import models_folder
from PIL import Image
from safetensors.torch import save_file

from studio import images
from studio.control.annotators import ANNOTATORS
from studio.post.facenets import PARSENET, RETINAFACE
from studio.settings import Limits, Settings
from studio.studio import Studio

WORKER = str(Path(__file__).parents[1] / "scarce_worker.py")
SIDE = 192
PAINTED = {
    "prompt": "a lake",
    "steps": 1,
    "guidance": 1,
    "width": SIDE,
    "height": SIDE,
    "schedule": "Trailing",
    "seed": 3,
}


def upscaler(path):
    """A file of the layout that Real-ESRGAN's smallest networks have."""
    state, drawn = {}, torch.Generator().manual_seed(0)
    for n, (into, out) in enumerate(pairwise((3, 8, 12))):
        state[f"body.{2 * n}.weight"] = torch.randn(out, into, 3, 3, generator=drawn) * 0.1
        state[f"body.{2 * n}.bias"] = torch.zeros(out)
    state["body.1.weight"] = torch.full((8,), 0.25)
    save_file(state, path)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = models_folder(tmp_path_factory.mktemp("models"))
    for kind in ("upscalers", "faces", "annotators"):
        (folder / kind).mkdir()
    tiny.controlnet_folder(folder / "controlnet" / "lines", "starter")
    upscaler(folder / "upscalers" / "good-x2.safetensors")
    for name in ("GFPGANv1.4", RETINAFACE, PARSENET):
        torch.save({}, folder / "faces" / f"{name}.pth")
    [weights] = ANNOTATORS["pidinet"].needs
    torch.manual_seed(0)
    torch.save({"state_dict": weights.network().state_dict()}, folder / "annotators" / f"{weights.file}.pth")
    return folder


@pytest.fixture(scope="module")
def studio(tmp_path_factory, models):
    settings = Settings(
        data=tmp_path_factory.mktemp("data"), models=models, device="cpu", limits=Limits(free_bytes=0)
    )
    with Studio(settings, (sys.executable, WORKER, settings.model_dump_json())) as studio:
        yield studio


@pytest.fixture(scope="module")
def anna(studio):
    return studio.painters.join()


@pytest.fixture(scope="module")
def given(studio, anna):
    """A picture of hers that may be painted over."""
    colours = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    return studio.inputs.put(anna, images.encode_png(Image.fromarray(colours)))


def asking(network, given):
    """What a recipe must ask for so that this network is run; the rest of it is as small as can be."""
    control = {"image": given, "model": "lines", "hint": "none"}
    finish = {"source": {"image": given, "strength": 0}}
    return {
        "encoder": {"source": {"image": given, "strength": 0.9}},
        "the encoder of the high-res fix": {**finish, "hires": {"upscaler": "latent (bilinear)", "scale": 1}},
        "the encoder of its second pass": {**finish, "hires": {"upscaler": "lanczos", "scale": 1}},
        "controlnet": {"controls": (control,)},
        "hint": {"controls": (control,)},
        "annotator": {"controls": ({**control, "hint": "pidinet"},)},
        "upscaler": {**finish, "post": ({"kind": "upscale", "model": "good-x2"},)},
        **{name: {**finish, "post": ({"kind": "faces"},)} for name in ("retinaface", "gfpgan", "parsenet")},
    }.get(network, {})


def ended(studio, painter, recipe, want=""):
    """How a job ends: its last event. At a guidance of 1 the words of a want change nothing else."""
    asked = studio.submit({**PAINTED, **recipe, "negative": want}, painter)
    return list(studio.desk.events(asked.group, painter))[-1]


def files(studio):
    """All that lies in the folders where pictures are made and kept."""
    places = (studio.settings.data / name for name in ("gallery", "tmp"))
    return sorted(path for place in places for path in place.rglob("*") if path.is_file())


def painted(studio, painter, end):
    assert end.kind == "done", end.sentence
    picture = images.read(studio.gallery.read(painter, end.picture))
    assert min(picture.size) >= SIDE
    return np.asarray(picture.convert("RGB")).astype(int)


FAILING = (
    *("text", "unet", "decoder", "deep", "encoder"),
    *("the encoder of the high-res fix", "the encoder of its second pass"),
    *("controlnet", "hint", "annotator", "upscaler", "retinaface", "gfpgan", "parsenet"),
)
IN_TILES = (
    *("decoder", "encoder", "the encoder of the high-res fix", "the encoder of its second pass", "upscaler"),
)


def word(network):
    return "encoder" if "encoder" in network else network


@pytest.mark.parametrize("network", FAILING)
def test_a_network_that_never_has_room_is_said_and_leaves_nothing_behind(studio, anna, given, network):
    recipe, before = asking(network, given), files(studio)
    end = ended(studio, anna, recipe, f"out={word(network)}")
    assert (end.kind, end.error) == ("failed", "OutOfMemory")
    assert "not enough memory" in end.sentence
    assert "smaller" in end.sentence, "it says what to do"
    assert files(studio) == before
    painted(studio, anna, ended(studio, anna, recipe))
    assert len(files(studio)) == len(before) + 1


@pytest.mark.parametrize("network", FAILING)
def test_a_network_that_has_no_room_once_paints_all_the_same(studio, anna, given, network):
    end = ended(studio, anna, asking(network, given), f"once={word(network)}")
    painted(studio, anna, end)


@pytest.mark.parametrize("network", IN_TILES)
def test_what_has_room_for_smaller_tiles_only_works_in_those(studio, anna, given, network):
    recipe = asking(network, given)
    expected = painted(studio, anna, ended(studio, anna, recipe))
    made = painted(studio, anna, ended(studio, anna, recipe, f"wide={word(network)}"))
    assert np.abs(made - expected).mean() < expected.std() / 2
