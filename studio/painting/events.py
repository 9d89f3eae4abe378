"""What a painting says while it is being made. Plain data: it crosses the pipe between worker and Desk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Started:
    """The worker has taken the job. `cold`: weights must be loaded first; `models`: what for."""

    cold: bool
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """Step `i` of `n` (1-based) of a stage ("load", "text", "denoise", "decode", "hires", "post") is done."""

    stage: str
    i: int
    n: int
    preview: bytes | None = None  # WebP, 3-10 kB


@dataclass(frozen=True, slots=True)
class Picture:
    """The finished picture as PNG bytes, its metadata inside, and the facts of its making."""

    png: bytes
    facts: dict[str, Any] = field(default_factory=dict[str, Any])


Event = Started | Step | Picture
