import pytest

from studio.errors import Stopped
from studio.painting.events import Step
from studio.painting.watch import Watch


def test_a_step_is_told_before_the_stop_is_obeyed():
    told = []
    watch = Watch(told.append, lambda: True)
    with pytest.raises(Stopped):
        watch.step("denoise", 1, 20, b"preview")
    assert told == [Step("denoise", 1, 20, b"preview")]


def test_no_stage_starts_after_stop():
    watch = Watch(lambda event: None, lambda: True)
    with pytest.raises(Stopped), watch.stage("decode"):
        pytest.fail("it started")
    assert watch.seconds == {}


def test_the_seconds_of_a_stage_add_up_and_are_kept_when_it_fails():
    watch = Watch(lambda event: None, lambda: False)
    with watch.stage("load"):
        pass
    first = watch.seconds["load"]
    with pytest.raises(ZeroDivisionError), watch.stage("load"):
        raise ZeroDivisionError
    assert watch.seconds["load"] > first
