"""Downloads that somebody pressed for: one after another, going on when the page is closed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from threading import Event, Lock
from typing import Literal

from studio.errors import BadInput, Stopped, StudioError, UnknownName
from studio.models.catalog import Entry, chosen, installed
from studio.models.download import Progress, download
from studio.models.fetch import STRICT, Policy
from studio.models.library import Library

ACTIVE = frozenset({"waiting", "coming"})


@dataclass(frozen=True, slots=True)
class Download:
    """One of them: how far it is (bytes, bytes a second), and why it failed."""

    id: str
    state: Literal["waiting", "coming", "done", "stopped", "failed"] = "waiting"
    done: int = 0
    total: int = 0
    speed: float = 0.0
    sentence: str = ""


class Downloads:
    """Fetches entries of `catalog` into the library's own folder. `close` ends what still comes."""

    def __init__(self, library: Library, catalog: Mapping[str, Entry], policy: Policy = STRICT) -> None:
        self.library, self.catalog = library, catalog
        self._policy = policy
        self._lock = Lock()
        self._known: dict[str, Download] = {}
        self._stops: dict[str, Event] = {}
        self._line = ThreadPoolExecutor(1, thread_name_prefix="download")

    def start(self, name: str, licences: Collection[str]) -> tuple[str, ...]:
        """Put an entry, or all of a group, in line; returns the ids that will come.

        `licences` are the names of the licences that were shown and agreed to. What is here already, or comes
        already, is left out. Raises `UnknownName`, and `BadInput` when a licence was not agreed to.
        """
        wanted = [entry for entry in chosen(self.catalog, name) if installed(entry, self.library) is None]
        for entry in wanted:
            if entry.licence not in licences:
                raise BadInput(f"{entry.title} comes under the licence {entry.licence}; agree to it first.")
        with self._lock:
            fresh = [entry for entry in wanted if self._state(entry.id) not in ACTIVE]
            for entry in fresh:
                self._known[entry.id] = Download(entry.id, total=entry.bytes)
                self._stops[entry.id] = Event()
                self._line.submit(self._fetch, entry, self._stops[entry.id])
        return tuple(entry.id for entry in fresh)

    def stop(self, id: str) -> None:  # noqa: A002
        """End that download; what has come is kept for the next time. Raises `UnknownName`."""
        with self._lock:
            if id not in self._stops:
                raise UnknownName("download", id, self._stops)
            self._stops[id].set()
            if self._known[id].state == "waiting":
                self._known[id] = replace(self._known[id], state="stopped")

    def all(self) -> tuple[Download, ...]:
        """Every download asked for since the start, in the order of the first press."""
        with self._lock:
            return tuple(self._known.values())

    def close(self) -> None:
        """Stop everything and wait until it has stopped."""
        with self._lock:
            for stop in self._stops.values():
                stop.set()
        self._line.shutdown(wait=True, cancel_futures=True)

    def _state(self, id: str) -> str:  # noqa: A002
        return self._known[id].state if id in self._known else ""

    def _fetch(self, entry: Entry, stop: Event) -> None:
        if stop.is_set():
            return

        def report(progress: Progress) -> None:
            self._tell(entry.id, state="coming", **asdict(progress))

        state, sentence = "failed", f"{entry.title} could not be fetched; see the log."
        self._tell(entry.id, state="coming")
        try:
            download(entry, self.library.folder, report, stop.is_set, self._policy)
            self.library.scan()
            state, sentence = "done", ""
        except Stopped as error:
            state, sentence = "stopped", str(error)
        except StudioError as error:
            sentence = str(error)
        finally:
            self._tell(entry.id, state=state, sentence=sentence, speed=0.0)

    def _tell(self, id: str, **news: object) -> None:  # noqa: A002
        with self._lock:
            self._known[id] = replace(self._known[id], **news)  # pyright: ignore[reportArgumentType]
