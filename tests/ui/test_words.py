"""The page's languages."""

import re
from importlib.resources import files

import pytest

from studio.recipe import Control, Lora, Mask, Recipe, Source
from studio.ui.fields import members
from studio.ui.words import merged, preferred, read_catalogs


def test_every_language_says_everything_the_page_says():
    catalogs = read_catalogs()
    assert next(iter(catalogs)) == "en"
    raw = {tag: set(merged(files("studio.ui").joinpath(f"i18n/{tag}"))) for tag in catalogs}
    page = {key for key in raw["en"] if not key[0].isupper()}
    for tag, keys in raw.items():
        assert page <= keys, f"{tag} lacks {page - keys}"
        assert {key for key in keys if not key[0].isupper()} <= page, f"{tag} says what nobody asks"


def test_the_placeholders_are_the_same_in_every_language():
    catalogs = read_catalogs()
    for key, text in catalogs["en"].texts.items():
        for words in catalogs.values():
            assert sorted(re.findall(r"\{\w+\}", words.texts[key])) == sorted(re.findall(r"\{\w+\}", text)), (
                key
            )


def test_no_word_is_kept_for_a_field_that_is_gone():
    found = [member.part for member in members(Recipe)]
    parts = {part.__name__: part for part in (Recipe, Source, Mask, Control, Lora, *found)}
    for words in read_catalogs().values():
        for key in words.texts:
            if key[0].isupper():
                name, _, field = key.partition(".")
                field = field.removesuffix(".help").partition("=")[0]
                assert not field or field in parts[name].model_fields, key


def test_what_the_scripts_and_templates_say_is_in_the_catalogs():
    words = read_catalogs()["en"].texts
    for one in files("studio.ui").joinpath("assets").iterdir():
        text = one.read_text("utf-8")
        said = re.findall(r'ink\.say\("([\w.]+)"', text) + re.findall(r'data-(?:word|tip)="([\w.]+)"', text)
        assert set(said) <= words.keys(), f"{one.name}: {set(said) - words.keys()}"


def test_a_scripts_data_never_becomes_html():
    for one in files("studio.ui").joinpath("assets").iterdir():
        if one.name.endswith(".js"):
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function",
                one.read_text("utf-8"),
            ), one.name
        if one.name.endswith(".html"):
            assert "${" not in one.read_text("utf-8")
            assert "{{" not in one.read_text("utf-8")


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"), ("zh-TW", "zh-CN"), ("de-DE,de;q=0.9,en;q=0.5", "en"),
        ("fr", "en"), ("", "en"), ("en;q=0.3,zh;q=0.9", "zh-CN"), (";;;q=x,,", "en"), ("*", "en"),
    ],
)  # fmt: skip
def test_a_browsers_wish_is_met_where_we_can(asked: str, given: str):
    assert preferred(asked, read_catalogs()) == given
