"""How much each painter had of something within the last hour, in memory, to the minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_MINUTE, _MINUTES = 60.0, 60


class Meter:
    """Amounts by painter. Safe from any thread; what is an hour old is forgotten, with whom it was."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._had: dict[int, dict[str, float]] = {}  # minute -> painter -> amount

    def add(self, painter: str, amount: float) -> None:
        """Counts so much more."""
        with self._lock:
            minute = self._forget()
            had = self._had.setdefault(minute, {})
            had[painter] = had.get(painter, 0.0) + amount

    def had(self, painter: str) -> float:
        """How much she had within the last hour."""
        with self._lock:
            self._forget()
            return sum(had.get(painter, 0.0) for had in self._had.values())

    def _forget(self) -> int:
        minute = int(self._clock() // _MINUTE)
        self._had = {then: had for then, had in self._had.items() if then > minute - _MINUTES}
        return minute
