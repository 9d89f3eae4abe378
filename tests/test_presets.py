import json
from pathlib import Path

import pytest

from studio.errors import BadInput, UnknownName
from studio.presets import Preset, preset, read_presets
from studio.recipe import Recipe
from studio.settings import Settings


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
