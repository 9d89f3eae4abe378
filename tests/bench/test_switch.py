import math

from studio.bench import switch


def test_the_three_kinds_are_measured_against_txt2img_alone(settings):
    report = switch.run(settings, rounds=1)
    assert [row[0] for row in report.rows] == ["txt2img alone", "txt2img", "img2img", "control"]
    assert all(math.isfinite(value) for row in report.rows for value in row[1:])
    assert math.isfinite(report.figures["memory_share"])
    assert report.figures["view_ms"] > 0


def test_what_stays_in_memory_after_a_switch_is_seen(settings, monkeypatch):
    hoard, again = [], switch.again

    def keeping(painter, recipe, blobs):
        again(painter, recipe, blobs)
        if recipe.source is not None:
            hoard.append(b"\1" * 2**28)

    monkeypatch.setattr(switch, "again", keeping)
    assert switch.run(settings, rounds=1).figures["memory_share"] > 0.1
