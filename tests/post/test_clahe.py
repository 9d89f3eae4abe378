import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from studio.post import Clahe, Tools


@pytest.fixture
def flat() -> Image.Image:
    ramp = np.linspace(110, 140, 96, dtype=np.float32)
    grey = np.broadcast_to(ramp, (96, 96)) + np.random.default_rng(0).normal(0, 3, (96, 96))
    return Image.fromarray(np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2))


def test_it_raises_local_contrast(flat: Image.Image, tools: Tools):
    done = Clahe(clip=4, amount=1)(flat, tools)
    assert np.asarray(done).std() > 1.5 * np.asarray(flat).std()
    assert done.size == flat.size


def test_an_amount_of_zero_keeps_the_picture(flat: Image.Image, tools: Tools):
    difference = np.abs(np.asarray(Clahe(amount=0)(flat, tools)).astype(int) - np.asarray(flat))
    assert difference.max() <= 2  # the round trip through Lab


def test_it_changes_lightness_and_hardly_the_hue(tools: Tools):
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = np.linspace(90, 200, 64, dtype=np.uint8)
    done = np.asarray(Clahe(clip=4, amount=1)(Image.fromarray(red), tools)).astype(int)
    assert (done[..., 0] > done[..., 1] + 20).mean() > 0.95


def test_transparency_is_kept(flat: Image.Image, tools: Tools):
    clear = flat.convert("RGBA")
    clear.putalpha(77)
    done = Clahe()(clear, tools)
    assert done.mode == "RGBA"
    assert set(done.getchannel("A").getdata()) == {77}


def test_its_sliders_have_bounds():
    with pytest.raises(ValidationError):
        Clahe(clip=100)
