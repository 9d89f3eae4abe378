import json
from pathlib import Path

import pytest

from studio.desk.limits import finishing
from studio.errors import BadInput, UnknownName
from studio.honesty import lexicon, read
from studio.models.files import ModelFile
from studio.presets import Preset, from_csv, preset, read_presets
from studio.recipe import Recipe, Source
from studio.settings import PROJECT, Settings

STARTER = ModelFile(
    id="starter", kind="checkpoint", title="Starter", path=PROJECT / "models" / "starter", layout="folder"
)


def test_every_shipped_preset_makes_a_valid_recipe():
    presets = read_presets(Settings().presets)
    assert presets
    for found in presets.values():
        recipe = Recipe.of(found.over({"prompt": "a lake"}))
        assert "a lake" in recipe.prompt


def test_the_painters_own_fields_win_and_her_words_are_kept():
    style = Preset(title="t", recipe={"prompt": "ink, {prompt}, mist", "steps": 8, "negative": "boats"})
    assert style.over({"prompt": "a pine", "steps": 30}) == {
        "prompt": "ink, a pine, mist",
        "steps": 30,
        "negative": "boats",
    }
    assert Preset(title="t", recipe={"prompt": "snow"}).over({"prompt": "a pine"})["prompt"] == "a pine, snow"
    assert Preset(title="t", recipe={"prompt": "{prompt}, snow"}).over({})["prompt"] == "snow"


def test_a_preset_that_sets_what_no_recipe_has_is_named(tmp_path: Path):
    (tmp_path / "odd.json").write_text(json.dumps({"title": "Odd", "recipe": {"stpes": 3}}))
    with pytest.raises(BadInput, match=r"odd\.json sets stpes"):
        read_presets(tmp_path)


def test_an_unknown_preset_lists_what_exists():
    with pytest.raises(UnknownName, match="blue-green"):
        preset(Settings().presets, "blue-grene")


def test_there_are_a_dozen_styles_for_the_starter_with_pictures_and_a_dozen_for_others():
    folder = Settings().presets
    presets = read_presets(folder)
    own = [name for name, found in presets.items() if found.families == ("starter",)]
    assert len(own) == 12
    assert sum("sdxl" in found.families for found in presets.values()) == 12
    for name in own:
        thumbnail = (folder / f"{name}.webp").read_bytes()
        assert thumbnail[8:12] == b"WEBP"
        assert len(thumbnail) <= 8 * 1024
    assert all(found.translations["zh-CN"].title for found in presets.values())


@pytest.mark.parametrize(("name", "side"), [("print", 2048), ("print-a3", 4961)])
@pytest.mark.parametrize("painted", [256, 512])
def test_a_print_has_its_side_whatever_the_starter_painted(name: str, side: int, painted: int):
    found = read_presets(Settings().presets)[name]
    assert found.finishes
    given = Recipe(source=Source(image="0" * 64, strength=0)).but(**found.recipe)
    *_, made = finishing(given, {"0" * 64: (painted, painted)})
    assert made == (side, side)


def test_what_finishes_has_presets_for_print_ink_and_faces():
    found = read_presets(Settings().presets)
    titles = {one.title for one in found.values() if one.finishes}
    assert titles == {"Print", "Print A3", "Clean ink", "Portrait"}


def test_the_starter_knows_every_word_of_its_styles():
    own = lexicon(STARTER)
    assert own is not None
    for name, found in read_presets(Settings().presets).items():
        if found.families == ("starter",):
            assert read(str(found.recipe["prompt"]).replace("{prompt}", ""), own).words == (), name


def test_a_style_that_is_chosen_wins_over_the_form_but_keeps_her_words():
    style = Preset(title="t", recipe={"prompt": "ink, {prompt}", "steps": 8, "negative": "boats"})
    assert style.onto({"prompt": "a pine", "steps": 30, "width": 256, "negative": "fog"}) == {
        "prompt": "ink, a pine",
        "steps": 8,
        "width": 256,
        "negative": "fog, boats",
    }
    assert style.onto({"negative": "fog, boats"})["negative"] == "fog, boats", "a second press adds nothing"


def test_another_programs_table_of_styles_is_read():
    table = (
        "\ufeffname,prompt,negative_prompt\r\n"
        "--- painting ---,,\r\n"
        'Oil,"oil painting of {prompt}, ""thick""",photo\r\n'
        "Plain,soft light,\r\n"
    )
    found = from_csv(table)
    assert found["Oil"].recipe == {"prompt": 'oil painting of {prompt}, "thick"', "negative": "photo"}
    assert found["Plain"].recipe == {"prompt": "soft light"}


@pytest.mark.parametrize(
    "table", ["", "a,b\n1,2", "name,prompt\n", 'name,prompt\n"x', "\0", "name,prompt\n,,,"]
)
def test_what_is_no_table_of_styles_is_refused(table: str):
    with pytest.raises(BadInput):
        from_csv(table)
