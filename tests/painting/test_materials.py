"""What a recipe's names become, and what a model refuses before anything is loaded."""

import pytest
import tiny
import torch
from safetensors.torch import load_file

from studio.errors import BadInput, BrokenWeights, UnknownName, UnknownWeights
from studio.models.library import Library
from studio.painting.materials import fingerprint, gather, mentioned
from studio.recipe import Control, Lora, Recipe

REF = "0" * 64


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for kind in ("checkpoints", "loras", "controlnet", "vae", "embeddings"):
        (folder / kind).mkdir()
    tiny.starter_folder(folder / "starter")
    tiny.sd15_file(folder / "checkpoints" / "old.safetensors")
    tiny.controlnet_folder(folder / "controlnet" / "edges", "sd15")
    tiny.controlnet_file(folder / "controlnet" / "lines.safetensors")
    tiny.vae_file(folder / "vae" / "soft.safetensors")
    tiny.kohya_lora(folder / "loras" / "ink.safetensors")
    tiny.embedding_file(folder / "embeddings" / "Blue Mood.safetensors")
    torch.save(load_file(folder / "vae" / "soft.safetensors"), folder / "checkpoints" / "astray.ckpt")
    (folder / "checkpoints" / "cut.safetensors").write_bytes(b"\x10" + bytes(7) + b"{")
    return Library(folder)


def test_every_name_of_a_recipe_becomes_a_file(library):
    recipe = Recipe(
        model="old",
        prompt="a boat <lora:ink:0.5:0.75> in a bluemood",
        vae="soft",
        controls=(Control(image=REF, model="edges"), Control(image=REF, model="lines")),
        loras=(Lora(model="ink", unet=0.25, text=0.125),),
    )
    found = gather(recipe, library)
    assert (found.model.id, found.family.name, found.vae.id) == ("old", "sd15", "soft")
    assert [file.id for _, file in found.controls] == ["edges", "lines"]
    assert [(use.file.id, use.unet, use.text) for use in found.loras] == [
        ("ink", 0.25, 0.125),
        ("ink", 0.75, 0.5),
    ]
    assert [file.id for file in found.embeddings] == ["Blue Mood"]
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"model": "odl"}, UnknownName, "old"),
        ({"model": "cut"}, BrokenWeights, "cut short"),
        ({"model": "astray"}, UnknownWeights, "cannot paint here"),
        ({"vae": "none"}, UnknownName, "soft"),
        ({"loras": [{"model": "inc"}]}, UnknownName, "ink"),
        ({"controls": [{"image": REF, "model": "edges"}]}, BadInput, "made for Stable Diffusion 1.5"),
        ({"vae": "soft"}, BadInput, "as a folder only"),
    ],
)
def test_what_does_not_go_together_is_a_sentence_before_anything_is_loaded(library, changes, kind, words):
    model = "old" if {"loras"} & changes.keys() or changes.get("vae") == "none" else "starter"
    with pytest.raises(kind, match=words):
        gather(Recipe.of({"model": model, **changes}), library)


def test_an_embedding_is_meant_when_its_name_is_there_in_any_case_and_spacing(library):
    files = library.files("embedding")
    for text in ("a BLUE MOOD", "in a bluemood lake", "blue\nmood"):
        assert mentioned(files, text) == files
    assert mentioned(files, "blue, mood") == ()


def test_a_file_that_was_replaced_has_another_fingerprint(library):
    file = library.find("lora", "ink")
    assert fingerprint(file) == fingerprint(library.find("lora", "ink"))
    assert fingerprint(file) != fingerprint(file.but(mtime_ns=file.mtime_ns + 1))
