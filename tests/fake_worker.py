"""A worker process around the fake painter: as `studio.desk.worker`, but starting in a blink."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from fakes import FakePainter

from studio.desk import worker

if __name__ == "__main__":
    reader, writer = worker.pipes()
    worker.leave(worker.serve(FakePainter(), reader, writer))
