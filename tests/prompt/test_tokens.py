import json
from dataclasses import FrozenInstanceError

import pytest

from studio.errors import BrokenWeights, MissingWeights
from studio.prompt import Fix, chunk, clip_vocabulary, parse_attention, parse_emphasis, read_vocabulary

QUIRK = "QUIRK: comma backtrack"


@pytest.fixture(scope="session")
def embeddings(vectors, vocabulary):
    return {name: (vocabulary.encode(name), count) for name, count in vectors["ti_embeddings"].items()}


def test_the_vocabulary_is_that_of_clip(vocabulary):
    assert (vocabulary.bos, vocabulary.eos, vocabulary.pad, vocabulary.comma) == (49406, 49407, 49407, 267)
    assert vocabulary.encode("A Cat,  don't\n") == [320, 2368, 267, 847, 713]
    assert vocabulary.encode("<|endoftext|>") == [49407]
    assert vocabulary.encode("\ud800x") == vocabulary.encode("?x")


def expected_chunks(case):
    """The recorded windows, with fixes where they belong."""
    chunks = case["expected"]["chunks"]
    if case.get("note", "").startswith(QUIRK):
        (fix,) = chunks[0]["fixes"]
        chunks = [{**chunks[0], "fixes": []}, {**chunks[1], "fixes": [[fix[0] - chunks[0]["n"], *fix[1:]]]}]
    return chunks


def test_prompts_are_laid_into_windows_as_a1111_does(vectors, vocabulary, embeddings):
    for case in vectors["chunks"]:
        parsed = parse_emphasis(case["input"], case["emphasis"].lower())
        chunks, count = chunk(parsed, vocabulary, embeddings)
        assert count == case["expected"]["token_count"]
        assert len(chunks) == len(case["expected"]["chunks"])
        for mine, its in zip(chunks, expected_chunks(case), strict=True):
            end = its["n"] + 1
            assert mine.ids == (49406, *its["tokens"], *[49407] * (77 - end))
            assert mine.weights == pytest.approx([1, *its["multipliers"], *[1] * (77 - end)])
            assert mine.fixes == tuple(Fix(*fix) for fix in its["fixes"])


def test_a_comma_takes_the_embedding_behind_it_to_the_next_window(vocabulary, embeddings):
    text = "cat " * 56 + ", cat easynegative bad-hands-5 " + "cat " * 20
    first, second = chunk(parse_attention(text), vocabulary, embeddings)[0]
    assert first.fixes == ()
    assert first.ids[57:59] == (267, 49407)
    assert second.fixes == (Fix(1, "easynegative", 8), Fix(9, "bad-hands-5", 5))


def test_an_embedding_is_found_inside_of_words_and_never_torn(vocabulary):
    names = {"easy": (vocabulary.encode("negative"), 70), "huge": (vocabulary.encode("huge"), 500)}
    chunks, count = chunk(parse_attention("cat cat cat cat cat Xnegative huge"), vocabulary, names)
    assert [window.fixes for window in chunks] == [(), (Fix(0, "easy", 70),), (Fix(0, "huge", 75),)]
    assert count == 75 * 2 + 75


def test_the_second_encoder_pads_with_zeros():
    (window,) = chunk([("cat", 1.0)], clip_vocabulary(pad=0))[0]
    assert window.ids == (49406, 2368, 49407, *[0] * 74)


def test_no_weight_beyond_ten_reaches_the_encoder(vocabulary):
    (window,) = chunk(parse_attention("(cat:100) (dog:-100) bird"), vocabulary)[0]
    assert window.weights[:5] == (1.0, 10.0, -10.0, 1.0, 1.0)


def test_a_window_cannot_be_changed(vocabulary):
    (window,) = chunk([("", 1.0)], vocabulary)[0]
    with pytest.raises(FrozenInstanceError):
        window.ids = ()


MARKS = {"<|startoftext|>": 7, "<|endoftext|>": 8}
WORDS = {"a": 0, "b": 1, "a</w>": 2, "b</w>": 3, ",</w>": 4, "ab</w>": 5, ",": 6, **MARKS}


def write(folder, **files):
    for name, value in files.items():
        path = folder / name.replace("__", ".")
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return folder


def test_a_tokenizer_folder_is_read_in_both_forms(tmp_path):
    whole = {"model": {"type": "BPE", "vocab": WORDS, "merges": [["a", "b</w>"]]}, "added_tokens": []}
    (tmp_path / "pair").mkdir()
    (tmp_path / "whole").mkdir()
    pair = write(tmp_path / "pair", vocab__json=WORDS, merges__txt="#version: 0.2\na b</w>\n")
    one = write(
        tmp_path / "whole", tokenizer__json=whole, tokenizer_config__json={"pad_token": {"content": "a"}}
    )
    first, second = read_vocabulary(pair), read_vocabulary(one)
    assert first.encode("AB, b a") == second.encode("AB, b a") == [5, 4, 3, 2]
    assert (first.bos, first.eos, first.comma, first.pad) == (7, 8, 4, 8)
    assert second.pad == 0


@pytest.mark.parametrize(
    "files",
    [
        {"vocab__json": "{", "merges__txt": ""},
        {"vocab__json": "[" * 100_000, "merges__txt": ""},
        {"vocab__json": ["a"], "merges__txt": ""},
        {"vocab__json": {"a": 0}, "merges__txt": ""},
        {"vocab__json": {**WORDS, "a": -1}, "merges__txt": ""},
        {"vocab__json": {**WORDS, "a": "0"}, "merges__txt": ""},
        {"vocab__json": WORDS, "merges__txt": "a b c"},
        {"vocab__json": WORDS, "merges__txt": "b a</w>"},
        {"tokenizer__json": {"model": []}},
        {"tokenizer__json": {"model": {"vocab": WORDS, "merges": [1, None]}}},
    ],
)
def test_a_broken_vocabulary_is_named_as_such(tmp_path, files):
    with pytest.raises(BrokenWeights, match="is not a CLIP vocabulary"):
        read_vocabulary(write(tmp_path, **files))


def test_a_folder_without_vocabulary_says_what_it_needs(tmp_path):
    with pytest.raises(MissingWeights, match=r"vocab\.json and merges\.txt"):
        read_vocabulary(tmp_path)
