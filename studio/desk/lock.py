"""One studio a data folder: a file lock that the system lets go of when its holder dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from studio.errors import FolderInUse

NAME = "studio.lock"


class FolderLock:
    """Holds `data/studio.lock` from construction to `release`. Raises `FolderInUse` when somebody has it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Neither the handle nor the lock passes to child processes: a worker cannot outlive the studio in it.
        self._handle: int | None = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(self._handle)
        except OSError as error:
            os.close(self._handle)
            self._handle = None
            raise FolderInUse(
                "Another studio is already working on this data folder. Use its window, close it first, "
                "or start this one on another folder with --data FOLDER."
            ) from error

    def release(self) -> None:
        """Lets the folder go; a second call does nothing."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


if sys.platform == "win32":

    def _lock(handle: int) -> None:
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:

    def _lock(handle: int) -> None:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
