"""Live painting at the desk: one slot for each painter, in which the newest canvas replaces the one before.

No row, no picture in the gallery: a frame that nobody waits for any more is forgotten. A slot is a lease: who
has not moved the pen for `LEASE_SECONDS` gives her place to the next.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from studio.desk.limits import check_request
from studio.errors import LimitReached, StudioError
from studio.recipe import Recipe
from studio.settings import Limits

LEASE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A painted frame: JPEG bytes, the steps it took, its seconds, and whether nothing had changed."""

    jpeg: bytes
    steps: int
    seconds: float
    same: bool


@dataclass(frozen=True, slots=True)
class Canvas:
    """What waits in a slot: a recipe with its pictures by digest, and who is to be answered.

    The answer is a `Frame`, None when a newer canvas took the place, or a `StudioError`.
    """

    number: int
    painter: str
    recipe: str
    blobs: Mapping[str, bytes]
    answer: Future[Frame | None] = field(default_factory=Future[Frame | None])

    @property
    def asked(self) -> dict[str, Any]:
        """What the worker is told."""
        return {"do": "live", "job": f"live-{self.number}", "recipe": self.recipe}

    def heard(self, event: str, said: Mapping[str, Any], blobs: Mapping[str, bytes]) -> bool:
        """Takes the worker's answer, if it is one. Raises `TypeError` or `ValueError` for nonsense."""
        if event != "still":
            return False
        steps, seconds = int(said.get("i", 0)), float(said.get("seconds", 0.0))
        self.give(Frame(blobs.get("jpeg", b""), steps, seconds, bool(said.get("same"))))
        return True

    def give(self, frame: Frame | None) -> None:
        """Answers, unless that was done before."""
        if not self.answer.done():
            self.answer.set_result(frame)

    def refuse(self, error: StudioError) -> None:
        """Answers with a sentence, unless that was done before."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Slots:
    """The slots of everybody who paints live. Safe from any thread; `ring` is called when one was filled."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._clock = limits, clock
        self._lock = threading.Lock()
        self._waiting: dict[str, Canvas] = {}
        self._moved: dict[str, float] = {}  # painter -> when her pen moved last
        self._served: dict[str, int] = {}
        self._number = 0
        self._hand: Canvas | None = None
        self.ring: Callable[[], None] = _nobody

    def put(self, recipe: Recipe, painter: str, blobs: Mapping[str, bytes]) -> Future[Frame | None]:
        """Lays the newest canvas into the painter's slot; the one of hers in hand ends at its next step.

        Raises `LimitReached` for a recipe beyond the limits, and when as many others as may paint live do so.
        """
        check_request([recipe], self._limits)
        now = self._clock()
        with self._lock:
            self._moved = {who: at for who, at in self._moved.items() if now - at < LEASE_SECONDS}
            if painter not in self._moved and len(self._moved) >= self._limits.live:
                raise LimitReached(
                    f"{len(self._moved)} painters are drawing live just now; press Paint, or try again soon."
                )
            self._moved[painter] = now
            self._number += 1
            canvas = Canvas(self._number, painter, recipe.to_json(), dict(blobs))
            overtaken = [self._waiting.get(painter), self._hand]
            self._waiting[painter] = canvas
        for before in overtaken:
            if before is not None and before.painter == painter:
                before.give(None)
        self.ring()
        return canvas.answer

    def take(self) -> Canvas | None:
        """The canvas of who was served longest ago, if any waits; it is in hand until the next."""
        with self._lock:
            if not self._waiting:
                return None
            painter = min(
                self._waiting, key=lambda who: (self._served.get(who, 0), self._waiting[who].number)
            )
            self._hand = self._waiting.pop(painter)
            self._served = {who: turn for who, turn in self._served.items() if who in self._moved}
            self._served[painter] = self._hand.number
            return self._hand

    def rest(self, painter: str) -> None:
        """The painter's pen rests: her slot is empty and her place free; a frame in hand is not answered."""
        with self._lock:
            self._moved.pop(painter, None)
            gone = [self._waiting.pop(painter, None), self._hand]
        for canvas in gone:
            if canvas is not None and canvas.painter == painter:
                canvas.give(None)

    def close(self) -> None:
        """Nobody is answered any more."""
        with self._lock:
            left = [*self._waiting.values(), *([self._hand] if self._hand else [])]
            self._waiting.clear()
        for canvas in left:
            canvas.give(None)


def _nobody() -> None:
    """Nobody listens yet."""
