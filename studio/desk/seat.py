"""A seat: one device's worker process, and the thread that gives it one job after the other."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.desk.board import Board
from studio.desk.events import Track
from studio.desk.glance import glance
from studio.desk.inputs import Inputs
from studio.desk.jobs import ENDED
from studio.desk.limits import sides
from studio.desk.live import Canvas, Slots
from studio.desk.local import LocalWorker, WorkerGone
from studio.desk.look import Look, Looks
from studio.desk.words import Word, word_of
from studio.errors import BadInput, StudioError
from studio.gallery import Gallery
from studio.recipe import Recipe

_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for a worker, in seconds.

    `start`: in silence before the first two steps and after the last (loading, decoding; more for pictures
    above one megapixel) · `step` and `factor`: between steps, the larger of `step` and `factor` × the median
    step · `stop`: after Stop, until the worker is replaced · `job`: for one picture in all.
    """

    start: float = 300.0
    step: float = 60.0
    factor: float = 10.0
    stop: float = 10.0
    job: float = 1800.0


class Silence:
    """When a worker has been silent for too long. Times are `time.monotonic()` seconds."""

    def __init__(self, patience: Patience, megapixels: float, now: float) -> None:
        self._patience, self._size = patience, max(1.0, megapixels)
        self._heard, self._in_steps = now, False
        self._gaps: list[float] = []

    def heard(self, now: float, stage: str = "", i: int = 0, n: int = 0) -> None:
        """Something came: a step `i` of `n`, or anything else."""
        if stage == "denoise" and i > 1:
            self._gaps.append(now - self._heard)
        self._heard, self._in_steps = now, stage == "denoise" and i < n

    @property
    def deadline(self) -> float:
        """When to give up if nothing more is heard."""
        if self._in_steps and self._gaps:
            median = statistics.median(self._gaps)
            return self._heard + max(self._patience.step, self._patience.factor * median)
        return self._heard + self._patience.start * self._size


@dataclass(frozen=True, slots=True)
class Room:
    """What a seat works with."""

    board: Board
    gallery: Gallery
    inputs: Inputs
    command: Sequence[str]
    log: Path
    patience: Patience
    slots: Slots
    looks: Looks
    checked: Callable[[str], bool]  # whose pictures the safety checker sees


class Seat:
    """Starts its worker at once, so that it is warm for the first job, and replaces it when it is lost."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._worker = LocalWorker(room.command, room.log)
        self._busy = False
        self._thread = threading.Thread(target=self._run, name="seat", daemon=True)
        self._thread.start()

    @property
    def state(self) -> str:
        """“starting” while the worker loads its libraries, then “ready”; “busy” with a job in hand."""
        return "busy" if self._busy else "ready" if self._worker.ready else "starting"

    def join(self, seconds: float) -> None:
        """Waits for the thread to end, after `Board.close`."""
        self._thread.join(seconds)

    def _run(self) -> None:
        live_next = True
        while (work := self._room.board.take(self._quick, live_next)) is not None:
            self._busy = True
            if not self._worker.alive:
                self._replace()
            live_next = isinstance(work, Track)  # a frame and a job take turns
            if not self._serve(work):
                self._replace()
            self._busy = False
        self._worker.close()

    def _quick(self) -> Canvas | Look | None:
        """What is done between two jobs."""
        return self._room.looks.take() or self._room.slots.take()

    def _serve(self, work: Track | Canvas | Look) -> bool:
        """Sees a job, a live frame or a look through. False when the worker must be replaced."""
        room = self._room
        if not isinstance(work, Track):
            times = room.patience
            return glance(self._worker, work, lambda: room.board.closing, times.start, times.stop)
        return Sitting(room, self._worker, work).run()

    def _replace(self) -> None:
        self._worker.kill()
        while not self._room.board.closing:
            try:
                self._worker = LocalWorker(self._room.command, self._room.log)
                return
            except OSError:  # no memory or no handle for a process just now
                time.sleep(_RETRY_SECONDS)


class Sitting:
    """One job on one worker, until the worker is free again or lost."""

    def __init__(self, room: Room, worker: LocalWorker, track: Track) -> None:
        self._room, self._board, self._worker, self._track = room, room.board, worker, track
        self._began = time.monotonic()
        self._silence = Silence(room.patience, 1.0, self._began)
        self._stop_sent = False

    def run(self) -> bool:
        """Sees the job through. False when the worker must be replaced."""
        job = self._track.job
        try:
            recipe = Recipe.from_json(job.recipe)
            blobs = {digest: self._room.inputs.read(job.painter, digest) for digest in job.blobs}
        except StudioError as error:
            self._fail(error)
            return True
        width, height = sides(recipe)
        self._silence = Silence(self._room.patience, width * height / 1e6, self._began)
        said = {
            "do": "paint",
            "job": job.id,
            "attempt": job.attempt,
            "recipe": job.recipe,
            "extra": job.extra,
            "checked": self._room.checked(job.painter),
        }
        self._track.interrupt = self._worker.nudge
        self._worker.send(said, blobs)
        while True:
            end = self._look()
            if end is None:
                end = self._hear()
            if end is not None:
                return end

    def _look(self) -> bool | None:
        """What the clock and the painter say; None: go on."""
        track, patience, now = self._track, self._room.patience, time.monotonic()
        if self._board.closing:
            self._board.again(track, lost=False)
            return False
        if track.stop_at is None and now > self._began + patience.job:
            minutes = patience.job / 60
            self._fail(BadInput(f"This took longer than the {minutes:.0f} minutes allowed; make it smaller."))
            track.stop_at = now
        if track.stop_at is not None:
            if not self._stop_sent:
                self._worker.send({"do": "stop", "job": track.job.id})
                self._stop_sent = True
            return False if now > track.stop_at + patience.stop else None
        if now > self._silence.deadline:
            sentence = "The painter stopped answering and was replaced. Please try again."
            self._board.failed(track, "Stalled", sentence)
            return False
        return None

    def _next_look(self) -> float:
        track, patience = self._track, self._room.patience
        if track.stop_at is not None:
            return track.stop_at + patience.stop
        return min(self._silence.deadline, self._began + patience.job)

    def _hear(self) -> bool | None:
        """Waits for the worker's next word. True: it is free; False: it is lost; None: go on."""
        try:
            frame = self._worker.receive(self._next_look() - time.monotonic() + 0.001)
        except WorkerGone as error:
            return self._lost(str(error))
        said = {} if frame is None else frame.header
        if frame is None or (said.get("job"), said.get("attempt")) != (self._track.job.id, self._attempt):
            return None
        try:
            word = word_of(said)
        except (TypeError, ValueError, OverflowError):
            return self._lost("it said what makes no sense")
        return self._understand(word, frame.blobs)

    @property
    def _attempt(self) -> int:
        return self._track.job.attempt

    def _understand(self, word: Word, blobs: Mapping[str, bytes]) -> bool | None:
        track, now = self._track, time.monotonic()
        match word.event:
            case "started":
                self._silence.heard(now)
                self._board.began(track, word.cold, word.models)
            case "step":
                self._silence.heard(now, word.stage, word.i, word.n)
                self._board.step(track, word.stage, word.i, word.n, blobs.get("preview"))
            case "image":
                self._silence.heard(now)
                self._keep(blobs.get("png", b""), word)
            case "broken":
                return self._lost(word.sentence)
            case "done" | "cancelled" | "failed":
                self._board.failed(track, word.error, word.sentence)  # unless it has ended as it should
                return True
            case _:
                pass
        return None

    def _keep(self, png: bytes, word: Word) -> None:
        """The finished picture: kept for good, and only then announced. After Stop it is dropped."""
        if not self._board.claim(self._track):
            return
        job = self._track.job
        try:
            picture = self._room.gallery.keep(job.painter, job.id, png)
        except StudioError as error:
            self._fail(error)
        except OSError as error:
            self._fail(
                StudioError(f"The picture could not be written ({error.strerror}). Check the data folder.")
            )
        else:
            self._board.done(self._track, picture.id, word.seconds, " ".join(word.warnings))

    def _lost(self, how: str) -> bool:
        """The worker died over this job: once more on a fresh one, then no more."""
        if self._track.job.losses:
            sentence = (
                f"The painting process died twice over this picture ({how.rstrip('.')}); the others go on. "
                "Make it smaller, or take another model."
            )
            self._board.failed(self._track, "WorkerLost", sentence)
        else:
            self._board.again(self._track, lost=True)
        return False

    def _fail(self, error: StudioError) -> None:
        if self._track.job.state not in ENDED:
            self._board.failed(self._track, type(error).__name__, str(error))
