"""SQLite as this house uses it: one writer, write-ahead, fully synchronised, all or nothing.

What was committed survives a kill and a power cut. A folder lock, held by whoever opens the data folder,
keeps a second writer out.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from studio.errors import DiskFull, StudioError

PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000")
NO_ROOM = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC"})


class Database:
    """One connection for all threads, behind a lock."""

    def __init__(self, path: Path, tables: str, version: int) -> None:
        """Opens the file; an empty one gets `tables` (SQL) and `version`.

        Raises `StudioError` when a newer version wrote it, `sqlite3.DatabaseError` when it is broken.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        with ExitStack() as refused:
            refused.callback(self._db.close)
            self._open(tables, version)
            refused.pop_all()

    def _open(self, tables: str, version: int) -> None:
        for pragma in PRAGMAS:
            self._db.execute(f"PRAGMA {pragma}")
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found > version:
            raise StudioError(
                "This data folder was written by a newer Inkstone. Update this one, or choose another folder "
                "with --data FOLDER."
            )
        if self._db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("the file is damaged")
        if found == 0:
            self._db.executescript(f"BEGIN IMMEDIATE;{tables};PRAGMA user_version={version};COMMIT;")

    def close(self) -> None:
        """Writes everything back into one file and lets it go; a second call does nothing."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All that this thread executes inside, or nothing; inner ones belong to the outermost.

        Raises `DiskFull` when there is no room, `StudioError` when it cannot be written for another reason.
        """
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorname in NO_ROOM:
                    raise DiskFull(
                        "The disk of the data folder is full. Make room; nothing was lost."
                    ) from error
                raise StudioError(
                    f"The data folder could not be written: {error}. Check the disk."
                ) from error
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Runs one statement, in the open transaction or one of its own; returns the last row's id."""
        with self.transaction():
            return self._db.execute(sql, values).lastrowid or 0

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What a query finds."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()


def open_database(path: Path, tables: str, version: int) -> Database:
    """The database in this file; a broken one is put aside as `….bad` and begun anew.

    Raises `StudioError` when it was written by a newer version.
    """
    try:
        return Database(path, tables, version)
    except sqlite3.OperationalError:  # in use, unreadable, no room: not a fault of the file
        raise
    except sqlite3.DatabaseError:
        for ending in ("", "-wal", "-shm"):
            part = path.with_name(path.name + ending)
            if part.exists():
                os.replace(part, path.with_name(f"{path.name}{ending}.bad"))
        return Database(path, tables, version)
