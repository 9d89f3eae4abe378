"""How much memory a piece of work takes at its peak, and how long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

EVERY = 0.01  # seconds
Made = TypeVar("Made")


@dataclass(slots=True)
class Use:
    """What work cost: seconds, and seconds of processors, which other programs do not lengthen much.

    `bytes`, `device_bytes`: the most beyond what was in use before, of the machine's memory and the device's;
    `peak`: the most that the process held meanwhile.
    """

    seconds: float = 0.0
    processor: float = 0.0
    bytes: int = 0
    device_bytes: int = 0
    peak: int = 0


@contextmanager
def measured() -> Generator[Use]:
    """Measure a block, this process alone. Unless the system keeps it, a peak under 10 ms may be missed."""
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
        use.peak = max(use.peak, process.memory_info().rss)

    def watch() -> None:
        while not done.wait(EVERY):
            look()

    watcher, exact = threading.Thread(target=watch, daemon=True), _forgotten_peak()
    watcher.start()
    began, worked = time.perf_counter(), time.process_time()
    try:
        yield use
    finally:
        use.seconds, use.processor = time.perf_counter() - began, time.process_time() - worked
        done.set()
        watcher.join()
        look()
        use.peak = max(use.peak, _kept_peak() if exact else 0)
        use.bytes = use.peak - before
        use.device_bytes = torch.cuda.max_memory_allocated() if cuda else 0


def _forgotten_peak() -> bool:
    """Has Linux forget this process's peak so far; whether it did."""
    try:
        Path("/proc/self/clear_refs").write_text("5", "ascii")
    except OSError:
        return False
    return True


def _kept_peak() -> int:
    """What Linux remembers of this process's peak."""
    lines = Path("/proc/self/status").read_text("ascii", "replace").splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def spent(work: Callable[[], object]) -> Use:
    """What calling `work` costs; what it gives is dropped."""
    with measured() as use:
        work()
    return use


def apart(work: Callable[..., Made], *given: Any) -> Made:
    """What `work` gives when called in a new process, which has held nothing before and ends after it."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *given).result()
