"""A worker process on this machine: started, spoken to, and ended."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from studio.desk import frames
from studio.settings import PROJECT, Settings

_LOG_BYTES = 5 * 2**20
_DYING_SECONDS = 10.0
# Threads that wait for each other sleep instead of spinning: beside any other program on few cores, spinning
# made a picture take ten times as long.
PATIENT = {"OMP_WAIT_POLICY": "passive"}


def default_command(settings: Settings) -> tuple[str, ...]:
    """How a worker for these settings is started: in this Python, as a program of its own."""
    return (sys.executable, "-m", "studio.desk.worker", settings.model_dump_json())


class WorkerGone(Exception):
    """The process has ended. `str(error)` says how, for a sentence: “exit code 1”, “killed by signal 9”."""


class LocalWorker:
    """One worker process with its pipes. Sending never waits; frames are taken with `receive`."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            os.replace(log, log.with_suffix(".old.log"))
        paths = [str(PROJECT), os.environ.get("PYTHONPATH", "")]
        with open(log, "ab") as errors:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**PATIENT, **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        self.ready = False
        self._inbox: queue.SimpleQueue[frames.Frame | None] = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="worker-reader", daemon=True).start()
        threading.Thread(target=self._write, name="worker-writer", daemon=True).start()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def send(self, header: Mapping[str, Any], blobs: Mapping[str, bytes] | None = None) -> None:
        """Hands a frame to the process, in order; one that has died does not mind."""
        self._outbox.put(frames.pack(header, blobs))

    def receive(self, seconds: float | None) -> frames.Frame | None:
        """The next frame, or None after `seconds` (None: as long as it takes) or after `nudge`.

        Raises `WorkerGone` when the process has ended and everything it said was taken.
        """
        try:
            frame = self._inbox.get(timeout=None if seconds is None else max(0.0, seconds))
        except queue.Empty:
            return None
        if frame is None:
            self._inbox.put(None)
            raise WorkerGone(self._how_it_ended())
        return None if frame.header.get("event") == "nudge" else frame

    def nudge(self) -> None:
        """Makes a `receive` that waits in another thread return None."""
        self._inbox.put(frames.Frame({"event": "nudge"}))

    def kill(self) -> None:
        """Ends the process now, whatever it does."""
        self._process.kill()
        self._outbox.put(None)
        self._process.wait()

    def close(self) -> None:
        """Lets the process end by itself (its input ends), and ends it when it takes too long."""
        self._outbox.put(None)
        try:
            self._process.wait(_DYING_SECONDS / 2)
        except subprocess.TimeoutExpired:
            self.kill()

    def _read(self) -> None:
        stream = _pipe(self._process.stdout)
        try:
            while (frame := frames.read(stream)) is not None:
                if frame.header.get("event") == "ready":
                    self.ready = True
                else:
                    self._inbox.put(frame)
        except (frames.BrokenFrame, OSError):
            self._process.kill()
        stream.close()
        try:
            self._process.wait(_DYING_SECONDS)
        except subprocess.TimeoutExpired:  # it closed its output and lives on: of no use to anybody
            self._process.kill()
            self._process.wait()
        self._outbox.put(None)
        self._inbox.put(None)

    def _write(self) -> None:
        stream = _pipe(self._process.stdin)
        try:
            while (data := self._outbox.get()) is not None:
                stream.write(data)
                stream.flush()
            stream.close()
        except OSError:  # it died; the reader tells
            return

    def _how_it_ended(self) -> str:
        status = self._process.wait()
        return f"killed by signal {-status}" if status < 0 else f"exit code {status}"


def _pipe(stream: IO[bytes] | None) -> Any:
    if stream is None:
        raise WorkerGone("no pipe")
    return stream
