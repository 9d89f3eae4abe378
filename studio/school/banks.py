"""Banks of noise and brush texture, drawn once per process and sampled by every picture.

All banks are 1024 x 1024 (or 4096 long) and tile, so a picture takes a random window and nothing is
synthesised per picture. Strokes come from these finite banks on purpose: texture that repeats can be learnt
by a small model.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 1024
LENGTH = 4096

Texture = NDArray[np.float32]


class Banks(NamedTuple):
    """Tiling textures with values in 0..1; `crag` and `roll` are 1-D, in -1..1."""

    iso: Texture
    cloud: Texture
    hemp: Texture
    axe: Texture
    moss: Texture
    wave: Texture
    crag: Texture
    roll: Texture


@cache
def banks() -> Banks:
    """The banks of this generator version; about a second on first use."""
    rng = np.random.default_rng(20261121)
    return Banks(
        iso=_fractal(rng, 1.15, 1.0),
        cloud=_fractal(rng, 1.75, 2.6),
        hemp=_hemp(rng),
        axe=_axe(rng),
        moss=_moss(rng),
        wave=_wave(rng),
        crag=_line(rng, 1.25, 3),
        roll=_line(rng, 2.0, 2),
    )


def _fractal(rng: np.random.Generator, slope: float, stretch: float) -> Texture:
    """Tiling 1/f^slope noise, longer along x by `stretch`, spread evenly over 0..1 by its normal rank."""
    fy, fx = np.fft.fftfreq(SIDE)[:, None] * SIDE, np.fft.rfftfreq(SIDE)[None] * SIDE
    radius = np.maximum(np.hypot(fy, fx * stretch), 1.0)
    spectrum = np.fft.rfft2(rng.standard_normal((SIDE, SIDE))) / radius**slope
    spectrum[radius < 3.0] *= 0.3
    field = np.fft.irfft2(spectrum, s=(SIDE, SIDE))
    field = (field - field.mean()) / field.std()
    return (1.0 / (1.0 + np.exp(-1.6 * field))).astype(np.float32)


def _line(rng: np.random.Generator, slope: float, lowest: int) -> Texture:
    """Tiling 1-D noise in about -1..1 whose longest wave is LENGTH / lowest / 8 samples."""
    frequency = np.maximum(np.fft.rfftfreq(LENGTH) * LENGTH, 1.0)
    spectrum = np.fft.rfft(rng.standard_normal(LENGTH)) / frequency**slope
    spectrum[frequency < lowest * 8] = 0.0
    field = np.fft.irfft(spectrum, n=LENGTH)
    return np.clip(field / (2.2 * field.std()), -1.2, 1.2).astype(np.float32)


def _stamp(canvas: NDArray[np.uint8], points: NDArray[np.float64], width: int, tone: int) -> None:
    """One polyline, repeated across the seams so that the bank tiles."""
    for dx in (-SIDE, 0, SIDE):
        for dy in (-SIDE, 0, SIDE):
            moved = points + np.array((dx, dy))
            low, high = moved.min(0), moved.max(0)
            if high[0] < -8 or high[1] < -8 or low[0] > SIDE + 8 or low[1] > SIDE + 8:
                continue
            shifted = np.round(moved * 16).astype(np.int32)
            cv2.polylines(canvas, [shifted], False, tone, width, cv2.LINE_AA, 4)


def _hemp(rng: np.random.Generator) -> Texture:
    """Hemp-fibre cun: long, soft, nearly parallel strokes, in loose bundles."""
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    t = np.linspace(0, 1, 7)
    for _ in range(900):
        x, y = rng.uniform(0, SIDE, 2)
        bend, tone = rng.uniform(-7, 7), int(rng.uniform(120, 230))
        for strand in range(int(rng.integers(2, 5))):
            length = rng.uniform(22, 58)
            px = x + strand * rng.uniform(4.5, 7.0) + bend * t**2 + 1.6 * np.sin(t * 5 + x)
            _stamp(
                canvas, np.stack([px, y + rng.uniform(-9, 9) + length * t], 1), 2 if strand % 2 else 1, tone
            )
    return _soft(canvas, 0.6)


def _axe(rng: np.random.Generator) -> Texture:
    """Axe-cut cun: short slanting wedges, dark at the head and dry at the tail."""
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(2600):
        x, y = rng.uniform(0, SIDE, 2)
        length, lean = rng.uniform(9, 24), rng.uniform(0.15, 0.75)
        tone = int(rng.uniform(110, 235))
        for part, width in ((1.0, 1), (0.7, 2), (0.4, 4)):
            end = np.array([[x, y], [x + lean * length * part, y + length * part]])
            _stamp(canvas, end, width, tone)
    return _soft(canvas, 0.7)


def _moss(rng: np.random.Generator) -> Texture:
    """Moss dots and far foliage: clumps of round dabs with clear spaces between."""
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(620):
        x, y = rng.uniform(0, SIDE, 2)
        for _ in range(int(rng.integers(4, 11))):
            at = np.array([[x, y], [x, y]]) + rng.normal(0, (8.5, 3.6))
            _stamp(canvas, at, int(rng.integers(3, 6)), int(rng.uniform(170, 255)))
    return _soft(canvas, 0.5)


def _wave(rng: np.random.Generator) -> Texture:
    """Water: short level strokes with a lift in the middle."""
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    t = np.linspace(0, 1, 9)
    for _ in range(1500):
        x, y = rng.uniform(0, SIDE, 2)
        length = rng.uniform(18, 70)
        py = y - rng.uniform(0.5, 2.5) * np.sin(np.pi * t) + 0.8 * np.sin(t * 9 + x)
        _stamp(canvas, np.stack([x + length * t, py], 1), 1, int(rng.uniform(90, 230)))
    return _soft(canvas, 0.45)


def _soft(canvas: NDArray[np.uint8], sigma: float) -> Texture:
    wrapped = cv2.copyMakeBorder(canvas, 8, 8, 8, 8, cv2.BORDER_WRAP)
    return (cv2.GaussianBlur(wrapped, (0, 0), sigma)[8:-8, 8:-8] / 255.0).astype(np.float32)
