"""The Desk with a real worker process around a fake painter: order, events, Stop, and every way to die."""

import asyncio
import errno
import os
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from fakes import read_code

from studio import images
from studio.desk import board
from studio.desk.desk import Desk
from studio.desk.inputs import Inputs
from studio.desk.jobs import ENDED, Jobs
from studio.desk.seat import Patience
from studio.errors import BadInput, DiskFull, LimitReached, NotFound
from studio.gallery import Gallery
from studio.recipe import Recipe, Source
from studio.settings import Limits, Settings

FAKE = (os.sys.executable, str(Path(__file__).parent.parent / "fake_worker.py"))
LIMITS = {"free_bytes": 0}


class House:
    """Everything the Desk stands on, in one folder; `open` again after `close` is a restart."""

    def __init__(self, data):
        self.data = data

    @contextmanager
    def open(self, patience=None, **limits):
        settings = Settings(data=self.data, limits=Limits(**{**LIMITS, **limits}))
        with ExitStack() as stack:
            self.jobs = Jobs(self.data / "studio.db")
            stack.callback(self.jobs.close)
            self.gallery = Gallery(self.data / "gallery")
            stack.callback(self.gallery.close)
            self.inputs = Inputs(self.data)
            self.desk = Desk(settings, self.jobs, self.gallery, self.inputs, FAKE, patience)
            stack.callback(self.desk.close)
            yield self

    def ask(self, prompt="", painter="ann", count=1, seed=7, steps=3, **fields):
        recipe = Recipe(prompt=prompt, seed=seed, steps=steps, width=64, height=64, **fields)
        return self.desk.submit(recipe.batch(count), painter)

    def hear(self, group, painter="ann", since=0):
        return list(self.desk.events(group, painter, since))

    def ends(self, group, painter="ann"):
        return [event for event in self.hear(group, painter) if event.kind in ENDED]


@pytest.fixture
def house(tmp_path):
    with House(tmp_path).open() as opened:
        yield opened


def until(events, kind, stage_i=0):
    """Reads on to the first event of a kind."""
    return next(event for event in events if event.kind == kind and (event.i or 0) >= stage_i)


def test_pictures_asked_for_are_painted_and_kept(house):
    asked = house.ask("ms=5", count=3, seed=2**40)
    events = house.hear(asked.group)
    assert Counter(e.job for e in events if e.kind in ENDED) == dict.fromkeys(asked.jobs, 1)
    for n, job in enumerate(asked.jobs):
        mine = [event for event in events if event.job == job]
        assert mine[-1].kind == "done"
        assert mine[-1].seconds > 0
        assert read_code(house.gallery.read("ann", mine[-1].picture)) == 2**40 + n
        progress = [event.progress for event in mine if event.kind == "step"]
        assert progress == sorted(progress)
    assert [e.n for e in events] == sorted({e.n for e in events})
    assert len(house.gallery.pictures("ann")) == 3
    assert house.hear(asked.group, since=events[-1].n) == []
    assert house.desk.status("ann")["groups"] == []


def test_a_hog_does_not_keep_others_waiting(house):
    hog = house.ask("ms=3", "hog", count=12)
    guests = {name: house.ask("ms=3", name).group for name in ("bob", "cat", "dan")}
    for name, group in guests.items():
        assert [e.kind for e in house.ends(group, name)] == ["done"]
    assert len(house.ends(hog.group, "hog")) == 12
    started = sorted(
        [job for name in ("hog", *guests) for job in house.jobs.recent(name)], key=lambda job: job.started
    )
    places = [n for n, job in enumerate(started) if job.painter != "hog"]
    assert max(places) <= 6  # two of hers may begin before the last guest has even asked


def test_places_in_line_and_time_are_told(house):
    house.ends(house.ask("ms=20").group)
    assert house.desk.estimate(Recipe(width=64, height=64, steps=3), "ann") > 0.04
    first = house.ask("ms=40", steps=10)
    until(house.desk.events(first.group, "ann"), "step")
    second = house.ask("ms=1", "bob", count=2)
    status = house.desk.status("bob")
    assert (status["waiting"], status["place"], status["everybody"]) == (2, 1, 2)
    assert status["eta"] > 0
    assert [job["place"] for job in status["groups"][0]["jobs"]] == [1, 2]
    assert house.desk.status("ann")["groups"][0]["jobs"][0]["stage"] == "denoise"
    queued = [e for e in house.hear(second.group, "bob") if e.kind == "queued" and e.job == second.jobs[1]]
    assert [e.place for e in queued][-1] == 0  # its turn


def test_events_can_be_taken_up_again_at_any_moment(house):
    asked = house.ask("ms=30", steps=20)
    seen = until(house.desk.events(asked.group, "ann"), "step", 4)
    again = house.desk.events(asked.group, "ann")
    assert [next(again).kind, next(again).kind] == ["started", "step"]
    fresh = house.desk.events(asked.group, "ann")
    next(fresh)
    assert next(fresh).preview is not None  # the last preview comes along
    rest = house.hear(asked.group, since=seen.n)
    assert all(event.n > seen.n for event in rest)
    assert "started" not in [event.kind for event in rest]
    assert [event.kind for event in rest][-2:] == ["image", "done"]
    assert [event.kind for event in house.hear(asked.group)] == ["image", "done"]


def test_asyncio_hears_the_same(house):
    async def hear():
        asked = house.ask("ms=10", steps=6)
        return [event async for event in house.desk.events(asked.group, "ann")]

    events = asyncio.run(hear())
    assert [events[0].kind, events[-1].kind] == ["queued", "done"]
    assert events[-1].to_dict()["picture"] == house.gallery.pictures("ann")[0].id


def test_who_is_slow_gets_the_newest_step(house):
    asked = house.ask("ms=2", steps=60)
    events = house.desk.events(asked.group, "ann")
    until(events, "started")
    house.ends(asked.group)
    assert [event.kind for event in events] == ["image", "done"]


def test_stop_ends_ones_own_pictures_only_and_within_a_step(house):
    asked = house.ask("ms=100", steps=100, count=2)
    others = house.ask("ms=1", "bob", count=2)
    until(house.desk.events(asked.group, "ann"), "step")
    with pytest.raises(NotFound):
        house.desk.cancel(asked.group, "bob")
    house.desk.cancel(asked.group, "ann")
    house.desk.cancel(asked.group, "ann")
    assert [event.kind for event in house.hear(asked.group)] == ["cancelled", "cancelled"]
    pid = house.desk._seat._worker.pid
    assert [event.kind for event in house.ends(others.group, "bob")] == ["done", "done"]
    assert house.desk._seat._worker.pid == pid  # it stopped by itself
    assert house.gallery.pictures("ann") == ()


def test_a_worker_that_does_not_stop_is_replaced(tmp_path):
    with House(tmp_path).open(Patience(stop=0.3)) as house:
        asked = house.ask("hang=2")
        until(house.desk.events(asked.group, "ann"), "step")
        pid = house.desk._seat._worker.pid
        house.desk.cancel(asked.group, "ann")
        assert house.hear(asked.group)[-1].kind == "cancelled"
        assert [event.kind for event in house.ends(house.ask().group)] == ["done"]
        assert house.desk._seat._worker.pid != pid


def test_a_worker_that_dies_is_replaced_and_the_job_painted_again(house, tmp_path):
    asked = house.ask(f"dieonce={tmp_path}/died")
    (end,) = house.ends(asked.group)
    assert (end.kind, end.attempt) == ("done", 2)


def test_a_poison_job_is_tried_twice_and_the_others_are_painted(house):
    groups = [house.ask("die=2" if n == 3 else "", f"p{n}", seed=n).group for n in range(6)]
    ends = [house.ends(group, f"p{n}")[0] for n, group in enumerate(groups)]
    assert [end.kind for end in ends] == ["done"] * 3 + ["failed"] + ["done"] * 2
    assert (ends[3].error, ends[3].attempt) == ("WorkerLost", 2)
    assert "exit code 139" in ends[3].sentence
    for n in (0, 1, 2, 4, 5):
        assert read_code(house.gallery.read(f"p{n}", ends[n].picture)) == n


def test_a_broken_device_costs_a_worker_not_the_studio(house):
    pid = house.desk._seat._worker.pid
    (end,) = house.ends(house.ask("gpu=1").group)
    assert (end.kind, end.attempt) == ("failed", 2)
    assert [event.kind for event in house.ends(house.ask().group)] == ["done"]
    assert house.desk._seat._worker.pid != pid


def test_a_worker_that_dies_while_idle_is_not_missed(house):
    house.ends(house.ask().group)
    worker = house.desk._seat._worker
    worker._process.kill()
    worker._process.wait()
    (end,) = house.ends(house.ask().group)
    assert end.kind == "done"


def test_a_worker_that_falls_silent_is_replaced(tmp_path):
    with House(tmp_path).open(Patience(start=5, step=0.3, factor=3)) as house:
        (end,) = house.ends(house.ask("hang=3", steps=5).group)
        assert (end.kind, end.error) == ("failed", "Stalled")
        assert [event.kind for event in house.ends(house.ask().group)] == ["done"]


def test_a_picture_that_takes_too_long_is_ended(tmp_path):
    with House(tmp_path).open(Patience(job=0.3)) as house:
        (end,) = house.ends(house.ask("ms=20", steps=150).group)
        assert end.kind == "failed"
        assert "longer" in end.sentence


def test_faults_of_the_painter_are_told_in_words(house):
    ends = [house.ends(house.ask(p).group)[0] for p in ("raise=1", "oom=1", "png=broken")]
    assert [end.error for end in ends] == ["ZeroDivisionError", "OutOfMemory", "BadPicture"]
    assert ends[1].sentence == "There was no room. Paint it smaller."
    assert house.gallery.pictures("ann") == ()


def test_what_the_painter_should_know_of_a_finished_picture_is_told(house):
    (end,) = house.ends(house.ask("warn=lora").group)
    assert end.kind == "done"
    assert end.sentence == "Something about lora."
    (plain,) = house.ends(house.ask("plain").group)
    assert plain.sentence is None


@pytest.mark.parametrize(
    ("limits", "fields", "count", "word"),
    [
        ({"pictures": 2}, {}, 3, "2 pictures"),
        ({"steps": 10}, {"steps": 11}, 1, "10 steps"),
        ({"side": 256}, {"width": 264}, 1, "256 pixels"),
        ({"cost": 1}, {"width": 512, "height": 512, "steps": 4}, 1, "megapixel"),
        ({"waiting": 3}, {}, 4, "may have 3"),
        ({"waiting_all": 3}, {}, 4, "busy"),
    ],
)
def test_limits_are_said_and_nothing_is_stored(tmp_path, limits, fields, count, word):
    with House(tmp_path).open(**limits) as house:
        recipe = Recipe(**{"width": 64, "height": 64, "steps": 1, **fields})
        with pytest.raises(LimitReached, match=word):
            house.desk.submit(recipe.batch(count), "ann")
        with pytest.raises(BadInput):
            house.desk.submit([], "ann")
        assert house.jobs.recent("ann") == ()


def test_little_room_on_the_disk_is_said_before_painting(tmp_path):
    with House(tmp_path).open(free_bytes=2**62) as house, pytest.raises(DiskFull, match="GiB"):
        house.ask()


def test_inputs_belong_to_their_painter_and_go_with_their_last_picture(house):
    png = house.gallery.read("ann", house.ends(house.ask().group)[0].picture)
    digest = images.digest(png)
    recipe = Recipe(seed=1, steps=1, width=64, height=64, source=Source(image=digest))
    with pytest.raises(NotFound):
        house.desk.submit([recipe], "ann")
    with pytest.raises(BadInput, match="damaged"):
        house.desk.submit([recipe], "ann", {digest: png[:-1]})
    asked = house.desk.submit([recipe], "ann", {digest: png})
    with pytest.raises(NotFound):
        house.desk.submit([recipe], "bob")
    (end,) = house.ends(asked.group)
    assert house.gallery.get("ann", end.picture).inputs == (digest,)
    tomorrow = time.time() + 2 * 86400
    assert house.inputs.sweep(house.gallery.inputs(), tomorrow) == 0
    house.gallery.trash("ann", end.picture)
    house.gallery.empty("ann")
    assert house.inputs.sweep(house.gallery.inputs()) == 0  # she may still have it on her canvas
    assert house.inputs.sweep(house.gallery.inputs(), tomorrow) == 1


def test_others_jobs_are_not_there(house):
    asked = house.ask("ms=5")
    for group in (asked.group, "0" * 32, ""):
        with pytest.raises(NotFound):
            house.desk.events(group, "bob")
        with pytest.raises(NotFound):
            house.desk.cancel(group, "bob")
    assert house.desk.status("bob")["groups"] == []
    assert house.ends(asked.group)[0].kind == "done"


def test_a_restart_loses_nothing_and_keeps_the_order(tmp_path):
    house = House(tmp_path)
    with house.open():
        asked = [house.ask("ms=30", "ann", seed=n, steps=8).group for n in range(4)]
        stopped = house.ask("ms=30", "ann")
        until(house.desk.events(asked[0], "ann"), "step")
        number = until(house.desk.events(asked[0], "ann"), "step").n
        house.desk.cancel(stopped.group, "ann")
        waiting = threading.Thread(target=house.hear, args=(asked[3],))
        waiting.start()
    waiting.join(10)
    assert not waiting.is_alive()  # whoever listened was let go
    with house.open():
        (first,) = [e for e in house.hear(asked[0], since=number) if e.kind in ENDED]
        assert (first.kind, first.attempt) == ("done", 2)
        assert first.n > number
        assert [house.ends(group)[0].kind for group in asked] == ["done"] * 4
        assert house.ends(stopped.group)[0].kind == "cancelled"
        started = [job.started for job in reversed(house.jobs.recent("ann")) if job.group in asked]
        assert started == sorted(started)
        seeds = [picture.seed for picture in reversed(house.gallery.pictures("ann"))]
        assert seeds == [0, 1, 2, 3]


def test_a_picture_kept_just_before_the_studio_died_is_not_painted_twice(tmp_path):
    house = House(tmp_path)
    with house.open():
        asked = house.ask(seed=5)
        (end,) = house.ends(asked.group)
        house.jobs._db.execute("UPDATE jobs SET state = 'running', picture = NULL, ended = NULL")
    with house.open():
        (again,) = house.ends(asked.group)
        assert (again.kind, again.picture, again.attempt) == ("done", end.picture, 1)
        assert len(house.gallery.pictures("ann")) == 1


def test_a_full_disk_is_a_sentence_not_damage(house, monkeypatch):
    real = os.fsync

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (end,) = house.ends(house.ask().group)
    assert (end.kind, end.error) == ("failed", "DiskFull")
    monkeypatch.setattr(os, "fsync", real)
    assert [p for p in house.data.glob("gallery/ann/**/*") if p.is_file()] == []
    assert [event.kind for event in house.ends(house.ask().group)] == ["done"]


def test_a_full_disk_under_the_job_table_holds_the_line_until_there_is_room(house, monkeypatch):
    monkeypatch.setattr(board, "_RETRY_SECONDS", 0.05)
    asked = house.ask("ms=20", steps=10)
    until(house.desk.events(asked.group, "ann"), "step")
    waiting = house.ask()
    tried = threading.Event()

    def full(job):
        if job.state == "running":
            tried.set()
        raise DiskFull("full")

    monkeypatch.setattr(house.jobs, "save", full)
    assert [event.kind for event in house.ends(asked.group)] == ["done"]  # its picture is safe
    assert house.jobs.group(asked.group)[0].state == "running"  # but that could not be written down
    assert not tried.is_set()
    monkeypatch.undo()
    assert [event.kind for event in house.ends(waiting.group)] == ["done"]
    assert house.jobs.group(asked.group)[0].state == "done"


def test_a_picture_is_safe_before_it_is_announced(house, monkeypatch):
    """temp → fsync → rename → fsync of the folder → commits of index and table → event."""
    log = []
    fsync, replace = os.fsync, os.replace
    kind = {True: "folder", False: "file"}
    monkeypatch.setattr(
        os, "fsync", lambda h: (log.append(f"fsync {kind[os.path.isdir(f'/proc/self/fd/{h}')]}"), fsync(h))
    )
    monkeypatch.setattr(os, "replace", lambda a, b: (log.append("rename"), replace(a, b)))
    house.gallery._index._db._db.set_trace_callback(lambda sql: log.append("index " + sql.split()[0]))
    house.jobs._db._db.set_trace_callback(lambda sql: log.append("table " + sql.split()[0]))
    tell = house.desk._board.done
    monkeypatch.setattr(house.desk._board, "done", lambda *a: (log.append("tell"), tell(*a)))
    asked = house.ask()
    for event in house.desk.events(asked.group, "ann"):
        if event.kind == "image":
            log.append("announced")
            break
    order = ["fsync file", "rename", "fsync folder", "index COMMIT", "tell", "table COMMIT", "announced"]
    places = []
    for step in order:
        places.append(log.index(step, places[-1] if places else log.index("rename") - 2))
    assert places == sorted(places)
    last_commit = len(log) - 1 - log[::-1].index("table COMMIT")
    assert log.index("announced") > last_commit
