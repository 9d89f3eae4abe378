"""The palette: recipes by four layers, what is refused, and what a dropped picture brings back."""

from pathlib import Path

import pytest
from halls import models_folder, studio_at

from studio import metadata
from studio.errors import BadInput, BadMetadata, BadPicture, NotFound, UnknownName
from studio.images import encode_png
from studio.recipe import Recipe
from studio.studio import Studio


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models_folder(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, models: Path):
    """One for all: every test brings painters of its own."""
    with studio_at(tmp_path_factory.mktemp("data"), models) as studio:
        yield studio


@pytest.fixture
def anna(studio: Studio) -> str:
    return studio.painters.join()


def test_a_bare_recipe_has_the_models_own_settings(studio: Studio, anna: str):
    recipe = studio.palette.recipe({"prompt": "a lake"}, anna)
    assert recipe.model == "starter"
    assert (recipe.width, recipe.height, recipe.steps, recipe.guidance) == (256, 256, 20, 5.0)
    assert (recipe.sampler, recipe.schedule) == ("DPM++ 2M", "Trailing")
    assert studio.habits.count(anna, "starter") == 4


def test_a_model_ends_its_pictures_with_its_own_finish_where_the_weights_are_here(tmp_path: Path):
    from numpy import zeros
    from safetensors.numpy import save_file

    models = models_folder(tmp_path / "models")
    (models / "starter" / "upscaler").mkdir()
    save_file({"tail": zeros(1)}, models / "starter" / "upscaler" / "x2.safetensors")
    with studio_at(tmp_path / "data", models) as studio:
        anna = studio.painters.join()
        own = studio.palette.fresh("starter").post
        assert [step.kind for step in own] == ["upscale", "grain"]
        assert studio.palette.recipe({"prompt": "a lake"}, anna).post == own
        assert studio.palette.recipe({"post": ()}, anna).post == (), "switched off"
        again = studio.palette.recipe({}, anna).but(post=({"kind": "clahe"},))
        replayed = studio.palette.recipe(again.model_dump(mode="json"), anna)
        assert replayed == again, "a picture's own recipe wins"
        finishing = studio.palette.recipe({"source": {"image": "a" * 64, "strength": 0}}, anna)
        assert finishing.post == (), "what is finished is not finished twice unasked"
        (models / "starter" / "upscaler" / "x2.safetensors").unlink()
        studio.library.scan()
        assert studio.palette.recipe({}, anna).post == ()


def test_what_she_asks_for_wins_over_her_last_settings_and_those_over_the_models(studio: Studio, anna: str):
    studio.submit({"prompt": "a lake", "steps": 7, "guidance": 5.5, "seed": 3}, anna, 2)
    recipe = studio.palette.recipe({"guidance": 2}, anna)
    assert (recipe.steps, recipe.guidance) == (7, 2.0)
    assert (recipe.prompt, recipe.seed) == ("", -1), "a prompt and a seed belong to one picture"
    assert studio.habits.count(anna, "starter") == 2
    assert studio.palette.recipe({}, studio.painters.join()).steps == 20, "another painter starts afresh"
    assert studio.palette.fresh("starter").steps == 20


def test_what_a_file_does_not_say_is_the_models_own_and_not_her_last(studio: Studio, anna: str):
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    studio.submit({"steps": 7, "guidance": 9}, anna)
    info = PngInfo()
    info.add_text("parameters", "a lake\nSteps: 12, Sampler: Euler a, Seed: 5, Size: 512x512")
    found = studio.palette.restore(encode_png(Image.new("RGB", (8, 8)), info), anna)
    recipe = studio.palette.recipe(found.values, anna)
    assert found.origin == "a1111"
    assert (recipe.steps, recipe.guidance, recipe.sampler, recipe.width) == (12, 5.0, "Euler a", 512)


@pytest.mark.parametrize(
    ("partial", "kind", "word"),
    [
        ({"sampler": "Eulr"}, UnknownName, "Euler"),
        ({"sampler": "Euler", "schedule": "Nonsense"}, BadInput, "Nonsense"),
        ({"model": "sdxl"}, UnknownName, "starter"),
        ({"width": 100}, BadInput, "width"),
        ({"guidance": float("nan")}, BadInput, "guidance"),
        ({"prompt": "x" * 10_001}, BadInput, "prompt"),
        ({"colour": "red"}, BadInput, "colour"),
        ({"post": [{"kind": "upscale", "model": "none"}]}, UnknownName, "upscaler"),
        ({"hires": {"upscaler": "none"}}, UnknownName, "upscaler"),
        ({"hires": {"sampler": "Oiler"}}, UnknownName, "Euler"),
        ({"loras": [{"model": "none"}]}, UnknownName, "LoRA"),
        ({"source": {"image": "0" * 64}}, NotFound, "drop"),
    ],
)
def test_what_cannot_be_painted_is_refused_before_it_waits(studio, anna, partial, kind, word):
    with pytest.raises(kind) as told:
        studio.submit(partial, anna)
    assert word.lower() in str(told.value).lower()
    assert studio.desk.status(anna)["groups"] == []


def test_a_dropped_picture_brings_back_its_settings_and_its_inputs(studio: Studio, anna: str):
    from PIL import Image

    source = encode_png(Image.new("RGB", (64, 64), "teal"))
    digest = studio.inputs.put(anna, source)
    recipe = studio.palette.recipe({"prompt": "a lake", "seed": 5, "source": {"image": digest}}, anna)
    png = metadata.write_png(Image.new("RGB", (64, 64)), recipe, {}, {digest: source})
    ben = studio.painters.join()
    found = studio.palette.restore(png, ben)
    assert studio.palette.recipe(found.values, ben) == recipe
    assert studio.inputs.read(ben, digest) == source
    assert (found.origin, found.warnings) == ("inkstone", ())


def test_a_picture_from_elsewhere_gives_what_can_be_used_and_says_what_cannot(studio: Studio, anna: str):
    from PIL import Image

    recipe = Recipe(
        prompt="a lake", model="somebody's", steps=9, sampler="Nobody's", source={"image": "1" * 64}
    )
    found = studio.palette.restore(metadata.write_png(Image.new("RGB", (8, 8)), recipe, {}), anna)
    restored = studio.palette.recipe(found.values, anna)
    assert (restored.prompt, restored.steps) == ("a lake", 9)
    assert (restored.model, restored.sampler, restored.source) == ("starter", "DPM++ 2M", None)
    assert len(found.warnings) == 3


def test_a_picture_without_settings_and_a_file_that_is_none_get_a_sentence(studio: Studio, anna: str):
    from PIL import Image

    with pytest.raises(BadMetadata, match="no settings"):
        studio.palette.restore(encode_png(Image.new("RGB", (8, 8))), anna)
    with pytest.raises(BadPicture):
        studio.palette.restore(b"not a picture", anna)
