"""Fair order, as a function of who waits and who was served."""

import random

from studio.desk.order import Waiting, line


def test_painters_take_turns_however_many_each_has_asked_for():
    hog = [Waiting(f"hog{i}", "hog", i) for i in range(50)]
    others = [Waiting(f"guest{i}", f"guest{i}", 50 + i) for i in range(9)]
    first = line([*hog, *others], {})[:11]
    assert sum(job.startswith("guest") for job in first) == 9
    assert first[0] == "hog0"


def test_within_one_painter_it_is_first_come_first_served():
    waiting = [Waiting(str(n), random.Random(n).choice("abc"), n) for n in range(60)]
    random.Random(1).shuffle(waiting)
    ordered = line(waiting, {"a": 5, "b": 2})
    owner = {w.job: w.painter for w in waiting}
    assert sorted(ordered) == sorted(owner)
    for painter in "abc":
        own = [int(job) for job in ordered if owner[job] == painter]
        assert own == sorted(own)


def test_who_was_served_longest_ago_goes_first():
    waiting = [Waiting("1", "a", 1), Waiting("2", "b", 2), Waiting("3", "c", 3)]
    assert line(waiting, {"a": 9, "b": 4}) == ["3", "2", "1"]


def test_a_job_that_had_begun_goes_first():
    waiting = [Waiting("1", "a", 1), Waiting("2", "b", 2, begun=True)]
    assert line(waiting, {"b": 9}) == ["2", "1"]
