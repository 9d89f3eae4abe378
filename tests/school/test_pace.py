import pytest

from studio.school.pace import Pace, rate_factor


def test_the_rate_warms_up_in_steps_and_decays_in_time():
    pace = Pace(minutes=1, warmup=10, decay_from=0.6, floor=0.05)
    assert rate_factor(pace, 0, 0.0) == pytest.approx(0.1)
    assert rate_factor(pace, 9, 0.0) == rate_factor(pace, 500, 0.6) == 1.0
    assert rate_factor(pace, 4, 0.1) == 1.0
    assert rate_factor(pace, 500, 0.8) == pytest.approx(0.525)
    assert rate_factor(pace, 500, 1.0) == pytest.approx(0.05)
