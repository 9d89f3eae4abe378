"""Previews and masks."""

import numpy as np
import pytest
import torch
from PIL import Image

from studio.families import Rgb, family, sd


class Averager:
    """An autoencoder whose latents are known: three channels are the colours, the fourth is empty."""

    device, dtype = torch.device("cpu"), torch.float32

    class config:
        scaling_factor = 0.5

    def encode(self, pictures):
        small = torch.nn.functional.avg_pool2d(pictures, 8)
        latents = torch.cat([small * 4 + 0.3, torch.zeros_like(small[:, :1])], dim=1)
        mode = type("Mode", (), {"mode": lambda _: latents})()
        return type("Coded", (), {"latent_dist": mode})()


def test_the_fitted_preview_shows_the_colours_the_autoencoder_means():
    kin = family("starter")
    rgb = sd.fit_rgb(kin, Averager())
    colour = torch.tensor([0.5, -0.25, 0.75])
    latents = (torch.cat([colour * 4 + 0.3, torch.zeros(1)]) * 0.5).view(1, 4, 1, 1).expand(1, 4, 16, 24)
    shown = sd.preview(kin, latents, rgb)
    assert shown.width / shown.height == pytest.approx(24 / 16)
    assert list(shown.getpixel((5, 5))) == pytest.approx(((colour + 1) * 127.5).tolist(), abs=1.5)


def test_a_family_has_its_own_preview_and_none_is_grey():
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    own = np.asarray(sd.preview(family("sd15"), latents)).astype(int)
    assert (own[..., 0] != own[..., 2]).any()
    grey = np.asarray(sd.preview(family("starter"), latents)).astype(int)
    assert (grey[..., 0] == grey[..., 2]).all()
    red = Rgb(((1, 0, 0),) * 4, (0.0, -1.0, -1.0))
    assert np.asarray(sd.preview(family("starter"), latents, red))[..., 1:].max() == 0


@pytest.mark.parametrize("blur", [0, 4, 64])
def test_nothing_outside_of_the_mask_changes(blur):
    rng = np.random.default_rng(0)
    old = Image.fromarray(rng.integers(0, 256, (64, 96, 3), dtype=np.uint8))
    new = Image.fromarray(rng.integers(0, 256, (64, 96, 3), dtype=np.uint8))
    shape = np.zeros((64, 96), np.uint8)
    shape[10:50, 20:70] = 255
    mixed = np.asarray(sd.keep_outside(old, new, Image.fromarray(shape), blur))
    np.testing.assert_array_equal(mixed[shape == 0], np.asarray(old)[shape == 0])
    np.testing.assert_array_equal(mixed[30, 45], np.asarray(new)[30, 45])
    if blur == 0:
        np.testing.assert_array_equal(mixed[shape == 255], np.asarray(new)[shape == 255])


def test_a_thin_stroke_is_painted_whatever_the_blur():
    old, new = Image.new("RGB", (64, 64)), Image.new("RGB", (64, 64), "white")
    stroke = np.zeros((64, 64), np.uint8)
    stroke[30:33] = 255
    assert np.asarray(sd.keep_outside(old, new, Image.fromarray(stroke), 16)).max() == 255
    everything = Image.new("L", (64, 64), 255)
    assert np.asarray(sd.keep_outside(old, new, everything, 16)).min() == 255
