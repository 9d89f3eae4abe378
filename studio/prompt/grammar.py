"""Comments, extra networks, AND, and attention weights, read as A1111 reads them.

Each reader passes over its text once: the patterns use possessive quantifiers, so that no character is tried
twice, and brackets are kept on lists of our own, so that depth costs nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Literal, TypedDict

Emphasis = Literal["none", "ignore", "original", "no norm"]

WEIGHT_LIMIT = 10.0
"""The largest weight that reaches a model; larger ones only overflow half precision."""


class Network(TypedDict):
    """The arguments of one `<kind:…>`: as written, those without a name, and those with one."""

    items: list[str]
    positional: list[str]
    named: dict[str, str]


def hold(weight: float) -> float:
    """`weight`, brought within ±`WEIGHT_LIMIT`."""
    return max(-WEIGHT_LIMIT, min(WEIGHT_LIMIT, weight))


# ------------------------------------------------------------------------------------------------- comments

_LINE_COMMENT = re.compile(r"(?:\A|\n)#[^\n]*+\n?")
_REST_COMMENT = re.compile(r"#[^\n]*+\n?")


def strip_comments(text: str) -> str:
    """The text without comments: a `#` and all that follows on its line becomes one newline."""
    return _REST_COMMENT.sub("\n", _LINE_COMMENT.sub("\n", text))


# ------------------------------------------------------------------------------------------- extra networks

_NETWORK_START = re.compile(r"<(\w++):")


def extract_networks(text: str) -> tuple[str, dict[str, list[Network]]]:
    """The text without its `<kind:arguments>`, and these by kind, in their order.

    Arguments are parted by ":" and kept as written, blanks included. One with exactly one "=" is named (the
    last of a name wins), any other is positional. `<lora>`, `<lora:>` and `< lora:x>` are plain text.
    """
    kept: list[str] = []
    networks: dict[str, list[Network]] = {}
    done = 0
    while start := _NETWORK_START.search(text, done):
        end = text.find(">", start.end())
        if end < 0:
            break
        if end == start.end():  # no argument: plain text
            kept.append(text[done:end])
            done = end
            continue
        kept.append(text[done : start.start()])
        networks.setdefault(start[1], []).append(_network(text[start.end() : end]))
        done = end + 1
    kept.append(text[done:])
    return "".join(kept), networks


def _network(arguments: str) -> Network:
    items = arguments.split(":")
    named = [item.split("=") for item in items if item.count("=") == 1]
    return {
        "items": items,
        "positional": [item for item in items if item.count("=") != 1],
        "named": dict(named),
    }


# ------------------------------------------------------------------------------------------------------ AND

_AND = re.compile(r"\bAND\b")
_AND_WEIGHT = re.compile(r"[-+]?(?:\d++\.?|\d*\.\d++)")


def split_and(text: str) -> list[tuple[str, float]]:
    """The prompts that AND combines, each with the weight written at its end (`a cat :1.2`, else 1).

    AND is the whole word in capitals, inside of brackets too. Blanks before a part stay, those after it go;
    empty parts stay as empty prompts. Also a prompt without AND may end with a weight. A number too large for
    a float is text.
    """
    return [_and_part(part.rstrip()) for part in _AND.split(text)]


def _and_part(part: str) -> tuple[str, float]:
    text, colon, number = part.rpartition(":")
    if colon and _AND_WEIGHT.fullmatch(number := number.lstrip()):
        weight = float(number)
        if math.isfinite(weight):
            return text.rstrip(), weight
    return part, 1.0


# ------------------------------------------------------------------------------------------------ attention

_TOKEN = re.compile(r"\\[\\()\[\]]|[\\()\[\]]|(:\s*+([+-]?[.\d]++)\s*+)\)|[^\\()\[\]:]++|:")
_BREAK = re.compile(r"\bBREAK\b")
_OPENER = {")": "(", "]": "["}
_FACTOR = {"(": 1.1, "[": 1 / 1.1}
_Token = tuple[str, float | None]


def parse_attention(text: str) -> list[tuple[str, float]]:
    r"""The text in pieces of equal weight, brackets and backslashes resolved.

    `(x)` weighs 1.1, `[x]` 1/1.1, `(x:1.4)` 1.4; nested ones multiply; an opener that is never closed reaches
    to the end; a closer without opener is text; a backslash makes the bracket or backslash after it text, and
    vanishes before anything else. The word BREAK, with the blanks round it, becomes the marker `("BREAK",
    -1)`. Inside of brackets it is multiplied like any piece, and then it is no marker but a word of negative
    weight (as in A1111). An empty text is `[("", 1.0)]`.

    What stands after the colon and is no finite number (`(x:1.2.3)`, `(x:.)`, `(x:99…9)`; A1111 crashes on
    these) is text, and the parentheses count as bare ones: `(x:1.2.3)` is "x:1.2.3" at 1.1. Nesting takes no
    weight beyond ±`WEIGHT_LIMIT`, or beyond the largest number written there: `(x:100)` is 100, forty "(" are
    10.
    """
    pieces = groupby(_pieces(list(_tokens(text))), key=itemgetter(1))
    return [("".join(map(itemgetter(0), group)), weight) for weight, group in pieces] or [("", 1.0)]


def parse_emphasis(text: str, emphasis: Emphasis) -> list[tuple[str, float]]:
    """`parse_attention` as the emphasis mode wants it.

    "none": the whole text, brackets and BREAK included, as one literal piece. "ignore": brackets are
    resolved, but every weight is 1. "original" and "no norm" keep the weights and differ only in the encoder.
    """
    if emphasis == "none":
        return [(text, 1.0)]
    parsed = parse_attention(text)
    if emphasis == "ignore":
        return [(piece, weight if is_break(piece, weight) else 1.0) for piece, weight in parsed]
    return parsed


def is_break(piece: str, weight: float) -> bool:
    """Whether a piece is the marker that ends a chunk (a BREAK inside of brackets is not)."""
    return piece == "BREAK" and weight == -1


def _tokens(text: str) -> Iterator[_Token]:
    """The tokens, each with the number when it is `:number)`. Joined they are the text."""
    for match in _TOKEN.finditer(text):
        if match[2] is None:
            yield match[0], None
        elif (number := _number(match[2])) is not None:
            yield match[0], number
        else:
            yield match[1], None
            yield ")", None


def _number(digits: str) -> float | None:
    try:
        number = float(digits)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _pair(tokens: list[_Token]) -> tuple[dict[int, float], set[int]]:
    """The factor of every opener by its place, and the places of the closers that close one."""
    factors: dict[int, float] = {}
    closers: set[int] = set()
    opened: dict[str, list[int]] = {"(": [], "[": []}
    for place, (token, number) in enumerate(tokens):
        if token in opened:
            opened[token].append(place)
            factors[place] = _FACTOR[token]
            continue
        opener = "(" if number is not None else _OPENER.get(token)
        if opener and opened[opener]:
            factors[opened[opener].pop()] = _FACTOR[opener] if number is None else number
            closers.add(place)
    return factors, closers


def _pieces(tokens: list[_Token]) -> Iterator[tuple[str, float]]:
    factors, closers = _pair(tokens)
    # Each kind of bracket nests for itself, so `[(a])` works. A weight is restored, never divided back.
    weights: dict[str, list[float]] = {"(": [1.0], "[": [1.0]}
    for place, (token, _) in enumerate(tokens):
        if place in factors:
            weights[token].append(_nested(weights[token][-1], factors[place]))
        elif place in closers:
            weights[_OPENER[token[-1]]].pop()
        else:
            yield from _breaks(token, weights["("][-1] * weights["["][-1])


def _nested(outer: float, factor: float) -> float:
    limit = max(WEIGHT_LIMIT, abs(outer), abs(factor))
    return max(-limit, min(limit, outer * factor))


def _breaks(token: str, weight: float) -> Iterator[tuple[str, float]]:
    if token.startswith("\\"):
        yield token[1:], weight
        return
    first, *others = _BREAK.split(token)
    yield (first.rstrip() if others else first), weight
    for i, part in enumerate(others, 1):
        yield "BREAK", -weight
        yield (part.lstrip() if i == len(others) else part.strip()), weight
