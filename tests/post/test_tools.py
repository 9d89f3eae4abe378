"""Steps in 16 bits do what they do in 8, only finer."""

import numpy as np
import pytest
from PIL import Image

from studio.deep import Deep
from studio.post import Clahe, Grain, Match, Sharpen, Tone
from studio.post.tools import applied

STEPS = [
    Clahe(amount=1),
    Tone(exposure=0.5, contrast=0.3, saturation=-0.4),
    Sharpen(),
    Grain(amount=0.6),
    Match(),
]


@pytest.fixture
def eight():
    down, across = np.mgrid[0:90, 0:120]
    colours = np.stack([40 + down, 60 + across, 190 - down, 255 - across], axis=-1)
    return colours.astype(np.uint8)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.kind)
def test_sixteen_bits_come_out_of_every_step(tools, eight, step):
    fine = applied(step, Deep(eight.astype(np.uint16) * 257), tools)
    coarse = np.asarray(applied(step, Image.fromarray(eight), tools)).astype(float)
    assert isinstance(fine, Deep)
    assert (fine.pixels[..., 3] == eight[..., 3].astype(np.uint16) * 257).all()
    off = np.abs(fine.pixels[..., :3] / 257 - coarse[..., :3])
    assert off.mean() < 1.5
    assert not step.deep or (fine.pixels[..., :3] % 257 != 0).any()


def test_pixels_that_a_step_of_eight_bits_does_not_touch_keep_every_bit(tools, eight):
    noise = np.random.default_rng(0).integers(0, 65_536, (20, 20, 3), dtype=np.uint16)
    assert (applied(Match(), Deep(noise), tools).pixels == noise).all()  # there is no source to match
