import math

from studio.bench import stages


def test_a_repeat_and_a_moved_slider_are_measured_against_a_full_painting(settings):
    report = stages.run(settings, rounds=1)
    assert [row[0] for row in report.rows] == ["full painting", "same recipe again", "CLAHE moved"]
    assert all(math.isfinite(value) and value > 0 for value in report.figures.values())
    assert report.figures["post_share"] < 1, "moving a slider paints everything again"
