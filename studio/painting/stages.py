"""Content-addressed results: a stage whose inputs have not changed is not run again.

A stage's key is the SHA-256 of its name, its version, its own arguments and the keys of the stages it
depends on, so a whole painting's keys are known before anything is computed. Results are lazy: asking for
the last stage touches the earlier ones only when it is not there. Each key is computed once even when two
threads ask; the least recently used results go when the budget of bytes is full; a stage that raises,
Stop included, stores nothing.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stage(Generic[T]):
    """One lazy result. `size` tells how many bytes keeping a value costs."""

    key: str
    make: Callable[[], T]
    size: Callable[[T], int]


def key(name: str, version: int, arguments: Mapping[str, Any], *needs: str) -> str:
    """The address of a stage's result, 64 hex digits. `arguments` is plain JSON."""
    said = json.dumps(
        [name, version, arguments, needs], sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return hashlib.sha256(said.encode()).hexdigest()


class Stages:
    """The results that are kept, the most recently used last, within `budget_bytes`."""

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self._kept: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._making: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def has(self, stage: Stage[Any]) -> bool:
        """Whether asking for it costs nothing."""
        with self._lock:
            return stage.key in self._kept

    def get(self, stage: Stage[T]) -> T:
        """The stage's result, made now or kept from before. Whatever `make` raises passes through."""
        found, value = self._find(stage.key)
        if found:
            return value
        with self._lock:
            making = self._making.setdefault(stage.key, threading.Lock())
        with making:
            found, value = self._find(stage.key)
            if found:
                return value
            try:
                value = stage.make()
                self._keep(stage.key, value, stage.size(value))
            finally:
                with self._lock:
                    self._making.pop(stage.key, None)
            return value

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    @property
    def bytes(self) -> int:
        """How many bytes are kept."""
        return self._bytes

    def _find(self, address: str) -> tuple[bool, Any]:
        with self._lock:
            if address not in self._kept:
                return False, None
            self._kept.move_to_end(address)
            return True, self._kept[address][0]

    def _keep(self, address: str, value: Any, size: int) -> None:
        with self._lock:
            if size > self.budget_bytes:
                return
            self._bytes += size - self._kept.pop(address, (None, 0))[1]
            self._kept[address] = (value, size)
            while self._bytes > self.budget_bytes:
                _, (_, freed) = self._kept.popitem(last=False)
                self._bytes -= freed
