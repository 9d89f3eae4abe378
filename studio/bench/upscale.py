"""Seconds and peak memory of the Upscale step by the size of what comes out, beside RealESRGANer's seconds.

The network has the shape of Real-ESRGAN's general-x4v3 and random weights: arithmetic takes as long. The
original cuts tiles of 512 pixels, as its authors advise where memory is short.
"""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from studio.bench import originals
from studio.bench.memory import spent
from studio.bench.parity import ENHANCE, Net, sample
from studio.bench.report import Report
from studio.models.library import Library
from studio.models.manager import Models
from studio.post.tools import Tools
from studio.post.upscale import Upscale
from studio.settings import Settings

SIZES = (1, 4, 16, 64)  # megapixels
SCALE, DEPTH, WIDTH, TILE = 4, 32, 64, 512


def run(settings: Settings, largest: float = 4) -> Report:
    """Measure up to `largest` megapixels.

    `peak_ratio`: the peak at the largest over that at 4; `speed`: RealESRGANer's seconds over ours.
    """
    import numpy as np
    from PIL import Image

    rows: list[tuple[Any, ...]] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder))
        tools = Tools(Library(Path(folder)), Models(settings.device), lambda: None)
        step = Upscale(model=path.stem, scale=SCALE)
        step(Image.fromarray(sample(32, 32)[..., :3]), tools)
        for megapixels in [size for size in SIZES if size <= largest]:
            side = round((megapixels * 1e6) ** 0.5) // SCALE
            pixels = np.ascontiguousarray(sample(side, side)[..., :3])
            use = spent(lambda pixels=pixels: step(Image.fromarray(pixels), tools))
            theirs = _theirs(path, pixels, notes)
            rows.append((megapixels, use.seconds, use.bytes / 2**20, use.device_bytes / 2**20, theirs))
    figures = {"peak_MB": rows[-1][2]}
    if len(rows) > 2:
        figures["peak_ratio"] = rows[-1][2] / rows[1][2]
    if rows[-1][4]:
        figures["speed"] = rows[-1][4] / rows[-1][1]
    columns = ("megapixels", "seconds", "peak MB", "device MB", "RealESRGANer's seconds")
    return Report("upscale", columns, tuple(rows), figures, tuple(dict.fromkeys(notes)))


def written(folder: Path) -> Path:
    """A file of random weights in the layout of realesr-general-x4v3, in the folder's upscalers."""
    import torch

    drawn = torch.Generator().manual_seed(0)
    channels = [3, *[WIDTH] * (DEPTH + 1), 3 * SCALE * SCALE]
    state: dict[str, torch.Tensor] = {}
    for n, (into, out) in enumerate(pairwise(channels)):
        state[f"body.{2 * n}.weight"] = torch.randn(out, into, 3, 3, generator=drawn) / (9 * into) ** 0.5
        state[f"body.{2 * n}.bias"] = torch.zeros(out)
        if n <= DEPTH:
            state[f"body.{2 * n + 1}.weight"] = torch.full((WIDTH,), 0.8)
    path = folder / "upscalers" / "bench-x4.pth"
    path.parent.mkdir()
    torch.save({"params": state}, path)
    return path


def _theirs(path: Path, pixels: Any, notes: list[str]) -> float:
    """The original's seconds for the same picture; 0 where it cannot be run."""
    said = Net("compact", SCALE, DEPTH).said([path], tile=TILE)
    try:
        return float(originals.run(ENHANCE, {**said, "picture": pixels})["seconds.picture"])
    except originals.NoOriginals as error:
        notes.append(str(error))
        return 0.0
