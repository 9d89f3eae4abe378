"""What a worker may say; one that says anything else is replaced, and the others' pictures go on."""

import sys
from pathlib import Path

import pytest

from studio.desk.desk import Desk
from studio.desk.inputs import Inputs
from studio.desk.jobs import Jobs
from studio.desk.words import word_of
from studio.gallery import Gallery
from studio.recipe import Recipe
from studio.settings import Limits, Settings

# A worker that answers every job with the header in its second argument, unless the prompt is "well".
MAD = """
import json, sys
from fakes import FakePainter
from studio.desk import worker, frames
class Mad(FakePainter):
    def paint(self, recipe, blobs, emit, stopped, extra=None, checked=False):
        if recipe.prompt == "well":
            return super().paint(recipe, blobs, emit, stopped, extra)
        line.say({**json.loads(sys.argv[1]), "job": line.job, "attempt": line.attempt})
class Line(worker.Line):
    def __init__(self, *pipes):
        global line
        line = self
        super().__init__(*pipes)
    def _take(self, frame):
        self.job, self.attempt = frame.header.get("job"), frame.header.get("attempt")
        super()._take(frame)
worker.Line = Line
reader, writer = worker.pipes()
worker.leave(worker.serve(Mad(), reader, writer))
"""


@pytest.mark.parametrize(
    "said",
    [
        '{"event": "step", "i": "many", "n": 1}',
        '{"event": "started", "models": 7}',
        '{"event": "image", "facts": {"seconds": {"denoise": 1, "load": 0, "post": []}}}',
        '{"event": "failed", "sentence": {}}',
    ],
)
def test_a_worker_that_lost_its_mind_costs_its_job_and_no_other(tmp_path: Path, said: str):
    jobs, gallery, inputs = Jobs(tmp_path / "studio.db"), Gallery(tmp_path / "gallery"), Inputs(tmp_path)
    tests = str(Path(__file__).parent.parent)
    command = (sys.executable, "-c", f"import sys; sys.path.insert(0, {tests!r})\n{MAD}", said)
    settings = Settings(data=tmp_path, limits=Limits(free_bytes=0))
    desk = Desk(settings, jobs, gallery, inputs, command)
    try:
        mad, well = (
            desk.submit([Recipe(prompt=prompt, seed=1, steps=1, width=64, height=64)], "ann").group
            for prompt in ("mad", "well")
        )
        assert list(desk.events(mad, "ann"))[-1].error == "WorkerLost"
        assert list(desk.events(well, "ann"))[-1].kind == "done"
    finally:
        desk.close()
        gallery.close()
        jobs.close()


def test_half_a_character_in_a_sentence_is_a_question_mark():
    assert word_of({"event": "failed", "sentence": "a \ud83d in a name"}).sentence == "a ? in a name"
    assert word_of({"event": "failed", "sentence": "墨 🎨"}).sentence == "墨 🎨"
