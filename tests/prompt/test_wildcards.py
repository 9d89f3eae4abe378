"""Choices in a prompt."""

from pathlib import Path

import pytest

from studio.errors import BadInput, UnknownName
from studio.prompt.wildcards import is_template, read_lists, resolve, worded
from studio.recipe import Recipe

LISTS = {"season": ("spring", "autumn"), "deep/one": ("__season__ mist",), "loop": ("__loop__",)}


@pytest.mark.parametrize(
    "text",
    ["a lake", "{no choice}", "{{value}}", "${window.x=1}", r"\{a|b\}", "[a|b]", "a_b__c", "}{", "{a|b", ""],
)
def test_a_text_without_choices_stays_as_it_is(text: str):
    assert resolve(text, 1, {}) == text
    assert not is_template(text)


def test_the_seed_decides_and_decides_the_same_again():
    said = [resolve("a {red|green|blue} __season__", seed, LISTS) for seed in range(40)]
    assert said == [resolve("a {red|green|blue} __season__", seed, LISTS) for seed in range(40)]
    assert set(said) == {f"a {c} {s}" for c in ("red", "green", "blue") for s in ("spring", "autumn")}


def test_several_are_taken_without_repeating_and_joined_as_asked():
    for seed in range(20):
        assert len(set(resolve("{2$$a|b|c}", seed, {}).split(", "))) == 2
        assert resolve("{2$$ and $$a|b}", seed, {}) in ("a and b", "b and a")
        assert len(resolve("{1-3$$a|b|c}", seed, {}).split(", ")) in (1, 2, 3)
        assert len(resolve("{9$$a|b}", seed, {}).split(", ")) == 2


def test_weights_make_a_choice_likelier():
    said = [resolve("{9::a|1::b|0::c}", seed, {}) for seed in range(300)]
    assert said.count("a") > 3 * said.count("b") > 0
    assert "c" not in said


def test_choices_and_lists_nest():
    assert resolve("{{a|a} {b|b}|{a|a} {b|b}}", 3, {}) == "a b"
    assert resolve("__deep/one__", 1, LISTS) in ("spring mist", "autumn mist")
    assert resolve("{{x} y|{x} y}", 1, {}) == "{x} y"


def test_what_cannot_be_resolved_is_a_sentence():
    with pytest.raises(UnknownName, match="season"):
        resolve("__saeson__", 1, LISTS)
    with pytest.raises(BadInput, match="back to itself"):
        resolve("__loop__", 1, LISTS)
    with pytest.raises(BadInput, match="nested"):
        resolve("{0::c|" * 40 + "a" + "}" * 40, 1, {})
    with pytest.raises(BadInput, match="characters"):
        resolve("__long__ " * 900, 1, {"long": ("x" * 900,)})
    with pytest.raises(BadInput, match="characters"):
        resolve("{__long__|__long__} " * 500, 1, {"long": ("x" * 900,)})


def test_lists_are_read_from_folders_hers_over_ours(tmp_path: Path):
    ours, hers = tmp_path / "ours", tmp_path / "hers"
    (hers / "deep").mkdir(parents=True)
    ours.mkdir()
    (ours / "season.txt").write_text("# four of them\nspring\n\nautumn\n", "utf-8")
    (ours / "tree.txt").write_text("松\r\npine\r\n", "utf-8")
    (hers / "tree.txt").write_text("\ufeffoak", "utf-8")
    (hers / "deep" / "one.txt").write_text("x", "utf-8")
    (hers / "empty.txt").write_text("\n", "utf-8")
    assert read_lists(ours, hers, tmp_path / "none") == {
        "season": ("spring", "autumn"),
        "tree": ("oak",),
        "deep/one": ("x",),
    }


def test_a_recipe_keeps_what_she_wrote_beside_what_was_chosen():
    recipe = Recipe(prompt="{a|b} lake", negative="fog", seed=4)
    made, template = worded(recipe, {})
    assert made.prompt in ("a lake", "b lake")
    assert template == "{a|b} lake"
    assert worded(made, {}) == (made, "")
    _, template = worded(recipe.but(negative="{x|y}"), {})
    assert template == "{a|b} lake\nNegative prompt: {x|y}"


def test_choosing_is_linear_in_the_prompt():
    for text in ("{a|b}", "{", "|", "{|", "__", "__season__ "):
        resolve(text * (10_000 // len(text)), 1, {"season": ("x",)})
