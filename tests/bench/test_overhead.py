import math

import pytest

from studio.bench import overhead
from studio.errors import StudioError


def test_studio_and_bare_pipeline_are_compared_pixel_for_pixel_and_second_for_second(settings, threads):
    report = overhead.run(settings, rounds=2, steps=2)
    assert [row[0] for row in report.rows] == ["bare", "bare again", "studio", "studio, prompt kept"]
    assert all(math.isfinite(value) and value > 0 for row in report.rows for value in row[1:])
    assert report.figures["lower"] <= report.figures["ratio"] <= report.figures["upper"]
    assert {"bare_again_ratio", "studio_prompt_kept_ratio"} < report.figures.keys()


def test_different_pixels_are_no_comparison(settings, threads, monkeypatch):
    real = overhead.paint
    monkeypatch.setattr(overhead, "paint", lambda painter, recipe: real(painter, recipe.but(seed=2)))
    with pytest.raises(StudioError, match="differ"):
        overhead.run(settings, rounds=1, steps=1)
