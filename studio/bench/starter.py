"""The shipped painter's figures, computed anew from its weights.

The judge reads 1,000 paintings: how well words are followed, distances to fresh renders,
diversity, copies of training pictures, autoencoders, upscaler, sketches. Resumable. The model card keeps the
figures of the most paintings.
"""

from __future__ import annotations

from typing import Any

from studio.bench.report import Report
from studio.settings import Settings

SAMPLES, FULL = 1000, 5000


def run(settings: Settings, rounds: int = SAMPLES, full: bool = False) -> Report:
    """Judge `rounds` paintings; if `full`, 5,000, which is enough for the Fréchet distance.

    Raises `MissingWeights` when the starter has no judge beside it.
    """
    from studio.school.judge import report

    rounds = FULL if full else rounds
    figures: dict[str, Any] = report(settings.models / "starter", rounds, settings.data / "train" / "report")
    return Report("starter", ("figure", "value"), tuple(flat(figures)), figures)


def flat(figures: dict[str, Any], above: str = "") -> list[tuple[Any, ...]]:
    """Nested figures as rows, named by their path."""
    rows: list[tuple[Any, ...]] = []
    for name, value in figures.items():
        path = f"{above}.{name}" if above else name
        rows += flat(value, path) if isinstance(value, dict) else [(path, value)]
    return rows
