"""Prompt editing `[before:after:when]`, `[after:when]`, `[before::when]` and alternation `[a|b]`.

A deterministic reading of A1111's schedule grammar in one pass. The text is cut into tokens; each bracket
that proves to be a switch has its tokens replaced by jumps, all others stay what they are: text. Whatever
makes one bracket no switch (a stray separator, a `when` that is no number, a missing closer) makes every
bracket round it none either, so failing means forgetting all that is open, and nothing is read twice.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Schedule = tuple[tuple[int, str], ...]
"""(until_step, text) in rising order: the text is in use up to and including that step; steps count from
1."""

_TOKEN = re.compile(r"[^\\\[\]():|]++|\\[^\n]|[\\\[\]():|]")
_NUMBER = re.compile(r"\s*+[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?\s*+")
_FAR = 1e9


def parse_schedule(
    text: str, steps: int, hires_steps: int | None = None, old: bool = False
) -> list[tuple[int, str]]:
    """What the prompt says at which step: `(until_step, text)`, rising, the last one for the last step.

    `when` with a "." is a fraction of the steps, else a step. With `hires_steps` the schedule is that of the
    second pass, which has `hires_steps` steps and begins at fraction 1.0 and at step `steps`. `old` is the
    timeline from before A1111 1.6: a number below 1 is a fraction of `steps`, and both passes run through the
    same schedule. An alternation has an entry for every step. A bare `|` or a backslash at the end of a line
    makes the whole text literal. Attention brackets stay, for `parse_attention`.
    """
    return list(read_schedule(text, Timeline(steps, hires_steps, old)).entries())


def text_at(schedule: Sequence[tuple[int, str]], step: int) -> str:
    """The text in use at `step` (from 1); behind the end, the last one."""
    place = bisect_left(schedule, step, key=lambda entry: entry[0])
    return schedule[min(place, len(schedule) - 1)][1]


@dataclass(frozen=True, slots=True)
class Timeline:
    """How the numbers of a schedule become steps."""

    base_steps: int
    hires_steps: int | None = None
    old: bool = False

    @property
    def steps(self) -> int:
        """The number of steps of the pass in question."""
        return self.base_steps if self.hires_steps is None or self.old else self.hires_steps

    def until(self, when: str) -> int:
        """The last step before the change that is due at `when`, at most `steps`; below 1 it comes at
        once."""
        value = max(-_FAR, min(_FAR, float(when)))
        second = self.hires_steps is not None
        if self.old:
            value = value * self.steps if value < 1 else value
        elif "." in when:
            value = (value - second) * self.steps
        elif second:
            value -= self.base_steps
        return min(self.steps, int(value))


@dataclass(frozen=True, slots=True)
class Edit:
    """Go on at token `before` while step <= until, then at token `after`."""

    when: str
    until: int
    before: int
    after: int

    def target(self, step: int) -> int:
        return self.before if step <= self.until else self.after


@dataclass(frozen=True, slots=True)
class Alternation:
    """Go on at another token in every step, in turn."""

    parts: tuple[int, ...]

    def target(self, step: int) -> int:
        return self.parts[(step - 1) % len(self.parts)]


Op = str | int | Edit | Alternation
"""Text to write, a place to jump to, or a choice of such places."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A text with its switches found. `literal` says what made a text with switches literal, if anything
    did."""

    ops: tuple[Op, ...]
    steps: int
    literal: Literal["bar", "backslash"] | None = None

    @property
    def edits(self) -> tuple[Edit, ...]:
        return tuple(op for op in self.ops if isinstance(op, Edit))

    def entries(self) -> Schedule:
        """The schedule: an entry for each step before which the text may change, and for the last."""
        marks = {self.steps, *(edit.until for edit in self.edits if edit.until >= 1)}
        if any(isinstance(op, Alternation) for op in self.ops):
            marks.update(range(1, self.steps + 1))
        return tuple((step, self.at(step)) for step in sorted(marks))

    def at(self, step: int) -> str:
        """The text at a step (from 1)."""
        written: list[str] = []
        place = 0
        while place < len(self.ops):
            op = self.ops[place]
            if isinstance(op, str):
                written.append(op)
                place += 1
            else:
                place = op if isinstance(op, int) else op.target(step)
        return "".join(written)


def read_schedule(text: str, timeline: Timeline) -> Reading:
    """Finds the switches of a text. Never raises; linear in the length of the text, whatever its depth."""
    reader = _Reader(timeline)
    for match in _TOKEN.finditer(text):
        reader.take(match[0])
    reader.fail()
    if reader.bare_bar or reader.bare_backslash:
        reason = ("bar" if reader.bare_bar else "backslash") if reader.switches else None
        return Reading((text,), timeline.steps, reason)
    return Reading(tuple(reader.ops), timeline.steps)


@dataclass(slots=True)
class _Open:
    """A bracket or parenthesis not yet closed, with the places of its own separators."""

    sign: str
    place: int
    colons: list[int] = field(default_factory=list[int])
    bars: list[int] = field(default_factory=list[int])


class _Reader:
    """The state of one pass. Parentheses are followed only inside of brackets: outside they are plain
    text."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.ops: list[Op] = []
        self.open: list[_Open] = []
        self.switches = 0  # matched ones, and those that only a bar spoiled
        self.bare_bar = False
        self.bare_backslash = False
        self._actions = {
            "[": self._bracket,
            "]": self._close_bracket,
            "(": self._parenthesis,
            ")": self._close_parenthesis,
            ":": self._colon,
            "|": self._bar,
            "\\": self._backslash,
        }

    def take(self, token: str) -> None:
        place = len(self.ops)
        self.ops.append(token)
        if action := self._actions.get(token):
            action(place)

    def fail(self) -> None:
        """Nothing that is open can be a switch any more; bars in it then stand outside of any alternation."""
        spoiled = sum(1 for opened in self.open if opened.bars)
        self.bare_bar = self.bare_bar or spoiled > 0
        self.switches += spoiled
        self.open.clear()

    def _bracket(self, place: int) -> None:
        self.open.append(_Open("[", place))

    def _parenthesis(self, place: int) -> None:
        if self.open:
            self.open.append(_Open("(", place))

    def _colon(self, place: int) -> None:
        if self.open:
            self.open[-1].colons.append(place)

    def _bar(self, place: int) -> None:
        if self.open and self.open[-1].sign == "[":
            self.open[-1].bars.append(place)
        else:
            self.bare_bar = True

    def _backslash(self, _: int) -> None:
        self.bare_backslash = True

    def _close_parenthesis(self, _: int) -> None:
        if self.open and self.open[-1].sign == "(" and len(self.open[-1].colons) <= 1:
            self.open.pop()
        else:
            self.fail()

    def _close_bracket(self, place: int) -> None:
        if self.open and self.open[-1].sign == "[" and self._switch(self.open[-1], place):
            self.open.pop()
        else:
            self.fail()

    def _switch(self, opened: _Open, end: int) -> bool:
        """Turns a closed bracket into the switch that its separators make it; False when they make none."""
        colons, bars = opened.colons, opened.bars
        if not colons and not bars:
            return True  # for parse_attention
        if colons and bars:
            return False
        first, behind = opened.place + 1, end + 1
        if bars:
            self.ops[opened.place] = Alternation((first, *(bar + 1 for bar in bars)))
        else:
            when = self.ops[colons[-1] + 1]
            # The number is a single token between the last colon and the bracket.
            if (
                len(colons) > 2
                or end != colons[-1] + 2
                or not isinstance(when, str)
                or not _NUMBER.fullmatch(when)
            ):
                return False
            before, after = (behind, first) if len(colons) == 1 else (first, colons[0] + 1)
            self.ops[opened.place] = Edit(when.strip(), self.timeline.until(when), before, after)
        for place in (*colons, *bars, end):
            self.ops[place] = behind
        self.switches += 1
        return True
