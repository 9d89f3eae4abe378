import math
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.prompt import (
    chunk,
    extract_networks,
    parse_attention,
    parse_emphasis,
    parse_schedule,
    plan,
    split_and,
    strip_comments,
)

SIGNS = "()[]:|\\<>#=,\n AND BREAK .5 1.2 lora: " + "\x00\u3000\ud800é猫🦊٣"
PIECES = [
    *SIGNS,
    "AND",
    "BREAK",
    "[a:b:",
    ":0.5]",
    ":1.2)",
    "<lora:",
    "easynegative",
    "cat, " * 30,
    ":1.2.3)",
]
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=25).map("".join))


@given(text=TEXTS, steps=st.integers(1, 12), hires=st.none() | st.integers(1, 9), old=st.booleans())
@settings(max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_raises(vocabulary, text, steps, hires, old):
    embeddings = {"easynegative": (vocabulary.encode("easynegative"), 8), ",": ([267], 80)}
    parsed = parse_attention(text)
    assert all(math.isfinite(weight) for _, weight in [*parsed, *split_and(text)])
    schedule = parse_schedule(text, steps, hires, old)
    untils = [until for until, _ in schedule]
    assert untils == sorted(set(untils))
    assert untils[0] >= 1
    assert untils[-1] == (hires if hires and not old else steps)
    kept, _ = extract_networks(strip_comments(text))
    assert len(kept) <= len(text) + 1
    for windows, count in (
        chunk(parsed, vocabulary, embeddings),
        chunk(parse_emphasis(text, "none"), vocabulary),
    ):
        assert {(len(window.ids), len(window.weights)) for window in windows} == {(77, 77)}
        assert all(abs(weight) <= 10 for window in windows for weight in window.weights)
        assert 75 * (len(windows) - 1) <= count <= 75 * len(windows)
    plan(text, text[::-1], steps, hires_steps=hires, second_order=old)


HOSTILE = {
    "openers": "(",
    "openers with text": "(a ",
    "brackets": "[",
    "mixed": "[(",
    "closers": ")](",
    "weights": ":1.1",
    "weights in groups": "((a:1.1):0.9)",
    "blank numbers": ":  1  ",
    "blanks": " ",
    "backslashes": "\\",
    "networks": "<lora:",
    "whole networks": "<lora:a:b=c>",
    "words": "AND BREAK ",
    "numbered parts": "a :1.2 AND ",
    "edits": "[a:b:",
    "whole edits": "[a:b:5]",
    "alternations": "[a|",
    "comments": "#\n",
    "unicode": "字🦊",
}
READERS = {
    "comments": strip_comments,
    "networks": extract_networks,
    "and": split_and,
    "schedule": lambda text: parse_schedule(text, 4),
    "attention": parse_attention,
    "plan": lambda text: plan(text, text, 4),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_twice_the_text_takes_twice_the_steps(steps_of, hostile, reader):
    once, twice, thrice = (steps_of(READERS[reader], HOSTILE[hostile] * n) for n in (100, 200, 300))
    assert twice - once <= 1.05 * once + 100
    assert abs((thrice - twice) - (twice - once)) <= 0.02 * once + 100  # and not only by a small factor


def test_nested_switches_take_steps_by_their_length(steps_of):
    def nested(n: int) -> int:
        return steps_of(READERS["plan"], "[a:" * n + "([b|" * n + "c" + "])" * n + ":2]" * n)

    assert nested(400) <= 2.05 * nested(200)


def test_laying_out_takes_steps_by_the_number_of_tokens(steps_of, vocabulary):
    names = {"big": (vocabulary.encode("cat, cat"), 30)}

    def laid(n: int) -> int:
        return steps_of(chunk, [("cat, cat, dog " * n, 1.0)], vocabulary, names)

    assert laid(800) <= 2.05 * laid(400)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hundred_thousand_hostile_signs_are_read(hostile):
    """The pattern engine's own steps cannot be counted: here they are at size, where squares would hurt."""
    text = HOSTILE[hostile] * (100_000 // len(HOSTILE[hostile]))
    made = plan(text, "", 1)
    assert {part.schedule[-1][0] for part in made.positive} == {1}
    for tail in ("x", "]", ")", ">", ":1"):
        assert sum(len(part) for part, _ in split_and(text + tail)) <= len(text + tail)
        assert len(extract_networks(text + tail)[0]) <= len(text + tail)
        assert len(strip_comments(text + tail)) <= len(text + tail)


def test_the_grammar_loads_without_the_large_libraries():
    code = (
        "import sys, studio.prompt as p; p.plan('(a:1.2) AND [b:c:0.5] <lora:x:1>', 'd', 20);"
        "large = {'torch', 'transformers', 'tokenizers', 'diffusers', 'numpy', 'pydantic', 'open_clip'};"
        "sys.exit(', '.join(large & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
