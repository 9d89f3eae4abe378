"""Handscrolls: a chain of parts that becomes one picture, whatever happens on the way."""

import time
from pathlib import Path

import numpy as np
import pytest
from halls import models_folder, studio_at
from PIL import Image

from studio import metadata
from studio.errors import BadInput, BadPicture, LimitReached, NotFound
from studio.painting.outpaint import Edges
from studio.recipe import Recipe
from studio.scroll import Scroll, Turn, joined, scroll_of
from studio.studio import Studio

PART = {"prompt": "ms=1 a lake", "seed": 5, "width": 64, "height": 64, "steps": 2}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models_folder(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, models: Path):
    with studio_at(tmp_path_factory.mktemp("data"), models) as studio:
        yield studio


@pytest.fixture
def anna(studio: Studio) -> str:
    return studio.painters.join()


def ended(studio: Studio, name: str, painter: str):
    until = time.monotonic() + 60
    while (row := studio.scrolls.get(name, painter)).state == "painting":
        assert time.monotonic() < until, row
        time.sleep(0.02)
    return row


def shown(studio: Studio, painter: str) -> list[str]:
    return [picture.id for picture in studio.gallery.pictures(painter)]


def test_parts_are_laid_over_each_other_where_they_show_the_same():
    whole = Image.effect_noise((100, 20), 80).convert("RGB")
    parts = [whole.crop((at, 0, at + 40, 20)) for at in (0, 30, 60)]
    assert np.array_equal(np.asarray(joined(parts, 10, "right")), np.asarray(whole))
    assert np.array_equal(np.asarray(joined(parts[::-1], 10, "left")), np.asarray(whole))
    for unfit in ([], [whole.crop((0, 0, 10, 20))] * 3, [parts[0], parts[1].crop((0, 0, 40, 10))]):
        with pytest.raises(BadPicture):
            joined(unfit, 10, "right")


def test_prompts_change_on_the_way_and_seeds_count_on():
    scroll = Scroll(
        recipe=Recipe(prompt="a lake", seed=7),
        length=2048,
        turns=(Turn(at=0.75, prompt="snow"), Turn(at=0.5, prompt="pines")),
    )
    said = [(part.prompt, part.seed) for part in (scroll.part(i, i * 512) for i in range(4))]
    assert said == [("a lake", 7), ("a lake", 8), ("pines", 9), ("snow", 10)]


def test_a_scroll_becomes_one_picture_of_the_length_asked_for_with_its_whole_chain(studio, anna):
    name = studio.scroll({"recipe": PART, "length": 200, "turns": [{"at": 0.5, "prompt": "snow"}]}, anna)
    row = ended(studio, name, anna)
    assert (row.state, row.width, row.picture) == ("done", 200, name)
    assert shown(studio, anna) == [name], "its parts are in the trash"
    png = studio.gallery.read(anna, name)
    found = metadata.read_file(png)
    assert studio.gallery.get(anna, name).width == 200
    assert found.recipe is not None
    assert (found.recipe.prompt, found.recipe.seed, found.recipe.source) == (PART["prompt"], 5, None)
    chain = [Recipe.of(values) for values in found.facts["scroll"]["parts"]]
    assert [recipe.seed for recipe in chain] == list(range(5, 5 + len(row.parts)))
    assert len(chain) == 1 + -(-(200 - 64) // row.step)
    assert chain[-1].prompt == "snow"
    assert all(recipe.source and recipe.mask for recipe in chain[1:])


def test_stop_keeps_what_is_painted_and_another_may_begin_then(studio, anna):
    name = studio.scroll({"recipe": PART | {"prompt": "ms=40", "steps": 3}, "length": 1600}, anna)
    with pytest.raises(LimitReached, match="still unrolling"):
        studio.scroll({"recipe": PART, "length": 200}, anna)
    while len(studio.scrolls.get(name, anna).parts) < 2:
        time.sleep(0.02)
    with pytest.raises(NotFound):
        studio.scrolls.stop(name, studio.painters.join())
    studio.scrolls.stop(name, anna)
    studio.scrolls.stop(name, anna)
    row = ended(studio, name, anna)
    assert (row.state, shown(studio, anna)) == ("stopped", [name])
    assert row.width == 64 + row.step * (len(row.parts) - 1) < 1600
    assert ended(studio, studio.scroll({"recipe": PART, "length": 128}, anna), anna).state == "done"


def test_a_part_that_fails_ends_the_scroll_with_its_sentence_and_what_was_painted(studio, anna):
    asked = {"recipe": PART, "length": 512, "turns": [{"at": 0.3, "prompt": "oom=1"}]}
    row = ended(studio, studio.scroll(asked, anna), anna)
    assert row.state == "failed"
    assert "There was no room" in row.sentence
    assert shown(studio, anna) == [row.picture]
    assert 128 < row.width < 512


def test_a_scroll_goes_on_where_it_was_when_the_studio_was_closed(tmp_path, models):
    with studio_at(tmp_path, models) as studio:
        anna = studio.painters.join()
        name = studio.scroll({"recipe": PART | {"prompt": "ms=30"}, "length": 480}, anna)
        while len(studio.scrolls.get(name, anna).parts) < 2:
            time.sleep(0.02)
    with studio_at(tmp_path, models) as studio:
        row = ended(studio, name, anna)
        assert (row.state, row.width, shown(studio, anna)) == ("done", 480, [name])
        seeds = [
            r["seed"] for r in metadata.read_file(studio.gallery.read(anna, name)).facts["scroll"]["parts"]
        ]
        assert seeds == list(range(5, 5 + len(seeds))), "none twice, none left out"


def test_a_scroll_may_begin_with_a_picture_which_stays(studio, anna):
    first = ended(studio, studio.scroll({"recipe": PART, "length": 128}, anna), anna).picture
    asked = {"recipe": PART, "length": 256, "picture": first, "direction": "left"}
    row = ended(studio, studio.scroll(asked, anna), anna)
    assert (row.state, row.width) == ("done", 256)
    assert set(shown(studio, anna)) == {first, row.picture}
    assert studio.gallery.get(anna, row.picture).parent == first
    before = np.asarray(Image.open(studio.gallery.path(anna, first)))
    assert np.array_equal(
        np.asarray(Image.open(studio.gallery.path(anna, row.picture)))[:, -100:], before[:, -100:]
    )
    with pytest.raises(BadInput, match="as high"):
        studio.scroll({**asked, "recipe": {**PART, "height": 128}}, anna)
    with pytest.raises(NotFound):
        studio.scroll(asked, studio.painters.join())


def test_what_cannot_be_unrolled_is_refused_with_a_sentence():
    recipe = Recipe(width=64, height=4096).model_dump(mode="json")
    for values, said in (
        ({"length": 32768}, "pixels long"),
        ({"context": 64, "length": 256}, "narrower"),
        ({"length": 32776}, "length"),
        ({"length": 256, "recipe": {**recipe, "hires": {"scale": 1}}}, "words alone"),
    ):
        with pytest.raises(BadInput, match=said):
            scroll_of({"recipe": recipe, **values})


def test_a_picture_grows_by_its_edges_through_an_ordinary_recipe(studio, anna):
    first = ended(studio, studio.scroll({"recipe": PART, "length": 128}, anna), anna).picture
    group = studio.outpaint(first, Edges(left=24, top=8), PART, anna).group
    picture = next(event.picture for event in studio.desk.events(group, anna) if event.kind == "done")
    recipe = metadata.read_file(studio.gallery.read(anna, picture)).recipe
    assert (recipe.width, recipe.height) == (152, 72)
    assert (recipe.source.strength, recipe.mask.blur) == (1.0, 32)
    assert studio.gallery.get(anna, picture).parent == first
    with pytest.raises(NotFound):
        studio.outpaint(first, Edges(left=24), PART, studio.painters.join())


def test_parts_that_do_not_fit_end_the_scroll_and_stay_in_the_gallery(studio, anna):
    larger = PART | {"width": 512, "height": 512}  # the fake painter's pictures are smaller
    row = ended(studio, studio.scroll({"recipe": larger, "length": 1024}, anna), anna)
    assert row.state == "failed"
    assert "do not fit" in row.sentence
    assert set(shown(studio, anna)) == set(row.parts) != set()
