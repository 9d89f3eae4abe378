"""How fast this machine multiplies: timed once, kept, and not told of a graphics card."""

import json

import pytest

from studio.models import pace as paces
from studio.models.pace import FILE, SHARE, SIDE, TRIES, pace


def test_the_quickest_of_a_few_products_counts_and_is_kept_for_this_machine(tmp_path):
    seconds = iter([0.5, 0.25, 0.4])
    found = pace(tmp_path, "cpu", lambda: next(seconds))
    assert found == pytest.approx(SHARE * SIDE**3 / 1e9 / 0.25)
    assert next(seconds, None) is None, f"{TRIES} products are timed"
    assert pace(tmp_path, "cpu", lambda: next(seconds)) == found


@pytest.mark.parametrize("kept", ["{", "[]", '{"machine": "another", "pace": 5}', '{"pace": 5}'])
def test_what_another_machine_or_nobody_wrote_is_timed_anew(tmp_path, kept):
    (tmp_path / FILE).write_text(kept, "utf-8")
    found = pace(tmp_path, "cpu", lambda: 2.0)
    assert found == pytest.approx(SHARE * SIDE**3 / 2e9)
    assert json.loads((tmp_path / FILE).read_text("utf-8"))["pace"] == found


def test_a_real_product_is_timed_where_none_is_given(tmp_path):
    assert pace(tmp_path, "cpu") == json.loads((tmp_path / FILE).read_text("utf-8"))["pace"]


def test_of_a_graphics_card_nothing_is_guessed(tmp_path, monkeypatch):
    assert pace(tmp_path, "cuda") is None
    monkeypatch.setattr(paces.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert pace(tmp_path, "auto") is None
    assert not (tmp_path / FILE).exists()
