"""A studio without a page, to be killed: four painters ask on and on, and every picture announced is printed.

python fake_server.py FOLDER
"""

import os
import sys
import threading
from pathlib import Path

from studio.desk.desk import Desk
from studio.desk.inputs import Inputs
from studio.desk.jobs import Jobs
from studio.desk.lock import FolderLock
from studio.gallery import Gallery
from studio.recipe import Recipe
from studio.settings import Limits, Settings


def ask(desk, jobs, painter, start):
    """One painter: takes up what an earlier studio left, then asks for three pictures at a time."""
    told = {job.id for job in jobs.recent(painter, 10**6) if job.state == "done"}
    groups = list(dict.fromkeys(job.group for job in jobs.unfinished() if job.painter == painter))
    while True:
        if not groups:
            recipe = Recipe(prompt="ms=1", steps=4, width=64, height=64, seed=start)
            groups.append(desk.submit(recipe.batch(3), painter).group)
            start += 3
        for event in desk.events(groups.pop(0), painter):
            if event.kind == "done" and event.picture not in told:
                os.write(1, f"{painter} {event.picture}\n".encode())  # in one piece


def main(data):
    lock = FolderLock(data)
    settings = Settings(data=data, limits=Limits(free_bytes=0))
    jobs, gallery = Jobs(data / "studio.db"), Gallery(data / "gallery")
    desk = Desk(
        settings,
        jobs,
        gallery,
        Inputs(data),
        (sys.executable, str(Path(__file__).parents[1] / "fake_worker.py")),
    )
    for n, painter in enumerate(("ann", "bob", "cat", "dan")):
        start = 1_000_000 * (n + 1) + len(jobs.recent(painter, 10**6))
        threading.Thread(target=ask, args=(desk, jobs, painter, start), daemon=True).start()
    sys.stdin.read()
    desk.close()
    lock.release()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
