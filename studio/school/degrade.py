"""Real-ESRGAN's second-order degradation (Wang et al. 2021, section 3): a good picture made poor.

Blur, resize, noise and JPEG, twice, with a final sinc filter; noise and JPEG are halved, because ink wash is
soft.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_KERNEL = 21  # taps


@dataclass(frozen=True, slots=True)
class Round:
    """The ranges of one round of the degradation."""

    sharp: float  # probability of no blur
    sigma: tuple[float, float]
    resize: tuple[float, float]
    noise: tuple[float, float]  # standard deviation, of 255
    quality: tuple[int, int]  # JPEG


FIRST = Round(0.1, (0.2, 2.4), (0.5, 1.5), (0.0, 12.0), (55, 98))
SECOND = Round(0.3, (0.2, 1.2), (0.7, 1.2), (0.0, 8.0), (55, 98))
_SINC = 0.1  # probability that a round's blur is a sinc, and 0.8 for the last one (Real-ESRGAN)


def gaussian_kernel(rng: np.random.Generator, sigma: tuple[float, float]) -> np.ndarray:
    """A random isotropic, anisotropic, generalised or plateau-shaped kernel, 21x21, sum 1."""
    along, across = rng.uniform(*sigma, 2)
    if rng.random() < 0.45:
        across = along
    angle = rng.uniform(-np.pi, np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    inverse = np.linalg.inv(turn @ np.diag([along**2, across**2]) @ turn.T)
    axis = np.arange(_KERNEL) - _KERNEL // 2
    grid = np.stack(np.meshgrid(axis, axis), -1).astype(np.float64)
    distance = np.einsum("hwi,ij,hwj->hw", grid, inverse, grid)
    shape = rng.random()
    if shape < 0.7:
        kernel = np.exp(-0.5 * distance)
    elif shape < 0.85:
        kernel = np.exp(-0.5 * distance ** rng.uniform(0.5, 4.0))
    else:
        kernel = 1 / (1 + distance ** rng.uniform(1.0, 2.0))
    return kernel / kernel.sum()


def sinc_kernel(cutoff: float) -> np.ndarray:
    """The circular low-pass filter with ringing, 21x21, sum 1; `cutoff` in radians per pixel."""
    from scipy.special import j1

    axis = np.arange(_KERNEL) - _KERNEL // 2
    radius = np.hypot(*np.meshgrid(axis, axis)).astype(np.float64)
    middle = _KERNEL // 2
    radius[middle, middle] = 1.0
    kernel = cutoff * j1(cutoff * radius) / (2 * np.pi * radius)
    kernel[middle, middle] = cutoff**2 / (4 * np.pi)
    return kernel / kernel.sum()


def _resize(picture: np.ndarray, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    import cv2

    ways = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
    return np.asarray(cv2.resize(picture, (width, height), interpolation=ways[int(rng.integers(3))]))


def _jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    import cv2

    whole = np.clip(picture, 0, 255).round().astype(np.uint8)
    _, encoded = cv2.imencode(".jpg", whole[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))[..., ::-1].astype(np.float32)


def _noise(picture: np.ndarray, rng: np.random.Generator, sigma: float) -> np.ndarray:
    grey = rng.random() < 0.4
    drawn = rng.normal(0.0, sigma, picture.shape[:2] + ((1,) if grey else (3,)))
    if rng.random() < 0.5:  # photon noise: brighter is noisier
        drawn = drawn * np.sqrt(np.clip(picture, 1, 255) / 128)
    return np.asarray(picture + drawn, np.float32)


def _round(picture: np.ndarray, ranges: Round, rng: np.random.Generator) -> np.ndarray:
    import cv2

    if rng.random() > ranges.sharp:
        ringing = rng.random() < _SINC
        kernel = sinc_kernel(rng.uniform(np.pi / 3, np.pi)) if ringing else gaussian_kernel(rng, ranges.sigma)
        picture = np.asarray(cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT))
    scale = rng.uniform(*ranges.resize)
    height, width = picture.shape[:2]
    picture = _resize(picture, max(8, round(width * scale)), max(8, round(height * scale)), rng)
    return _noise(picture, rng, rng.uniform(*ranges.noise))


def degrade(picture: np.ndarray, scale: int, rng: np.random.Generator) -> np.ndarray:
    """uint8 (H, W, 3) -> uint8 (H/scale, W/scale, 3), after two rounds of degradation."""
    import cv2

    height, width = picture.shape[0] // scale, picture.shape[1] // scale
    spoiled = _round(picture.astype(np.float32), FIRST, rng)
    spoiled = _jpeg(spoiled, int(rng.integers(*FIRST.quality)))
    spoiled = _round(spoiled, SECOND, rng)
    ringing = rng.random() < 0.8
    kernel = sinc_kernel(rng.uniform(np.pi / 2, np.pi)) if ringing else np.ones((1, 1))
    if rng.random() < 0.5:
        spoiled = _resize(spoiled, width, height, rng)
        spoiled = np.asarray(cv2.filter2D(spoiled, -1, kernel, borderType=cv2.BORDER_REFLECT))
        spoiled = _jpeg(spoiled, int(rng.integers(*SECOND.quality)))
    else:
        spoiled = _jpeg(spoiled, int(rng.integers(*SECOND.quality)))
        spoiled = _resize(spoiled, width, height, rng)
        spoiled = np.asarray(cv2.filter2D(spoiled, -1, kernel, borderType=cv2.BORDER_REFLECT))
    return np.clip(spoiled, 0, 255).round().astype(np.uint8)


def shrink_cleanly(picture: np.ndarray, scale: int) -> np.ndarray:
    """Bicubic reduction with anti-aliasing, uint8."""
    from PIL import Image

    size = (picture.shape[1] // scale, picture.shape[0] // scale)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC), np.uint8)
