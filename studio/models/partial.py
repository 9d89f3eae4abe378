"""A file that is still coming: what is there of it, and what it is a part of.

It lies in `NAME.part` beside its place, with a note in `NAME.part.json`. The two outlive a dropped line, a
stop and a kill, and are taken up again where they end as long as the server still has the same file: its
strong ETag (RFC 9110 §8.8.3) is sent back in If-Range. What cannot be taken up again is not kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from studio.errors import DownloadFailed, Stopped
from studio.images import rename, sync_folder


@dataclass(slots=True)
class Partial:
    """How much is there, of which version on the server ("" when it cannot be asked for again).

    `whole` is set once it is proved to be the file that was `wanted` (a SHA-256).
    """

    path: Path
    note: Path
    file: IO[bytes]
    wanted: str
    done: int = 0
    etag: str = ""
    whole: bool = False
    _digest: Any = field(default_factory=hashlib.sha256)

    def reread(self, stopped: Callable[[], bool]) -> None:
        """Count what an earlier time left into the digest. Raises `Stopped`."""
        self._digest = hashlib.sha256()
        self.file.seek(0)
        while block := self.file.read(2**20):
            self._digest.update(block)
            if stopped():
                raise Stopped("The download was stopped.")

    def begin(self, etag: str) -> None:
        """Empty, for another version of the file; only a strong `etag` is of use."""
        self.done, self._digest = 0, hashlib.sha256()
        self.file.seek(0)
        self.file.truncate()
        self.etag = etag if etag[:1] == '"' else ""
        self.note.unlink(missing_ok=True)
        if self.etag:
            self.note.write_text(json.dumps({"sha256": self.wanted, "etag": self.etag}), "utf-8")

    def append(self, block: bytes) -> None:
        """`block` at the end."""
        self.file.write(block)
        self._digest.update(block)
        self.done += len(block)

    def sync(self) -> None:
        """Everything onto the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def sha256(self) -> str:
        """Of what is there, as hexadecimal text."""
        return self._digest.hexdigest()

    def install(self, place: Path) -> None:
        """Give the whole, closed file its name."""
        rename(self.path, place)
        self.note.unlink(missing_ok=True)
        sync_folder(place.parent)


@contextmanager
def opened(place: Path, wanted: str) -> Generator[Partial]:
    """The part of the file that belongs to `place` and should have the SHA-256 `wanted`; empty at first.

    Afterwards it is closed, and gone if it is of no use the next time.
    """
    path, note = place.with_name(f"{place.name}.part"), place.with_name(f"{place.name}.part.json")
    keep = False
    try:
        with open(path, "r+b" if path.exists() else "x+b") as file:
            part = Partial(path, note, file, wanted)
            part.etag = _noted(note, wanted)
            part.done = file.seek(0, os.SEEK_END) if part.etag else 0
            try:
                yield part
            finally:
                keep = part.whole or bool(part.etag and part.done)
    finally:
        if not keep:
            path.unlink(missing_ok=True)
            note.unlink(missing_ok=True)


def _noted(note: Path, wanted: str) -> str:
    try:
        said = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return ""
    mine = isinstance(said, dict) and said.get("sha256") == wanted
    return said["etag"] if mine and isinstance(said.get("etag"), str) else ""


@contextmanager
def claimed(place: Path) -> Generator[None]:
    """While inside, nobody else fetches that file, in this program or another. Raises `DownloadFailed`."""
    path = place.with_name(f".{place.name}.lock")
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            _lock(handle)
            ours = os.path.samestat(os.fstat(handle), path.stat())  # not one that was just taken away
        except OSError:
            ours = False
        if not ours:
            raise DownloadFailed(f"{place.name} is being fetched already; wait until that has ended.")
        try:
            yield
        finally:
            if os.name != "nt":
                path.unlink(missing_ok=True)
    finally:
        os.close(handle)
    if (
        os.name == "nt"
    ):  # where an open file cannot be taken away; nor can this one while another waits for it
        with suppress(OSError):
            path.unlink(missing_ok=True)


if sys.platform == "win32":

    def _lock(handle: int) -> None:
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:

    def _lock(handle: int) -> None:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
