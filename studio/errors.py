"""Everything that can go wrong and is somebody's to put right.

StudioError                      the sentence in it is shown to the painter as it stands
├── BadInput                     what was asked for cannot be done
│   ├── UnknownName              … because nothing has that name (says what exists)
│   ├── BadPicture               … because a picture cannot be read, or is too large to be
│   └── BadMetadata              … because a file's settings cannot be understood
├── BadWeights                   a file of weights cannot be used
│   ├── MissingWeights           … because it, or a part of it, is not there
│   ├── BrokenWeights            … because it is cut short or does not fit its architecture
│   ├── UnknownWeights           … because its family is not one we know
│   └── RefusedWeights           … because opening it could run somebody's code
├── DownloadFailed               a file could not be fetched; says how to put it there by hand
├── NotFound                     no such job or picture, or it is somebody else's
├── LimitReached                 the painter has as much running or stored as she may
├── FolderInUse                  another studio works on the same data folder
├── DiskFull                     no room to keep a picture safely
├── OutOfMemory                  the device had no room, on every rung of the ladder
├── BlackPicture                 the model produced no numbers (NaN), even in full precision
├── WorkerLost                   the worker died while it painted this, twice
└── Stopped                      the painter pressed Stop; not a fault
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class StudioError(Exception):
    """Base of the tree. `str(error)` is one clear sentence that says what to do."""


class BadInput(StudioError):
    """What was asked for cannot be done."""


class UnknownName(BadInput):
    """Nothing has this name. The sentence lists what exists, the closest first."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        close = get_close_matches(name, names, n=3, cutoff=0.5)
        ordered = close + [n for n in names if n not in close]
        shown = ", ".join(ordered[:24]) + (" …" if len(ordered) > 24 else "")
        there = f"There are: {shown}." if names else "None is there yet."
        super().__init__(f"There is no {what} called “{name[:80]}”. {there}")
        self.what, self.name, self.known = what, name, tuple(names)


class BadPicture(BadInput):
    """A picture cannot be read, or is too large to be read safely."""


class BadMetadata(BadInput):
    """A file's settings cannot be understood."""


class BadWeights(StudioError):
    """A file of weights cannot be used."""


class MissingWeights(BadWeights):
    """The file, or a part of it, is not there."""


class BrokenWeights(BadWeights):
    """The file is cut short, or does not fit its architecture."""


class UnknownWeights(BadWeights):
    """The file's family is not one we know."""


class RefusedWeights(BadWeights):
    """Opening the file could run somebody's code."""


class DownloadFailed(StudioError):
    """A file could not be fetched, or was not the one that was promised; nothing was installed."""


class NotFound(StudioError):
    """There is no such job or picture, or it belongs to somebody else (we do not say which)."""


class LimitReached(StudioError):
    """The painter has as much running, waiting or stored as she may."""


class FolderInUse(StudioError):
    """Another studio works on the same data folder."""


class DiskFull(StudioError):
    """There is no room to keep a picture safely."""


class OutOfMemory(StudioError):
    """The device had no room, on every rung of the ladder."""


class BlackPicture(StudioError):
    """The model produced no numbers (NaN), even in full precision."""


class WorkerLost(StudioError):
    """The worker died while it painted this, twice."""


class Stopped(StudioError):
    """The painter pressed Stop; not a fault."""
