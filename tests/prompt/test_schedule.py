import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.prompt import parse_schedule, text_at


def test_schedules_are_read_as_a1111_reads_them(vectors):
    for case in vectors["schedule"]:
        read = parse_schedule(case["input"], case["steps"], case["hires_steps"], case["use_old_scheduling"])
        assert [list(entry) for entry in read] == case["expected"], case["input"]


# The grammar by the book: descend at each "[", and when that fails read on behind it. Slow, and clear.

PLAIN = re.compile(r"[^\\\[\]():|]+|\\[^\n]")
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


def items(text, at):
    """Reads as many items as there are: their values, and the place behind them."""
    found = []
    while at < len(text):
        if plain := PLAIN.match(text, at):
            found.append(plain[0])
            at = plain.end()
        elif text[at] == "[" and (bracket := switch(text, at)):
            found.append(bracket[0])
            at = bracket[1]
        elif text[at] == "(" and (group := parenthesis(text, at)):
            found.append(group[0])
            at = group[1]
        else:
            break
    return found, at


def parenthesis(text, at):
    first, end = items(text, at + 1)
    inside = ["(", *first]
    if text[end : end + 1] == ":":
        second, end = items(text, end + 1)
        inside += [":", *second]
    return (("group", [*inside, ")"]), end + 1) if text[end : end + 1] == ")" else None


def switch(text, at):
    first, end = items(text, at + 1)
    parts, signs, starts = [first], "", [at + 1]
    while text[end : end + 1] in (":", "|"):
        signs += text[end]
        starts.append(end + 1)
        more, end = items(text, end + 1)
        parts.append(more)
    if text[end : end + 1] != "]":
        return None
    if not signs:
        return ("group", ["[", *first, "]"]), end + 1
    if set(signs) == {"|"}:
        return ("turn", parts), end + 1
    if signs not in (":", "::") or not NUMBER.fullmatch(text[starts[-1] : end]):
        return None
    before = parts[0] if signs == "::" else []
    return ("edit", before, parts[-2], text[starts[-1] : end]), end + 1


def by_the_book(text, steps):
    found, at = [], 0
    while at < len(text):
        more, at = items(text, at)
        found += more
        if at < len(text) and text[at] in "|\\":
            return [(steps, text)]
        if at < len(text) and not more:
            found.append(text[at])
            at += 1
    marks = {steps}

    def until(when):
        return min(steps, int(float(when) * steps if "." in when else float(when)))

    def mark(values):
        for kind, *rest in [value for value in values if not isinstance(value, str)]:
            if kind == "edit":
                marks.add(until(rest[2]))
            elif kind == "turn":
                marks.update(range(1, steps + 1))
            for part in rest[0] if kind == "turn" else rest[:2] if kind == "edit" else [rest[0]]:
                mark(part)

    def say(values, step):
        said = ""
        for value in values:
            if isinstance(value, str):
                said += value
            elif value[0] == "group":
                said += say(value[1], step)
            elif value[0] == "turn":
                said += say(value[1][(step - 1) % len(value[1])], step)
            else:
                said += say(value[1] if step <= until(value[3]) else value[2], step)
        return said

    mark(found)
    return [(step, say(found, step)) for step in sorted(marks) if step >= 1]


PIECES = [
    "[",
    "[",
    "]",
    "]",
    "(",
    ")",
    ":",
    ":",
    "|",
    "a",
    "b ",
    "2",
    "0.5",
    ":3]",
    "[c:d:.7]",
    "[e|f]",
    "\\[",
    "\\",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@settings(max_examples=1500, deadline=None)
def test_one_pass_reads_what_the_grammar_says(text):
    assert parse_schedule(text, 10) == by_the_book(text, 10)


def test_whatever_spoils_a_bracket_spoils_those_round_it():
    assert parse_schedule("[[a:b:c]:d:5]", 10) == [(10, "[[a:b:c]:d:5]")]
    assert parse_schedule("[(a:b:c):d:5] [e:5]", 10) == [(5, "[(a:b:c):d:5] "), (10, "[(a:b:c):d:5] e")]
    assert parse_schedule("[a:b:5] | c", 10) == [(10, "[a:b:5] | c")]
    assert parse_schedule("[a:b:5] c\\\nd", 10) == [(10, "[a:b:5] c\\\nd")]


@pytest.mark.parametrize("when", ["1e999", "-1e999", "9" * 500, "1." + "0" * 500])
def test_a_number_may_be_as_large_as_it_likes(when):
    assert parse_schedule(f"[a:b:{when}]", 10) == [(10, "b" if when.startswith("-") else "a")]


def test_100_000_nested_brackets_are_read():
    n = 100_000
    assert parse_schedule("[" * n + "a" + "]" * n, 10) == [(10, "[" * n + "a" + "]" * n)]
    assert parse_schedule("[" * n + "a" + ":1]" * n, 10) == [(1, ""), (10, "a")]
    assert parse_schedule("[x|" * n + "a" + "]" * n, 2) == [(1, "x"), (2, "a")]
    assert parse_schedule("[(" * n + "[a:5]", 10) == [(5, "[(" * n), (10, "[(" * n + "a")]


def test_the_text_of_a_step_is_that_of_the_entry_it_falls_into():
    schedule = parse_schedule("[a:[b:c:8]:3]", 10)
    assert [text_at(schedule, step) for step in (1, 3, 4, 8, 9, 10, 25)] == [
        "a",
        "a",
        "b",
        "b",
        "c",
        "c",
        "c",
    ]
