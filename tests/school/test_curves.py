import json

import cv2

from studio.school.curves import Curve


def _filled(folder, steps, start=0):
    curve = Curve(folder, "vae", start)
    for step in range(start + 1, start + steps + 1):
        curve.add(step, {"vae": 1 / step, "_psnr": 20 + step / 100})
    curve.flush()
    return curve


def test_losses_are_written_as_lines_and_drawn(tmp_path):
    _filled(tmp_path, 60).draw()
    rows = [json.loads(line) for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [10, 20, 30, 40, 50, 60]
    assert rows[0]["vae"] > rows[-1]["vae"]
    assert cv2.imread(str(tmp_path / "curve.png")).shape == (320, 640, 3)


def test_lines_after_the_last_checkpoint_are_forgotten_on_resuming(tmp_path):
    _filled(tmp_path, 60)
    _filled(tmp_path, 20, start=40)
    rows = [json.loads(line)["step"] for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert rows == [10, 20, 30, 40, 50, 60]
    assert len(set(rows)) == len(rows)
