"""The pace of a stage: how long, how fast, and by which rule its weights move."""

from __future__ import annotations

import math
from dataclasses import dataclass

_WARM_LONGEST = 0.1  # of the time


@dataclass(frozen=True, slots=True)
class Pace:
    """How a stage's time is used. `minutes` is wall-clock training time, resumed runs counted in."""

    minutes: float
    rate: float = 5e-4
    warmup: int = 200  # steps
    decay_from: float = 0.6  # of the time; cosine from here
    floor: float = 0.05  # of `rate`, at the end
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    clip: float = 1.0
    decay: float = 0.9995  # of the moving average, after its own warm-up (1+n)/(10+n)
    half: bool = True  # bfloat16 autocast, where the hardware has it
    orthogonal: bool = False  # Muon for matrices and convolutions
    checkpoint_seconds: float = 120.0
    sheet_seconds: float = 300.0


def rate_factor(pace: Pace, lap_step: int, fraction: float) -> float:
    """The learning rate's factor: linear warm-up in steps, then constant, then cosine to `floor` in time.

    On a slow machine the warm-up ends after a tenth of the time, however few steps that was.
    """
    warm = min(1.0, max((lap_step + 1) / max(1, pace.warmup), fraction / _WARM_LONGEST))
    if fraction <= pace.decay_from:
        return warm
    x = min(1.0, (fraction - pace.decay_from) / max(1e-9, 1.0 - pace.decay_from))
    return warm * (pace.floor + (1.0 - pace.floor) * 0.5 * (1.0 + math.cos(math.pi * x)))
