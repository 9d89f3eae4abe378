"""The facade: requests of one picture and of many, and one studio a folder."""

import subprocess
import sys
from pathlib import Path

import pytest
from halls import models_folder, studio_at
from PIL import Image

from studio import images, metadata
from studio.errors import BadInput, FolderInUse, NotFound, UnknownName
from studio.explore import Axis
from studio.recipe import Lora
from studio.studio import Studio
from studio.ui.tabs.painting import choices
from studio.ui.words import read_catalogs


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


@pytest.mark.parametrize("count", [0, 65])
def test_a_press_paints_between_one_and_sixty_four_pictures(studio, anna, count):
    with pytest.raises(BadInput, match="1 to 64"):
        studio.submit({}, anna, count)


def test_a_batch_is_seeds_in_a_row_and_each_picture_carries_its_own(studio: Studio, anna: str):
    submitted = studio.submit({"prompt": "a lake", "seed": 2**64 - 1, "steps": 2}, anna, 2)
    pictures = finished(studio, submitted.group, anna)
    seeds = [metadata.read_file(studio.gallery.read(anna, one)).recipe.seed for one in pictures]
    assert seeds == [2**64 - 1, 0]


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


def history_of(studio: Studio, painter: str, picture: str) -> list[tuple[str, list[str]]]:
    """The prompt and the finishing steps of every recipe that a picture's file tells, the first one first."""
    found = metadata.read_file(studio.gallery.read(painter, picture))
    return [(one["prompt"], [step["kind"] for step in one["post"]]) for one in metadata.history(found)]


TONED, SHARPENED = {"post": [{"kind": "tone", "exposure": 1}]}, {"post": [{"kind": "sharpen"}]}


def test_a_finished_upload_keeps_its_own_words_seed_and_earlier_steps_not_those_of_the_form(
    studio: Studio, anna: str
):
    painted = studio.submit({"prompt": "a lake", "seed": 7, "steps": 3, **TONED}, anna)
    bert = studio.painters.join()
    [png] = [studio.gallery.read(anna, one) for one in finished(studio, painted.group, anna)]
    bare = images.encode_png(Image.new("RGB", (64, 48), (1, 2, 3)))
    given = [studio.inputs.put(bert, data) for data in (png, bare)]
    form = {"prompt": "a cat", "negative": "a dog", "seed": 99, "loras": (), **SHARPENED}
    asked = studio.finish(form, bert, given)
    finished(studio, asked.group, bert)
    own, empty = (metadata.read_file(studio.gallery.read(bert, job)).recipe for job in asked.jobs)
    assert own
    assert empty
    assert (own.prompt, own.seed, own.steps, own.negative) == ("a lake", 7, 3, "")
    assert (empty.prompt, empty.negative, empty.seed) == ("", "", 0)
    for recipe, digest in zip((own, empty), given, strict=True):
        assert recipe.source is not None
        assert (recipe.source.image, recipe.source.strength) == (digest, 0)
        assert [step.kind for step in recipe.post] == ["sharpen"]
    assert history_of(studio, bert, asked.jobs[0]) == [("a lake", ["tone"]), ("a lake", ["sharpen"])]
    assert history_of(studio, bert, asked.jobs[1]) == [("", ["sharpen"])]
    assert studio.gallery.get(bert, asked.jobs[0]).parent == "", "the picture is in another gallery"


@pytest.mark.parametrize("bare", [True, False], ids=["sent from the gallery", "dropped as a file"])
def test_a_gallery_picture_that_is_finished_twice_is_remembered_each_time(
    studio: Studio, anna: str, bare: bool
):
    seen = studio.submit({"prompt": "a lake", "seed": 8, "steps": 1}, anna).group
    [picture] = finished(studio, seen, anna)
    first, expected = picture, [("a lake", [])]
    for steps in (TONED, SHARPENED):
        data = (studio.gallery.bare if bare else studio.gallery.read)(anna, picture)
        asked = studio.finish(steps, anna, [studio.inputs.put(anna, data)])
        [made] = finished(studio, asked.group, anna)
        expected = [*expected, ("a lake", [steps["post"][0]["kind"]])]
        assert studio.gallery.get(anna, made).parent == picture
        assert history_of(studio, anna, made) == expected
        picture = made
    assert first != picture


def test_a_picture_whose_models_are_not_here_is_finished_all_the_same(studio: Studio, anna: str):
    made = studio.palette.recipe({"prompt": "a lake", "seed": 5}, anna).but(
        model="elsewhere", loras=(Lora(model="gone"),), steps=150
    )
    png = metadata.write_png(Image.new("RGB", (64, 64)), made, {})
    asked = studio.finish(TONED, anna, [studio.inputs.put(anna, png)])
    [picture] = finished(studio, asked.group, anna)
    found = metadata.read_file(studio.gallery.read(anna, picture))
    assert found.recipe is not None
    assert (found.recipe.prompt, found.recipe.seed, found.recipe.model) == ("a lake", 5, "starter")
    assert metadata.history(found)[0]["loras"][0]["model"] == "gone"


def test_what_a_foreign_file_tells_as_its_history_is_believed_only_where_it_is_recipes(
    studio: Studio, anna: str
):
    nested: list[object] = []
    for _ in range(900):
        nested = [nested]
    told = [{"prompt": "a lake"}, {"a": [[]] * 9000}, {"prompt": nested}, "no recipe", {"steps": -3}]
    recipe = studio.palette.recipe({"prompt": "mist"}, anna)
    found = metadata.Found(recipe=recipe, facts={"history": told})
    assert [one["prompt"] for one in metadata.history(found)] == ["a lake", "mist"]


def test_a_guest_finishes_no_more_pictures_at_once_than_she_may_ask_for(studio: Studio):
    guest, most = studio.painters.join(), studio.settings.guests.pictures
    with pytest.raises(BadInput, match=f"1 to {most} pictures"):
        studio.finish(TONED, guest, [f"{i:064x}" for i in range(most + 1)])


def test_a_face_model_is_chosen_among_those_that_are_here_or_can_be_fetched(tmp_path: Path):
    models = models_folder(tmp_path / "models")
    (models / "faces").mkdir()
    for name in ("mine.pth", "GFPGANv1.3.pth", "parsing_parsenet.pth", "face_detection_yunet_2023mar.onnx"):
        (models / "faces" / name).write_bytes(b"PK\3\4")
    words = next(iter(read_catalogs().values()))
    with studio_at(tmp_path / "data", models) as studio:
        offered = choices(studio, words)["post.faces.model"]
    assert [value for _, value in offered] == ["GFPGANv1.3", "mine", "GFPGANv1.4"]
    assert "fetched" in {value: title for title, value in offered}["GFPGANv1.4"]
