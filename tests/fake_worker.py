"""A worker process around the fake painter: as `studio.desk.worker`, but starting in a blink."""

from fakes import FakePainter

from studio.desk import worker

if __name__ == "__main__":
    reader, writer = worker.pipes()
    worker.leave(worker.serve(FakePainter(), reader, writer))
