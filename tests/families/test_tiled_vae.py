"""Tiles of an autoencoder, on the starter's real one and on a tiny one with random weights."""

from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from diffusers import AutoencoderKL
from PIL import Image

from studio.errors import Stopped
from studio.families import tiled_vae
from studio.families.tiled_vae import in_tiles, needs_tiles

STARTER = Path(__file__).parents[2] / "models" / "starter"
PLENTY = 2**40


@pytest.fixture(scope="module")
def starter():
    return AutoencoderKL.from_pretrained(STARTER / "vae").eval()


@pytest.fixture(scope="module")
def painting():
    """One of the starter's own paintings, 384 × 320: as colours (1, 3, H, W) in [-1, 1]."""
    sheet = Image.open(STARTER / "sheet.png").convert("RGB")
    one = sheet.crop((8, 8, 248, 248)).resize((384, 320), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.asarray(one).copy()).permute(2, 0, 1)[None] / 127.5 - 1


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The sizes of the tiles scaled down, so that a small picture is cut as a large one is."""
    monkeypatch.setattr(tiled_vae, "WHOLE", 0)
    monkeypatch.setattr(tiled_vae, "SIDE", 24)
    monkeypatch.setattr(tiled_vae, "OVERLAP", 10)
    monkeypatch.setattr(tiled_vae, "COARSE", 24)
    monkeypatch.setattr(tiled_vae, "LEAST", 4)


def run(vae, given, how, check=lambda: None):
    with torch.inference_mode(), in_tiles(vae, PLENTY, check):
        return vae.encode(given).latent_dist.mode() if how == "encode" else vae.decode(given).sample


def psnr(one, two):
    reach = float(one.max() - one.min())
    return 10 * float(torch.log10(reach**2 / (one - two).square().mean()))


def test_tiled_is_the_whole_but_for_what_cannot_be_seen(starter, painting):
    with torch.inference_mode():
        latents = starter.encode(painting).latent_dist.mode()
        whole = starter.decode(latents).sample
    assert psnr(latents, run(starter, painting, "encode")) > 40
    assert psnr(whole, run(starter, latents, "decode")) > 40


def test_no_step_is_seen_where_tiles_meet(starter, painting):
    """The error against the whole is smooth: across a tile's border it steps no more than elsewhere."""
    with torch.inference_mode():
        latents = starter.encode(painting).latent_dist.mode()
        error = run(starter, latents, "decode") - starter.decode(latents).sample
    steps = error.diff(dim=-1).abs().mean(dim=(0, 1, 2))
    assert float(steps.max()) < 8 * float(steps.mean()) + 1 / 255
    assert float(steps.max()) < 2 / 255


def test_where_the_norms_measure_everything_tiles_are_exact(starter, painting, monkeypatch):
    monkeypatch.setattr(tiled_vae, "COARSE", 48)
    monkeypatch.setattr(tiled_vae, "OVERLAP", 12)
    with torch.inference_mode():
        latents = starter.encode(painting).latent_dist.mode()
        whole = starter.decode(latents).sample
    assert psnr(latents, run(starter, painting, "encode")) > 70
    assert psnr(whole, run(starter, latents, "decode")) > 70


def test_tiles_without_shared_norms_would_show(starter, painting, monkeypatch):
    with torch.inference_mode():
        latents = starter.encode(painting).latent_dist.mode()
        whole = starter.decode(latents).sample
    shared = psnr(whole, run(starter, latents, "decode"))
    monkeypatch.setattr(tiled_vae, "_measuring", lambda norm, shrunk: type(norm).forward.__get__(norm))
    assert psnr(whole, run(starter, latents, "decode")) < shared - 10


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_published_layouts_are_cut_too(family):
    torch.manual_seed(0)
    vae = AutoencoderKL(**tiny.vae_config(family)).eval()
    picture = torch.rand(1, 3, 320, 256) * 2 - 1
    with torch.inference_mode():
        latents = vae.encode(picture).latent_dist.mode()
    made = run(vae, picture, "encode")
    assert made.shape == latents.shape
    assert made.dtype == latents.dtype
    assert run(vae, latents, "decode").shape == picture.shape


def test_afterwards_the_autoencoder_is_as_it_was(starter, painting):
    small_one = painting[..., :64, :64]
    with torch.inference_mode():
        before = starter.encode(small_one).latent_dist.mode()

    def stop():
        raise Stopped("Stopped.")

    with pytest.raises(Stopped):
        run(starter, painting, "encode", stop)
    with torch.inference_mode():
        assert (starter.encode(small_one).latent_dist.mode() == before).all()
    assert not {"_encode", "_decode"} & vars(starter).keys()


def test_small_pictures_are_done_at_once_and_large_or_costly_ones_in_tiles(monkeypatch):
    monkeypatch.undo()
    assert not needs_tiles(1024, 1024, 2, PLENTY)
    assert needs_tiles(4096, 4096, 2, PLENTY)
    assert needs_tiles(1024, 1024, 2, 2**30)
    assert tiled_vae.work_bytes(4096, 4096, 2) < tiled_vae.work_bytes(2048, 2048, 2)


def test_where_memory_runs_out_tiles_take_over_and_are_halved(starter, painting, monkeypatch):
    monkeypatch.setattr(tiled_vae, "WHOLE", 2**30)
    with torch.inference_mode():
        latents = starter.encode(painting).latent_dist.mode()
        whole = starter.decode(latents).sample
    widest = []
    conv = type(starter.decoder.conv_out).forward

    def scarce(self, given):
        if self is starter.decoder.conv_out:
            widest.append(max(given.shape))
            if max(given.shape) > 200:
                raise torch.OutOfMemoryError("out of memory")
        return conv(self, given)

    monkeypatch.setattr(type(starter.decoder.conv_out), "forward", scarce)
    assert psnr(whole, run(starter, latents, "decode")) > 35
    assert widest[0] == 384
    assert widest[-1] <= 200


def test_where_memory_is_shorter_still_the_norms_are_measured_on_less(starter, painting, monkeypatch):
    monkeypatch.setattr(tiled_vae, "COARSE", 48)
    with torch.inference_mode():
        latents = starter.encode(painting).latent_dist.mode()
        whole = starter.decode(latents).sample
    conv = torch.nn.Conv2d.forward

    def scarce(self, given):
        if max(given.shape[-2:]) > 200:
            raise torch.OutOfMemoryError("out of memory")
        return conv(self, given)

    monkeypatch.setattr(torch.nn.Conv2d, "forward", scarce)
    assert psnr(whole, run(starter, latents, "decode")) > 35
    assert psnr(latents, run(starter, painting, "encode")) > 30


def test_where_not_even_a_corner_has_room_it_is_raised_and_nothing_stays_behind(
    starter, painting, monkeypatch
):
    def never(self, given):
        raise torch.OutOfMemoryError("out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(torch.nn.SiLU, "forward", never)
        with pytest.raises(torch.OutOfMemoryError):
            run(starter, painting, "encode")
    assert all("forward" not in vars(module) for module in starter.modules())


@pytest.mark.parametrize("how", ["encode", "decode"])
def test_attention_looks_at_every_nth_position_and_nobody_sees_it(starter, painting, how, monkeypatch):
    monkeypatch.setattr(tiled_vae, "COARSE", 48)
    monkeypatch.setattr(tiled_vae, "OVERLAP", 12)
    with torch.inference_mode():
        latents = starter.encode(painting).latent_dist.mode()
    given = painting if how == "encode" else latents
    whole = run(starter, given, how)
    looked_at = []
    attention = (starter.encoder if how == "encode" else starter.decoder).mid_block.attentions[0]
    hook = attention.to_k.register_forward_hook(lambda _, given, __: looked_at.append(given[0].shape[1]))
    monkeypatch.setattr(tiled_vae, "LOOKED_AT", 24)
    made = run(starter, given, how)
    hook.remove()
    assert psnr(whole, made) > 50
    assert looked_at == [24 * 20]
