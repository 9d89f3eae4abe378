"""Real-ESRGAN's own program and our upscaler on the same weights: pixel for pixel.

The weights are random, in the published files' layout and size; the seed makes them the same everywhere.
"""

from itertools import pairwise

import numpy as np
import pytest
import torch
from parity.originals import here, reference, same
from PIL import Image

from studio.bench import originals
from studio.bench.parity import ENHANCE, Net, described
from studio.deep import Deep
from studio.models.library import Library
from studio.models.manager import Models
from studio.post import Tools, Upscale
from studio.post.enlarge import loaded, through

SCRIPT = (
    ENHANCE
    + """
for name in [name for name in made if name.startswith(("seconds.", "processor."))]:
    del made[name]
"""
)
FILES = {
    "RealESRGAN_x4plus": Net("rrdb", 4, 23),
    "RealESRGAN_x4plus_anime_6B": Net("rrdb", 4, 6),
    "RealESRGAN_x2plus": Net("rrdb", 2, 23),
}
COMPACT = Net("compact", 4, 32)
GENERAL, TWIN = "realesr-general-x4v3", "realesr-general-wdn-x4v3"


def filled(shapes, seed, gain):
    """Weights under which a signal neither dies nor explodes; the last layer lies around middle grey."""
    drawn = torch.Generator().manual_seed(seed)
    state = {}
    for name, (out, into) in shapes.items():
        state[f"{name}.weight"] = torch.randn(out, into, 3, 3, generator=drawn) * (gain / (9 * into) ** 0.5)
        state[f"{name}.bias"] = torch.full((out,), 0.5 if name == "conv_last" else 0.0)
    return state


def rrdb(scale, blocks, seed):
    """RRDBNet as it is published: an unshuffled input at scale 2, dense blocks of five convolutions."""
    shapes = {"conv_first": (64, 12 if scale == 2 else 3)}
    for block in range(blocks):
        for dense in (1, 2, 3):
            for conv in range(1, 6):
                shapes[f"body.{block}.rdb{dense}.conv{conv}"] = (32 if conv < 5 else 64, 64 + 32 * (conv - 1))
    shapes |= dict.fromkeys(("conv_body", "conv_up1", "conv_up2", "conv_hr"), (64, 64))
    return filled(shapes | {"conv_last": (3, 64)}, seed, 0.6 if blocks > 6 else 1.0)


def compact(seed):
    """SRVGGNetCompact with 32 convolutions, as general-x4v3."""
    channels = [3, *[64] * 33, 48]
    shapes = {f"body.{2 * n}": (out, into) for n, (into, out) in enumerate(pairwise(channels))}
    state = filled(shapes, seed, 1.1)
    for n in range(33):
        state[f"body.{2 * n + 1}.weight"] = torch.full((64,), 0.8)
    return state


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    place = folder / "upscalers"
    place.mkdir()
    for seed, (name, net) in enumerate(FILES.items()):
        torch.save({"params_ema": rrdb(net.scale, net.depth, seed)}, place / f"{name}.pth")
    one, other = compact(10), compact(11)
    twin = {name: 0.9 * one[name] + 0.45 * other[name] for name in one}  # alike, as the published pair is
    torch.save({"params": one}, place / f"{GENERAL}.pth")
    torch.save({"params": twin}, place / f"{TWIN}.pth")
    return folder


@pytest.fixture(scope="module")
def tools(folder):
    return Tools(Library(folder), Models("cpu"), lambda: None)


@pytest.fixture(scope="module")
def pictures():
    """Colour of odd sides, with transparency, grey, and each in 16 bits."""
    drawn = np.random.default_rng(0)
    down, across = np.mgrid[0:15, 0:19]
    smooth = np.stack([down * 12, across * 11, 255 - down * 7 - across * 6, 120 + 7 * down], axis=-1)
    eight = (smooth + drawn.normal(0, 12, smooth.shape)).clip(0, 255).astype(np.uint8)
    deep = eight.astype(np.uint16) * 257
    return {
        "rgb": np.ascontiguousarray(eight[..., :3]),
        "rgba": eight,
        "grey": np.ascontiguousarray(eight[..., 0]),
        "rgb16": np.ascontiguousarray(deep[..., :3]),
        "rgba16": deep,
        "grey16": np.ascontiguousarray(deep[..., 0]),
    }


def theirs(name, net, paths, pictures, **how):
    return reference(name, SCRIPT, **net.said(paths, **how), **pictures)


def ours(step, pixels, tools):
    """Through the step; 16 bits of grey, which no picture of ours has, through the network alone."""
    if pixels.dtype == np.uint16 and pixels.ndim == 2:
        with tools.models.use(loaded(step.model, tools, step.denoise)) as (net,):
            return through(net, pixels, tools)
    if pixels.dtype == np.uint16:
        return step(Deep(pixels), tools).pixels
    return np.asarray(step(Image.fromarray(pixels), tools))


def test_the_originals_run_here_and_not_only_what_was_recorded_of_them():
    if not here():
        pytest.skip(
            "Python 3.13 and later cannot build basicsr: what was recorded of the originals stands in"
        )


def test_without_the_originals_an_older_python_fails_with_a_sentence_and_a_newer_one_remembers(monkeypatch):
    def absent():
        raise originals.NoOriginals("The network is not there.")

    monkeypatch.setattr(originals, "prepared", absent)
    monkeypatch.setattr(originals, "NEWEST", (99,))
    with pytest.raises(originals.NoOriginals, match="network"):
        reference("upscale-between", SCRIPT)
    monkeypatch.setattr(originals, "NEWEST", (3,))
    made, exact = reference("upscale-between", SCRIPT)
    assert made["rgb"].ndim == 3
    assert not exact


@pytest.mark.parametrize("file", FILES)
def test_the_pixels_are_those_of_real_esrgan(file, folder, tools, pictures):
    path, net = folder / "upscalers" / f"{file}.pth", FILES[file]
    assert described(path) == net
    expected, exact = theirs(f"upscale-{file}", net, [path], pictures)
    for kind, pixels in pictures.items():
        made = ours(Upscale(model=file, scale=net.scale), pixels, tools)
        assert same(made, expected[kind], exact), kind
        assert made.std() > 4, "a picture of one colour proves nothing"


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_general_models_are_mixed_as_real_esrgan_mixes_them(share, folder, tools, pictures):
    paths = [folder / "upscalers" / f"{name}.pth" for name in (GENERAL, TWIN)]
    assert described(paths[0]) == COMPACT
    expected, exact = theirs(f"upscale-general-{share}", COMPACT, paths, pictures, share=share)
    for kind, pixels in pictures.items():
        made = ours(Upscale(model=GENERAL, scale=4, denoise=share), pixels, tools)
        assert same(made, expected[kind], exact), kind
        plain = pixels.repeat(4, axis=0).repeat(4, axis=1)
        assert np.abs(made.astype(int) - plain).mean() > 2, "the network does nothing"


def test_scales_between_are_resampled_as_real_esrgan_does(folder, tools, pictures):
    some = {kind: pictures[kind] for kind in ("rgb", "rgba", "grey", "rgb16")}
    path = folder / "upscalers" / f"{GENERAL}.pth"
    expected, exact = theirs("upscale-between", COMPACT, [path], some, outscale=2.6)
    for kind, pixels in some.items():
        made = ours(Upscale(model=GENERAL, scale=2.6), pixels, tools)
        assert same(made, expected[kind], exact), kind
