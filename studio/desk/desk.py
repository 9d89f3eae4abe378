"""The Desk: takes requests from many painters, paints them in fair order, and tells how they go.

    submit ──▶ jobs (studio.db) ──▶ seat: one worker process ──▶ gallery ──▶ done
    events ◀── board ◀── started, step, preview ──┘

It never imports torch: the worker is a process of its own.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from studio import images
from studio.desk.board import Board
from studio.desk.inputs import Inputs
from studio.desk.jobs import Job, Jobs
from studio.desk.limits import (
    Size,
    check_cost,
    check_disk,
    check_hour,
    check_kept,
    check_line,
    check_live,
    check_request,
    check_scroll,
    cost,
)
from studio.desk.listening import Listening
from studio.desk.live import Frame, Slots
from studio.desk.local import default_command
from studio.desk.look import Looks, Seen
from studio.desk.meter import Meter
from studio.desk.seat import Patience, Room, Seat
from studio.desk.sheets import on_sheets
from studio.errors import BadInput, NotFound, StudioError
from studio.gallery import Gallery
from studio.painting.look import check as check_look
from studio.recipe import Recipe
from studio.settings import Limits, Settings

_TIDY_SECONDS = 6 * 3600.0
_REMEMBER_SECONDS = 7 * 24 * 3600.0
_CLOSING_SECONDS = 10.0
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Submitted:
    """A request that was taken: the group that Stop ends, and its jobs, one a picture, in order."""

    group: str
    jobs: tuple[str, ...]


class Desk:
    """One data folder's desk, over its job table, gallery and inputs. The folder's lock is the caller's."""

    def __init__(
        self,
        settings: Settings,
        jobs: Jobs,
        gallery: Gallery,
        inputs: Inputs,
        command: Sequence[str] | None = None,
        patience: Patience | None = None,
        limits: Callable[[str], Limits] | None = None,
        guest: Callable[[str], bool] | None = None,
    ) -> None:
        """Takes over what an earlier desk left, and starts the worker (`command`: another than ours).

        `limits` says what a painter may ask for; without it, the settings' limits are everybody's.
        `guest` says whether she is one, whose pictures and live frames the safety checker sees.
        """
        self._limits = limits or (lambda _: settings.limits)
        self._settings, self._jobs, self._gallery, self._inputs = settings, jobs, gallery, inputs
        self._board = Board(jobs, lambda job: gallery.has(job.painter, job.id))
        checked = {"off": _nobody, "everybody": _anybody, "guests": guest or _nobody}[settings.safety]
        self._slots = Slots(settings.limits, checked=checked)
        self._slots.ring = self._board.ring
        self._looks = Looks(self._board.ring)
        self._live = Meter()
        self.chores: list[Callable[[], None]] = []  # what others want done every six hours
        self._seat = Seat(
            Room(
                self._board,
                gallery,
                inputs,
                command or default_command(settings),
                settings.data / "logs" / "worker.log",
                patience or Patience(job=settings.limits.job_seconds),
                self._slots,
                self._looks,
                checked,
            )
        )
        self._closed = threading.Event()
        self._tidier = threading.Thread(target=self._keep_tidy, name="tidier", daemon=True)
        self._tidier.start()

    # --- asking

    def submit(
        self,
        recipes: Sequence[Recipe],
        painter: str,
        blobs: Mapping[str, bytes] | None = None,
        extra: Mapping[str, Any] | None = None,
        each: Sequence[Mapping[str, Any]] = (),
    ) -> Submitted:
        """Takes a request of one or more pictures; seeds of -1 are drawn now.

        `blobs`: input pictures by digest, beside those the painter gave before; `extra`: facts to write into
        the pictures, `each`: more of them, picture by picture. Raises `LimitReached`, `DiskFull`,
        `BadInput`, or `NotFound` for an input that is gone.
        """
        limits = self._limits(painter)
        check_request(recipes, limits)
        check_disk(self._settings.data, self._settings.limits)
        for digest, data in (blobs or {}).items():
            if images.digest(data) != digest:
                raise BadInput("An input picture arrived damaged. Please drop it again.")
        for digest in dict.fromkeys(d for recipe in recipes for d in recipe.images):
            if blobs is not None and digest in blobs:
                self._inputs.put(painter, blobs[digest])
            elif not self._inputs.has(painter, digest):
                raise NotFound("An input picture is no longer here; please drop it again.")
        given = self._sizes(recipes, painter)
        for recipe in recipes:
            check_cost(recipe, limits, given)
        group, now = secrets.token_hex(16), time.time()
        facts = [{**(extra or {}), **own} for own in (each or [{}] * len(recipes))]
        new = [
            _job(recipe.seeded(), group, painter, own, now, given)
            for recipe, own in zip(recipes, facts, strict=True)
        ]

        def check(own: int, everybody: int) -> None:
            check_line(len(new), own, everybody, limits)
            check_hour(sum(job.cost for job in new), self._jobs.spent(painter, now - _HOUR), limits)
            check_kept(own + len(new), *self._gallery.usage(painter), limits)

        self._board.add(new, check)
        return Submitted(group, tuple(job.id for job in new))

    def _sizes(self, recipes: Sequence[Recipe], painter: str) -> dict[str, Size]:
        """The sizes of pictures that are only finished, by digest. Raises `BadPicture`."""
        finished = {one.source.image for one in recipes if one.source is not None and not one.source.strength}
        return {digest: images.size(self._inputs.read(painter, digest)) for digest in finished}

    def check_scroll(self, length: int, height: int, parts: int, painter: str) -> None:
        """Raises `LimitReached` for a handscroll beyond the painter's limits. Sides are pixels."""
        check_scroll(length, height, parts, self._limits(painter))

    def cancel(self, group: str, painter: str) -> None:
        """Stop: ends what of this group is not over; twice is as good as once. Raises `NotFound`."""
        self._board.cancel(group, painter)

    def status(self, painter: str) -> dict[str, Any]:
        """Where a painter's pictures stand.

        `groups`: her open requests, each with its jobs' states (as `JobEvent.to_dict`, last step included) ·
        `running`, `waiting`: how many of hers · `everybody`: how many wait in all · `others`: how many other
        painters have something in line, so in whose turns hers would fit · `place`: of her first in
        line · `eta`: seconds until all of hers are done, None when not known · `worker`: “starting”, “ready”
        or “busy”.
        """
        return {**self._board.status(painter), "worker": self._seat.state}

    def estimate(self, recipe: Recipe, painter: str) -> float | None:
        """Seconds this picture will take here, once begun; None before its model has ever painted here.

        Raises `NotFound` for a picture to finish that is not this painter's.
        """
        return self._jobs.estimate(recipe.model, cost(recipe, self._sizes([recipe], painter)))

    def events(self, group: str, painter: str, since: int = 0) -> Listening:
        """What happens to a group, for `for` and `async for`; ends with its last job, or with the desk.

        Begins with each job's state, last step and last preview, as far as they are newer than `since`.
        Raises `NotFound`, at once, for a group that is not this painter's.
        """
        return Listening(self._board, group, painter, since)

    def live(
        self, recipe: Recipe, painter: str, blobs: Mapping[str, bytes] | None = None, window: str = ""
    ) -> Future[Frame | None]:
        """A frame of live painting; the painter's newest canvas replaces one that still waits.

        `window`: in which of hers she draws; of two, the newer paints until its pen rests.

        The answer is None when a newer one came or her pen rests. Nothing is stored: `blobs` holds every
        picture of the recipe. Raises `LimitReached` and `BadInput`; the answer raises `StudioError`.
        """
        given, limits = blobs or {}, self._limits(painter)
        check_request([recipe], limits)
        check_live(recipe.width * recipe.height / 1e6, self._live.had(painter), limits)
        if missing := [digest for digest in recipe.images if digest not in given]:
            raise BadInput(f"{len(missing)} of the canvas' pictures did not come with it; draw on.")
        answer = self._slots.put(recipe, painter, given, window)

        def count(painted: Future[Frame | None]) -> None:
            frame = None if painted.cancelled() or painted.exception() else painted.result()
            if frame is not None and not frame.same:
                self._live.add(painter, recipe.width * recipe.height / 1e6 * frame.steps)

        answer.add_done_callback(count)
        return answer

    def rest(self, painter: str, window: str = "") -> None:
        """Live painting ends in this window of the painter's; twice is as good as once."""
        self._slots.rest(painter, window)

    def look(self, kind: str, picture: bytes, painter: str) -> Future[Seen | None]:
        """What is seen in a picture, for a kind of `LOOKS` (“faces”, “hint:canny”); nothing is stored.

        The answer is None when the studio closes. Raises `UnknownName`, `BadPicture` and `LimitReached`; the
        answer raises `StudioError`.
        """
        check_look(kind)
        images.check(picture)
        return self._looks.put(kind, picture, painter)

    def memory(self, painter: str, *, unload: bool = False) -> Future[Seen | None]:
        """What the worker holds in memory, or after letting go of all models; answers as `look` does."""
        return self._looks.put("unload" if unload else "memory", b"", painter)

    # --- keeping house

    def close(self) -> None:
        """Ends the worker, within about 10 s; a running job starts again next time. May be called twice."""
        self._closed.set()
        self._board.close()
        self._slots.close()
        self._looks.close()
        self._seat.join(_CLOSING_SECONDS)
        self._tidier.join(_CLOSING_SECONDS)

    def _keep_tidy(self) -> None:
        """Now and every six hours: empty the trash, drop inputs nobody needs, forget old jobs."""
        while True:
            with suppress(StudioError, OSError):  # a full disk, a file held by somebody: next time
                self._gallery.expire(self._settings.trash_days)
                wanted = {(job.painter, blob) for job in self._jobs.unfinished() for blob in job.blobs}
                self._inputs.sweep(wanted | self._gallery.inputs() | on_sheets(self._jobs))
                self._jobs.forget(time.time() - _REMEMBER_SECONDS)
                for chore in tuple(self.chores):
                    chore()
            if self._closed.wait(_TIDY_SECONDS):
                return


def _nobody(_: str) -> bool:
    return False


def _anybody(_: str) -> bool:
    return True


def _job(
    recipe: Recipe, group: str, painter: str, extra: dict[str, Any], now: float, given: Mapping[str, Size]
) -> Job:
    return Job(
        0,
        secrets.token_hex(16),
        group,
        painter,
        recipe.to_json(),
        recipe.images,
        extra,
        recipe.model,
        cost(recipe, given),
        created=now,
    )
