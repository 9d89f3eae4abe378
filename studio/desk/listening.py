"""Listening to one request, from a thread or from asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from typing import Self

from studio.desk.board import Board
from studio.desk.events import JobEvent


class Listening:
    """The news of a group, in order, for one reader: `for` in a thread, or `async for` in a running loop.

    Who is slow gets the newest step, not all of them. It may be dropped at any time: nothing is lost by that,
    and the number of the last event seen continues it elsewhere.
    """

    def __init__(self, board: Board, group: str, painter: str, since: int) -> None:
        self._board, self._since = board, since
        self._news: deque[JobEvent] = deque()
        self._over = False
        self._bell = threading.Event()
        self._loop: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._group = board.attach(group, painter, self)

    def ring(self) -> None:
        """There is news: wakes the reader, from any thread."""
        self._bell.set()
        if self._loop is not None:
            loop, bell = self._loop
            with suppress(RuntimeError):  # the loop has ended, and whoever listened in it
                loop.call_soon_threadsafe(bell.set)

    def _next(self) -> JobEvent | None:
        """The next event that is already there."""
        if not self._news and not self._over:
            found, self._over = self._board.news(self._group, self._since)
            self._news.extend(found)
        if not self._news:
            return None
        event = self._news.popleft()
        self._since = event.n
        return event

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> JobEvent:
        while True:
            self._bell.clear()
            event = self._next()
            if event is not None:
                return event
            if self._over:
                raise StopIteration
            self._bell.wait()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> JobEvent:
        if self._loop is None:
            self._loop = (asyncio.get_running_loop(), asyncio.Event())
        bell = self._loop[1]
        while True:
            bell.clear()
            event = self._next()
            if event is not None:
                return event
            if self._over:
                raise StopAsyncIteration
            await bell.wait()
