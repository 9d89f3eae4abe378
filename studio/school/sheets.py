"""Contact sheets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

_GAP = 4


def encode_png(picture: np.ndarray) -> bytes:
    """uint8 RGB (H, W, 3) -> PNG bytes."""
    import cv2

    _, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()


def to_pixels(batch: torch.Tensor) -> np.ndarray:
    """(B, 3, H, W) in -1..1 -> uint8 (B, H, W, 3)."""
    scaled = (batch.detach().float().clamp(-1, 1) + 1) * 127.5
    return scaled.round().byte().permute(0, 2, 3, 1).cpu().numpy()


def to_batch(pixels: np.ndarray) -> torch.Tensor:
    """uint8 (B, H, W, 3) -> float (B, 3, H, W) in -1..1."""
    return torch.tensor(np.asarray(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def grid(pictures: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """uint8 pictures laid out row by row on white; each cell as large as the largest picture."""
    height = max(p.shape[0] for p in pictures) + _GAP
    width = max(p.shape[1] for p in pictures) + _GAP
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * height + _GAP, columns * width + _GAP, 3), 255, np.uint8)
    for n, picture in enumerate(pictures):
        y, x = n // columns * height + _GAP, n % columns * width + _GAP
        sheet[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return sheet
