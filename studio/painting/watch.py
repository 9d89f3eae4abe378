"""The one door between a painting and whoever waits for it: what happens goes out, Stop comes in."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace

from studio.errors import Stopped
from studio.painting.events import Event, Step

Emit = Callable[[Event], None]
BEAT = 5.0  # seconds between two signs of life


class Watch:
    """Tells each step, stops where it may, and keeps the seconds of every stage."""

    def __init__(self, emit: Emit, stopped: Callable[[], bool]) -> None:
        self.emit = emit
        self.stopped = stopped
        self.seconds: dict[str, float] = {}

    def check(self) -> None:
        """Raises `Stopped` when the painter has pressed Stop."""
        if self.stopped():
            raise Stopped("Stopped.")

    def step(self, stage: str, i: int, n: int, preview: bytes | None = None) -> None:
        """Tell that step `i` of `n` is done, then stop if that was asked for."""
        self.emit(Step(stage, i, n, preview))
        self.check()

    def beat(self, stage: str, i: int, n: int) -> Callable[[], None]:
        """`check` for long work without steps of its own: the worker is not taken for dead meanwhile."""
        told = time.monotonic()

        def check() -> None:
            nonlocal told
            self.check()
            if time.monotonic() - told >= BEAT:
                told = time.monotonic()
                self.emit(Step(stage, i, n))

        return check

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        """Add the seconds of this block to the stage's; nothing starts after Stop."""
        self.check()
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


def unseen(emit: Emit) -> Emit:
    """`emit` without previews: the steps of a picture that nobody may see before it was looked at."""
    return lambda event: emit(replace(event, preview=None) if isinstance(event, Step) else event)


def unwatched() -> Watch:
    """Nobody listens and nobody stops it."""
    return Watch(lambda _: None, lambda: False)
