"""The worker's door: every job has exactly one end, whatever happens inside."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

from fakes import FakePainter, read_code

from studio.desk import frames, worker
from studio.recipe import Recipe
from studio.settings import PROJECT

FAKE = [sys.executable, str(Path(__file__).parent.parent / "fake_worker.py")]


ENV = {**os.environ, "PYTHONPATH": str(PROJECT)}


def paint(prompt="", job="a", **fields):
    recipe = Recipe(prompt=f"ms=1 {prompt}", seed=77, steps=3, width=64, height=64, **fields)
    return frames.pack({"do": "paint", "job": job, "attempt": 1, "recipe": recipe.to_json(), "extra": {}})


def said(*sent):
    """What the worker answers to these frames."""
    out = io.BytesIO()
    status = worker.serve(FakePainter(), io.BytesIO(b"".join(sent)), out)
    out.seek(0)
    return status, list(iter(lambda: frames.read(out), None))


class Held(io.RawIOBase):
    """A stream that gives `data`, and ends only when it is told to."""

    def __init__(self, data):
        self.data, self.end = io.BytesIO(data), threading.Event()

    def read(self, size=-1):
        return self.data.read(size) or (self.end.wait(10), b"")[1]


def talk(*sent):
    """What the worker answers while the line stays open, until every job has ended."""
    stream = Held(b"".join(sent))
    jobs = sum(b'"do":"paint"' in one for one in sent)

    class Out(io.BytesIO):
        ends = 0

        def write(self, data):
            self.ends += any(
                f'"event":"{end}"'.encode() in data for end in ("done", "failed", "cancelled", "broken")
            )
            if self.ends == jobs:
                stream.end.set()
            return super().write(data)

    out = Out()
    status = worker.serve(FakePainter(), stream, out)
    out.seek(0)
    return status, list(iter(lambda: frames.read(out), None))


def kinds(answers):
    return [frame.header["event"] for frame in answers]


def test_a_job_is_started_stepped_painted_and_done():
    status, answers = talk(paint())
    assert status == 0
    assert kinds(answers) == ["ready", "started", "step", "step", "step", "image", "done"]
    assert read_code(answers[-2].blobs["png"]) == 77
    assert answers[2].blobs["preview"][8:12] == b"WEBP"
    assert all(frame.header["job"] == "a" and frame.header["attempt"] == 1 for frame in answers[1:])


def test_stop_ends_the_job_it_names_and_no_other():
    stop = frames.pack({"do": "stop", "job": "a"})
    _, answers = talk(stop, paint(), paint(job="b"))
    ends = {frame.header["job"]: frame.header["event"] for frame in answers[1:]}
    assert ends == {"a": "cancelled", "b": "done"}
    assert kinds(answers).count("step") == 1 + 3


def test_faults_become_sentences_and_the_worker_goes_on(capfd):
    _, answers = talk(paint("raise=2"), paint("oom=2", "b"), paint(job="c"))
    failed = [frame.header for frame in answers if frame.header["event"] == "failed"]
    assert [one["error"] for one in failed] == ["ZeroDivisionError", "OutOfMemory"]
    assert failed[1]["sentence"] == "There was no room. Paint it smaller."
    assert "ZeroDivisionError: a mistake" in capfd.readouterr().err
    assert kinds(answers)[-1] == "done"


def test_a_recipe_that_is_none_fails_and_an_unknown_verb_is_refused():
    bad = frames.pack({"do": "paint", "job": "a", "attempt": 1, "recipe": '{"steps": 0}'})
    _, answers = talk(frames.pack({"do": "dance"}), frames.pack({"do": "ping"}), bad)
    assert kinds(answers)[-1] == "failed"
    assert "steps" in answers[-1].header["sentence"]
    assert {"refused", "pong"} <= set(kinds(answers))


def test_a_broken_device_ends_the_worker(capfd):
    status, answers = talk(paint("gpu=1"))
    assert status == worker.BROKEN
    assert kinds(answers)[-1] == "broken"


def test_a_line_that_ends_stops_the_job_in_hand():
    status, answers = said(paint("ms=50"))
    assert status == 0
    assert kinds(answers)[-1] == "cancelled"


def test_a_worker_whose_studio_dies_ends_by_itself():
    process = subprocess.Popen(FAKE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENV)
    assert frames.read(process.stdout).header["pid"] == process.pid
    process.stdin.close()
    assert process.wait(20) == 0


def test_what_libraries_print_does_not_disturb_the_line():
    process = subprocess.Popen(
        FAKE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV
    )
    process.stdin.write(paint("print"))
    process.stdin.flush()
    answers = []
    while not answers or answers[-1].header["event"] not in ("done", "failed"):
        answers.append(frames.read(process.stdout))
    _, errors = process.communicate(timeout=20)
    assert kinds(answers)[-1] == "done"
    assert errors.count(b"a library says something") == 3
