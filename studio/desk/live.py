"""Live painting at the desk: one slot for each painter, in which the newest canvas replaces the one before.

No row, no picture in the gallery: a frame that nobody waits for any more is forgotten. A slot is a lease: who
has not moved the pen for `LEASE_SECONDS` gives her place to the next. Where one painter draws in two windows,
the newer takes the slot over, and the older is told so until the pen rests in the newer.
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
ELSEWHERE = "You are drawing live in another window. When the pen rests there, draw on here."


@dataclass(frozen=True, slots=True)
class Frame:
    """A painted frame: JPEG bytes, the steps it took, its seconds, whether nothing had changed, and whether
    the safety checker had it blurred."""

    jpeg: bytes
    steps: int
    seconds: float
    same: bool
    veiled: bool = False


@dataclass(frozen=True, slots=True)
class Canvas:
    """What waits in a slot: a recipe with its pictures by digest, whether the safety checker shall see what
    becomes of it, and who is to be answered.

    The answer is a `Frame`, None when a newer canvas took the place, or a `StudioError`.
    """

    number: int
    painter: str
    window: str
    recipe: str
    blobs: Mapping[str, bytes]
    checked: bool = False
    answer: Future[Frame | None] = field(default_factory=Future[Frame | None])

    @property
    def asked(self) -> dict[str, Any]:
        """What the worker is told."""
        return {"do": "live", "job": f"live-{self.number}", "recipe": self.recipe, "checked": self.checked}

    def heard(self, event: str, said: Mapping[str, Any], blobs: Mapping[str, bytes]) -> bool:
        """Takes the worker's answer, if it is one. Raises `TypeError` or `ValueError` for nonsense."""
        if event != "still":
            return False
        steps, seconds = int(said.get("i", 0)), float(said.get("seconds", 0.0))
        same, veiled = bool(said.get("same")), bool(said.get("veiled"))
        self.give(Frame(blobs.get("jpeg", b""), steps, seconds, same, veiled))
        return True

    def give(self, frame: Frame | None) -> None:
        """Answers, unless that was done before."""
        if not self.answer.done():
            self.answer.set_result(frame)

    def refuse(self, error: StudioError) -> None:
        """Answers with a sentence, unless that was done before."""
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(frozen=True, slots=True)
class Lease:
    """Which window of a painter's holds her slot, when its pen moved last, and whom it took the slot from."""

    window: str
    moved: float
    before: frozenset[str] = frozenset()

    def at(self, window: str, now: float) -> Lease:
        """The lease after the pen moved in a window. Raises `LimitReached` in one that it was taken from."""
        if window in self.before:
            raise LimitReached(ELSEWHERE)
        return Lease(window, now, self.before | ({self.window} if window != self.window else frozenset()))


class Slots:
    """The slots of everybody who paints live. Safe from any thread; `ring` is called when one was filled."""

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        checked: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`checked`: whose frames the safety checker sees."""
        self._limits, self._clock, self._checked = limits, clock, checked
        self._lock = threading.Lock()
        self._waiting: dict[str, Canvas] = {}
        self._leases: dict[str, Lease] = {}  # by painter
        self._served: dict[str, int] = {}
        self._number = 0
        self._hand: Canvas | None = None
        self._hurried: set[str] = set()  # whose frame in hand was ended, and who saw none since
        self.ring: Callable[[], None] = _nobody

    def put(
        self, recipe: Recipe, painter: str, blobs: Mapping[str, bytes], window: str = ""
    ) -> Future[Frame | None]:
        """Lays the newest canvas into the painter's slot. The one of hers in hand ends at its next step, but
        not two of them in a row: where frames take longer than strokes, she would see none.

        Raises `LimitReached` for a recipe beyond the limits, when as many others as may paint live do so, and
        while she draws in a newer window than this.
        """
        check_request([recipe], self._limits)
        now = self._clock()
        with self._lock:
            self._leases = {w: held for w, held in self._leases.items() if now - held.moved < LEASE_SECONDS}
            if painter not in self._leases and len(self._leases) >= self._limits.live:
                raise LimitReached(
                    f"{len(self._leases)} painters are drawing live just now; press Paint, or try again soon."
                )
            held = self._leases.get(painter)
            self._leases[painter] = held.at(window, now) if held else Lease(window, now)
            self._number += 1
            canvas = Canvas(
                self._number, painter, window, recipe.to_json(), dict(blobs), self._checked(painter)
            )
            overtaken = self._overtaken(painter, window)
            self._waiting[painter] = canvas
        canvas.answer.add_done_callback(lambda answer: self._seen(painter, answer))
        for before in overtaken:
            if before.window == window:
                before.give(None)
            else:
                before.refuse(LimitReached(ELSEWHERE))
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
            self._served = {who: turn for who, turn in self._served.items() if who in self._leases}
            self._served[painter] = self._hand.number
            return self._hand

    def rest(self, painter: str, window: str = "") -> None:
        """The painter's pen rests: her slot is empty and her place free; a frame in hand is not answered.

        Nothing happens where another window of hers holds the slot.
        """
        with self._lock:
            held = self._leases.get(painter)
            if held is not None and held.window != window:
                return
            self._leases.pop(painter, None)
            self._hurried.discard(painter)
            gone = self._hers(painter)
            self._waiting.pop(painter, None)
        for canvas in gone:
            canvas.give(None)

    def _overtaken(self, painter: str, window: str) -> list[Canvas]:
        """The painter's canvases that a newer one ends."""
        gone, hand = self._hers(painter), self._hand
        if hand is None or hand.painter != painter or hand.window != window or hand.answer.done():
            return gone
        if painter in self._hurried:
            return [one for one in gone if one is not hand]
        self._hurried.add(painter)
        return gone

    def _seen(self, painter: str, answer: Future[Frame | None]) -> None:
        """Remembers that the painter saw a frame."""
        if not answer.cancelled() and answer.exception() is None and answer.result() is not None:
            with self._lock:
                self._hurried.discard(painter)

    def _hers(self, painter: str) -> list[Canvas]:
        """The painter's canvases that wait or are in hand."""
        both = (self._waiting.get(painter), self._hand)
        return [one for one in both if one is not None and one.painter == painter]

    def close(self) -> None:
        """Nobody is answered any more."""
        with self._lock:
            left = [*self._waiting.values(), *([self._hand] if self._hand else [])]
            self._waiting.clear()
        for canvas in left:
            canvas.give(None)


def _nobody() -> None:
    """Nobody listens yet."""
