"""How much memory a piece of work takes at its peak, and how long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

EVERY = 0.01  # seconds


@dataclass(slots=True)
class Use:
    """Seconds, and the largest number of bytes beyond those in use before: of the machine, of the device."""

    seconds: float = 0.0
    bytes: int = 0
    device_bytes: int = 0


@contextmanager
def measured() -> Generator[Use]:
    """Measure a block, this process alone. Peaks shorter than 10 ms may be missed."""
    import gc

    import psutil
    import torch

    gc.collect()
    process, use, done = psutil.Process(), Use(), threading.Event()
    before = process.memory_info().rss
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.reset_peak_memory_stats()

    def look() -> None:
        while not done.wait(EVERY):
            use.bytes = max(use.bytes, process.memory_info().rss - before)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    began = time.perf_counter()
    try:
        yield use
    finally:
        use.seconds = time.perf_counter() - began
        done.set()
        watcher.join()
        use.bytes = max(use.bytes, process.memory_info().rss - before)
        use.device_bytes = torch.cuda.max_memory_allocated() if cuda else 0


def spent(work: Callable[[], object]) -> Use:
    """What calling `work` costs; what it gives is dropped."""
    with measured() as use:
        work()
    return use
