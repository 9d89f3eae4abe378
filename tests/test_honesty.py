"""What a painter of landscapes says of words it does not know."""

from pathlib import Path

import pytest

from studio.honesty import Lexicon, lexicon, made, of, read, sentence
from studio.models.files import ModelFile
from studio.settings import PROJECT

STARTER = ModelFile(
    id="starter", kind="checkpoint", title="Starter", path=PROJECT / "models" / "starter", layout="folder"
)


@pytest.fixture(scope="module")
def own() -> Lexicon:
    found = lexicon(STARTER)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("prompt", "unknown", "known"),
    [
        ("a cat by a lake in mist with pines", ("cat",), ("lake", "mist", "pines")),
        ("猫在湖边,雾,松", ("猫",), ("湖", "雾", "松")),
        ("大象和老虎在松树下", ("大象", "老虎"), ("松树",)),
        ("水牛在江边", ("水牛",), ("江",)),
        ("photo of a woman", ("photo", "woman"), ()),
        ("a misty lake, two boats", (), ("misty lake", "two boats")),
        ("一颗青松,青山环绕,云雾缭绕", (), ("一颗青松", "青山环绕", "云雾缭绕")),
        ("a cat, another cat in the rain", ("cat", "another"), ("rain",)),
        ("", (), ()),
    ],
)
def test_unknown_words_are_told_from_known_ones(own: Lexicon, prompt: str, unknown, known):
    reading = read(prompt, own)
    assert reading.words == unknown
    assert reading.known == known


def test_an_unknown_word_is_found_at_its_place_in_the_text(own: Lexicon):
    prompt = "🐈 a (cat:1.2) 和老虎 in snow"
    assert [prompt[span.start : span.end] for span in read(prompt, own).unknown] == ["cat", "老虎"]


@pytest.mark.parametrize(
    "prompt",
    [
        "<lora:dragon:0.8> snow",
        "__animal__ in snow",
        "# a cat\nsnow",
        "snow AND rain BREAK mist",
        "(snow:1.3)",
        "{2$$snow|rain}",
    ],
)
def test_what_is_grammar_is_no_word(own: Lexicon, prompt: str):
    assert read(prompt, own).verdict == "all"


def test_the_examples_on_the_page_are_known(own: Lexicon):
    from studio.ui.tabs.painting import EXAMPLES

    assert [read(example, own).words for example in EXAMPLES] == [()] * len(EXAMPLES)


def test_a_textual_inversion_that_is_meant_is_known(own: Lexicon):
    assert read("snow in bad-cat-v2", own, ["bad-cat-v2"]).verdict == "all"


def test_a_model_without_a_vocabulary_is_not_doubted(tmp_path: Path):
    file = ModelFile(id="x", kind="checkpoint", title="x", path=tmp_path, layout="folder")
    assert of("a cat", file).verdict == "all"
    (tmp_path / "words.json").write_text("[]")
    assert lexicon(file) is None


def test_the_sentence_says_what_is_lost_and_what_is_painted(own: Lexicon):
    said = sentence(read("a cat by a lake, mist, pines", own))
    assert said == (
        "The starter paints landscapes only. It does not know cat; it will paint the rest: lake, mist, pines."
    )
    assert "knows nothing" in sentence(read("a cat", own))
    assert sentence(read("a lake", own)) == ""


def test_reading_is_linear_in_the_prompt(own: Lexicon):
    """The longest prompt allowed is read at once, whatever it is made of."""
    for letter in ("山", "猫", "a", "_", "<", "山猫"):
        read(letter * 10_000, own)


def test_a_vocabulary_is_made_of_concepts():
    tiny = made([(False, ["a red sun"], ["红日"]), (True, ["best quality"], ["精美"])])
    assert tiny.things == {"red", "sun"}
    assert tiny.words("zh") == ("红日",)
    assert read("best red sun, suns", tiny).known == ("red sun", "suns")
