"""Tiny decoders (TAESD) as they are published: found, told apart, loaded."""

from pathlib import Path

import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file

from studio.errors import UnknownWeights
from studio.families import family
from studio.models.identify import identify
from studio.models.library import Library
from studio.models.load import load_component


def loaded(path: Path):
    file = identify(path)
    known = family(file.family)
    return load_component(file, "vae_tiny", known.components["vae_tiny"], known.config, torch.float32)


def folder(path: Path) -> Path:
    tiny.taesd().save_pretrained(path)
    return path


PUBLISHED = {
    "in one file with diffusers' names": lambda place: tiny.taesd_file(place / "taesd.safetensors"),
    "as a diffusers folder": lambda place: folder(place / "taesd"),
    "in two pickled halves": lambda place: tiny.taesd_halves(place),
    "in two halves": lambda place: tiny.taesd_halves(place, suffix=".safetensors"),
}


@pytest.mark.parametrize("published", PUBLISHED)
def test_a_tiny_decoder_decodes_and_encodes_as_the_network_it_was_written_from(tmp_path, published):
    net, one = loaded(PUBLISHED[published](tmp_path)), tiny.taesd()
    latents, picture = torch.randn(1, 4, 6, 5), torch.rand(1, 3, 48, 40)
    with torch.no_grad():
        assert torch.equal(net.decode(latents).sample, one.decode(latents).sample)
        assert torch.equal(net.encode(picture).latents, one.encode(picture).latents)


def test_a_decoder_without_its_encoder_decodes_only(tmp_path):
    path = tiny.taesd_halves(tmp_path)
    (tmp_path / "taesd_encoder.pth").unlink()
    net = loaded(path)
    assert net.encoder is None
    assert net.decode(torch.zeros(1, 4, 2, 2)).sample.shape == (1, 3, 16, 16)


@pytest.mark.parametrize("name", ["taesdxl", "TAESDXL_decoder", "taesdxl_v1"])
def test_that_of_sdxl_is_told_by_its_name(tmp_path, name):
    assert identify(tiny.taesd_file(tmp_path / f"{name}.safetensors")).family == "sdxl"
    assert identify(tiny.taesd_file(tmp_path / "taesd.safetensors")).family == "sd15"


def test_those_of_other_families_and_an_encoder_alone_are_said_in_a_sentence(tmp_path):
    state = load_file(tiny.taesd_halves(tmp_path, suffix=".safetensors"))
    with pytest.raises(UnknownWeights, match="encoder"):
        identify(tmp_path / "taesd_encoder.safetensors")
    state["1.weight"] = torch.zeros(8, 16, 3, 3)
    save_file(state, tmp_path / "taef1_decoder.safetensors")
    with pytest.raises(UnknownWeights, match="16 latent channels"):
        identify(tmp_path / "taef1_decoder.safetensors")


@pytest.mark.parametrize("named", ["models/vae_approx", "models/VAE-approx", "models/VAE-taesd"])
def test_they_are_found_in_the_folders_of_other_programs(tmp_path, named):
    tiny.taesd_file(tmp_path / "other" / named / "taesd.safetensors")
    library = Library(tmp_path / "ours", [tmp_path / "other"])
    assert [(one.id, one.family) for one in library.files("tiny")] == [("taesd", "sd15")]
