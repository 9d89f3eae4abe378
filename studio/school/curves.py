"""Loss curves: lines of JSON as they happen, a PNG to look at, and TensorBoard where it is installed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from studio.school.files import write_bytes

_EVERY = 10  # steps are averaged before they are written
_COLOURS = ((31, 119, 180), (214, 69, 65), (44, 140, 80), (148, 103, 189), (180, 120, 40), (90, 90, 90))


def _tensorboard(folder: Path) -> Any:
    """TensorBoard's writer, or None where it is not installed (it is an extra)."""
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"))


class Curve:
    """The losses of one stage. Lines later than `step` (written before a kill, after the checkpoint) are
    dropped.
    """

    def __init__(self, folder: Path, title: str, step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.title, self.path = folder, title, folder / "curve.jsonl"
        self.rows: list[dict[str, float]] = []
        if self.path.is_file():
            lines = self.path.read_text("utf-8").splitlines()
            self.rows = [row for row in (json.loads(line) for line in lines) if row["step"] <= step]
        self.pending: defaultdict[str, list[float]] = defaultdict(list)
        self.board = _tensorboard(folder)

    def add(self, step: int, losses: Mapping[str, float]) -> None:
        """Note the losses of one step."""
        for name, value in losses.items():
            self.pending[name].append(value)
        if step % _EVERY == 0:
            row = {"step": float(step)} | {k: float(np.mean(v)) for k, v in self.pending.items()}
            self.rows.append(row)
            self.pending.clear()
            if self.board is not None:
                for name, value in row.items():
                    if name != "step":
                        self.board.add_scalar(f"{self.title}/{name.lstrip('_')}", value, step)

    def flush(self) -> None:
        """Write the lines."""
        text = "".join(json.dumps(row) + "\n" for row in self.rows)
        write_bytes(self.path, text.encode())
        if self.board is not None:
            self.board.flush()

    def draw(self) -> None:
        """Write curve.png: one panel per loss, logarithmic where it can be, smoothed in front of the raw
        line.
        """
        from studio.school.sheets import encode_png

        names = sorted({name for row in self.rows for name in row if name != "step"})
        panels = [
            _panel(name, self._series(name), _COLOURS[n % len(_COLOURS)]) for n, name in enumerate(names)
        ]
        if panels:
            write_bytes(self.folder / "curve.png", encode_png(np.concatenate(panels, axis=0)))

    def _series(self, name: str) -> np.ndarray:
        return np.array([(row["step"], row[name]) for row in self.rows if name in row], dtype=np.float64)


def _panel(name: str, series: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """One curve, 640x160 px, uint8."""
    import cv2

    height, width = 160, 640
    panel = np.full((height, width, 3), 252, np.uint8)
    steps, values = series[:, 0], series[:, 1]
    logarithmic = bool((values > 0).all())
    shown = np.log10(values) if logarithmic else values
    smooth = np.array([shown[max(0, n - 12) : n + 1].mean() for n in range(len(shown))])
    low, high = np.percentile(shown, [0, 98]) if len(shown) > 1 else (shown[0] - 1, shown[0] + 1)
    x = (steps - steps[0]) / max(1.0, steps[-1] - steps[0]) * (width - 20) + 10
    for line, tone in ((shown, tuple((c + 500) // 3 for c in colour)), (smooth, colour)):
        y = height - 12 - np.clip((line - low) / max(1e-9, high - low), -0.1, 1.1) * (height - 44)
        points = np.stack([x, y], 1).round().astype(np.int32)
        cv2.polylines(panel, [points], False, tone, 1, cv2.LINE_AA)
    text = (
        f"{name.lstrip('_')}  step {int(steps[-1])}  now {values[-1]:.4g}{'  (log)' if logarithmic else ''}"
    )
    cv2.putText(panel, text, (10, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (60, 60, 60), 1, cv2.LINE_AA)
    return panel
