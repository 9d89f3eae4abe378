"""One file of the catalog fetched and put into its place: whole and with the right SHA-256, or not at all.

The catalog's SHA-256 decides, and nothing else that a server says. The name appears by one rename, last.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from studio.errors import DiskFull, DownloadFailed, Stopped
from studio.images import NO_ROOM
from studio.models.catalog import Entry
from studio.models.fetch import STRICT, Answer, Dropped, Policy, Refused, fetch
from studio.models.partial import Partial, claimed, opened

SPARE = 512 * 2**20  # bytes of the disk left to everything else
OFTEN = 0.2  # seconds between two reports
MEMORY = 5.0  # seconds over which the speed is averaged
STATUS = {
    401: "asks for a login",
    403: "does not let us have the file (it may ask for a login, or for its licence to be accepted)",
    404: "does not have the file any more",
    410: "does not have the file any more",
    429: "is asked too often just now; wait a few minutes",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download is: bytes there, bytes in all (0: not known yet), bytes a second (0: not known)."""

    done: int
    total: int
    speed: float = 0.0


Report = Callable[[Progress], None]


class _NotThis(Exception):
    """What the server offers is not the file. The text is the reason; asking again will not help."""


def download(
    entry: Entry, models: Path, report: Report, stopped: Callable[[], bool], policy: Policy = STRICT
) -> Path:
    """Fetch `entry` into the models folder; returns its path. A file that is already there is not asked for.

    `report` is called a few times a second. `stopped` is also called from another thread; what has come by
    then is kept for the next time. Raises `Stopped`; `DiskFull`; and `DownloadFailed`, whose sentence says
    how to put the file there by hand.
    """
    place = entry.place(models)
    try:
        if place.exists():
            return _there(entry, place, stopped)
        place.parent.mkdir(parents=True, exist_ok=True)
        with claimed(place):
            if place.exists():  # somebody fetched it while we came here
                return _there(entry, place, stopped)
            with opened(place, entry.sha256) as part:
                _fill(entry, part, report, stopped, policy)
                _proved(entry, part)
            part.install(place)
    except (Dropped, Refused, _NotThis) as error:
        if stopped():
            raise Stopped(f"{entry.title} was stopped.") from error
        raise DownloadFailed(
            f"{entry.title} could not be fetched: {error}. Try again. {entry.by_hand(models)}"
        ) from error
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFull(f"The disk became full while {entry.title} came. Free some space.") from error
        raise DownloadFailed(
            f"{entry.title} could not be written to {place.parent}: {error.strerror or error}."
        ) from error
    return place


def check_room(folder: Path, needed: int, title: str) -> None:
    """Raises `DiskFull` unless `needed` bytes and a reserve are free where `folder` lies."""
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE:
        raise DiskFull(
            f"{title} needs {_size(needed + SPARE)} free on the disk of {folder} (with a reserve for your "
            f"pictures), and {_size(free)} are free. Free some space, then fetch it again."
        )


def _fill(entry: Entry, part: Partial, report: Report, stopped: Callable[[], bool], policy: Policy) -> None:
    """Ask until everything is there. Every connection takes up what the one before left."""
    if entry.bytes:
        check_room(part.path.parent, max(0, entry.bytes - part.done), entry.title)
    if part.done:
        part.reread(stopped)
    for left in reversed(range(policy.tries)):
        if entry.bytes and part.done == entry.bytes:
            return
        before = part.done
        try:
            if _take(entry, part, report, stopped, policy):
                return
        except Dropped:
            if not left or stopped() or part.done <= before:
                raise
    raise Dropped("its server does not send it whole")


def _take(entry: Entry, part: Partial, report: Report, stopped: Callable[[], bool], policy: Policy) -> bool:
    """One connection's worth. True when the file is complete; False when it must be asked for anew."""
    resume = {"Range": f"bytes={part.done}-", "If-Range": part.etag} if part.done and part.etag else {}
    with fetch(entry.url, resume, policy, stopped) as answer:
        total = _offered(entry, part, answer)
        if total is None:
            part.begin("")
            return False
        check_room(part.path.parent, total - part.done, entry.title)
        pace = _Pace(part.done)
        while part.done < total and (block := answer.read()):
            if not part.done and _is_page(block):
                raise _NotThis(f"{answer.host} sent a web page instead, perhaps to log in on")
            if part.done + len(block) > total:
                part.begin("")
                raise _NotThis(f"{answer.host} sent more than it should")
            part.append(block)
            if stopped():
                raise Stopped(f"{entry.title} was stopped.")
            if pace.due():
                report(Progress(part.done, total, pace.speed(part.done)))
                check_room(part.path.parent, 0, entry.title)
        if part.done < total:
            raise Dropped(f"the connection to {answer.host} broke off after {_size(part.done)}")
        report(Progress(part.done, total, pace.speed(part.done)))
        return True


def _offered(entry: Entry, part: Partial, answer: Answer) -> int | None:
    """The whole length of what the answer brings the rest, or all, of; None when we must begin again.

    Raises `_NotThis` for an answer that cannot be the file, `Dropped` for one that may be better later.
    """
    if answer.status == 416 and part.done:  # nothing is left, or less is there than we have: another file
        whole = answer.header("Content-Range").rpartition("*/")[2]
        return part.done if whole == str(part.done) else None
    if answer.status >= 500 or answer.status == 429:
        raise Dropped(f"{answer.host} {STATUS.get(answer.status, 'has trouble just now')} ({answer.status})")
    if answer.status not in (200, 206):
        raise _NotThis(f"{answer.host} {STATUS.get(answer.status, 'does not give it')} ({answer.status})")
    if "html" in answer.header("Content-Type").lower():
        raise _NotThis(f"{answer.host} sent a web page instead, perhaps to log in on")
    if answer.header("Content-Encoding") not in ("", "identity"):
        raise _NotThis(f"{answer.host} sent it in an encoding that was not asked for")
    if answer.status == 206:
        start, total = _range(answer.header("Content-Range"))
        etag = answer.header("ETag")
        if start != part.done or not part.done or (etag and etag != part.etag):
            return None
    else:
        length = answer.header("Content-Length")
        total = int(length) if length.isdecimal() and length.isascii() else entry.bytes
        part.begin(answer.header("ETag"))
    if not total:
        raise _NotThis(f"{answer.host} does not say how long it is")
    if entry.bytes and total != entry.bytes:
        part.begin("")
        raise _NotThis(f"{answer.host} has a file of {total:,} bytes there, and it should be {entry.bytes:,}")
    return total


def _range(header: str) -> tuple[int, int]:
    """First byte and whole length of "bytes 5-9/10"; (-1, 0) for anything else."""
    unit, _, rest = header.partition(" ")
    span, _, whole = rest.partition("/")
    start = span.partition("-")[0]
    if unit != "bytes" or not (start.isdecimal() and whole.isdecimal() and rest.isascii()):
        return -1, 0
    return int(start), int(whole)


def _is_page(block: bytes) -> bool:
    start = block[:64].lstrip().lower()
    return start.startswith((b"<!doctype", b"<html", b"<?xml"))


def _proved(entry: Entry, part: Partial) -> None:
    """Everything on the disk, and exactly what the catalog promised. Raises `_NotThis`, keeping nothing."""
    part.sync()
    if part.sha256() != entry.sha256:
        part.begin("")
        raise _NotThis(
            "what came is not the file of the catalog (its SHA-256 differs), so it was thrown away"
        )


def _there(entry: Entry, place: Path, stopped: Callable[[], bool]) -> Path:
    """`place`, if the right file lies there.

    Raises `DownloadFailed` for another one: a file of the artist's is never replaced.
    """
    digest = hashlib.sha256()
    same = place.is_file() and entry.bytes in (0, place.stat().st_size)
    if same:
        with place.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
                if stopped():
                    raise Stopped(f"{entry.title} was stopped.")
    if not same or digest.hexdigest() != entry.sha256:
        raise DownloadFailed(
            f"In {place.parent} there already is a {place.name}, and it is not the one of the catalog (it is "
            "another version, or damaged). Rename it or move it away, then fetch it again."
        )
    return place


class _Pace:
    """When to report, and how fast it goes: an average over the last seconds."""

    def __init__(self, done: int) -> None:
        self._marks = [(time.monotonic(), done)]
        self._told = 0.0

    def due(self) -> bool:
        now = time.monotonic()
        if now - self._told < OFTEN:
            return False
        self._told = now
        return True

    def speed(self, done: int) -> float:
        """Bytes a second."""
        now = time.monotonic()
        self._marks = [mark for mark in self._marks if now - mark[0] <= MEMORY] or self._marks[-1:]
        since, before = self._marks[0]
        self._marks.append((now, done))
        return (done - before) / (now - since) if now > since else 0.0


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
