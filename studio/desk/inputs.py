"""Input pictures (sources, masks, sketches) by the SHA-256 of their bytes, each under its painter.

A digest means something only under its own painter: knowing somebody's digest opens nothing.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Container
from pathlib import Path

from studio import images
from studio.desk.limits import check_given
from studio.errors import NotFound
from studio.settings import Limits

_PAINTER = re.compile(r"[0-9a-z]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
GRACE_SECONDS = 24 * 3600


class Inputs:
    """The folder `data/inputs/<painter>/<sha256>`."""

    def __init__(self, data: Path, limits: Callable[[str], Limits] | None = None) -> None:
        """`limits` says what a painter may have here; without it, as much as she likes."""
        self._root, self._limits = data / "inputs", limits
        self._lock = threading.Lock()

    def put(self, painter: str, data: bytes) -> str:
        """Keeps `data` and returns its digest. Raises `DiskFull`, and `LimitReached` beyond her limits."""
        digest = images.digest(data)
        path = self._path(painter, digest)
        with self._lock:
            if not self.has(painter, digest):
                path.parent.mkdir(parents=True, exist_ok=True)
                if self._limits is not None:
                    sizes = [entry.stat().st_size for entry in os.scandir(path.parent)]
                    check_given(len(data), len(sizes), sum(sizes), self._limits(painter))
                images.write_file(path, data)
        return digest

    def has(self, painter: str, digest: str) -> bool:
        """Whether this painter has given this picture; if so it stays for another day."""
        try:
            os.utime(self._path(painter, digest))
        except FileNotFoundError:
            return False
        return True

    def read(self, painter: str, digest: str) -> bytes:
        """The bytes as they were given. Raises `NotFound`."""
        try:
            return self._path(painter, digest).read_bytes()
        except FileNotFoundError as error:
            raise NotFound("That input picture is no longer here; please drop it again.") from error

    def sweep(self, wanted: Container[tuple[str, str]], now: float | None = None) -> int:
        """Deletes what no job and no picture wants ((painter, digest) pairs); returns how many.

        What came within the last day stays: it may be on somebody's canvas.
        """
        newest = (time.time() if now is None else now) - GRACE_SECONDS
        gone = 0
        for path in self._root.glob("*/*"):
            if (path.parent.name, path.name) not in wanted and path.stat().st_mtime < newest:
                path.unlink()
                gone += 1
        return gone

    def clear(self, painter: str) -> None:
        """Deletes everything that this painter gave."""
        if _PAINTER.fullmatch(painter):
            for path in self._root.glob(f"{painter}/*"):
                path.unlink(missing_ok=True)

    def _path(self, painter: str, digest: str) -> Path:
        if not _PAINTER.fullmatch(painter) or not _DIGEST.fullmatch(digest):
            raise NotFound("That input picture is no longer here; please drop it again.")
        return self._root / painter / digest
