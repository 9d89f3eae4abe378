import json
import shutil

import numpy as np
import pytest

from studio.errors import BadInput
from studio.school.judge import report


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
    more = {**first, "samples": 5000}
    (out / "figures.json").write_text(json.dumps(more), "utf-8")
    again = report(out, 8, school.options.state)
    assert painted.stat().st_mtime_ns == stamp
    assert np.allclose(
        [first["following"], first["kernel_distance"]], [again["following"], again["kernel_distance"]]
    )
    assert json.loads((out / "figures.json").read_text("utf-8")) == more, "the card keeps the surer figures"
    (out / "figures.json").write_text(json.dumps({**more, "weights": "others"}), "utf-8")
    assert report(out, 8, school.options.state) == json.loads((out / "figures.json").read_text("utf-8"))


def test_a_folder_that_no_school_made_cannot_be_judged(tmp_path):
    with pytest.raises(BadInput, match="has no training"):
        report(tmp_path, 8, tmp_path / "state")
