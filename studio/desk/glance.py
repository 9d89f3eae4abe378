"""One live frame or one look on one worker, until the worker is free again or lost."""

from __future__ import annotations

import time
from collections.abc import Callable

from studio.desk import frames
from studio.desk.live import Canvas
from studio.desk.local import LocalWorker, WorkerGone
from studio.desk.look import Look
from studio.desk.words import Word, word_of
from studio.errors import StudioError

_LOOK_SECONDS = 0.2  # how often is looked whether anybody still waits for the frame
_GONE = "The painter stopped over this and was replaced. Go on; if it happens again, press Paint."


def glance(
    worker: LocalWorker, canvas: Canvas | Look, closing: Callable[[], bool], patience: float, stop: float
) -> bool:
    """Sees a frame or a look through. False when the worker must be replaced.

    `patience`: seconds for it, a model's loading included; `stop`: seconds to end one that nobody waits
    for any more. The canvas is always answered.
    """
    job = canvas.asked["job"]
    worker.send(canvas.asked, canvas.blobs)
    canvas.answer.add_done_callback(lambda _: worker.nudge())  # overtaken, or her pen rests
    until, stopping = time.monotonic() + patience, False
    while True:
        if closing():
            canvas.give(None)
            return False
        if canvas.answer.done() and not stopping:
            worker.send({"do": "stop", "job": job})
            until, stopping = time.monotonic() + stop, True
        if time.monotonic() > until:
            canvas.refuse(StudioError(_GONE))
            return False
        try:
            heard = worker.receive(_LOOK_SECONDS)
            end = None if heard is None or heard.header.get("job") != job else _understand(canvas, heard)
        except (WorkerGone, TypeError, ValueError, OverflowError):
            canvas.refuse(StudioError(_GONE))
            return False
        if end is not None:
            return end


def _understand(canvas: Canvas | Look, heard: frames.Frame) -> bool | None:
    """What the worker said of it. True: it is free; False: it is lost; None: it goes on."""
    word: Word = word_of(heard.header)
    match word.event:
        case "cancelled":
            canvas.give(None)
        case "failed":
            canvas.refuse(StudioError(word.sentence))
        case "broken":
            canvas.refuse(StudioError(_GONE))
            return False
        case event:
            return True if canvas.heard(event, heard.header, heard.blobs) else None
    return True
