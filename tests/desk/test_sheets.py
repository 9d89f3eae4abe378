"""Canvases are kept for their painter, with the pictures on them."""

from pathlib import Path

import pytest
from test_drawing import drawing, png

from studio.desk.inputs import Inputs
from studio.desk.jobs import Jobs
from studio.desk.sheets import Sheets, on_sheets
from studio.errors import NotFound


def test_a_canvas_is_hers_alone_and_keeps_its_pictures(tmp_path: Path):
    inputs, jobs = Inputs(tmp_path), Jobs(tmp_path / "studio.db")
    sheets = Sheets(inputs, jobs)
    picture = inputs.put("ada", png())
    sheets.keep_draft("ada", "canvas", drawing(picture))
    kept = sheets.draft("ada", "canvas")
    assert kept is not None
    assert kept["layers"][0]["picture"]["image"] == picture
    assert sheets.draft("bo", "canvas") is None
    assert on_sheets(jobs) == {("ada", picture)}
    digest = sheets.keep("ada", drawing(picture))
    assert sheets.open("ada", digest).images == (picture,)
    with pytest.raises(NotFound):
        sheets.open("bo", digest)
    with pytest.raises(NotFound):
        sheets.keep("bo", drawing(picture))
    jobs.close()
