"""How much a painter had within the last hour."""

from studio.desk.meter import Meter


def test_an_hour_is_forgotten_minute_by_minute_and_everybody_has_her_own():
    now = [0.0]
    meter = Meter(lambda: now[0])
    for _ in range(90):
        meter.add("anna", 1.0)
        now[0] += 60
    assert meter.had("anna") == 59
    assert meter.had("ben") == 0
    now[0] += 3600
    assert meter.had("anna") == 0
    assert not meter._had
