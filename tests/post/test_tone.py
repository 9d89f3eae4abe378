import numpy as np
import pytest
from PIL import Image

from studio.post import Tone


@pytest.fixture
def ramp():
    row = np.tile(np.linspace(10, 245, 300), (300, 1))
    return Image.fromarray(np.stack([row, row[:, ::-1], np.full_like(row, 90)], axis=-1).astype(np.uint8))


def array(image):
    return np.asarray(image).astype(float)


def test_with_everything_at_zero_no_pixel_changes(tools, ramp):
    assert (array(Tone()(ramp, tools)) == array(ramp)).all()


def test_a_stop_of_exposure_doubles_the_light(tools):
    grey = Image.fromarray(np.full((8, 8, 3), 100, np.uint8))
    brighter = array(Tone(exposure=1)(grey, tools)).mean() / 255
    light = ((100 / 255 + 0.055) / 1.055) ** 2.4
    assert abs(((brighter + 0.055) / 1.055) ** 2.4 - 2 * light) < 0.01


def test_contrast_spreads_and_gathers_around_the_middle(tools, ramp):
    assert array(Tone(contrast=0.5)(ramp, tools)).std() > array(ramp).std()
    assert array(Tone(contrast=-0.5)(ramp, tools)).std() < array(ramp).std()


def test_without_saturation_only_ink_is_left(tools, ramp):
    grey = array(Tone(saturation=-1)(ramp, tools))
    assert np.ptp(grey, axis=2).max() <= 1


def test_warmer_is_redder_and_cooler_is_bluer(tools, ramp):
    warm, cool = (array(Tone(temperature=t)(ramp, tools)).mean((0, 1)) for t in (0.5, -0.5))
    assert warm[0] > cool[0]
    assert warm[2] < cool[2]


def test_transparency_is_kept(tools, ramp):
    clear = ramp.convert("RGBA")
    clear.putalpha(50)
    assert set(Tone(exposure=1)(clear, tools).getchannel("A").getdata()) == {50}
