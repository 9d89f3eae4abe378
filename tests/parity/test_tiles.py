"""A picture of several tiles is enlarged as if there were one, and as RealESRGANer's tiles are.

The networks look less far than the tiles overlap, so that a seam would be an error and not a rounding.
"""

from itertools import pairwise

import numpy as np
import pytest
import torch
from parity.originals import here
from PIL import Image

from studio.bench import originals
from studio.bench.parity import ENHANCE, Net, described
from studio.models.library import Library
from studio.models.manager import Models
from studio.post import Tools, Upscale, enlarge

WIDTH, HEIGHT = 700, 500


def weights(shapes, seed, gain):
    drawn = torch.Generator().manual_seed(seed)
    state = {}
    for name, (out, into) in shapes.items():
        state[f"{name}.weight"] = torch.randn(out, into, 3, 3, generator=drawn) * (gain / (9 * into) ** 0.5)
        state[f"{name}.bias"] = torch.full((out,), 0.5 if name == "conv_last" else 0.0)
    return state


def rrdb():
    """RRDBNet x2 of one block."""
    shapes = {"conv_first": (64, 12)}
    for dense in (1, 2, 3):
        for conv in range(1, 6):
            shapes[f"body.0.rdb{dense}.conv{conv}"] = (32 if conv < 5 else 64, 64 + 32 * (conv - 1))
    shapes |= dict.fromkeys(("conv_body", "conv_up1", "conv_up2", "conv_hr"), (64, 64))
    return weights(shapes | {"conv_last": (3, 64)}, 0, 1.0)


def compact():
    """SRVGGNetCompact x4 of three convolutions."""
    channels = [3, *[64] * 4, 48]
    shapes = {f"body.{2 * n}": (out, into) for n, (into, out) in enumerate(pairwise(channels))}
    state = weights(shapes, 1, 1.1)
    return state | {f"body.{2 * n + 1}.weight": torch.full((64,), 0.8) for n in range(4)}


NETS = {"tiny-rrdb": (rrdb, 2), "tiny-compact": (compact, 4)}


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    place = tmp_path_factory.mktemp("models") / "upscalers"
    place.mkdir()
    for name, (make, _) in NETS.items():
        torch.save({"params": make()}, place / f"{name}.pth")
    return Tools(Library(place.parent), Models("cpu"), lambda: None)


@pytest.fixture(scope="module")
def picture():
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    smooth = np.stack([down / 2, across / 3, 255 - down / 4 - across / 6], axis=-1)
    noise = np.random.default_rng(0).normal(0, 15, smooth.shape)
    return (smooth + noise).clip(0, 255).astype(np.uint8)


def enlarged(name, picture, tools):
    return np.asarray(Upscale(model=name, scale=NETS[name][1])(Image.fromarray(picture), tools)).astype(int)


@pytest.mark.parametrize("name", NETS)
def test_tiles_leave_no_seam(name, picture, tools, monkeypatch):
    counted = []
    blocks = enlarge.blocks

    def seen(source, work, plan, check):
        yield from blocks(source, lambda tile: counted.append(tile.shape) or work(tile), plan, check)

    monkeypatch.setattr(enlarge, "blocks", seen)
    tiled = enlarged(name, picture, tools)
    assert len(counted) > 1, "this picture is one tile"
    monkeypatch.setattr(enlarge, "TILE", 10**5)
    monkeypatch.setattr(enlarge, "SIDE", 10**5)
    counted.clear()
    whole = enlarged(name, picture, tools)
    assert len(counted) == 1
    assert tiled.shape == whole.shape == (HEIGHT * NETS[name][1], WIDTH * NETS[name][1], 3)
    assert np.abs(tiled - whole).max() <= 1
    assert whole.std() > 4, "a picture of one colour proves nothing"


def test_real_esrgan_s_own_tiles_of_the_same_size_say_the_same(picture, tools):
    if not here():
        pytest.skip("Python 3.13 and later cannot build basicsr")
    path = tools.library.find("upscaler", "tiny-compact").path
    net = described(path)
    assert net == Net("compact", 4, 3)
    tile = min(enlarge.TILE // net.scale, enlarge.SIDE)
    theirs = originals.run(ENHANCE, {**net.said([path], tile=tile), "picture": picture})["picture"]
    assert np.abs(enlarged("tiny-compact", picture, tools) - theirs).max() <= 1
