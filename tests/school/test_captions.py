from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from studio.school.captions import caption, concepts
from studio.school.scene import ATTRIBUTES, Scene, sample_scene
from studio.school.words import WORDS

PINE = Scene(
    style="blue-green", season="summer", hour="dusk", weather="clear", mist="dense", water="lake", boats="2",
    bridge="none", tree="pine", grove="single", building="hut", birds="few", orb="sun", composition="centre",
    peaks="several", height="towering",
)  # fmt: skip


def captions_of(scene: Scene, count: int) -> list[str]:
    rng = np.random.default_rng(3)
    return [caption(scene, rng) for _ in range(count)]


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Scene, str]]:
    rng = np.random.default_rng(11)
    return [(scene, caption(scene, rng)) for scene in (sample_scene(rng) for _ in range(3000))]


def test_half_of_the_captions_are_chinese(pairs: list[tuple[Scene, str]]):
    assert 0.46 < sum(is_chinese(text) for _, text in pairs) / len(pairs) < 0.54


def test_captions_are_never_empty_and_mix_no_languages(pairs: list[tuple[Scene, str]]):
    for _, text in pairs:
        assert text.strip() == text != ""
        assert not (is_chinese(text) and re.search("[a-z]", text)), text


def test_every_word_comes_from_the_concepts(pairs: list[tuple[Scene, str]]):
    said = [phrase for names in concepts().values() for phrases in names.values() for phrase in phrases]
    said.sort(key=len, reverse=True)
    pattern = re.compile("|".join(re.escape(phrase) for phrase in said))
    for _, text in pairs:
        left = pattern.sub("", text)
        assert re.fullmatch(r"[\s,;.、。]*", left), (left, text)


def test_a_caption_says_nothing_that_is_not_in_the_scene(pairs: list[tuple[Scene, str]]):
    """A phrase that belongs to one class of an attribute only appears when the scene has that class."""
    owners: dict[str, set[str]] = {}
    for name, languages in concepts().items():
        for phrase in (*languages["en"], *languages["zh"]):
            owners.setdefault(phrase, set()).add(name)
    for scene, text in pairs:
        true = {f"{name}:{getattr(scene, name)}" for name in ATTRIBUTES}
        for phrase in re.split(r"[,;.、。]\s*", text):
            names = {name for name in owners.get(phrase, set()) if name in WORDS}
            assert not names or names & true, (phrase, text)


def test_counts_in_words_are_the_counts_in_the_scene():
    for count, word in (("1", "three boats"), ("2", "a lone skiff"), ("3", "two boats"), ("0", "boat")):
        assert not any(word in text for text in captions_of(replace(PINE, boats=count), 300))


def test_things_that_are_absent_are_never_mentioned():
    bare = replace(
        PINE, boats="0", tree="none", grove="none", building="none", birds="none", orb="none", mist="none"
    )
    words = ("boat", "pine", "hut", "bird", "sun ", "mist", "船", "松", "屋", "鸟", "日", "雾")
    for text in captions_of(bare, 400):
        assert not any(word in text.replace("夏日", "").replace("sundown", "") for word in words), text


def test_the_words_people_asked_for_are_spoken():
    told = " | ".join(captions_of(PINE, 4000))
    for phrase in (
        "一颗青松",
        "青山环绕",
        "云雾缭绕",
        "画一幅山水画",
        "a beautiful sunset",
        "digital art",
        "highly detailed",
    ):
        assert phrase in told
    assert "sunset over mountains" in told


def test_some_captions_are_short_and_some_tell_nearly_all():
    sizes = [len(re.split(r"[,;.、。 ]+", text)) for text in captions_of(PINE, 600) if is_chinese(text)]
    assert min(sizes) == 1
    assert max(sizes) >= 11


def test_a_sunset_needs_dusk():
    assert not any(
        "sunset" in t or "日落" in t or "夕阳" in t for t in captions_of(replace(PINE, hour="day"), 500)
    )
