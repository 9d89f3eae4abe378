import json
import shutil

import numpy as np
import pytest

from studio.errors import BadInput
from studio.school.judge import orders, report, told_attributes
from studio.school.scene import held_out, sample_scene


def test_the_report_is_made_from_the_shipped_weights_and_goes_on_where_it_stopped(school, tmp_path):
    out = tmp_path / "starter"
    shutil.copytree(school.out, out)
    notes = []
    first = report(out, 8, school.options.state, note=lambda *n: notes.append(n))
    assert {"following", "kernel_distance", "vae_psnr", "vae_ssim", "tiny_psnr", "copies"} <= set(first)
    assert {"sketch_px", "upscaler_gain_db", "fast_to_slow", "diversity", "judge_accuracy"} <= set(first)
    assert first == json.loads((out / "figures.json").read_text("utf-8"))
    assert "| judge accuracy |" in (out / "README.md").read_text("utf-8")
    painted = next((school.options.state / "report").glob("*/paintings/*.npy"))
    stamp = painted.stat().st_mtime_ns
    again = report(out, 8, school.options.state)
    assert painted.stat().st_mtime_ns == stamp
    assert np.allclose(
        [first["following"], first["kernel_distance"]], [again["following"], again["kernel_distance"]]
    )


def test_a_folder_that_no_school_made_cannot_be_judged(tmp_path):
    with pytest.raises(BadInput, match="has no training"):
        report(tmp_path, 8, tmp_path / "state")


def test_what_a_caption_tells_is_found_by_its_words():
    scene = sample_scene(np.random.default_rng(3))
    assert not any(told_attributes("", scene))
    asked = orders(40, 1)
    assert all(any(order.told) for order in asked)
    assert 0.2 < np.mean([order.told for order in asked]) < 0.95


def test_a_waterfall_does_not_tell_of_autumn():
    rng = np.random.default_rng(0)
    scene = next(
        s for s in (sample_scene(rng) for _ in range(500)) if (s.season, s.water) == ("autumn", "waterfall")
    )
    from studio.school.captions import concepts

    words = concepts()["water:waterfall"]["en"]
    told = told_attributes(words[0], scene)
    from studio.school.data import attribute_names

    assert [name for name, said in zip(attribute_names(), told, strict=True) if said] == ["water"]


def test_held_out_pairs_can_be_asked_for():
    from studio.school.scene import ATTRIBUTES, Scene

    for order in orders(10, 2, held_out_pairs=True):
        pairs = zip(ATTRIBUTES.items(), order.labels, strict=True)
        assert held_out(Scene(**{name: values[n] for (name, values), n in pairs}))
