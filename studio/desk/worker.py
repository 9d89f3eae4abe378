"""The worker: a program of its own that paints what comes through its standard input.

    python -m studio.desk.worker SETTINGS        (settings as JSON)

In come `paint`, `live`, `look`, `stop` and `ping`; out go `ready`, `pong`, and for each job `started`,
`step`…, `image`, then exactly one of `done`, `cancelled`, `failed` (see `frames`); for each live frame one of
`still`, `cancelled`, `failed`; for each look one of `seen`, `cancelled`, `failed`. The main thread owns every
torch module; a second one reads, so that Stop arrives while the first paints. At end of input the process
ends: a studio that was killed leaves no orphan. A device that no longer answers is reported as `broken`, and
the process ends too.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO

from studio.desk import frames
from studio.errors import Stopped, StudioError
from studio.painting.events import Event, Picture, Started, Step
from studio.recipe import Recipe

if TYPE_CHECKING:
    from studio.painting.painter import Painter
    from studio.settings import Settings

BROKEN = 70  # exit status after the device stopped answering
_LINGER_SECONDS = 10.0
_FEW_CORES = 4


class Line:
    """Both ends of the pipe: jobs waiting inside, who was stopped, and a writer for any thread."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader, self._writer = reader, writer
        self._writing = threading.Lock()
        self._stopped: set[str] = set()
        self._ended = False
        self.jobs: queue.SimpleQueue[frames.Frame | None] = queue.SimpleQueue()
        self.deadline = threading.Timer(_LINGER_SECONDS, leave, (0,))
        self.deadline.daemon = True

    def read(self) -> None:
        """Takes frames in until the other end closes; then ends a job that does not stop by itself."""
        try:
            while (frame := frames.read(self._reader)) is not None:
                self._take(frame)
        except (frames.BrokenFrame, OSError, ValueError):
            traceback.print_exc()
        self._ended = True
        self.jobs.put(None)
        self.deadline.start()

    def _take(self, frame: frames.Frame) -> None:
        match frame.header.get("do"):
            case "paint" | "live" | "look":
                self.jobs.put(frame)
            case "stop":
                self._stopped.add(str(frame.header.get("job")))
            case "ping":
                self.say({"event": "pong"})
            case unknown:
                self.say({"event": "refused", "sentence": f"This worker does not know “{unknown}”."})

    def stopped(self, job: str) -> bool:
        """Whether this job need not be finished."""
        return self._ended or job in self._stopped

    def say(self, header: Mapping[str, Any], blobs: Mapping[str, bytes] | None = None) -> None:
        """Sends one frame; once nobody listens, does nothing."""
        data = frames.pack(header, blobs)
        with self._writing:
            try:
                self._writer.write(data)
                self._writer.flush()
            except (OSError, ValueError):  # the studio has gone, or closed the pipe
                self._ended = True


def serve(painter: Painter, reader: BinaryIO, writer: BinaryIO) -> int:
    """Painter what comes in until the input ends. Returns the exit status: 0, or `BROKEN`."""
    line = Line(reader, writer)
    threading.Thread(target=line.read, name="reader", daemon=True).start()
    line.say({"event": "ready", "pid": os.getpid()})
    status = 0
    while status == 0 and (frame := line.jobs.get()) is not None:
        status = 0 if _end(painter, line, frame) else BROKEN
    line.deadline.cancel()
    return status


def _paint(painter: Painter, line: Line, frame: frames.Frame, stamp: Mapping[str, Any]) -> None:
    """One job: its events, its picture, and that it is done."""
    recipe = Recipe.from_json(str(frame.header.get("recipe")))
    painter.paint(
        recipe,
        frame.blobs,
        lambda event: line.say(*_spell(event, stamp)),
        lambda: line.stopped(stamp["job"]),
        frame.header.get("extra") or {},
        frame.header.get("checked") is True,
    )
    line.say({"event": "done", **stamp})


def _live(painter: Painter, line: Line, frame: frames.Frame, stamp: Mapping[str, Any]) -> None:
    """One frame of live painting."""
    recipe = Recipe.from_json(str(frame.header.get("recipe")))
    checked = frame.header.get("checked") is True
    still = painter.live(recipe, frame.blobs, lambda: line.stopped(stamp["job"]), checked)
    said = {"i": still.steps, "seconds": round(still.seconds, 4), "same": still.same, "veiled": still.veiled}
    line.say({"event": "still", **said, **stamp}, {"jpeg": still.jpeg})


def _look(painter: Painter, line: Line, frame: frames.Frame, stamp: Mapping[str, Any]) -> None:
    """What a picture holds."""
    kind, picture = str(frame.header.get("kind")), frame.blobs.get("picture", b"")
    sight = painter.look(kind, picture, lambda: line.stopped(stamp["job"]))
    line.say({"event": "seen", "found": sight.found, **stamp}, sight.blobs)


_VERBS = MappingProxyType({"paint": _paint, "live": _live, "look": _look})


def _end(painter: Painter, line: Line, frame: frames.Frame) -> bool:
    """One job or frame, to one of its ends. False when the device is broken and this process with it."""
    stamp = {"job": str(frame.header.get("job")), "attempt": frame.header.get("attempt", 0)}
    try:
        _VERBS[frame.header["do"]](painter, line, frame, stamp)
    except Stopped:
        line.say({"event": "cancelled", **stamp})
    except StudioError as error:
        line.say({"event": "failed", "error": type(error).__name__, "sentence": str(error), **stamp})
    except Exception as error:  # noqa: BLE001 - the one door: whatever it is costs this job, not the worker
        traceback.print_exc()
        broken = is_broken_device(error)
        report = {"error": type(error).__name__, "sentence": explain(error), **stamp}
        line.say({"event": "broken" if broken else "failed", **report})
        return not broken
    return True


def _spell(event: Event, stamp: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """An event as header and blobs."""
    match event:
        case Started():
            return {"event": "started", "cold": event.cold, "models": list(event.models), **stamp}, {}
        case Step():
            blobs = {} if event.preview is None else {"preview": event.preview}
            return {"event": "step", "stage": event.stage, "i": event.i, "n": event.n, **stamp}, blobs
        case Picture():
            return {"event": "image", "facts": event.facts, **stamp}, {"png": event.png}


def explain(error: Exception) -> str:
    """A fault nobody foresaw, as a sentence; the traceback is in the log."""
    if isinstance(error, MemoryError):
        return "There was not enough memory. Make it smaller, or close other programs."
    return (
        f"The painter made a mistake ({type(error).__name__}). Other pictures are not affected; try other "
        "settings, and please report it with the file worker.log of the data folder."
    )


def is_broken_device(error: BaseException) -> bool:
    """Whether the GPU's context is lost, so that only a new process can paint again."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "OutOfMemoryError" in names:
        return False
    return "AcceleratorError" in names or ("RuntimeError" in names and "CUDA error" in str(error))


def pipes() -> tuple[BinaryIO, BinaryIO]:
    """This process's input and output for frames alone: what libraries print goes to stderr from now on."""
    reader, writer = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout = sys.stderr
    if sys.platform == "win32":
        import msvcrt

        for handle in (reader, writer):
            msvcrt.setmode(handle, os.O_BINARY)
    return os.fdopen(reader, "rb"), os.fdopen(writer, "wb")


def be_nice() -> None:
    """On few cores, lets the page and the artist's other programs go first."""
    if (os.cpu_count() or 1) > _FEW_CORES:
        return
    import psutil

    process = psutil.Process()
    process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else 5)


def leave(status: int) -> None:
    """Ends the process at once: a library's own threads and exit handlers must not hold it."""
    sys.stderr.flush()
    os._exit(status)


def build(settings: Settings) -> Painter:
    """The painter over the models of these settings, with the heavy libraries loaded."""
    from studio.models.library import Library
    from studio.painting.painter import Painter

    painter = Painter(settings, Library(settings.models, settings.extra_models))
    painter.warm()
    return painter


def main(arguments: list[str]) -> int:
    """Runs a worker for the settings given as JSON."""
    from studio.settings import Settings

    reader, writer = pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the studio, which closes this pipe
    be_nice()
    settings = Settings.model_validate_json(arguments[0]) if arguments else Settings.read()
    return serve(build(settings), reader, writer)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
