"""The job table."""

import sqlite3
from dataclasses import replace

import pytest

from studio.desk.jobs import Job, Jobs
from studio.errors import DiskFull, StudioError


def job(name, painter="ann", **changes):
    return replace(Job(0, name, "group", painter, "{}", ("digest",), {"template": "a"}, "m", 1.0), **changes)


@pytest.fixture
def jobs(tmp_path):
    table = Jobs(tmp_path / "studio.db")
    yield table
    table.close()


def test_jobs_come_back_as_they_were_in_order(tmp_path, jobs):
    stored = jobs.add([job("a"), job("b", "bob"), job("c")])
    jobs.save(replace(stored[0], state="done", ended=5.0, picture="a", event=7))
    jobs.close()
    again = Jobs(tmp_path / "studio.db")
    assert again.unfinished() == stored[1:]
    assert [one.state for one in again.group("group")] == ["done", "queued", "queued"]
    assert again.last_event() == 7
    again.forget(6.0)
    assert [one.id for one in again.group("group")] == ["b", "c"]
    again.close()


def test_a_request_is_stored_as_a_whole_or_not_at_all(jobs):
    with pytest.raises(sqlite3.IntegrityError):
        jobs.add([job("a"), job("a")])
    assert jobs.unfinished() == ()


def test_a_full_disk_is_a_sentence_and_changes_nothing(jobs):
    jobs.add([job("a")])
    jobs._db._db.execute("PRAGMA max_page_count=1")
    with pytest.raises(DiskFull):
        jobs.add([job(f"{n}", recipe="x" * 50_000) for n in range(5)])
    jobs._db._db.execute("PRAGMA max_page_count=1000000")
    assert [one.id for one in jobs.unfinished()] == ["a"]
    assert len(jobs.add([job("b")])) == 1


def test_drafts_are_each_painters_own(jobs):
    jobs.keep_draft("ann", "form", {"prompt": "雾"})
    jobs.keep_draft("bob", "form", {"prompt": "x"})
    jobs.keep_draft("bob", "form", None)
    jobs.set("theme", "ink")
    assert (jobs.draft("ann", "form"), jobs.draft("bob", "form")) == ({"prompt": "雾"}, None)
    assert (jobs.drafts("ann"), jobs.setting("theme"), jobs.setting("x")) == (
        {"form": {"prompt": "雾"}},
        "ink",
        None,
    )


def test_estimates_follow_what_this_machine_took(jobs):
    assert jobs.estimate("m", 10) is None
    jobs.learn("m", 10, 5)
    assert jobs.estimate("m", 20) == pytest.approx(10)
    jobs.learn("m", 20, 8)
    assert jobs.estimate("m", 40) == pytest.approx(14)  # 2 s and 0.3 s a megapixel-step
    for _ in range(60):
        jobs.learn("m", 10, 50)
    assert jobs.estimate("m", 10) == pytest.approx(50, rel=0.1)


def test_a_table_of_a_newer_studio_is_left_alone(tmp_path, jobs):
    jobs._db._db.execute("PRAGMA user_version=99")
    jobs.close()
    with pytest.raises(StudioError, match="newer"):
        Jobs(tmp_path / "studio.db")


def test_a_broken_table_is_put_aside_and_the_studio_starts(tmp_path, jobs):
    jobs.close()
    (tmp_path / "studio.db").write_bytes(b"no table at all" * 300)
    again = Jobs(tmp_path / "studio.db")
    assert again.unfinished() == ()
    assert (tmp_path / "studio.db.bad").read_bytes().startswith(b"no table")
    again.close()
