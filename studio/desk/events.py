"""What a painter hears about a job, and the job as it stands between two such events."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from studio.desk.jobs import ENDED, Job
from studio.desk.limits import costs
from studio.errors import BadInput
from studio.recipe import Recipe

Kind = Literal["queued", "started", "step", "image", "done", "cancelled", "failed"]

# From where to where each stage moves the progress bar.
_SHARES = {
    "load": (0.0, 0.05),
    "text": (0.05, 0.1),
    "denoise": (0.1, 0.9),
    "decode": (0.9, 0.95),
    "post": (0.95, 1.0),
}


def shares(recipe: str) -> Mapping[str, tuple[float, float]]:
    """From where to where each stage moves the bar; a high-res fix takes its part of the steps' share."""
    try:
        first, second = costs(Recipe.from_json(recipe))
    except BadInput:  # the seat will say so
        return _SHARES
    if not second:
        return _SHARES
    turn = 0.1 + 0.8 * first / (first + second)
    return {**_SHARES, "denoise": (0.1, turn), "decode": (turn, turn), "hires": (turn, 0.95)}


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that happened to a job. Exactly one of done, cancelled and failed is a job's last.

    `n`: rises with every event · `attempt`: a retry begins its steps anew · queued: `place` in line (0: its
    turn has come), `eta` seconds until it is done · started: `cold` when weights load first, `models` · step:
    `i` of `of` of a `stage`, `progress` 0-1, `eta`, `preview` (WebP) when there is a new one · image and
    done: `picture`'s id, `seconds` it took, a `sentence` if there is something to know · failed: `error`
    (class name) and `sentence`.
    """

    n: int
    job: str
    kind: Kind
    attempt: int = 0
    place: int | None = None
    eta: float | None = None
    cold: bool | None = None
    models: tuple[str, ...] | None = None
    stage: str | None = None
    i: int | None = None
    of: int | None = None
    progress: float | None = None
    preview: bytes | None = None
    picture: str | None = None
    seconds: float | None = None
    error: str | None = None
    sentence: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, absent ones left out; the preview as base64 text."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        if self.preview is not None:
            values["preview"] = base64.b64encode(self.preview).decode()
        return {name: value for name, value in values.items() if value is not None}


def _no_one() -> None:
    """Nobody paints it, so nobody need be interrupted."""


class Track:
    """One job as it stands. Changed by the board only, under its lock; `interrupt` is the seat's."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.number = job.event  # of the newest event about its state
        self.place = 0
        self.eta: float | None = None
        self.keeping = False
        self.stop_at: float | None = None  # time.monotonic() when Stop was pressed
        self.interrupt: Callable[[], None] = _no_one
        self._estimate: float | None = None
        self._shares: Mapping[str, tuple[float, float]] = _SHARES
        self._taken = 0.0
        self._started: tuple[bool, tuple[str, ...]] | None = None
        self._step: JobEvent | None = None
        self._preview: tuple[int, bytes] | None = None
        self._pace: tuple[float, int] | None = None  # when the first denoising step ended, and which it was

    def events(self, since: int) -> list[JobEvent]:
        """The job's state, last step and last preview, as far as they are newer than `since`."""
        job, found = self.job, list[JobEvent]()
        if job.state == "done" and job.event - 1 > since:
            found.append(self._event("image", job.event - 1, picture=job.picture))
        if self.number > since:
            found.append(self._state())
        if self._step is not None and self._step.n > since and job.state not in ENDED:
            number, preview = self._preview or (0, None)
            found.append(replace(self._step, preview=preview if number > since else None))
        return found

    def state(self) -> dict[str, Any]:
        """The state and the last step in one dict, without preview (for `status`)."""
        step = {} if self._step is None or self.job.state in ENDED else self._step.to_dict()
        return {**step, **self._state().to_dict()}

    def left(self) -> float | None:
        """Seconds until a running job is done: by the pace of its steps, else by experience.

        What experience says beyond the steps (decoding, finishing) comes on top.
        """
        now = time.monotonic()
        if self._pace is not None and self._step is not None and self._step.stage == "denoise":
            first, at = self._pace
            done, of = self._step.i or 0, self._step.of or 0
            if done > at:
                step = (now - first) / (done - at)
                beyond = 0.0 if self._estimate is None else self._estimate - step * of
                return step * (of - done) + min(max(beyond, 0.0), step * of)
        return None if self._estimate is None else max(0.0, self._estimate - (now - self._taken))

    # --- what happens to it

    def line_up(self, place: int, eta: float | None, number: int) -> None:
        """It stands at `place` now."""
        self.place, self.eta, self.number = place, eta, number

    def take(self, job: Job, estimate: float | None, number: int) -> None:
        """Its turn has come."""
        self.job, self.number, self.place = job, number, 0
        self.eta = self._estimate = estimate
        self._shares = shares(job.recipe)
        self._taken = time.monotonic()

    def begin(self, cold: bool, models: tuple[str, ...], number: int) -> None:
        """The worker works at it."""
        if self.job.state == "running":
            self._started, self.number, self._taken = (cold, models), number, time.monotonic()

    def step(self, stage: str, i: int, n: int, preview: bytes | None, number: int) -> None:
        """A step is done; the bar never goes back, and a stage without a share leaves it where it is."""
        before = 0.0 if self._step is None else self._step.progress or 0.0
        start, end = self._shares.get(stage, (before, before))
        progress = max(before, start + (end - start) * i / max(n, 1))
        if preview is not None:
            self._preview = (number, preview)
        if stage == "denoise" and self._pace is None:
            self._pace = (time.monotonic(), i)
        step = self._event("step", number, stage=stage, i=i, of=n, progress=round(progress, 4))
        self._step = step
        self._step = replace(step, eta=self.left())

    def end(self, job: Job) -> None:
        """It is over; the preview need not be kept."""
        self.job, self.number, self.keeping = job, job.event, False
        self._step = self._preview = None

    def _state(self) -> JobEvent:
        job = self.job
        match job.state:
            case "done":
                seconds = None if job.started is None or job.ended is None else job.ended - job.started
                said = job.sentence or None
                return self._event("done", self.number, picture=job.picture, seconds=seconds, sentence=said)
            case "cancelled":
                return self._event("cancelled", self.number)
            case "failed":
                return self._event("failed", self.number, error=job.error, sentence=job.sentence)
            case _ if self._started is not None:
                cold, models = self._started
                return self._event("started", self.number, cold=cold, models=models, eta=self._estimate)
            case _:
                return self._event("queued", self.number, place=self.place, eta=self.eta)

    def _event(self, kind: Kind, number: int, **said: Any) -> JobEvent:
        return JobEvent(number, self.job.id, kind, self.job.attempt, **said)
