"""Looking at the desk: what a picture holds (faces, lines), told at once and never stored.

No row, no file: an answer is for who asked, and is forgotten. Looks wait in one line between the jobs, the
painters by turns.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from studio.errors import LimitReached, StudioError

WAITING = 4  # looks a painter may have in line


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen: plain values, and pictures by name."""

    found: Mapping[str, Any]
    blobs: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Look:
    """A picture to look at, for what (`painting.look.LOOKS`), and who is to be answered."""

    number: int
    painter: str
    kind: str
    blobs: Mapping[str, bytes]
    answer: Future[Seen | None] = field(default_factory=Future[Seen | None])

    @property
    def asked(self) -> dict[str, Any]:
        """What the worker is told."""
        return {"do": "look", "job": f"look-{self.number}", "kind": self.kind}

    def heard(self, event: str, said: Mapping[str, Any], blobs: Mapping[str, bytes]) -> bool:
        """Takes the worker's answer, if it is one. Raises `TypeError` for one that makes no sense."""
        if event != "seen":
            return False
        found = said.get("found")
        if not isinstance(found, dict):
            raise TypeError("nothing found")
        self.give(Seen(found, dict(blobs)))
        return True

    def give(self, seen: Seen | None) -> None:
        """Answers, unless that was done before."""
        if not self.answer.done():
            self.answer.set_result(seen)

    def refuse(self, error: StudioError) -> None:
        """Answers with a sentence, unless that was done before."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Looks:
    """What waits to be looked at. Safe from any thread; `ring` is called when something came."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._lock = threading.Lock()
        self._waiting: list[Look] = []
        self._served: dict[str, int] = {}
        self._number = 0
        self._closed = False

    def put(self, kind: str, picture: bytes, painter: str) -> Future[Seen | None]:
        """Takes a picture in line; the answer is None when the studio closes. Raises `LimitReached`."""
        with self._lock:
            self._waiting = [look for look in self._waiting if not look.answer.done()]
            if sum(look.painter == painter for look in self._waiting) >= WAITING:
                raise LimitReached("Several of your pictures are being looked at; wait a moment.")
            self._number += 1
            look = Look(self._number, painter, kind, {"picture": picture})
            if self._closed:
                look.give(None)
            else:
                self._waiting.append(look)
        self._ring()
        return look.answer

    def take(self) -> Look | None:
        """The next look, of who was served longest ago; those nobody waits for any more are dropped."""
        with self._lock:
            self._waiting = [look for look in self._waiting if not look.answer.done()]
            if not self._waiting:
                return None
            first = min(self._waiting, key=lambda look: (self._served.get(look.painter, 0), look.number))
            self._waiting.remove(first)
            here = {look.painter for look in self._waiting}
            self._served = {who: turn for who, turn in self._served.items() if who in here}
            self._served[first.painter] = first.number
            return first

    def close(self) -> None:
        """Nobody is answered any more."""
        with self._lock:
            self._closed, left = True, self._waiting
            self._waiting = []
        for look in left:
            look.give(None)
