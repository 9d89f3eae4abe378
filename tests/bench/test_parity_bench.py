"""`studio bench parity FILE`: which files it takes, and what it says of others; the original stands aside."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from studio.bench import ganer, originals, parity
from studio.bench.parity import pictures
from studio.errors import BadInput
from studio.post.parsenet import ParseNet
from studio.post.retinaface import RetinaFace


def compact(path, seed):
    """SRVGGNetCompact of one convolution, four times larger."""
    torch.manual_seed(seed)
    widths = ((3, 64), (64, 64), (64, 48))
    state = {}
    for n, (into, out) in enumerate(widths):
        state |= {f"body.{2 * n}.weight": torch.randn(out, into, 3, 3) * 0.05}
        state |= {f"body.{2 * n}.bias": torch.zeros(out)}
        if n < 2:
            state[f"body.{2 * n + 1}.weight"] = torch.full((64,), 0.8)
    save_file(state, path)


@pytest.fixture
def asked(monkeypatch):
    """What the originals were given; they answer with black pictures."""
    said = []

    def answer(script, given):
        said.append(given)
        pixels = {k: v for k, v in given.items() if v.ndim > 1}
        black = {
            k: np.zeros((v.shape[0] * 4, v.shape[1] * 4, *v.shape[2:]), v.dtype) for k, v in pixels.items()
        }
        return black | {f"seconds.{k}": np.array(1.0) for k in black}

    monkeypatch.setattr(originals, "run", answer)
    return said


def test_grey_and_transparent_pictures_of_both_depths_are_compared(settings, asked, tmp_path):
    compact(tmp_path / "net.safetensors", 1)
    report = parity.run(settings, str(tmp_path / "net.safetensors"))
    assert [row[0] for row in report.rows] == list(pictures())
    assert {"RGBA, 16 bits", "grey, 16 bits"} <= set(pictures())
    assert report.figures["differing"] > 0
    assert [float(given["share"]) for given in asked] == [1.0]


def test_general_x4v3_is_compared_mixed_too_when_its_twin_lies_beside_it(settings, asked, tmp_path):
    compact(tmp_path / "realesr-general-x4v3.safetensors", 1)
    compact(tmp_path / "realesr-general-wdn-x4v3.safetensors", 2)
    report = parity.run(settings, str(tmp_path / "realesr-general-x4v3.safetensors"))
    assert [float(given["share"]) for given in asked] == [1.0, parity.MIXED]
    assert len(asked[1]["paths"]) == 2
    assert len(report.rows) == 2 * len(pictures())
    alone, mixed = report.rows[0], report.rows[len(pictures())]
    assert mixed[0] == f"{alone[0]}, 50% of it"


@pytest.mark.parametrize(("net", "name"), [(RetinaFace, "RetinaFace"), (ParseNet, "ParseNet")])
def test_networks_around_gfpgan_are_told_by_a_sentence(settings, tmp_path, net, name):
    with torch.device("meta"):
        state = net().state_dict()
    with pytest.raises(BadInput, match=name):
        ganer.restores({f"module.{key}" if name == "RetinaFace" else key: 0 for key in state})
    assert ganer.restores({"stylegan_decoder.constant_input.weight": 0})
    assert not ganer.restores({"body.0.weight": 0})
