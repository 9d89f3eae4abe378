"""The page's languages."""

import json
import re
from importlib.resources import files
from typing import get_args

import gradio as gr
import pytest

from studio.recipe import Control, Lora, Mask, Recipe, Source
from studio.ui.fields import bare, members
from studio.ui.form import Form
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


def test_every_file_of_words_has_its_twin_in_every_language():
    english = {one.name for one in files("studio.ui").joinpath("i18n/en").iterdir()}
    for tag in read_catalogs():
        folder = files("studio.ui").joinpath(f"i18n/{tag}")
        for name in english:
            told = json.loads(folder.joinpath(name).read_text("utf-8"))
            wanted = json.loads(files("studio.ui").joinpath("i18n/en", name).read_text("utf-8"))
            page = {key for key in wanted if not key[0].isupper()}
            assert page == {key for key in told if not key[0].isupper()}, f"{tag}/{name}"


def test_every_field_of_the_form_has_a_title_help_and_choices_in_chinese():
    catalogs = read_catalogs()
    english, chinese = catalogs["en"], catalogs["zh-CN"]
    listed = {path: [("x", "x")] for path in ("model", "vae", "sampler", "schedule")}
    with gr.Blocks():
        form = Form(Recipe, english, listed, gr.Textbox(render=False))
    missing: list[str] = []
    for entry in form.entries.values():
        part, name = entry.part, entry.name
        if not entry.valued:
            continue
        if chinese.title(part, name) == english.title(part, name):
            missing.append(f"{part.__name__}.{name}")
        if chinese.help(part, name) == english.help(part, name):
            missing.append(f"{part.__name__}.{name}.help")
        options = [str(one) for one in get_args(bare(entry.info.annotation))] if entry.kind == "radio" else []
        missing += [
            f"{part.__name__}.{name}={one}" for one in options if chinese.option(part, name, one) == one
        ]
    missing += [one.part.__name__ for one in form.members if chinese.name(one.part) == english.name(one.part)]
    assert set(missing) <= {"Control"}, (
        "zh-CN/fields.json lacks these"
    )  # ControlNet is its name in Chinese too


def test_chinese_words_have_chinese_punctuation():
    grammar = {"Recipe.prompt.help", "explore.matrix", "explore.values.replace", "explore.values.word"}
    words = read_catalogs()["zh-CN"].texts
    narrow = [
        key
        for key, text in words.items()
        if key not in grammar
        and re.search(r"[\u4e00-\u9fff}”）][,;:?!] ?[\u4e00-\u9fff“]|[\u4e00-\u9fff]\(", text)
    ]
    assert not narrow, "write ，；：？！（ in these"


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
