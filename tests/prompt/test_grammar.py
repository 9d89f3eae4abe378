import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.prompt import extract_networks, parse_attention, parse_emphasis, split_and, strip_comments


def close(pieces, expected):
    return [text for text, _ in pieces] == [text for text, _ in expected] and [
        weight for _, weight in pieces
    ] == pytest.approx([weight for _, weight in expected], rel=1e-12)


def test_attention_is_read_as_a1111_reads_it(vectors):
    cases = [case for case in vectors["attention"] if isinstance(case["expected"], list)]
    assert len(cases) == 60
    assert [
        case["input"] for case in cases if not close(parse_attention(case["input"]), case["expected"])
    ] == []


@pytest.mark.parametrize("number", ["1.2.3", ".", "1..2", "+.", "-", "", "9" * 400, "1e3", "nan"])
def test_what_is_no_number_stays_in_the_text(number):
    assert parse_attention(f"(word:{number})") == [(f"word:{number}", 1.1)]
    assert parse_attention(f"a (b: {number} ) c")[1] == (f"b: {number} ", 1.1)


def test_the_vectors_that_crash_a1111_are_text(vectors):
    cases = [case["input"] for case in vectors["attention"] if isinstance(case["expected"], dict)]
    assert cases == ["(word:1.2.3)", "(a:1..2)", "(a:.)"]
    assert [parse_attention(case) for case in cases] == [[(case[1:-1], 1.1)] for case in cases]


def by_ranges(tokens):
    """Attention by the book: a closer multiplies everything since its opener."""
    pieces, opened = [], {"(": [], "[": []}
    for token in tokens:
        factor = {")": 1.1, "]": 1 / 1.1}.get(token, float(token[1:-1]) if token[0] == ":" else None)
        opener = "[" if token == "]" else "("
        if token in opened:
            opened[token].append(len(pieces))
        elif factor is not None and opened[opener]:
            for piece in pieces[opened[opener].pop() :]:
                piece[1] *= factor
        else:
            pieces.append([token, 1.0])
    for opener, factor in (("(", 1.1), ("[", 1 / 1.1)):
        for start in opened[opener]:
            for piece in pieces[start:]:
                piece[1] *= factor
    return pieces


@given(st.lists(st.sampled_from(["(", ")", "[", "]", ":0.5)", ":1.3)", ":-1)", "a", "b "]), max_size=16))
@settings(max_examples=500, deadline=None)
def test_a_closer_multiplies_everything_since_its_opener(tokens):
    letters = [(c, weight) for text, weight in parse_attention("".join(tokens)) for c in text]
    assert close(letters, [(c, weight) for text, weight in by_ranges(tokens) for c in text])


def test_weights_are_finite_at_any_depth():
    for text in ("(a " * 100_000, "(" * 100_000 + "x" + ":9)" * 100_000, "[a " * 100_000):
        assert all(math.isfinite(weight) and abs(weight) <= 10 for _, weight in parse_attention(text))
    assert parse_attention("(" * 40 + "x") == [("x", 10.0)]
    assert parse_attention("((x:100))") == [("x", 100.0)]


def test_nested_brackets_leave_their_text_alone():
    n = 100_000
    assert parse_attention("[" * n + "a" + "]" * n) == [("a", pytest.approx(0, abs=1e-300))]
    assert parse_attention("(" * n + "a" + ")" * n + "b") == [("a", 10.0), ("b", 1.0)]


def test_the_emphasis_modes_read_the_same_text_differently():
    text = "a (cat:1.3) BREAK b"
    assert parse_emphasis(text, "none") == [(text, 1.0)]
    assert parse_emphasis(text, "ignore") == [
        ("a ", 1.0),
        ("cat", 1.0),
        ("", 1.0),
        ("BREAK", -1.0),
        ("b", 1.0),
    ]
    assert parse_emphasis(text, "original") == parse_emphasis(text, "no norm") == parse_attention(text)


def test_prompts_are_split_as_a1111_splits_them(vectors):
    for case in vectors["and"]:
        parts = [{"text": text, "weight": weight} for text, weight in split_and(case["input"])]
        assert parts == case["expected"], case["input"]


def test_a_word_that_contains_and_does_not_split():
    assert split_and("aANDb AND_x and SAND") == [("aANDb AND_x and SAND", 1.0)]
    assert split_and("a\n:\n.5\n") == [("a", 0.5)]
    assert split_and("a:" + "9" * 400) == [("a:" + "9" * 400, 1.0)]


def test_networks_are_taken_out_as_a1111_does(vectors):
    for case in vectors["extra_networks"]:
        prompt, networks = extract_networks(case["input"])
        assert {"prompt": prompt, "networks": networks} == case["expected"], case["input"]


def test_a_network_without_arguments_is_text():
    assert extract_networks("<lora:> <a:<b:c>") == ("<lora:> ", {"a": [one("<b", "c")]})
    assert extract_networks("<lora:<lora:x") == ("<lora:<lora:x", {})
    assert extract_networks("<lora:x: 0.5>")[1] == {"lora": [one("x", " 0.5")]}


def one(*items):
    return {"items": list(items), "positional": list(items), "named": {}}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a # b", "a \n"),
        ("# a\nb", "\nb"),
        ("a\n# b\nc", "a\nc"),
        ("a\n  # b\nc # d\n#e", "a\n  \nc \n"),
        ("a\nb", "a\nb"),
        ("\\#x", "\\\n"),
    ],
)
def test_a_comment_reaches_to_the_end_of_its_line(text, kept):
    assert strip_comments(text) == kept
