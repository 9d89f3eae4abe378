"""Many pictures round one recipe: grids over any field, searching and replacing words, prompt matrices.

Everything here is values: a partial recipe and axes in, partial recipes and labels out. What comes out are
ordinary recipes.
"""

from __future__ import annotations

import csv
import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import combinations, product
from math import prod
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from studio.errors import BadInput
from studio.part import Part
from studio.recipe import Recipe, Variation, explain

REPLACE, MATRIX = "replace", "matrix"  # axes that are no field of a recipe
MOST = 64  # values of one axis
LONGEST = 20_000  # characters in which they are written
WANTED_IMAGES = ("source", "mask", "controls")  # parts that cannot be there without a picture

_RANGE = re.compile(
    r"(-?\d+(?:\.\d+)?)\s*-\s*(-?\d+(?:\.\d+)?)\s*(?:\(\s*([+-]?\d+(?:\.\d+)?)\s*\)|\[\s*(\d{1,3})\s*\])?"
)
_SWITCH = {
    "yes": True,
    "on": True,
    "true": True,
    "1": True,
    "no": False,
    "off": False,
    "false": False,
    "0": False,
}
_BRACKETS = {"(": 1, "[": 1, "{": 1, "<": 1, ")": -1, "]": -1, "}": -1, ">": -1}


class Axis(Part):
    """One direction of a grid: a field's path (`steps`, `hires.scale`, `post.clahe.clip`,
    `controls.0.weight`), or `replace` or `matrix`; and its values as written."""

    field: str = Field(max_length=120)
    values: str = Field(default="", max_length=LONGEST)


@dataclass(frozen=True, slots=True)
class Grid:
    """What is to be painted: a partial recipe for each cell, x fastest, then y, then z; the axes' labels."""

    cells: tuple[dict[str, Any], ...]
    axes: tuple[tuple[str, tuple[str, ...]], ...]  # (field, labels), x first


Change = Callable[[Mapping[str, Any]], dict[str, Any]]


def grid(partial: Mapping[str, Any], axes: Sequence[Axis], most: int = MOST) -> Grid:
    """A picture for every combination of the axes' values (at most three axes; none: the recipe itself).

    Raises `BadInput` for a field that no recipe has, for values that are none of it, for more than 64 of
    them on one axis, and for more than `most` pictures.
    """
    if len(axes) > 3:
        raise BadInput("A grid has at most three axes.")
    if len({axis.field for axis in axes}) < len(axes):
        raise BadInput("Two axes of this grid change the same thing; choose different ones.")
    read = [(axis.field, changes(partial, axis)) for axis in axes]
    count = prod(len(steps) for _, steps in read)
    if count > most:
        raise BadInput(
            f"This grid would be {count} pictures, and {most} can be asked for at once; take fewer."
        )
    cells: list[dict[str, Any]] = []
    for chosen in product(*(steps for _, steps in reversed(read))):
        cell = dict(partial)
        for _, change in reversed(chosen):
            cell = change(cell)
        cells.append(cell)
    return Grid(tuple(cells), tuple((field, tuple(label for label, _ in steps)) for field, steps in read))


def changes(partial: Mapping[str, Any], axis: Axis) -> list[tuple[str, Change]]:
    """The labels of an axis, and what each does to the recipe. Raises `BadInput`."""
    if axis.field == MATRIX:
        found = [
            (label, _setting(("prompt",), text)) for label, text in matrix(str(partial.get("prompt", "")))
        ]
    elif axis.field == REPLACE:
        found = _replacing(partial, written(axis.values))
    else:
        info = leaf(axis.field)
        path = tuple(axis.field.split("."))
        found = [(label, _setting(path, value)) for label, value in values(info, axis)]
    if not found:
        raise BadInput(f"Write the values of {axis.field}, parted by commas.")
    if len(found) > MOST:
        raise BadInput(f"An axis has at most {MOST} values; {axis.field} has {len(found)}.")
    return found


def travel(start: Recipe, end: Recipe, frames: int) -> tuple[Recipe, ...]:
    """`frames` recipes on the way from one picture to another, both ends included.

    The noise goes along the sphere (a variation towards the other seed), the words by the shares that AND
    gives them in the guidance (Liu et al. 2022, arXiv 2206.01714). Raises `BadInput` when the two are not
    painted alike, or from a picture.
    """
    if not 2 <= frames <= MOST:
        raise BadInput(f"A travel has 2 to {MOST} pictures.")
    words = {"prompt", "negative", "seed"}
    differing = [
        field.title or name
        for name, field in Recipe.model_fields.items()
        if name not in words and getattr(start, name) != getattr(end, name)
    ]
    if differing:
        raise BadInput(f"Both ends of a travel must be painted alike; they differ in {', '.join(differing)}.")
    if start.source is not None or start.variation is not None:
        raise BadInput("A travel leads between two pictures painted from words alone, without a variation.")
    return (start, *(_between(start, end, i / (frames - 1)) for i in range(1, frames - 1)), end)


def _between(start: Recipe, end: Recipe, share: float) -> Recipe:
    share = round(share, 4)
    prompt = start.prompt
    if start.prompt != end.prompt:
        prompt = f"{start.prompt} :{round(1 - share, 4)} AND {end.prompt} :{share}"
    nearer = start if share < 0.5 else end
    moved = Variation(seed=end.seed, strength=share) if start.seed != end.seed else None
    return start.but(prompt=prompt, negative=nearer.negative, variation=moved)


def read_axes(said: Any) -> tuple[Axis, ...]:
    """Axes from plain values, as a page or a program sends them. Raises `BadInput`."""
    try:
        return TypeAdapter(tuple[Axis, ...]).validate_python(said)
    except ValidationError as error:
        raise BadInput(f"The axes of a grid are fields with values: {explain(error)}") from error


# --- values as written


def values(info: FieldInfo, axis: Axis) -> list[tuple[str, Any]]:
    """The values of a field with their labels: lists and ranges for numbers, yes and no, else words."""
    kind = bare(info.annotation)
    if kind in (int, float):
        return [(str(number), number) for number in numbers(axis, whole=kind is int)]
    words = written(axis.values)
    if kind is bool:
        strange = [word for word in words if word.lower() not in _SWITCH]
        if strange:
            raise BadInput(f"{axis.field} is yes or no, not “{strange[0][:40]}”.")
        return [(word, _SWITCH[word.lower()]) for word in words]
    optional = type(None) in get_args(info.annotation)
    return [(word or "–", None if optional and not word else word) for word in words]


def numbers(axis: Axis, *, whole: bool) -> list[int] | list[float]:
    """Numbers: `1, 2, 5`, ranges `1-10`, with a step `1-10 (+3)`, or so many of them evenly, `1-10 [4]`.

    Raises `BadInput`.
    """
    found: list[Decimal] = []
    for item in axis.values.replace(";", ",").split(","):
        text = item.strip()
        if not text:
            continue
        matched = _RANGE.fullmatch(text)
        found += _range(matched, axis.field) if matched else [_number(text, axis.field)]
        if len(found) > MOST:
            raise BadInput(f"An axis has at most {MOST} values; {axis.field} has more.")
    return [int(number.to_integral_value()) for number in found] if whole else [float(n) for n in found]


def _range(matched: re.Match[str], field: str) -> list[Decimal]:
    start, end = Decimal(matched[1]), Decimal(matched[2])
    if matched[4] is not None:
        count = int(matched[4])
        if not 1 <= count <= MOST:
            raise BadInput(f"A range of {field} can be of 1 to {MOST} values.")
        return [start + (end - start) * i / max(1, count - 1) for i in range(count)]
    step = Decimal(matched[3] or 1)
    step = -abs(step) if end < start else abs(step)
    if not step:
        raise BadInput(f"A range of {field} needs a step that is not 0.")
    count = int((end - start) / step) + 1
    return [start + step * i for i in range(min(count, MOST + 1))]


def _number(text: str, field: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise BadInput(
            f"“{text[:40]}” is no number for {field}. Write 1, 2, 5-9 (+2), or 1-10 [4]."
        ) from None
    if not number.is_finite() or abs(number) > 2**64:
        raise BadInput(f"“{text[:40]}” is too large for {field}.")
    return number


def written(text: str) -> list[str]:
    """Words parted by commas ("…, …" in quotes keeps its comma), or by lines where there are several."""
    lines = [line.strip() for line in text.splitlines()]
    if len([line for line in lines if line]) > 1:
        return [line for line in lines if line]
    try:
        row = next(iter(csv.reader([text.strip()], skipinitialspace=True)), [])
    except csv.Error as error:
        raise BadInput(f"These values cannot be read: {error}.") from error
    return [word.strip() for word in row]


# --- what an axis changes


def matrix(prompt: str) -> list[tuple[str, str]]:
    """`a | b | c`: the first part with every choice of the others, as labels and prompts.

    Bars inside of brackets and braces belong to the grammar. Raises `BadInput` without one, or above 6.
    """
    parts = [part.strip() for part in _split(prompt)]
    if len(parts) < 2:
        raise BadInput("A prompt matrix needs parts: write “a lake | mist | two boats”.")
    if 2 ** (len(parts) - 1) > MOST:
        raise BadInput("A prompt matrix has at most six parts behind the first.")
    first, others = parts[0], parts[1:]
    chosen = [some for count in range(len(others) + 1) for some in combinations(others, count)]
    return [(" + ".join(some) or "–", ", ".join(part for part in (first, *some) if part)) for some in chosen]


def _split(prompt: str) -> list[str]:
    """The parts between the bars that stand outside of brackets."""
    parts, depth, start = list[str](), 0, 0
    for place, letter in enumerate(prompt):
        depth = max(0, depth + _BRACKETS.get(letter, 0))
        if letter == "|" and not depth:
            parts.append(prompt[start:place])
            start = place + 1
    return [*parts, prompt[start:]]


def _replacing(partial: Mapping[str, Any], words: Sequence[str]) -> list[tuple[str, Change]]:
    """The first word, and each of the others in its place, in both prompts."""
    texts = [str(partial.get(name, "")) for name in ("prompt", "negative")]
    if not words or not words[0] or not any(words[0] in text for text in texts):
        raise BadInput("The first value must be a word of your prompt; the others take its place.")

    def swap(word: str) -> Change:
        def change(cell: Mapping[str, Any]) -> dict[str, Any]:
            said = {n: str(cell.get(n, "")).replace(words[0], word) for n in ("prompt", "negative")}
            return {**cell, **said}

        return change

    return [(word or "–", swap(word)) for word in words]


def _setting(path: Sequence[str], value: Any) -> Change:
    return lambda cell: placed(cell, path, value)


def placed(values: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """The values with the one at `path` changed. Raises `BadInput` where a part needs a picture first."""
    name, rest = path[0], path[1:]
    if not rest:
        return {**values, name: value}
    held: Any = values.get(name)
    if not held and name in WANTED_IMAGES:
        raise BadInput(f"Give this recipe a {name} before you vary {'.'.join(path)}.")
    if name == "post":
        return {**values, name: _steps(held or (), rest, value)}
    if name in ("controls", "loras"):
        place = int(rest[0])
        if place >= len(held or ()):
            raise BadInput(f"This recipe has no {name} number {place + 1} to vary.")
        return {**values, name: [*held[:place], placed(held[place], rest[1:], value), *held[place + 1 :]]}
    return {**values, name: placed(held or {}, rest, value)}


def _steps(held: Sequence[Mapping[str, Any]], path: Sequence[str], value: Any) -> list[dict[str, Any]]:
    """Finishing steps with a field of one kind changed; a step of that kind is added when none is there."""
    kind, rest = path[0], path[1:]
    steps = [dict(step) for step in held]
    if not any(step.get("kind") == kind for step in steps):
        steps.append({"kind": kind})
    return [placed(step, rest, value) if step.get("kind") == kind else step for step in steps]


# --- the fields a recipe has


def leaf(path: str) -> FieldInfo:
    """The field at a path. Raises `BadInput` where a recipe has none that a value can be written for."""
    part: type[Part] = Recipe
    info: FieldInfo | None = None
    steps = path.split(".")
    while steps:
        info = part.model_fields.get(steps.pop(0))
        if info is None:
            break
        kind = bare(info.annotation)
        if get_origin(kind) is tuple and steps:
            kind = _member(kind, steps.pop(0))
        if isinstance(kind, type) and issubclass(kind, Part) and steps:
            part = kind
        elif steps or not _scalar(kind):
            info = None
            break
    if info is None:
        raise BadInput(f"A recipe has nothing to vary that is called “{path[:60]}”.")
    return info


def _member(kind: Any, step: str) -> Any:
    """The part in a tuple that a step of a path means: by its number, or by its kind."""
    inner = bare(get_args(kind)[0])
    options = get_args(inner) if get_origin(inner) in (Union, types.UnionType) else (inner,)
    for option in map(bare, options):
        named = (
            option.model_fields.get("kind") if isinstance(option, type) and issubclass(option, Part) else None
        )
        if named is not None and named.default == step:
            return option
        if named is None and step.isascii() and step.isdecimal() and len(step) <= 2:
            return option
    return None


def _scalar(kind: Any) -> bool:
    return kind in (int, float, bool, str) or get_origin(kind) is Literal


def bare(annotation: Any) -> Any:
    """A type without `Annotated` and without `| None`."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        left = [arg for arg in get_args(annotation) if arg is not type(None)]
        return bare(left[0]) if len(left) == 1 else annotation
    return annotation
