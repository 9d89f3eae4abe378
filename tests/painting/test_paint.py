"""The chain over models in every published format: tiny ones, so that only properties are tested."""

import json
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import tiny
import torch
from PIL import Image
from safetensors.torch import load_file

from studio import metadata
from studio.families import FAMILIES
from studio.images import digest, encode_png
from studio.models.library import Library
from studio.painting.painter import Painter
from studio.provenance import FACTS
from studio.recipe import Control, Lora, Mask, Recipe, Source, Variation
from studio.settings import Settings

SMALL = Recipe(prompt="a boat at a lake", steps=2, width=64, height=64, seed=3, guidance=4.0)
FILES = {"sd15": tiny.sd15_file, "sd2": tiny.sd21_file, "sdxl": tiny.sdxl_file}
PICTURE = encode_png(Image.linear_gradient("L").resize((64, 64)).convert("RGB"))
MASK = encode_png(Image.linear_gradient("L").resize((64, 64)))
BLOBS = {digest(PICTURE): PICTURE, digest(MASK): MASK}


def as_pickle(path):
    """The same weights in the older format."""
    torch.save({"state_dict": load_file(path)}, path.with_suffix(".ckpt"))
    path.unlink()


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for kind in ("checkpoints", "loras", "controlnet", "vae", "embeddings"):
        (folder / kind).mkdir()
    for family, make in FILES.items():
        make(folder / "checkpoints" / f"{family}.safetensors")
        tiny.controlnet_file(folder / "controlnet" / f"{family}.safetensors", family)
    as_pickle(tiny.sd15_file(folder / "checkpoints" / "old.safetensors"))
    tiny.vae_file(folder / "vae" / "soft.safetensors", seed=9)
    tiny.kohya_lora(folder / "loras" / "ink.safetensors")
    tiny.embedding_file(folder / "embeddings" / "boat.safetensors")
    return Painter(Settings(data=tmp_path_factory.mktemp("data"), models=folder), Library(folder))


@pytest.fixture(autouse=True)
def small_configs(monkeypatch, tmp_path_factory):
    """A single file has no configs of its own: here those of the tiny models stand for the published ones."""
    folder = tmp_path_factory.mktemp("configs")
    found = {name: replace(FAMILIES[name], config=tiny.config_folder(folder / name, name)) for name in FILES}
    monkeypatch.setattr("studio.painting.materials.family", found.__getitem__)


def pixels(painter, recipe):
    png = painter.one(recipe, BLOBS).png
    return np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)


@pytest.mark.parametrize("model", [*FILES, "old"])
def test_a_single_file_paints_the_same_picture_twice_and_says_what_it_is(painter, model):
    recipe = SMALL.but(model=model)
    first = pixels(painter, recipe)
    painter.stages.clear()
    again = painter.one(recipe, {})
    assert (np.asarray(Image.open(BytesIO(again.png)).convert("RGB")) == first).all()
    assert first.std() > 1
    assert again.facts["model"]["family"] == model.replace("old", "sd15")
    assert metadata.read_file(again.png).recipe == recipe


def test_the_older_format_paints_what_the_newer_one_paints(painter):
    assert (pixels(painter, SMALL.but(model="old")) == pixels(painter, SMALL.but(model="sd15"))).all()


@pytest.mark.parametrize("model", FILES)
@pytest.mark.parametrize("source", [None, Source(image=digest(PICTURE), strength=0.8)])
def test_a_controlnet_in_one_file_guides_its_family(painter, model, source):
    recipe = SMALL.but(model=model, source=source)
    control = Control(image=digest(PICTURE), model=model, hint="canny")
    assert (pixels(painter, recipe.but(controls=(control,))) != pixels(painter, recipe)).any()


@pytest.mark.parametrize("change", [{"loras": (Lora(model="ink"),)}, {"vae": "soft"}, {"clip_skip": 2}])
def test_what_is_laid_over_a_model_changes_one_picture_and_not_the_next(painter, change):
    plain = SMALL.but(model="sd15", prompt="a lake")
    before = pixels(painter, plain)
    assert (pixels(painter, plain.but(**change)) != before).any()
    painter.stages.clear()
    assert (pixels(painter, plain) == before).all()


def test_another_vae_decodes_again_and_does_nothing_else(painter):
    recipe = SMALL.but(model="sd15", prompt="a hill")
    painter.one(recipe, {})
    assert set(painter.one(recipe.but(vae="soft"), {}).facts["seconds"]) <= {"decode", "load", "post"}


def test_a_textual_inversion_speaks_where_its_name_stands(painter):
    recipe = SMALL.but(model="sd15", prompt="a boat")
    spoken = pixels(painter, recipe)
    file = painter.library.find("embedding", "boat").path
    file.rename(file.with_name("quay.safetensors"))
    painter.library.scan()
    assert (pixels(painter, recipe) != spoken).any()


def test_every_fact_of_a_painting_is_one_that_files_may_carry(painter):
    picture = painter.one(SMALL.but(model="sd15", loras=(Lora(model="ink"),)), {})
    assert picture.facts.keys() <= set(FACTS)
    assert metadata.read_file(picture.png).facts == picture.facts


def test_a_seamless_picture_differs_and_the_next_one_is_as_before(painter, tmp_path):
    plain = pixels(painter, SMALL.but(model="sd15"))
    seamless = pixels(painter, SMALL.but(model="sd15", tiling="both"))
    assert abs(plain - seamless).max() > 0
    fresh = Painter(Settings(data=tmp_path, models=painter.library.folder), painter.library)
    fresh.models, fresh.bench = painter.models, painter.bench  # the same modules, nothing remembered
    assert (pixels(fresh, SMALL.but(model="sd15")) == plain).all()


def test_a_variation_is_another_picture_and_its_strength_says_how_far(painter):
    plain = pixels(painter, SMALL.but(model="sd15"))
    none, little, much = (
        pixels(painter, SMALL.but(model="sd15", variation=Variation(seed=8, strength=strength)))
        for strength in (0, 0.1, 0.6)
    )
    assert (none == plain).all()
    assert 0 < abs(little - plain).mean() < abs(much - plain).mean()


@pytest.mark.parametrize("family", FILES)
@pytest.mark.parametrize("controlled", [False, True])
@pytest.mark.parametrize(("masked", "strength"), [(False, 0.8), (True, 0.8), (True, 1.0)])
def test_a_variation_over_a_picture_is_near_it_and_the_nearer_the_weaker(
    painter, family, controlled, masked, strength
):
    recipe = SMALL.but(
        model=family,
        steps=3,
        source=Source(image=digest(PICTURE), strength=strength),
        mask=Mask(image=digest(MASK)) if masked else None,
        controls=(Control(image=digest(PICTURE), model=family),) if controlled else (),
    )
    plain = pixels(painter, recipe)
    none, little, much = (
        pixels(painter, recipe.but(variation=Variation(seed=8, strength=share))) for share in (0, 0.1, 0.6)
    )
    assert (none == plain).all()
    assert 0 < abs(little - plain).mean() < abs(much - plain).mean()


def test_the_words_a_painter_does_not_know_are_written_into_its_picture(tmp_path, monkeypatch):
    monkeypatch.setattr("studio.painting.materials.family", FAMILIES.__getitem__)
    folder = tiny.starter_folder(tmp_path / "starter")
    concepts = [{"concept": "water:lake", "en": ["a lake"], "zh": ["湖"]}]
    (folder / "words.json").write_text(json.dumps({"concepts": concepts}))
    own = Painter(Settings(data=tmp_path / "data", models=tmp_path), Library(tmp_path))
    said = own.one(SMALL.but(model="starter", prompt="a cat and 老虎 by a lake", steps=1), {})
    assert metadata.read_file(said.png).facts["unknown_words"] == ["cat", "老虎"]
    known = own.one(SMALL.but(model="starter", prompt="a lake", steps=1), {})
    assert "unknown_words" not in metadata.read_file(known.png).facts
