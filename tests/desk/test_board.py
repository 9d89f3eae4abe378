"""Whatever is asked, painted, stopped, deleted or killed: done jobs, rows and files stay the same set."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from PIL import Image

from studio import metadata
from studio.desk.board import Board
from studio.desk.jobs import ENDED, Job, Jobs
from studio.gallery import Gallery, Wanted
from studio.recipe import Recipe

PAINTERS = ("ann", "bob", "cat")
RECIPE = Recipe(seed=1, width=64, height=64)
PNG = metadata.write_png(Image.new("RGB", (64, 64)), RECIPE, {})
painters, numbers = st.sampled_from(PAINTERS), st.integers(0, 1000)


class Life(RuleBasedStateMachine):
    """A desk without a worker: the rules do what the seat would do."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.count, self.track = 0, None
        self.groups: list[tuple[str, str]] = []
        self.deleted: set[str] = set()
        self.ends: Counter[str] = Counter()
        self.open()

    def open(self):
        self.jobs, self.gallery = Jobs(self.folder / "studio.db"), Gallery(self.folder / "gallery")
        self.board = Board(self.jobs, lambda job: self.gallery.has(job.painter, job.id))
        self.track = None

    def teardown(self):
        self.gallery.close()
        self.jobs.close()
        shutil.rmtree(self.folder)

    @rule(painter=painters, count=st.integers(1, 3))
    def ask(self, painter, count):
        group = f"{self.count:032x}"
        ids = [f"{self.count + n:032x}" for n in range(count)]
        self.count += count
        new = [Job(0, i, group, painter, RECIPE.to_json(), (), {}, "starter", 1.0) for i in ids]
        self.board.add(new, lambda own, everybody: None)
        self.groups.append((group, painter))

    @precondition(lambda self: self.track is None and any(self.waiting()))
    @rule()
    def take(self):
        self.track = self.board.take()
        assert self.track.job.state == "running"

    @precondition(lambda self: self.track is not None)
    @rule(i=st.integers(1, 20))
    def step(self, i):
        self.board.began(self.track, False, ())
        self.board.step(self.track, "denoise", i, 20, b"preview")

    @precondition(lambda self: self.track is not None)
    @rule(dies=st.booleans())
    def finish(self, dies):
        track, self.track = self.track, None
        if not self.board.claim(track):
            return
        picture = self.gallery.keep(track.job.painter, track.job.id, PNG)
        if dies:  # between the file and the table
            self.crash()
        else:
            self.board.done(track, picture.id, 1.0)

    @precondition(lambda self: self.track is not None)
    @rule(again=st.booleans())
    def lose_the_worker(self, again):
        track, self.track = self.track, None
        if again:
            self.board.again(track, lost=True)
        else:
            self.board.failed(track, "WorkerLost", "gone")

    @precondition(lambda self: self.groups)
    @rule(n=numbers)
    def stop(self, n):
        self.board.cancel(*self.groups[n % len(self.groups)])

    @rule(painter=painters, n=numbers, trashed=st.booleans())
    def delete_or_restore(self, painter, n, trashed):
        found = self.gallery.pictures(painter, Wanted(trashed=trashed))
        if found:
            change = self.gallery.restore if trashed else self.gallery.trash
            change(painter, found[n % len(found)].id)

    @rule(painter=painters)
    def empty(self, painter):
        self.deleted |= {picture.id for picture in self.gallery.pictures(painter, Wanted(trashed=True))}
        self.gallery.empty(painter)

    @rule(index=st.booleans())
    def crash(self, index=False):
        """Nothing is closed in order; only what was committed is there afterwards."""
        self.gallery.close()
        self.jobs.close()
        if index:
            for part in self.folder.glob("index.db*"):
                part.unlink()
        self.open()

    def waiting(self):
        return [job for job in self.jobs.unfinished() if job.state == "queued"]

    @invariant()
    def every_finished_job_is_in_its_owners_gallery_exactly_once(self):
        for painter in PAINTERS:
            done = {job.id for job in self.jobs.recent(painter, 10**6) if job.state == "done"}
            rows = {
                p.id
                for t in (False, True)
                for p in self.gallery.pictures(painter, Wanted(trashed=t), limit=10**6)
            }
            files = [
                path.stem.rpartition("-")[2] for path in (self.folder / "gallery" / painter).rglob("*.png")
            ]
            assert done - self.deleted == rows
            assert sorted(files) == sorted(rows)
        assert not list(self.folder.rglob("*.tmp"))

    @invariant()
    def what_is_told_is_what_is_written(self):
        for group, painter in self.groups:
            rows = {job.id: job.state for job in self.jobs.group(group)}
            news, over = self.board.news(self.board.attach(group, painter, _Deaf()), 0)
            told = {event.job: event.kind for event in news if event.kind in ENDED}
            assert told == {job: state for job, state in rows.items() if state in ENDED}
            assert over == (set(rows.values()) <= ENDED)
            assert len({event.n for event in news}) == len(news)


class _Deaf:
    def ring(self):
        """Hears nothing."""


def test_done_jobs_rows_and_files_stay_the_same_set(request):
    """25 lives of 30 events; with --long 500 of 50."""
    lives, events = (500, 50) if request.config.getoption("--long") else (25, 30)
    how = settings(max_examples=lives, stateful_step_count=events, deadline=None)
    run_state_machine_as_test(Life, settings=how)
