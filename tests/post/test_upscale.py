"""Upscaling on files in the published layouts, opened by spandrel through our safe reader."""

import numpy as np
import pytest
import torch
from PIL import Image
from spandrel import ModelLoader

from studio.deep import Deep
from studio.errors import BadInput, BrokenWeights, Stopped, UnknownName, UnknownWeights
from studio.images import Bounds
from studio.models.load import load_state
from studio.post import Tools, Upscale
from studio.post import enlarge as enlarging
from studio.post.enlarge import loaded, through


def array(image):
    return np.asarray(image).astype(int)


def enhanced(state, pixels):
    """What RealESRGANer does with an RGB picture of one tile and no pre-padding."""
    net = ModelLoader("cpu").load_from_state_dict(state)
    given = torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]
    with torch.inference_mode():
        made = net.model(given)[0].clamp(0, 1).permute(1, 2, 0).numpy()
    return (made * 255).round().astype(np.uint8)


@pytest.mark.parametrize("name", ["lanczos", "nearest", "tiny-x2"])
def test_a_picture_becomes_twice_as_large(tools, picture, name):
    done = Upscale(model=name, scale=2)(picture, tools)
    assert done.size == (126, 90)
    assert done.mode == "RGB"


def test_a_network_gives_the_pixels_that_the_original_program_gives(tools, picture, folder):
    state = load_state(folder / "upscalers" / "tiny-x2.safetensors")
    with tools.models.use(loaded("tiny-x2", tools)) as (net,):
        ours = through(net, np.asarray(picture), tools, pre_pad=0)
    assert (ours == enhanced(state, np.asarray(picture))).all()


def test_tiles_cannot_be_seen(tools, picture, monkeypatch):
    large = picture.resize((190, 170))
    whole = array(Upscale(model="tiny-x2")(large, tools))
    monkeypatch.setattr(enlarging, "TILE", 128)
    assert np.abs(array(Upscale(model="tiny-x2")(large, tools)) - whole).max() <= 1


def test_any_scale_and_any_size_can_be_had(tools, picture):
    assert Upscale(model="tiny-x2", scale=3.5)(picture, tools).size == (220, 157)
    assert Upscale(model="realesr-general-x4v3", scale=1.5)(picture, tools).size == (94, 67)
    assert Upscale(model="tiny-x2", longest=400)(picture, tools).size == (400, 285)


def test_a_square_that_is_doubled_past_its_size_asks_for_no_more_pixels_than_it_needs(tools, monkeypatch):
    """As 256 pixels for a print of 4961: a fifth doubling of the whole would be 8192 pixels a side."""
    monkeypatch.setattr(enlarging, "Bounds", lambda: Bounds(side=100, pixels=80 * 80))
    square = Image.linear_gradient("L").convert("RGB").resize((8, 8))
    done = array(Upscale(model="tiny-x2", longest=78)(square, tools))
    assert done.shape == (78, 78, 3)
    assert done[70, 39].mean() - done[8, 39].mean() > 100
    with pytest.raises(BadInput, match="megapixels"):
        Upscale(model="tiny-x2", longest=81)(square, tools)


def test_an_exact_power_of_the_network_s_scale_is_its_passes_and_nothing_else(tools, picture):
    with tools.models.use(loaded("tiny-x2", tools)) as (net,):
        twice = through(net, through(net, np.asarray(picture), tools), tools)
    assert (array(Upscale(model="tiny-x2", scale=4)(picture, tools)) == twice).all()


def test_transparency_is_enlarged_by_the_network_too(tools, picture):
    clear = picture.convert("RGBA")
    clear.putalpha(Image.fromarray(np.full((45, 63), 200, np.uint8)))
    done = Upscale(model="tiny-x2")(clear, tools)
    assert done.mode == "RGBA"
    assert done.size == (126, 90)
    assert (array(done)[..., :3] == array(Upscale(model="tiny-x2")(picture, tools))).all()


def test_grey_and_sixteen_bits_stay_what_they_are(tools, picture):
    deep = (np.asarray(picture).astype(np.uint16) * 257)[..., 0]
    with tools.models.use(loaded("tiny-x2", tools)) as (net,):
        done = through(net, deep, tools)
        shallow = through(net, np.asarray(picture)[..., 0], tools)
    assert (done.dtype, done.shape) == (np.uint16, (90, 126))
    assert np.abs(done / 257 - shallow).max() <= 0.5


@pytest.mark.parametrize("name", ["tiny-x2", "lanczos", "nearest"])
def test_sixteen_bits_stay_sixteen_and_alpha_stays(tools, picture, name):
    eight = np.dstack([np.asarray(picture), np.full((45, 63), 200, np.uint8)])
    done = Upscale(model=name, scale=3)(Deep(eight.astype(np.uint16) * 257), tools)
    shallow = array(Upscale(model=name, scale=3)(Image.fromarray(eight), tools))
    assert done.pixels.dtype == np.uint16
    assert done.size == (189, 135)
    off = np.abs(done.pixels / 257 - shallow)
    assert off.max() <= 4  # where the edge rings, the resampling of 8 bits clips and rounds twice
    assert np.median(off) <= 0.5
    assert name == "nearest" or (done.pixels % 257 != 0).any()


def test_noise_reduction_mixes_the_two_general_models(tools, picture, folder):
    both = [
        load_state(folder / "upscalers" / name)
        for name in ("realesr-general-x4v3.safetensors", "realesr-general-wdn-x4v3.pth")
    ]
    mixed = {name: 0.3 * tensor + 0.7 * both[1][name] for name, tensor in both[0].items()}
    with tools.models.use(loaded("realesr-general-x4v3", tools, 0.3)) as (net,):
        ours = through(net, np.asarray(picture), tools, pre_pad=0)
    assert (ours == enhanced(mixed, np.asarray(picture))).all()


def test_noise_reduction_without_a_twin_says_which_model_has_one(tools, picture):
    with pytest.raises(BadInput, match="general-x4v3"):
        Upscale(model="tiny-x2", denoise=0.5)(picture, tools)


def test_sharpening_is_off_unless_asked_for(tools, picture):
    plain, sharp = (array(Upscale(model="lanczos", sharpen=s)(picture, tools)) for s in (0, 1))
    assert (plain == array(picture.resize((126, 90), Image.Resampling.LANCZOS))).all()
    assert sharp.std() > plain.std()


def test_an_upscaler_that_is_not_there_is_said_with_those_that_are(tools, picture):
    with pytest.raises(UnknownName, match="lanczos") as refused:
        Upscale(model="x9")(picture, tools)
    assert "tiny-x2" in str(refused.value)


def test_files_that_are_cut_or_foreign_are_refused_in_a_sentence(tools, picture, folder):
    from safetensors.torch import save_file

    place = folder / "upscalers"
    data = (place / "tiny-x2.safetensors").read_bytes()
    (place / "cut.safetensors").write_bytes(data[:-100])
    save_file({"words": torch.zeros(2, 2)}, place / "foreign.safetensors")
    with pytest.raises(BrokenWeights, match="again"):
        Upscale(model="cut")(picture, tools)
    with pytest.raises(UnknownWeights, match="another upscaler"):
        Upscale(model="foreign")(picture, tools)
    assert Upscale(model="tiny-x2")(picture, tools).size == (126, 90)


def test_a_picture_larger_than_any_that_can_be_read_is_not_made(tools, picture):
    with pytest.raises(BadInput, match="megapixels"):
        Upscale(model="lanczos", longest=32_000)(picture, tools)


def test_stop_ends_it_between_two_tiles(tools, picture, monkeypatch):
    monkeypatch.setattr(enlarging, "TILE", 128)
    heard: list[int] = []

    def check():
        heard.append(1)
        if len(heard) > 2:
            raise Stopped("Stopped.")

    with pytest.raises(Stopped):
        Upscale(model="tiny-x2")(picture.resize((300, 200)), Tools(tools.library, tools.models, check))
    assert len(heard) == 3


def test_a_tile_that_finds_no_memory_is_halved(tools, picture, monkeypatch):
    expected = array(Upscale(model="tiny-x2")(picture.resize((150, 150)), tools))
    with tools.models.use(loaded("tiny-x2", tools)) as (net,):
        forward = type(net.model).forward

        def scarce(self, given):
            if max(given.shape) > 130:
                raise torch.OutOfMemoryError("out of memory")
            return forward(self, given)

        monkeypatch.setattr(type(net.model), "forward", scarce)
        done = array(Upscale(model="tiny-x2")(picture.resize((150, 150)), tools))
    assert np.abs(done - expected).max() <= 1
