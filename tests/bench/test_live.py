"""The live bench: what it makes of what it saw, and whose memory it looks at."""

import pytest

from studio.bench import live
from studio.bench.serving import served


def test_a_pen_up_is_answered_by_the_first_picture_of_a_canvas_sent_after_it():
    frames = [{"sent": 5.0, "at": 90.0}, {"sent": 20.0, "at": 130.0}, {"sent": 40.0, "at": 200.0}]
    assert live.after_pen(10.0, frames) == 120.0
    assert live.after_pen(50.0, frames) is None


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.95, 4), (0.25, 1)])
def test_a_quantile_is_a_value_that_was_measured(share, value):
    assert live.quantile([4, 1, 3, 2], share) == value


def test_the_memory_of_server_and_worker_is_told_apart(settings):
    with served(settings) as studio:
        held = studio.memory()
    assert held.keys() == {"server", "worker"}
    assert min(held.values()) > 2**20
