"""What the studio says to a painter, in every language of the page."""

import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import ValidationError
from sentences import sentences

from studio.errors import UnknownName
from studio.recipe import Recipe, explain
from studio.ui.words import SENTENCES

I18N = files("studio.ui").joinpath("i18n")
LANGUAGES = [one.name for one in I18N.iterdir() if one.name != "en"]
SCRIPT = Path(str(files("studio.ui"))) / "assets" / "sentences.js"


def said_in(language: str) -> dict[str, str]:
    return json.loads(I18N.joinpath(language, SENTENCES).read_text("utf-8"))


@pytest.fixture(scope="module")
def known() -> dict[str, str]:
    return sentences()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_the_studio_is_said_in_every_language(known: dict[str, str], language: str):
    said = said_in(language)
    assert len(known) > 400, "the sources are not read any more"
    missing = [f"{where}: {template}" for template, where in known.items() if template not in said]
    assert not missing, "\n".join([f"{language}/{SENTENCES} lacks", *missing])
    assert not said.keys() - known.keys(), "no room says this any more"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_filled_in_is_the_same_in_every_language(language: str):
    for english, said in said_in(language).items():
        assert sorted(re.findall(r"\{\d+\}", said)) == sorted(re.findall(r"\{\d+\}", english)), english
        assert said.strip(), english


def test_the_collector_finds_what_is_said_in_each_way(known: dict[str, str]):
    for template in (
        "A grid has at most three axes.",  # plain
        "At most {0} steps are allowed here; lower Steps.",  # filled in
        "There is no {0} called “{1}”. {2}",  # another sentence behind it
        "None is there yet.",  # a choice
        "sampler",  # the word for what is unknown
        "a mask needs a source picture to repaint",  # told by a recipe
        "{0} does not answer",  # a reason inside of another sentence
        "Input should be less than or equal to {0}",  # pydantic's
    ):
        assert template in known, template


def told(texts: list[str], templates: dict[str, str]) -> list[str]:
    """What the page's script makes of texts."""
    node = shutil.which("node")
    assert node, "the page's scripts are tried with Node"
    program = (
        "globalThis.window = globalThis; globalThis.inkstone = {};"
        f"require({json.dumps(str(SCRIPT))});"
        "const [texts, templates] = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "inkstone.learn(templates);"
        "process.stdout.write(JSON.stringify(texts.map((text) => inkstone.tell(text))));"
    )
    done = subprocess.run(
        [node, "-e", program], input=json.dumps([texts, templates]).encode(), capture_output=True, check=True
    )
    return json.loads(done.stdout)


def test_the_page_says_the_studios_sentences_in_chinese():
    unknown = str(UnknownName("sampler", "Oiler", ["Euler", "DPM++ 2M"]))
    cases = {
        "A grid has at most three axes.": "网格最多三个轴。",
        "At most 60 steps are allowed here; lower Steps.": "这里最多 60 步，请减少步数。",
        unknown: "没有名为“Oiler”的采样器。现有：Euler, DPM++ 2M。",
        # a sentence in a sentence, and another behind it
        f"{UnknownName('lora', 'mist', [])} The picture is painted without it. There is no such style.": (
            "没有名为“mist”的lora。目前一个也没有。作画时没有使用它。没有这种风格。"
        ),
        "Not taken over: variation seed, ADetailer, mask.": "未能沿用：变体种子、ADetailer、蒙版。",
        # a name is a name, even when it is a word of ours or looks like a template
        "The model “sampler” is not here; yours is kept.": "这里没有模型“sampler”，保留你现在的模型。",
        "The model “$& {0} (.*” is not here; yours is kept.": "这里没有模型“$& {0} (.*”，保留你现在的模型。",
        "Nobody ever wrote this sentence. Nor that one.": "Nobody ever wrote this sentence. Nor that one.",
        "": "",
    }
    assert told(list(cases), said_in("zh-CN")) == list(cases.values())
    assert told(list(cases), {}) == list(cases)


WRONG = {
    "steps": [0, 1000, "many", 1.5, None], "guidance": [-1, 10**6, "strong"], "width": [7, 63, 10**5],
    "prompt": ["x" * 10**6, 3], "emphasis": ["loud"], "seed": [2**70], "colour": [1],
    "mask": [{"image": "0" * 64}],
    "loras": [[{"id": "x"}] * 200, "x"], "post": [[{"kind": "x"}], [{}]], "model": [""],
}  # fmt: skip


def test_whatever_is_wrong_with_a_recipe_is_said_in_chinese():
    found: list[str] = []
    for name, values in WRONG.items():
        for value in values:
            try:
                Recipe.model_validate({"prompt": "a", "model": "m", name: value})
            except ValidationError as error:
                found.append(explain(error))
    assert len(found) > 15
    english = [text for text in told(found, said_in("zh-CN")) if not re.search(r"[\u4e00-\u9fff]", text)]
    assert not english


def test_a_long_text_is_told_without_delay():
    joined = "Weights beyond ±10 count as ±10. " * 300
    [said] = told([joined], said_in("zh-CN"))
    assert said.startswith("权重超过 ±10 的按 ±10 计。")
