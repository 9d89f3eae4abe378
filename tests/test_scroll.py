"""Handscrolls: a chain of parts that becomes one picture, whatever happens on the way."""

import time
from pathlib import Path

import numpy as np
import pytest
from halls import models_folder, studio_at
from PIL import Image

from studio import images, metadata
from studio.errors import BadInput, BadPicture, LimitReached, NotFound
from studio.families import defaults
from studio.models.library import Library
from studio.painting.outpaint import Edges
from studio.painting.painter import Painter
from studio.recipe import Recipe
from studio.scroll import TURNING, Scroll, Turn, between, joined, scroll_of
from studio.settings import PROJECT, Settings
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
        recipe=Recipe(prompt="a lake", seed=7, width=512),
        length=8192,
        turns=(Turn(at=0.75, prompt="snow"), Turn(at=0.25, prompt="pines")),
    )
    said = [scroll.part(i, i * scroll.step) for i in range(26)]
    assert [part.seed for part in said] == list(range(7, 33))
    words = [part.prompt for part in said]
    first, second = words.index("pines"), words.index("snow")
    assert set(words[: first - TURNING + 1]) == {"a lake"}
    assert words[first - TURNING + 1 : first] == [
        "a lake :0.75 AND pines :0.25",
        "a lake :0.5 AND pines :0.5",
        "a lake :0.25 AND pines :0.75",
    ]
    assert words[second - 1] == "pines :0.3333 AND snow :0.6667", "it has six parts only"
    assert set(words[first : second - 2]) == {"pines"}
    assert set(words[second:]) == {"snow"}


def test_prompts_that_cannot_be_mixed_turn_at_once_and_so_does_the_beginning():
    for before, now in (("a AND b", "c"), ("", "c"), ("a" * 1500, "c" * 1500), ("c", "c")):
        assert between(before, now, 0.5) == now
    begun = Scroll(recipe=Recipe(prompt="a lake"), length=2048, turns=(Turn(at=0, prompt="snow"),))
    assert begun.part(0, 0).prompt == "snow"


@pytest.fixture(scope="module")
def turned() -> tuple[Scroll, Image.Image]:
    """A scroll of the starter's that turns from blue-green noon to red dusk."""
    library = Library(PROJECT / "models")
    start = defaults(library.find("checkpoint", "starter"))
    said = {**start, "prompt": "blue-green mountains, lake", "seed": 12, "steps": 10}
    scroll = Scroll(
        recipe=Recipe.of({**said, "width": 256, "height": 128}),
        length=1216,
        turns=(Turn(at=0.2, prompt="blue-green mountains, snow, dusk"),),
    )
    painter = Painter(Settings(models=library.folder, device="cpu"), library)
    parts: list[Image.Image] = []
    while len(parts) * scroll.step < scroll.length - scroll.seen:
        recipe, blobs = (
            scroll.part(len(parts), parts[0].width + scroll.step * (len(parts) - 1) if parts else 0),
            {},
        )
        if parts:
            grown = scroll.beyond(parts[-1])
            source, mask = images.encode_png(grown.source), images.encode_png(grown.mask)
            blobs = {images.digest(png): png for png in (source, mask)}
            recipe = recipe.but(
                source={"image": images.digest(source), "strength": scroll.strength},
                mask={"image": images.digest(mask), "blur": grown.overlap},
            )
        parts.append(images.read(painter.one(recipe, blobs).png).convert("RGB"))
    return scroll, joined(parts, scroll.seen, "right")


def test_no_seam_of_a_scroll_is_sharper_than_what_is_painted(turned):
    scroll, whole = turned
    columns = np.abs(np.diff(np.asarray(whole, float), axis=1)).mean((0, 2))  # of neighbours, in grey levels
    seams = range(scroll.recipe.width, whole.width - 8, scroll.step)
    edges = [columns[[*range(seam - 66, seam - 60), *range(seam - 2, seam + 3)]] for seam in seams]
    assert all(edge.max() <= 1.5 * np.quantile(columns, 0.98) for edge in edges), (
        "where a lap begins and ends"
    )
    laps = [columns[seam - 68 : seam + 4].mean() for seam in seams]
    assert np.mean(laps) <= 1.5 * columns.mean(), "nor is what was painted over rougher"


def test_where_the_prompt_turns_the_tone_turns_over_several_parts(turned):
    scroll, whole = turned
    red, _, blue = np.asarray(whole, float).mean(0).T
    warmth = (red - blue)[: whole.width // scroll.step * scroll.step].reshape(-1, scroll.step).mean(1)
    steps = np.diff(warmth)
    assert warmth[-1] - warmth[0] > 20, "it did turn"
    assert steps.max() <= 0.6 * (warmth.max() - warmth.min()), "but not within one part"


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
