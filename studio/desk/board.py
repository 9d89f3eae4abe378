"""The board: every job that waits or runs, who watches it, and what is painted next.

What must survive is written to `studio.db` before anybody hears of it; steps and the newest preview live here
in memory only. Event numbers rise over the whole life of a data folder (they start from the clock), so a page
that comes back with the last number it saw gets what it missed: each job's state, last step and last preview.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from studio.desk.events import JobEvent, Track
from studio.desk.jobs import ENDED, Job, Jobs
from studio.desk.live import Canvas
from studio.desk.look import Look
from studio.desk.order import Waiting, line
from studio.errors import DiskFull, NotFound

if TYPE_CHECKING:
    from studio.desk.listening import Listening

_RETRY_SECONDS = 5.0  # how often a full disk is looked at again
_NOT_YOURS = "There is no such request any more."


class Group:
    """The jobs of one request and those who listen to them, as long as they exist."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self.tracks = [Track(job) for job in jobs]
        self.painter = self.tracks[0].job.painter
        self.listeners: WeakSet[Listening] = WeakSet()

    @property
    def over(self) -> bool:
        """Whether every job has ended."""
        return all(track.job.state in ENDED for track in self.tracks)

    def wake(self) -> None:
        """Tells everybody who listens."""
        for listener in tuple(self.listeners):
            listener.ring()


class Board:
    """Jobs in memory, mirrored in the table. All methods are safe from any thread."""

    def __init__(self, jobs: Jobs, is_painted: Callable[[Job], bool]) -> None:
        """Takes over what an earlier studio left: `is_painted` tells jobs whose picture was already kept."""
        self._jobs = jobs
        self._change = threading.Condition(threading.RLock())
        self._groups: dict[str, Group] = {}
        self._late: dict[str, Job] = {}  # ends that a full disk did not let us write down
        self._served = jobs.served()
        self._number = max(int(time.time() * 1000), jobs.last_event())
        self.closing = False
        for job in jobs.unfinished():
            self._recover(job, is_painted(job))
        names = dict.fromkeys(job.group for job in jobs.unfinished())
        self._groups = {name: Group(jobs.group(name)) for name in names}
        self._line_up()

    def _recover(self, job: Job, painted: bool) -> None:
        if painted:
            job = replace(job, state="done", ended=time.time(), picture=job.id, event=self._next(2))
        elif job.state == "running":
            job = replace(job, state="queued")
        self._jobs.save(job)

    # --- for painters

    def add(self, jobs: Sequence[Job], check: Callable[[int, int], None]) -> None:
        """Puts a request into the line; `check(own, everybody)` is given those waiting, and may refuse."""
        with self._change:
            waiting = [track.job.painter for track in self._waiting()]
            check(waiting.count(jobs[0].painter), len(waiting))
            stored = self._jobs.add([replace(job, event=self._next()) for job in jobs])
            self._groups[stored[0].group] = Group(stored)
            self._line_up()
            self._change.notify_all()

    def attach(self, group: str, painter: str, listener: Listening) -> Group:
        """Begins to listen. Raises `NotFound` for a group that is not this painter's."""
        with self._change:
            found = self._find(group, painter)
            found.listeners.add(listener)
            return found

    def news(self, group: Group, since: int) -> tuple[list[JobEvent], bool]:
        """What is newer than `since`, in order, and whether nothing more will come."""
        with self._change:
            since = since if since <= self._number else 0  # a number of another folder, or of another clock
            found = [event for track in group.tracks for event in track.events(since)]
            return sorted(found, key=lambda event: event.n), group.over or self.closing

    def cancel(self, group: str, painter: str) -> None:
        """Ends what of the group is not over. A picture that is just being kept is kept."""
        with self._change:
            found = self._find(group, painter)
            going = [t for t in found.tracks if t.job.state not in ENDED and not t.keeping]
            ended = time.time()
            self._end([(t, replace(t.job, state="cancelled", ended=ended)) for t in going])
            for track in going:
                track.stop_at = time.monotonic()
                track.interrupt()

    def status(self, painter: str) -> dict[str, Any]:
        """Where the painter's pictures stand: see `Desk.status`."""
        with self._change:
            waiting = self._waiting()
            groups = {name: g for name, g in self._groups.items() if g.painter == painter}
            own = [t for g in groups.values() for t in g.tracks if t.job.state not in ENDED]
            queued = [t for t in own if t.job.state == "queued"]
            etas = [t.left() if t.job.state == "running" else t.eta for t in own]
            known = [eta for eta in etas if eta is not None]
            return {
                "groups": [{"group": n, "jobs": [t.state() for t in g.tracks]} for n, g in groups.items()],
                "running": len(own) - len(queued),
                "waiting": len(queued),
                "everybody": len(waiting),
                "others": len({g.painter for g in self._groups.values() if not g.over} - {painter}),
                "place": min((t.place for t in queued), default=None),
                "eta": max(known) if known and len(known) == len(etas) else None,
            }

    def _find(self, group: str, painter: str) -> Group:
        found = self._groups.get(group)
        if found is None:
            rows = self._jobs.group(group)
            found = Group(self._late.get(job.id, job) for job in rows) if rows else None
        if found is None or found.painter != painter:
            raise NotFound(_NOT_YOURS)
        return found

    # --- for the seats

    def take(
        self, live: Callable[[], Canvas | Look | None] = lambda: None, prefer_live: bool = True
    ) -> Track | Canvas | Look | None:
        """The next job, marked as running, or a live canvas or look; waits. None when the studio closes.

        `prefer_live` says whose turn it is when both wait.
        """
        with self._change:
            while not self.closing:
                try:
                    self._write_late()
                    first = self._first()
                    canvas = live() if prefer_live or first is None else None
                    if canvas is not None:
                        return canvas
                    if first is not None:
                        return self._begin(first)
                    self._change.wait()
                except DiskFull:
                    self._change.wait(_RETRY_SECONDS)
            return None

    def ring(self) -> None:
        """Something else than a job has come for the seats."""
        with self._change:
            self._change.notify_all()

    def began(self, track: Track, cold: bool, models: tuple[str, ...]) -> None:
        """The worker has taken the job in hand."""
        with self._change:
            track.begin(cold, models, self._next())
            self._wake(track)

    def step(self, track: Track, stage: str, i: int, n: int, preview: bytes | None) -> None:
        """A step of a stage is done."""
        with self._change:
            if track.job.state == "running":
                track.step(stage, i, n, preview, self._next())
                self._wake(track)

    def claim(self, track: Track) -> bool:
        """From now on Stop comes too late: the picture is being kept. False when Stop came before."""
        with self._change:
            track.keeping = track.job.state == "running"
            return track.keeping

    def done(self, track: Track, picture: str, seconds: float | None, warnings: str = "") -> None:
        """The picture is safe: write it down, learn from it (`seconds` without loading), then tell."""
        with self._change:
            job = replace(track.job, state="done", ended=time.time(), picture=picture, sentence=warnings)
            self._end([(track, job)], seconds)

    def failed(self, track: Track, error: str, sentence: str) -> None:
        """Ends a running job with a reason; one that is over stays as it is."""
        with self._change:
            if track.job.state not in ENDED:
                job = replace(track.job, state="failed", ended=time.time(), error=error, sentence=sentence)
                self._end([(track, job)])

    def again(self, track: Track, lost: bool) -> None:
        """Puts a running job back to the front; `lost`: its worker died over it."""
        with self._change:
            if track.job.state != "running":
                return
            job = replace(track.job, state="queued", losses=track.job.losses + lost, event=self._next())
            tracks = self._groups[job.group].tracks
            tracks[tracks.index(track)] = Track(job)
            with suppress(DiskFull):  # the row still says running then: a restart paints it again, too
                self._jobs.save(job)
            self._line_up()
            self._change.notify_all()

    def close(self) -> None:
        """No more jobs are given out; everybody who waits is told."""
        with self._change:
            self.closing = True
            self._change.notify_all()
            for group in self._groups.values():
                group.wake()
                for track in group.tracks:
                    track.interrupt()

    # --- inside

    def _next(self, count: int = 1) -> int:
        self._number += count
        return self._number

    def _waiting(self) -> list[Track]:
        return [t for g in self._groups.values() for t in g.tracks if t.job.state == "queued"]

    def _ordered(self) -> list[Track]:
        tracks = {track.job.id: track for track in self._waiting()}
        entries = [Waiting(j.id, j.painter, j.n, j.attempt > 0) for j in (t.job for t in tracks.values())]
        return [tracks[job] for job in line(entries, self._served)]

    def _first(self) -> Track | None:
        ordered = self._ordered()
        return ordered[0] if ordered else None

    def _begin(self, track: Track) -> Track:
        turn = max(self._served.values(), default=0) + 1
        job = replace(track.job, state="running", attempt=track.job.attempt + 1, started=time.time())
        with self._jobs.transaction():
            self._jobs.save(job)
            self._jobs.serve(job.painter, turn)
        self._served[job.painter] = turn
        track.take(job, self._jobs.estimate(job.model, job.cost), self._next())
        self._wake(track)
        self._line_up()
        return track

    def _end(self, ends: Sequence[tuple[Track, Job]], seconds: float | None = None) -> None:
        """Write the ends of jobs, all in one transaction, then tell of them."""
        numbered = [(track, replace(job, event=self._next(2))) for track, job in ends]
        try:
            with self._jobs.transaction():
                for _, job in numbered:
                    self._jobs.save(job)
                    if seconds is not None:
                        self._jobs.learn(job.model, job.cost, seconds)
        except DiskFull:
            self._late.update({job.id: job for _, job in numbered})
        for track, job in numbered:
            track.end(job)
        for name in {job.group for _, job in numbered}:
            group = self._groups[name]
            if group.over:
                del self._groups[name]
            group.wake()
        self._line_up()

    def _write_late(self) -> None:
        if not self._late:
            return
        with self._jobs.transaction():
            for job in self._late.values():
                self._jobs.save(job)
        self._late.clear()

    def _line_up(self) -> None:
        """Tell everybody whose place in line has changed."""
        running = [t for g in self._groups.values() for t in g.tracks if t.job.state == "running"]
        rests = [track.left() for track in running]
        ahead = None if None in rests else sum(rest for rest in rests if rest is not None)
        known: dict[tuple[str, float], float | None] = {}
        for place, track in enumerate(self._ordered(), 1):
            what = (track.job.model, track.job.cost)
            if what not in known:
                known[what] = self._jobs.estimate(*what)
            own = known[what]
            ahead = None if ahead is None or own is None else ahead + own
            if track.place != place:
                track.line_up(place, ahead, self._next())
                self._wake(track)

    def _wake(self, track: Track) -> None:
        group = self._groups.get(track.job.group)
        if group is not None:
            group.wake()
