"""What a benchmark brings back: one table to read, one JSON to compare."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from studio import __version__

Tell = Callable[[str], None]


def silent(_: str) -> None:
    """Nobody waits for the lines."""


@dataclass(frozen=True, slots=True)
class Report:
    """A table, and under `figures` the numbers a promise is held against."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    figures: dict[str, Any] = field(default_factory=dict[str, Any])
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: the report, its figures at the top level, and the machine it was measured on."""
        return {**asdict(self), **self.figures, "machine": machine()}

    def table(self) -> str:
        """The table as aligned text."""
        cells = [self.columns, *[tuple(shown(cell) for cell in row) for row in self.rows]]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells
        ]
        figures = [f"{name}: {shown(value)}" for name, value in self.figures.items()]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], "", *figures, *self.notes])


def shown(value: Any) -> str:
    """A cell's text: four significant digits are enough for the eye."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def line(columns: Sequence[str], row: Sequence[Any]) -> str:
    """A row by itself, for whoever watches the table grow."""
    return ", ".join(f"{column} {shown(cell)}" for column, cell in zip(columns, row, strict=True))


def machine() -> dict[str, Any]:
    """What was measured on, without a host's name."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "studio": __version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "load": load,
    }


def median(values: Sequence[float]) -> float:
    """The middle of the values."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def median_interval(values: Sequence[float], draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """The 95 % bootstrap interval of the median (Efron 1979), from a fixed seed."""
    import numpy as np

    sample = np.asarray(values)
    picks = np.random.default_rng(seed).integers(0, len(sample), (draws, len(sample)))
    low, high = np.quantile(np.median(sample[picks], axis=1), [0.025, 0.975])
    return float(low), float(high)
