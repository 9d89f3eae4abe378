"""Choices in a prompt: `__name__` takes a line of a list, `{a|b}` one of several, `{2$$a|b|c}` two of them.

The seed decides, so the same recipe says the same words again. Braces without `|` are text, as are those
after a backslash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

from studio.errors import BadInput, UnknownName
from studio.recipe import Recipe

Lists = Mapping[str, Sequence[str]]

NAME = re.compile(r"__([^\W_]++(?:[_/ -][^\W_]++)*+)__")
_SIGN = re.compile(r"\\[{}|\\]|[{}|]")
_COUNT = re.compile(r"\s*(\d{1,3})(?:\s*-\s*(\d{1,3}))?\s*\$\$")
_WEIGHT = re.compile(r"\s*(\d{1,6}(?:\.\d{1,6})?)::")
DEEPEST = 16  # choices within choices, lists within lists
LONGEST = 10_000  # characters of a resolved prompt
LIST_BYTES, LIST_LINES = 2**20, 20_000


@dataclass(frozen=True, slots=True)
class _Braces:
    """Where a choice opens and closes, and its bars."""

    end: int
    bars: tuple[int, ...]


def read_lists(*folders: Path) -> dict[str, tuple[str, ...]]:
    """Every list of the folders (`NAME.txt`, also in folders: `animals/birds`), the later folders winning.

    A line is a choice; empty lines and those that begin with # are not. Files that cannot be read are left
    out.
    """
    found: dict[str, tuple[str, ...]] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.txt")) if folder.is_dir() else ():
            try:
                if path.stat().st_size > LIST_BYTES:
                    continue
                text = path.read_text("utf-8-sig", "replace")
            except OSError:
                continue
            lines = (line.strip() for line in text.splitlines()[:LIST_LINES])
            kept = tuple(line for line in lines if line and not line.startswith("#"))
            name = path.relative_to(folder).with_suffix("").as_posix()
            if kept and NAME.fullmatch(f"__{name}__"):
                found[name] = kept
    return found


def is_template(text: str) -> bool:
    """Whether there is anything to choose in a prompt."""
    return bool(NAME.search(text)) or bool(_pairs(text))


def resolve(text: str, seed: int, lists: Lists) -> str:
    """The prompt with every choice made.

    Raises `UnknownName` for a list that is not there, and `BadInput` when choices are nested more than 16
    deep, a list leads back to itself, or the text becomes longer than a prompt may be.
    """
    made = _expand(text, Random(seed), lists, 0)  # noqa: S311 - chosen by the seed, not secret
    if len(made) > LONGEST:
        raise BadInput(
            f"With its choices made this prompt has {len(made)} characters; {LONGEST} are allowed."
        )
    return made


def worded(recipe: Recipe, lists: Lists) -> tuple[Recipe, str]:
    """The recipe with the choices of its texts made by its seed, and what she had written ("" if the same).

    Raises as `resolve`.
    """
    wrote = [recipe.prompt, recipe.negative]
    if not any(map(is_template, wrote)):
        return recipe, ""
    prompt, negative = (resolve(text, recipe.seed, lists) for text in wrote)
    template = "\nNegative prompt: ".join(wrote if is_template(recipe.negative) else wrote[:1])
    return recipe.but(prompt=prompt, negative=negative), template


def _expand(text: str, rng: Random, lists: Lists, depth: int) -> str:
    if depth > DEEPEST:
        raise BadInput("The choices in this prompt are nested too deep, or a list leads back to itself.")
    made: list[str] = []
    place = size = 0
    for start, braces in _pairs(text).items():
        made.append(_named(text[place:start], rng, lists, depth))
        made.append(_chosen(text, start, braces, (rng, lists, depth)))
        place = braces.end + 1
        size += len(made[-2]) + len(made[-1])
        if size > LONGEST:  # it is refused whatever follows
            break
    made.append(_named(text[place:], rng, lists, depth))
    return "".join(made)


def _named(text: str, rng: Random, lists: Lists, depth: int) -> str:
    """Names of lists replaced by one of their lines."""

    def line(found: re.Match[str]) -> str:
        if found[1] not in lists:
            raise UnknownName("wildcard", found[1], lists)
        return _expand(_one(rng, lists[found[1]], ()), rng, lists, depth + 1)

    return NAME.sub(line, text)


def _chosen(text: str, start: int, braces: _Braces, how: tuple[Random, Lists, int]) -> str:
    """What a pair of braces becomes."""
    rng, lists, depth = how
    inside = text[start + 1 : braces.end]
    count = _COUNT.match(inside)
    begin, joint, few, many = start + 1, ", ", 1, 1
    if count:
        begin += count.end()
        few, many = int(count[1]), int(count[2] or count[1])
        end = braces.bars[0] if braces.bars else braces.end
        other = text.find("$$", begin, end)
        if other >= 0:
            joint, begin = text[begin:other], other + 2
    edges = [begin - 1, *braces.bars, braces.end]
    options = [text[a + 1 : b] for a, b in pairwise(edges)]
    weights = [_WEIGHT.match(option) for option in options]
    left = [
        (o[w.end() :] if w else o, float(w[1]) if w else 1.0) for o, w in zip(options, weights, strict=True)
    ]
    wanted = min(few + int(rng.random() * (max(many, few) - few + 1)), len(left)) if count else 1
    taken: list[str] = []
    for _ in range(wanted):
        place = _place(rng, [weight for _, weight in left])
        taken.append(_expand(left.pop(place)[0].strip(), rng, lists, depth + 1))
    return joint.join(taken)


def _one(rng: Random, options: Sequence[str], weights: Sequence[float]) -> str:
    return options[_place(rng, weights or [1.0] * len(options))]


def _place(rng: Random, weights: Sequence[float]) -> int:
    """A place, likelier where the weight is larger; where all are 0, each as likely."""
    total = sum(weights)
    if not total:
        return int(rng.random() * len(weights))
    point = rng.random() * total
    for place, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return place
    return len(weights) - 1


def _pairs(text: str) -> dict[int, _Braces]:
    """The outermost braces that hold a choice, by where they open."""
    opened: list[tuple[int, list[int]]] = []
    found: list[tuple[int, _Braces]] = []
    for sign in _SIGN.finditer(text):
        if sign[0] == "{":
            opened.append((sign.start(), []))
        elif sign[0] == "|" and opened:
            opened[-1][1].append(sign.start())
        elif sign[0] == "}" and opened:
            start, bars = opened.pop()
            if bars or _COUNT.match(text, start + 1):
                found.append((start, _Braces(sign.start(), tuple(bars))))
    outer: dict[int, _Braces] = {}
    reach = -1
    for start, braces in sorted(found, key=lambda pair: pair[0]):
        if start > reach:
            outer[start] = braces
            reach = braces.end
    return outer
