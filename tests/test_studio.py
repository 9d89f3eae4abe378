"""The facade: recipes by four layers, requests, and what a dropped picture brings back."""

import subprocess
import sys
from pathlib import Path

import pytest
from halls import models_folder, studio_at

from studio import metadata
from studio.errors import BadInput, BadMetadata, BadPicture, FolderInUse, NotFound, UnknownName
from studio.explore import Axis
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


def finished(studio: Studio, group: str, painter: str) -> list[str]:
    return [event.picture for event in studio.desk.events(group, painter) if event.kind == "done"]


def test_a_bare_recipe_has_the_models_own_settings(studio: Studio, anna: str):
    recipe = studio.recipe({"prompt": "a lake"}, anna)
    assert recipe.model == "starter"
    assert (recipe.width, recipe.height, recipe.steps, recipe.guidance) == (256, 256, 20, 3.0)
    assert (recipe.sampler, recipe.schedule) == ("DPM++ 2M", "Trailing")
    assert studio.count(anna, "starter") == 4


def test_a_model_ends_its_pictures_with_its_own_finish_where_the_weights_are_here(tmp_path: Path):
    from numpy import zeros
    from safetensors.numpy import save_file

    models = models_folder(tmp_path / "models")
    (models / "starter" / "upscaler").mkdir()
    save_file({"tail": zeros(1)}, models / "starter" / "upscaler" / "x2.safetensors")
    with studio_at(tmp_path / "data", models) as studio:
        anna = studio.painters.join()
        own = studio.fresh("starter").post
        assert [step.kind for step in own] == ["upscale", "grain"]
        assert studio.recipe({"prompt": "a lake"}, anna).post == own
        assert studio.recipe({"post": ()}, anna).post == (), "switched off"
        again = studio.recipe({}, anna).but(post=({"kind": "clahe"},))
        assert studio.recipe(again.model_dump(mode="json"), anna) == again, "a picture's own recipe wins"
        finishing = studio.recipe({"source": {"image": "a" * 64, "strength": 0}}, anna)
        assert finishing.post == (), "what is finished is not finished twice unasked"
        (models / "starter" / "upscaler" / "x2.safetensors").unlink()
        studio.library.scan()
        assert studio.recipe({}, anna).post == ()


def test_what_she_asks_for_wins_over_her_last_settings_and_those_over_the_models(studio: Studio, anna: str):
    studio.submit({"prompt": "a lake", "steps": 7, "guidance": 5.5, "seed": 3}, anna, 2)
    recipe = studio.recipe({"guidance": 2}, anna)
    assert (recipe.steps, recipe.guidance) == (7, 2.0)
    assert (recipe.prompt, recipe.seed) == ("", -1), "a prompt and a seed belong to one picture"
    assert studio.count(anna, "starter") == 2
    assert studio.recipe({}, studio.painters.join()).steps == 20, "another painter starts afresh"
    assert studio.fresh("starter").steps == 20


def test_what_a_file_does_not_say_is_the_models_own_and_not_her_last(studio: Studio, anna: str):
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    studio.submit({"steps": 7, "guidance": 9}, anna)
    info = PngInfo()
    info.add_text("parameters", "a lake\nSteps: 12, Sampler: Euler a, Seed: 5, Size: 512x512")
    found = studio.restore(encode_png(Image.new("RGB", (8, 8)), info), anna)
    recipe = studio.recipe(found.values, anna)
    assert found.origin == "a1111"
    assert (recipe.steps, recipe.guidance, recipe.sampler, recipe.width) == (12, 3.0, "Euler a", 512)


def test_last_settings_that_no_longer_hold_are_forgotten(studio: Studio, anna: str):
    studio.jobs.keep_draft(anna, "last:starter", {"steps": 7, "width": 100})
    assert studio.recipe({}, anna).steps == 20


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


@pytest.mark.parametrize("count", [0, 65])
def test_a_press_paints_between_one_and_sixty_four_pictures(studio, anna, count):
    with pytest.raises(BadInput, match="1 to 64"):
        studio.submit({}, anna, count)


def test_a_batch_is_seeds_in_a_row_and_each_picture_carries_its_own(studio: Studio, anna: str):
    submitted = studio.submit({"prompt": "a lake", "seed": 2**64 - 1, "steps": 2}, anna, 2)
    pictures = finished(studio, submitted.group, anna)
    seeds = [metadata.read_file(studio.gallery.read(anna, one)).recipe.seed for one in pictures]
    assert seeds == [2**64 - 1, 0]


def test_a_dropped_picture_brings_back_its_settings_and_its_inputs(studio: Studio, anna: str):
    from PIL import Image

    source = encode_png(Image.new("RGB", (64, 64), "teal"))
    digest = studio.inputs.put(anna, source)
    recipe = studio.recipe({"prompt": "a lake", "seed": 5, "source": {"image": digest}}, anna)
    png = metadata.write_png(Image.new("RGB", (64, 64)), recipe, {}, {digest: source})
    ben = studio.painters.join()
    found = studio.restore(png, ben)
    assert studio.recipe(found.values, ben) == recipe
    assert studio.inputs.read(ben, digest) == source
    assert (found.origin, found.warnings) == ("inkstone", ())


def test_a_picture_from_elsewhere_gives_what_can_be_used_and_says_what_cannot(studio: Studio, anna: str):
    from PIL import Image

    recipe = Recipe(
        prompt="a lake", model="somebody's", steps=9, sampler="Nobody's", source={"image": "1" * 64}
    )
    found = studio.restore(metadata.write_png(Image.new("RGB", (8, 8)), recipe, {}), anna)
    restored = studio.recipe(found.values, anna)
    assert (restored.prompt, restored.steps) == ("a lake", 9)
    assert (restored.model, restored.sampler, restored.source) == ("starter", "DPM++ 2M", None)
    assert len(found.warnings) == 3


def test_a_picture_without_settings_and_a_file_that_is_none_get_a_sentence(studio: Studio, anna: str):
    from PIL import Image

    with pytest.raises(BadMetadata, match="no settings"):
        studio.restore(encode_png(Image.new("RGB", (8, 8))), anna)
    with pytest.raises(BadPicture):
        studio.restore(b"not a picture", anna)


def test_forms_language_and_settings_are_there_after_a_restart(tmp_path: Path, models: Path):
    with studio_at(tmp_path / "data", models) as studio:
        owner = studio.painters.owner()
        studio.keep_form(owner, "txt2img", {"prompt": "half a sent"})
        studio.speak(owner, "zh-CN")
    with studio_at(tmp_path / "data", models) as studio:
        owner = studio.painters.owner()
        assert studio.form(owner, "txt2img") == {"prompt": "half a sent"}
        assert studio.language(owner) == "zh-CN"


def test_a_second_studio_on_the_same_folder_is_refused(studio: Studio, models: Path):
    with pytest.raises(FolderInUse), studio_at(studio.settings.data, models):
        pass


def test_the_studio_and_its_page_never_load_torch():
    code = (
        "import sys, studio.studio, studio.web, studio.ui.app;"
        "heavy = {'torch', 'diffusers', 'transformers', 'cv2', 'numba'} & sys.modules.keys();"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_choices_in_a_prompt_are_made_by_each_pictures_seed_and_the_template_is_kept(
    studio: Studio, anna: str
):
    lists = studio.settings.data / "wildcards"
    lists.mkdir()
    (lists / "tree.txt").write_text("a pine\na willow\n", "utf-8")
    asked = studio.submit({"prompt": "__tree__ {1|2|3|4|5|6|7|8}", "steps": 1, "seed": 5}, anna, 4)
    pictures = finished(studio, asked.group, anna)
    found = [metadata.read_file(studio.gallery.read(anna, picture)) for picture in pictures]
    prompts = [one.recipe.prompt for one in found if one.recipe]
    assert len(set(prompts)) > 1
    assert all(prompt.startswith(("a pine ", "a willow ")) for prompt in prompts)
    assert {one.facts["template"] for one in found} == {"__tree__ {1|2|3|4|5|6|7|8}"}
    with pytest.raises(UnknownName, match="tree"):
        studio.submit({"prompt": "__treee__"}, anna)


def test_her_prompts_are_remembered_newest_first_and_each_once(studio: Studio, anna: str):
    for prompt in ("a lake", "mist", "a lake", " "):
        studio.submit({"prompt": prompt, "negative": "fog", "steps": 1}, anna)
    assert [one["prompt"] for one in studio.history(anna)] == ["a lake", "mist"]
    assert studio.history(studio.painters.join()) == []


def test_a_grid_is_one_request_of_ordinary_recipes_with_one_seed(studio: Studio, anna: str):
    axes = (Axis(field="steps", values="1, 2"), Axis(field="replace", values="lake, river"))
    done = studio.explore({"prompt": "a lake"}, axes, anna)
    assert done.axes == (("steps", ("1", "2")), ("replace", ("lake", "river")))
    pictures = finished(studio, done.group, anna)
    assert sorted(pictures) == sorted(done.jobs)
    recipes = [metadata.read_file(studio.gallery.read(anna, job)).recipe for job in done.jobs]
    assert [(r.steps, r.prompt) for r in recipes if r] == [
        (1, "a lake"),
        (2, "a lake"),
        (1, "a river"),
        (2, "a river"),
    ]
    assert len({r.seed for r in recipes if r}) == 1
    assert studio.explored(anna)["group"] == done.group
    assert studio.explored(studio.painters.join()) == {}
    with pytest.raises(BadInput, match="pictures"):
        studio.explore({}, (Axis(field="steps", values="1-60"), Axis(field="seed", values="1-60")), anna)
    with pytest.raises(BadInput, match="steps"):
        studio.explore({}, (Axis(field="steps", values="999"),), anna)


def test_the_way_between_two_of_her_pictures_is_painted(studio: Studio, anna: str):
    one = studio.submit({"prompt": "snow", "steps": 1, "seed": 1}, anna)
    two = studio.submit({"prompt": "rain", "steps": 1, "seed": 2}, anna)
    start, end = finished(studio, one.group, anna)[0], finished(studio, two.group, anna)[0]
    done = studio.travel(start, end, 3, anna)
    assert done.axes == (("travel", ("0 %", "50 %", "100 %")),)
    assert len(finished(studio, done.group, anna)) == 3
    with pytest.raises(NotFound):
        studio.travel(start, end, 3, studio.painters.join())
