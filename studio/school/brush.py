"""The sheet a sprite is drawn on: four coverage planes and the few strokes that all drawings are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

INK, LEAF, BODY, LINE = 0, 1, 2, 3
FINE = 16


@dataclass(frozen=True, slots=True)
class Sheet:
    """Four uint8 planes (H, W); the point (0, 0) of a drawing is the middle of the lower edge, y grows
    upwards.
    """

    planes: tuple[NDArray[np.uint8], ...]
    unit: float

    @staticmethod
    def blank(height: int, width: int) -> Sheet:
        """An empty sheet; one unit is its height."""
        planes = tuple(np.zeros((height, width), np.uint8) for _ in range(4))
        return Sheet(planes, float(height))

    def _pixel(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        rows, columns = self.planes[0].shape
        x = columns / 2 + points[:, 0] * self.unit
        y = rows - points[:, 1] * self.unit
        return np.round(np.stack([x, y], 1) * FINE).astype(np.int32)

    def stroke(
        self,
        plane: int,
        points: Sequence[tuple[float, float]],
        width: float,
        end: float = -1.0,
        tone: int = 255,
    ) -> None:
        """A line through `points` that tapers from `width` to `end` (both in units of the sheet)."""
        path = _smooth(np.array(points, np.float64))
        pixels = self._pixel(path)
        last = width if end < 0 else end
        for i in range(len(pixels) - 1):
            t = i / max(1, len(pixels) - 2)
            thick = max(1, round((width + (last - width) * t) * self.unit))
            a, b = pixels[i], pixels[i + 1]
            cv2.line(
                self.planes[plane],
                (int(a[0]), int(a[1])),
                (int(b[0]), int(b[1])),
                tone,
                thick,
                cv2.LINE_AA,
                4,
            )

    def fill(self, plane: int, points: Sequence[tuple[float, float]], tone: int = 255) -> None:
        """A filled polygon."""
        pixels = self._pixel(np.array(points, np.float64))
        cv2.fillPoly(self.planes[plane], [pixels], tone, cv2.LINE_AA, 4)

    def dab(self, plane: int, at: tuple[float, float], radii: tuple[float, float], tone: int = 255) -> None:
        """A filled ellipse."""
        centre = self._pixel(np.array([at], np.float64))[0]
        axes = (max(1, round(radii[0] * self.unit * FINE)), max(1, round(radii[1] * self.unit * FINE)))
        place = (int(centre[0]), int(centre[1]))
        cv2.ellipse(self.planes[plane], place, axes, 0, 0, 360, tone, -1, cv2.LINE_AA, 4)

    def rim(
        self, at: tuple[float, float], radii: tuple[float, float], arc: tuple[float, float], width: float
    ) -> None:
        """An elliptic arc on the line plane, angles in degrees clockwise from the right."""
        centre = self._pixel(np.array([at], np.float64))[0]
        axes = (max(1, round(radii[0] * self.unit * FINE)), max(1, round(radii[1] * self.unit * FINE)))
        thick = max(1, round(width * self.unit))
        place = (int(centre[0]), int(centre[1]))
        cv2.ellipse(self.planes[LINE], place, axes, 0, arc[0], arc[1], 255, thick, cv2.LINE_AA, 4)

    def cropped(self) -> NDArray[np.uint8]:
        """The drawing as (h, w, 4) without empty margins; its lowest row is where it stands."""
        stack = np.stack(self.planes, -1)
        used = stack.max(-1) > 8
        rows, columns = np.flatnonzero(used.any(1)), np.flatnonzero(used.any(0))
        return np.ascontiguousarray(stack[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _smooth(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Catmull-Rom through the given points; two points stay a straight line."""
    if len(points) < 3:
        return np.linspace(points[0], points[-1], 7)
    padded = np.concatenate([[2 * points[0] - points[1]], points, [2 * points[-1] - points[-2]]])
    t = np.linspace(0, 1, 6)[:-1, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False)
    ]
    return np.concatenate([*pieces, points[-1:]])
