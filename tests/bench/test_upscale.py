"""The benches of enlarging and of tiles, on the smallest picture; the original stands aside."""

import math
import os

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from studio import cli
from studio.bench import memory, originals, parity, tiles, upscale
from studio.bench.memory import spent
from studio.bench.parity import Net, described


@pytest.fixture
def small(monkeypatch):
    """Small sizes, in this process."""
    monkeypatch.setattr(upscale, "SIZES", (0.004, 0.016))
    monkeypatch.setattr(tiles, "SIZES", (0.03,))
    monkeypatch.setattr(memory, "apart", lambda work, *given: work(*given))


def without(script, given):
    raise originals.NoOriginals("they cannot be had")


def test_enlarging_is_measured_and_says_when_the_original_is_not_there(settings, small, monkeypatch):
    monkeypatch.setattr(originals, "run", without)
    told = []
    report = upscale.run(settings, largest=1, tell=told.append)
    assert [row[0] for row in report.rows] == [0.004, 0.016]
    assert [line.split(",")[0] for line in told] == ["megapixels 0.004", "megapixels 0.016"]
    assert all(row[1] > 0 and row[3] > 0 and row[5] == 0 for row in report.rows)
    assert report.notes == ("they cannot be had",)
    assert "speed" not in report.figures


def test_the_original_s_seconds_stand_beside_ours(settings, small, monkeypatch):
    said = {"seconds.picture": np.array(3.0), "processor.picture": np.array(6.0)}
    monkeypatch.setattr(originals, "run", lambda script, given: said)
    report = upscale.run(settings)
    assert report.figures["speed"] == 6.0 / sum(row[1] for row in report.rows)
    assert report.figures["processor_speed"] == 12.0 / sum(row[2] for row in report.rows)


def test_tiles_are_measured_against_the_whole(settings, small):
    (settings.models / "starter" / "upscaler").mkdir(exist_ok=True)
    state = {
        "body.0.weight": torch.zeros(4, 3, 3, 3),
        "body.0.bias": torch.zeros(4),
        "body.1.weight": torch.zeros(4),
        "body.2.weight": torch.zeros(12, 4, 3, 3),
        "body.2.bias": torch.zeros(12),
    }
    save_file(state, settings.models / "starter" / "upscaler" / "x2.safetensors")
    report = tiles.run(settings, largest=1)
    assert [row[1] for row in report.rows] == ["enlarged in tiles", "decoded in tiles", "decoded at once"]
    assert math.isfinite(report.figures["psnr"])
    told = []
    assert [row[0] for row in tiles.run(settings, sizes=(0.02, 0.01), tell=told.append).rows] == [
        *[0.01] * 3,
        *[0.02] * 3,
    ]
    assert [line.split(", ")[1] for line in told][:3] == [f"how {row[1]}" for row in report.rows]


def test_a_peak_is_seen():
    kept = []
    use = spent(lambda: kept.append(bytearray(64 * 2**20)))
    assert 50 * 2**20 < use.bytes < use.peak


def test_work_apart_has_a_process_of_its_own():
    assert memory.apart(os.getpid) != os.getpid()


def test_a_file_of_one_s_own_is_compared_value_for_value(settings, tmp_path, monkeypatch):
    path = upscale.written(tmp_path)
    assert described(path) == Net("compact", 4, 32)

    def alike(script, given):
        kinds = [name for name in given if name.startswith(("RGB", "grey"))]
        sides = {name: (4 * given[name].shape[0], 4 * given[name].shape[1]) for name in kinds}
        made = {name: np.zeros((*sides[name], *given[name].shape[2:]), given[name].dtype) for name in kinds}
        return made | {f"seconds.{name}": np.array(1.0) for name in kinds}

    monkeypatch.setattr(originals, "run", alike)
    monkeypatch.setattr(parity, "through", lambda net, pixels, tools: pixels.repeat(4, 0).repeat(4, 1))
    report = parity.run(settings, str(path))
    assert [row[0] for row in report.rows] == [
        "RGB",
        "RGBA",
        "grey",
        "RGB, 16 bits",
        "RGBA, 16 bits",
        "grey, 16 bits",
    ]
    assert report.figures["differing"] > 0, "black is not the picture"


def test_a_file_that_the_original_cannot_run_is_refused(settings, tmp_path, capsys):
    torch.save({"words": torch.zeros(2, 2)}, tmp_path / "foreign.pth")
    assert cli.main(["bench", "parity", str(tmp_path / "foreign.pth")]) != 0
    assert "RRDBNet" in capsys.readouterr().err
    assert cli.main(["bench", "parity", str(tmp_path / "foreign.pth"), "--largest", "4"]) != 0
    assert "largest" in capsys.readouterr().err
