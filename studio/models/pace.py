"""How fast this machine multiplies: what a model's seconds are guessed from before anything was painted here.

One product of two matrices is timed once and kept beside the studio's data. It says what the processor does;
where a graphics card would do the work, nothing is guessed until the card has painted.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from studio.images import write_file

FILE = "pace.json"
SIDE = 1024  # of the matrices: 10⁹ multiply-adds, some hundredths of a second
TRIES = 3
SHARE = (
    0.4  # of a plain product's speed that a whole network reaches, with its memory traffic and small layers
)


def has_card(device: str) -> bool:
    """Whether a graphics card will do the work, as far as can be told without torch."""
    if device != "auto":
        return device != "cpu"
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    return apple or shutil.which("nvidia-smi") is not None


def pace(folder: Path, device: str = "auto", product: Callable[[], float] | None = None) -> float | None:
    """10⁹ multiply-adds a second of a network here; None where only painting can tell.

    `product` gives the seconds of one product. It is timed once for a machine.
    """
    if has_card(device):
        return None
    machine = f"{platform.node()} {platform.machine()} {os.cpu_count()}"
    path = folder / FILE
    try:
        kept = json.loads(path.read_text("utf-8"))
        if kept["machine"] == machine and kept["pace"] > 0:
            return float(kept["pace"])
    except (OSError, ValueError, LookupError, TypeError):
        pass
    found = SHARE * SIDE**3 / 1e9 / min((product or _product)() for _ in range(TRIES))
    write_file(path, json.dumps({"machine": machine, "pace": found}).encode())
    return found


def _product() -> float:
    """Seconds of one product of two matrices."""
    import numpy as np

    one = np.ones((SIDE, SIDE), np.float32)
    began = time.perf_counter()
    np.matmul(one, one)
    return time.perf_counter() - began
