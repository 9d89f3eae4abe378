"""kill -9 at random moments: no announced picture is lost, none is broken, none is there twice."""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from fakes import read_code

from studio.desk.jobs import Jobs
from studio.gallery import Gallery
from studio.settings import PROJECT

SERVER = Path(__file__).parent / "fake_server.py"
ENV = {**os.environ, "PYTHONPATH": str(PROJECT)}


def run_and_kill(folder, pictures, seconds):
    """Starts a server, and kills it `seconds` after it has announced so many new pictures; returns them.

    With no pictures, the seconds count from its start: it dies while it opens its tables or wakes its worker.
    """
    command = [sys.executable, str(SERVER), str(folder)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENV)
    lines, enough = [], threading.Event()

    def read():
        for line in server.stdout:
            lines.append(line)
            if len(lines) >= pictures:
                enough.set()

    reader = threading.Thread(target=read)
    reader.start()
    is_enough = pictures == 0 or enough.wait(120)
    time.sleep(seconds)
    server.kill()
    server.wait()
    reader.join()
    server.stdin.close()
    server.stdout.close()
    assert is_enough, "it announced nothing for two minutes"
    return [line.split() for line in lines if line.endswith("\n")]


def test_no_announced_picture_is_lost_however_often_the_studio_is_killed(tmp_path, request):
    kills = 300 if request.config.getoption("--long") else 20
    rng = random.Random(20261121)
    announced = {}
    for n in range(kills):
        pictures, seconds = (
            (0, rng.uniform(0, 0.9)) if n % 5 == 4 else (rng.randint(1, 6), rng.uniform(0, 0.2))
        )
        for painter, picture in run_and_kill(tmp_path, pictures, seconds):
            assert announced.setdefault(picture, painter) == painter
    assert len(announced) >= kills
    check(tmp_path, announced)
    for part in tmp_path.glob("index.db*"):
        part.unlink()
    check(tmp_path, announced)


def check(folder, announced):
    """Every announced picture is in its owner's gallery, whole, once, and is the one that was asked for."""
    gallery, jobs = Gallery(folder / "gallery"), Jobs(folder / "studio.db")
    rows = {job.id: job for painter in set(announced.values()) for job in jobs.recent(painter, 10**6)}
    for picture, painter in announced.items():
        row = gallery.get(painter, picture)
        assert read_code(gallery.read(painter, picture)) == row.seed
        assert rows[picture].state == "done"
    files = [path for path in (folder / "gallery").rglob("*") if path.is_file()]
    ids = [path.stem.rpartition("-")[2] for path in files]
    assert len(ids) == len(set(ids))
    assert all(path.suffix == ".png" for path in files)
    states = {job.state for job in rows.values()}
    assert states <= {"done", "queued", "running"}
    assert {job.id for job in rows.values() if job.state == "done"} <= set(ids)
    jobs.close()
    gallery.close()
