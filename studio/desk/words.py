"""What a worker says about a job, checked: one that lost its mind costs itself and not the studio."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST = 2**31
NO_PICTURE = "The painter ended without a picture. Please try again."


@dataclass(frozen=True, slots=True)
class Word:
    """One event, each field as plain as it claims to be.

    `seconds` is what the picture took without loading; None when it was not really painted (all remembered).
    `warnings` are what the painter should know of her finished picture: a LoRA that is not there, and such.
    """

    event: str
    cold: bool
    models: tuple[str, ...]
    stage: str
    i: int
    n: int
    seconds: float | None
    error: str
    sentence: str
    warnings: tuple[str, ...]


def word_of(said: Mapping[str, Any]) -> Word:
    """The event in a frame's header. Raises `ValueError` or `TypeError` for what no worker of ours says."""
    return Word(
        event=_text(said.get("event", "")),
        cold=bool(said.get("cold")),
        models=tuple(_text(name) for name in said.get("models", ())),
        stage=_text(said.get("stage", "")),
        i=_count(said.get("i", 0)),
        n=_count(said.get("n", 1)),
        seconds=_painting_seconds(said.get("facts") or {}),
        error=_text(said.get("error", "StudioError")),
        sentence=_text(said.get("sentence", NO_PICTURE)),
        warnings=_warnings(said.get("facts") or {}),
    )


def _text(value: Any) -> str:
    """Text that tables and pages can hold: JSON can spell half of a surrogate pair."""
    if not isinstance(value, str):
        raise TypeError("no text")
    return value.encode("utf-8", "replace").decode("utf-8")


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < MOST:
        raise ValueError("no count")
    return value


def _warnings(facts: Any) -> tuple[str, ...]:
    found = facts.get("warnings") if isinstance(facts, dict) else None
    return tuple(_text(warning)[:400] for warning in found[:8]) if isinstance(found, list) else ()


def _painting_seconds(facts: Any) -> float | None:
    seconds = facts.get("seconds") if isinstance(facts, dict) else None
    if not isinstance(seconds, dict) or not seconds.get("denoise"):
        return None
    taken = math.fsum(float(value) for stage, value in seconds.items() if stage != "load")
    if not 0 <= taken < MOST:
        raise ValueError("no time")
    return taken
