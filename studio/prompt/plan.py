"""What encoder and sampler need to know of a recipe's two prompts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from studio.prompt.grammar import (
    WEIGHT_LIMIT,
    Emphasis,
    Network,
    extract_networks,
    hold,
    is_break,
    parse_attention,
    split_and,
    strip_comments,
)
from studio.prompt.schedule import Reading, Schedule, Timeline, read_schedule

_KINDS = {"lora": "lora", "lyco": "lora"}


@dataclass(frozen=True, slots=True)
class PlanPart:
    """One of the prompts that AND combines: its share of the guidance (±10), and what it says at which
    step."""

    weight: float
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class NetworkUse:
    """`<lora:name:te:unet:dyn>`: strengths (±10) in text encoder and UNet; `dyn` cuts to that rank when
    given."""

    kind: str
    name: str
    te: float = 1.0
    unet: float = 1.0
    dyn: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The prompts of one pass. `steps` is what the schedules count: twice the steps for a second-order
    sampler.

    The guidance is `negative + scale * sum(weight * (part - negative))` over the positive parts. Texts still
    hold their attention brackets, for `parse_emphasis(text, plan.emphasis)`.
    """

    steps: int
    emphasis: Emphasis
    positive: tuple[PlanPart, ...]
    negative: Schedule
    networks: tuple[NetworkUse, ...]
    warnings: tuple[str, ...]


def plan(
    prompt: str,
    negative: str,
    steps: int,
    *,
    hires_steps: int | None = None,
    second_order: bool = False,
    emphasis: Emphasis = "original",
) -> Plan:
    """Reads both prompts of a recipe for its first pass, or with `hires_steps` for its second.

    Comments go first, then extra networks (of the prompt only), then AND (of the prompt only), then
    schedules. `second_order`: the sampler asks the model twice a step (Heun, DPM2, DPM++ SDE, DPM++ 2S a),
    and A1111 counts each time as a step. Never raises; what may surprise the painter is said in `warnings`.
    """
    calls = 2 if second_order else 1
    timeline = Timeline(steps * calls, None if hires_steps is None else hires_steps * calls)
    text, found = extract_networks(strip_comments(prompt).strip())
    parts = [(weight, read_schedule(part, timeline)) for part, weight in split_and(text)]
    unwanted_text = strip_comments(negative).strip()
    unwanted = read_schedule(unwanted_text, timeline)
    uses = [_use(kind, network) for kind, networks in found.items() for network in networks]
    positive = tuple(PlanPart(hold(weight), reading.entries()) for weight, reading in parts)
    entries = unwanted.entries()
    warnings: list[str] = [warning for _, notes in uses for warning in notes]
    for reading, schedule in zip(
        [*(reading for _, reading in parts), unwanted],
        [*(part.schedule for part in positive), entries],
        strict=True,
    ):
        warnings += _schedule_warnings(reading)
        if emphasis != "none":
            warnings += _attention_warnings({said for _, said in schedule})
    warnings += _weight_warnings(weight for weight, _ in parts)
    warnings += _negative_warnings(unwanted_text)
    return Plan(
        timeline.steps,
        emphasis,
        positive,
        entries,
        tuple(use for use, _ in uses if use is not None),
        tuple(dict.fromkeys(warnings)),
    )


def _use(kind: str, network: Network) -> tuple[NetworkUse | None, list[str]]:
    """The network to load, if it is one, and what was wrong with how it was written."""
    written = f"<{kind}:{':'.join(network['items'])}>"[:80]
    positional, named = network["positional"], network["named"]
    if kind not in _KINDS:
        return None, [
            f"{written} is ignored: there are no networks of the kind “{kind[:40]}” here, only lora."
        ]
    name = positional[0].strip() if positional else ""
    if not name:
        return None, [f"{written} is ignored: it names no file. Write <lora:name:0.8>."]
    te, bad_te = _strength(named.get("te", _at(positional, 1)), 1.0)
    unet, bad_unet = _strength(named.get("unet", _at(positional, 2)), te)
    dyn, bad_dyn = _rank(named.get("dyn", _at(positional, 3)))
    bad = [word for word in (bad_te, bad_unet, bad_dyn) if word is not None]
    notes = [f"In {written}, “{word[:40]}” is not a number that can be used." for word in bad]
    if abs(te) > WEIGHT_LIMIT or abs(unet) > WEIGHT_LIMIT:
        notes.append(f"{written}: strengths beyond ±{WEIGHT_LIMIT:g} count as ±{WEIGHT_LIMIT:g}.")
    return NetworkUse(_KINDS[kind], name, hold(te), hold(unet), dyn), notes


def _at(items: list[str], place: int) -> str | None:
    return items[place] if place < len(items) else None


def _strength(word: str | None, default: float) -> tuple[float, str | None]:
    """The number, or the default and the word that is none."""
    if word is None:
        return default, None
    try:
        number = float(word)
    except ValueError:
        return default, word
    return (number, None) if math.isfinite(number) else (default, word)


def _rank(word: str | None) -> tuple[int | None, str | None]:
    if word is None:
        return None, None
    digits = word.strip()
    rank = int(digits) if digits.isdecimal() and len(digits) <= 6 else 0
    return (rank, None) if rank > 0 else (None, word)


def _schedule_warnings(reading: Reading) -> Iterator[str]:
    if reading.literal == "bar":
        yield "A | outside of a complete [a|b] switches off every [a:b:when] and [a|b] of its prompt."
    if reading.literal == "backslash":
        yield "A backslash at the end of a line switches off every [a:b:when] and [a|b] of its prompt."
    for edit in reading.edits:
        if edit.until >= reading.steps:
            number = edit.when[:20]
            weight = f" For a weight write (…:{number})." if "." in number else ""
            yield f"[…:{number}] is a schedule whose last text never appears: the steps end before.{weight}"


def _attention_warnings(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        pieces = parse_attention(text)
        if any(piece == "BREAK" and not is_break(piece, weight) for piece, weight in pieces):
            yield "BREAK inside of brackets is no break but a word of negative weight: close them before it."
        yield from _weight_warnings(weight for _, weight in pieces)


def _weight_warnings(weights: Iterable[float]) -> Iterator[str]:
    if any(abs(weight) > WEIGHT_LIMIT for weight in weights):
        yield f"Weights beyond ±{WEIGHT_LIMIT:g} count as ±{WEIGHT_LIMIT:g}."


def _negative_warnings(text: str) -> Iterator[str]:
    if set(extract_networks(text)[1]) & set(_KINDS):
        yield "A <lora:…> in the negative prompt is read as plain words: write it into the prompt."
    if len(split_and(text)) > 1:
        yield "AND in the negative prompt is a plain word: only the prompt can be split."
