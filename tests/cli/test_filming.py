"""From what the browser drew to a film that fits into a README."""

import io

import pytest
from PIL import Image

from studio.cli import filming
from studio.errors import StudioError


def frame(shade: int, side: int = 64) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((side, side), shade).save(out, "JPEG")
    return out.getvalue()


def test_frames_keep_their_times_and_the_finished_picture_lingers():
    seen = [(0.05 * i, frame(i)) for i in range(21)]
    film = filming.timed(seen)
    gaps = [one.milliseconds for one in film]
    assert min(gaps[:-2]) >= filming.GAP_MS
    assert sum(gaps[:-1]) == pytest.approx(1000, abs=len(film))
    assert film[-1].picture == seen[-1][1]
    assert gaps[-1] == filming.LINGER_MS


def test_a_long_film_has_fewer_frames_a_second_not_more_frames():
    picture = frame(1)
    film = filming.timed([(0.1 * i, picture) for i in range(2000)])
    assert len(film) <= filming.MOST_FRAMES
    assert sum(one.milliseconds for one in film[:-1]) == pytest.approx(199_900, rel=0.01)


def test_a_film_loses_quality_before_it_becomes_too_large(monkeypatch):
    shown = filming.timed([(0.2 * i, frame(120 + i, 320)) for i in range(6)])
    best = filming.fitted(shown)
    monkeypatch.setattr(filming, "MOST_BYTES", len(best) - 1)
    smaller = filming.fitted(shown)
    assert len(smaller) < len(best)
    with Image.open(io.BytesIO(smaller)) as film:
        assert film.n_frames == len(shown)
    monkeypatch.setattr(filming, "MOST_BYTES", 10)
    with pytest.raises(StudioError, match="larger than"):
        filming.fitted(shown)
