"""Seconds and peak memory of enlarging by the size of what comes out, beside RealESRGANer's seconds.

The network has the shape of Real-ESRGAN's general-x4v3 and random weights: arithmetic takes as long. The
original cuts tiles of 512 pixels, as its authors advise where memory is short. Every size is measured in a
process of its own, ours and then the original's, each after a corner of the picture has warmed it up.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from studio.bench import memory, originals
from studio.bench.parity import ENHANCE, Net, sample
from studio.bench.report import Report, Tell, line, silent
from studio.models.library import Library
from studio.models.manager import Models
from studio.post.enlarge import loaded, through
from studio.post.tools import Tools
from studio.settings import Settings

SIZES = (1, 4, 16, 64)  # megapixels
SCALE, DEPTH, WIDTH, TILE = 4, 32, 64, 512
WARM = 256  # pixels a side
COLUMNS = ("megapixels", "seconds", "processor s", "peak MB", "device MB", "RealESRGANer's s", "processor s")


def run(settings: Settings, largest: float = 64, sizes: Sequence[float] = (), tell: Tell = silent) -> Report:
    """Measure `sizes` of megapixels, or the usual ones, up to `largest`; each line is told as it comes.

    The peak is the process's, without the pictures in and out. `peak_ratio`: the peak at the largest over
    that at 4; `speed`: RealESRGANer's seconds over ours, all sizes together, and `processor_speed` the same
    of seconds of processors.
    """
    rows: list[tuple[Any, ...]] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder))
        for megapixels in [size for size in sorted(sizes or SIZES) if size <= largest]:
            side = round((megapixels * 1e6) ** 0.5) // SCALE
            use = memory.apart(enlarging, Path(folder), path.stem, side, settings.device)
            theirs = _theirs(path, side, notes)
            ours = (use.seconds, use.processor, use.peak / 2**20, use.device_bytes / 2**20)
            rows.append((megapixels, *ours, *theirs))
            tell(line(COLUMNS, rows[-1]))
    figures = {"peak_MB": rows[-1][3]} if rows else {}
    peaks = {row[0]: row[3] for row in rows}
    if 4 in peaks and max(peaks) > 4:
        figures["peak_ratio"] = peaks[max(peaks)] / peaks[4]
    if rows and all(row[5] for row in rows):
        for name, theirs, ours in (("speed", 5, 1), ("processor_speed", 6, 2)):
            figures[name] = sum(row[theirs] for row in rows) / sum(row[ours] for row in rows)
    return Report("upscale", COLUMNS, tuple(rows), figures, tuple(dict.fromkeys(notes)))


def enlarging(folder: Path, name: str, side: int, device: str) -> memory.Use:
    """The cost of enlarging a square picture by an upscaler of this folder; `peak` without the pictures."""
    import numpy as np

    tools = Tools(Library(folder), Models(device), lambda: None)
    pixels = np.ascontiguousarray(sample(side, side)[..., :3])
    with tools.models.use(loaded(name, tools)) as (net,):
        through(net, pixels[:WARM, :WARM], tools)
        with memory.measured() as use:
            made = through(net, pixels, tools)
    use.peak -= pixels.nbytes + made.nbytes
    return use


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


def _theirs(path: Path, side: int, notes: list[str]) -> tuple[float, float]:
    """The original's seconds for the same picture, and its processors'; 0 where it cannot be run."""
    import numpy as np

    pixels = np.ascontiguousarray(sample(side, side)[..., :3])
    said = Net("compact", SCALE, DEPTH).said([path], tile=TILE)
    try:
        made = originals.run(ENHANCE, {**said, "warm": pixels[:WARM, :WARM], "picture": pixels})
    except originals.NoOriginals as error:
        notes.append(str(error))
        return 0.0, 0.0
    return float(made["seconds.picture"]), float(made["processor.picture"])
