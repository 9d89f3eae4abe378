"""`data/studio.db`: jobs, painters' turns, settings, drafts, and how fast this machine paints."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from studio.database import open_database

State = Literal["queued", "running", "done", "cancelled", "failed"]
ENDED: frozenset[str] = frozenset({"done", "cancelled", "failed"})
SCHEMA = 1
_DECAY = 0.9  # what was measured long ago counts less: other programs come and go

_TABLES = """
CREATE TABLE painters (
    name TEXT PRIMARY KEY, created REAL NOT NULL, served INTEGER NOT NULL DEFAULT 0);
CREATE TABLE jobs (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, grp TEXT NOT NULL,
    painter TEXT NOT NULL REFERENCES painters(name), recipe TEXT NOT NULL, blobs TEXT NOT NULL,
    extra TEXT NOT NULL, model TEXT NOT NULL, cost REAL NOT NULL, state TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0, losses INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL,
    started REAL, ended REAL, event INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
    sentence TEXT NOT NULL DEFAULT '', picture TEXT);
CREATE INDEX jobs_state ON jobs(state);
CREATE INDEX jobs_group ON jobs(grp);
CREATE INDEX jobs_painter ON jobs(painter, n);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE drafts (
    painter TEXT NOT NULL REFERENCES painters(name), name TEXT NOT NULL, value TEXT NOT NULL,
    changed REAL NOT NULL, PRIMARY KEY (painter, name));
CREATE TABLE speeds (
    model TEXT PRIMARY KEY, n REAL NOT NULL, x REAL NOT NULL, y REAL NOT NULL, xx REAL NOT NULL,
    xy REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Job:
    """One picture asked for. Its picture, once painted, has the job's own id.

    `n`: order of arrival · `group`: the request it belongs to · `recipe`: JSON · `blobs`: its inputs by
    digest · `cost`: megapixel-steps · `attempt`: how often it was begun · `losses`: workers that died over
    it · `event`: the number of the event that made its state.
    """

    n: int
    id: str
    group: str
    painter: str
    recipe: str
    blobs: tuple[str, ...]
    extra: dict[str, Any]
    model: str
    cost: float
    state: State = "queued"
    attempt: int = 0
    losses: int = 0
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    event: int = 0
    error: str = ""
    sentence: str = ""
    picture: str | None = None


_CHANGING = ("state", "attempt", "losses", "started", "ended", "event", "error", "sentence", "picture")
_COLUMNS = tuple("grp" if f.name == "group" else f.name for f in fields(Job))


class Jobs:
    """The tables of `studio.db`. Every method is safe from any thread; `transaction` groups several.

    Writing raises `DiskFull` when there is no room, and then has changed nothing.
    """

    def __init__(self, path: Path) -> None:
        self._db = open_database(path, _TABLES, SCHEMA)

    def close(self) -> None:
        """Writes everything back into one file and lets it go."""
        self._db.close()

    def transaction(self) -> AbstractContextManager[None]:
        """All that is written inside, or nothing; inner ones belong to the outermost."""
        return self._db.transaction()

    # --- jobs

    def add(self, jobs: Iterable[Job]) -> tuple[Job, ...]:
        """Stores new jobs in one transaction and gives them their places (`n`)."""
        names = _COLUMNS[1:]
        sql = f"INSERT INTO jobs ({','.join(names)}) VALUES ({','.join('?' * len(names))})"  # noqa: S608 - ours
        stored: list[Job] = []
        with self.transaction():
            for job in jobs:
                self.know(job.painter)
                stored.append(replace(job, n=self._db.execute(sql, _values(job)[1:])))
        return tuple(stored)

    def save(self, job: Job) -> None:
        """Writes what can change of a job: state, attempt, times, event, outcome."""
        self._db.execute(
            f"UPDATE jobs SET {', '.join(f'{name}=?' for name in _CHANGING)} WHERE id=?",  # noqa: S608 - ours
            (*(getattr(job, name) for name in _CHANGING), job.id),
        )

    def unfinished(self) -> tuple[Job, ...]:
        """Every queued or running job, in order of arrival."""
        return self._jobs("state IN ('queued', 'running') ORDER BY n")

    def group(self, group: str) -> tuple[Job, ...]:
        """The jobs of one request, in order; empty when there is none."""
        return self._jobs("grp = ? ORDER BY n", (group,))

    def recent(self, painter: str, limit: int = 100) -> tuple[Job, ...]:
        """A painter's latest jobs, newest first."""
        return self._jobs("painter = ? ORDER BY n DESC LIMIT ?", (painter, limit))

    def spent(self, painter: str, since: float) -> float:
        """Megapixel-steps the painter asked for since then, without what was stopped before it began."""
        found = self._db.rows(
            "SELECT COALESCE(SUM(cost), 0) FROM jobs WHERE painter = ? AND created >= ?"
            " AND NOT (state = 'cancelled' AND started IS NULL)",
            (painter, since),
        )
        return float(found[0][0])

    def forget(self, before: float) -> None:
        """Drops jobs that ended before this time (seconds since 1970); their pictures stay."""
        self._db.execute("DELETE FROM jobs WHERE ended < ? AND state NOT IN ('queued', 'running')", (before,))

    def drop(self, painter: str) -> None:
        """Drops every word of a painter's: her ended jobs, and everything she left unfinished."""
        with self.transaction():
            self._db.execute(
                "DELETE FROM jobs WHERE painter = ? AND state NOT IN ('queued', 'running')", (painter,)
            )
            self.drop_drafts(painter)

    def last_event(self) -> int:
        """The highest event number ever stored."""
        return int(self._db.rows("SELECT COALESCE(MAX(event), 0) FROM jobs")[0][0])

    def _jobs(self, where: str, values: Sequence[Any] = ()) -> tuple[Job, ...]:
        sql = f"SELECT {','.join(_COLUMNS)} FROM jobs WHERE {where}"  # noqa: S608 - our own words
        return tuple(_job(row) for row in self._db.rows(sql, values))

    # --- painters and their turns

    def know(self, painter: str) -> None:
        """Makes sure the painter has a row."""
        self._db.execute(
            "INSERT OR IGNORE INTO painters (name, created) VALUES (?, ?)", (painter, time.time())
        )

    def served(self) -> dict[str, int]:
        """When each painter last got a turn, as a rising count (0: never)."""
        return {str(name): int(turn) for name, turn in self._db.rows("SELECT name, served FROM painters")}

    def serve(self, painter: str, turn: int) -> None:
        """Notes that the painter got this turn."""
        self._db.execute("UPDATE painters SET served = ? WHERE name = ?", (turn, painter))

    # --- settings and drafts: plain JSON by name

    def setting(self, name: str) -> Any:
        """A value of the studio, or None."""
        return _loads(self._db.rows("SELECT value FROM settings WHERE name = ?", (name,)))

    def set(self, name: str, value: Any) -> None:
        """Keeps a value of the studio."""
        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value)))

    def draft(self, painter: str, name: str) -> Any:
        """What the painter last had under this name (a form, a checkpoint's settings), or None."""
        return _loads(
            self._db.rows("SELECT value FROM drafts WHERE painter = ? AND name = ?", (painter, name))
        )

    def drafts(self, painter: str) -> dict[str, Any]:
        """All of a painter's drafts by name."""
        rows = self._db.rows("SELECT name, value FROM drafts WHERE painter = ?", (painter,))
        return {str(name): json.loads(value) for name, value in rows}

    def drop_drafts(self, painter: str) -> None:
        """Forgets everything a painter left unfinished."""
        self._db.execute("DELETE FROM drafts WHERE painter = ?", (painter,))

    def drafts_of_all(self, prefix: str) -> tuple[tuple[str, Any], ...]:
        """Every painter's drafts whose names begin so, each with its painter."""
        sql = "SELECT painter, value FROM drafts WHERE substr(name, 1, ?) = ?"
        rows = self._db.rows(sql, (len(prefix), prefix))
        return tuple((str(who), json.loads(value)) for who, value in rows)

    def keep_draft(self, painter: str, name: str, value: Any) -> None:
        """Keeps a painter's draft; None forgets it."""
        with self.transaction():
            self.know(painter)
            self._db.execute("DELETE FROM drafts WHERE painter = ? AND name = ?", (painter, name))
            if value is not None:
                row = (painter, name, json.dumps(value), time.time())
                self._db.execute("INSERT INTO drafts VALUES (?, ?, ?, ?)", row)

    # --- speeds

    def learn(self, model: str, cost: float, seconds: float) -> None:
        """Remembers that `cost` megapixel-steps on this model took `seconds` here, loading not counted."""
        with self.transaction():
            old = self._db.rows("SELECT n, x, y, xx, xy FROM speeds WHERE model = ?", (model,))
            sums = old[0] if old else (0.0,) * 5
            new = (1.0, cost, seconds, cost * cost, cost * seconds)
            kept = tuple(_DECAY * float(a) + b for a, b in zip(sums, new, strict=True))
            self._db.execute("INSERT OR REPLACE INTO speeds VALUES (?, ?, ?, ?, ?, ?)", (model, *kept))

    def estimate(self, model: str, cost: float) -> float | None:
        """Seconds that `cost` megapixel-steps will take on this model; None when it never painted here.

        A straight line through what was measured (least squares, older measurements fading); through the
        origin when everything measured had one size.
        """
        rows = self._db.rows("SELECT n, x, y, xx, xy FROM speeds WHERE model = ?", (model,))
        if not rows:
            return None
        n, x, y, xx, xy = (float(value) for value in rows[0])
        spread = n * xx - x * x
        if spread > 1e-3 * xx * n:
            slope = (n * xy - x * y) / spread
            start = (y - slope * x) / n
            if slope > 0 and start >= 0:
                return start + slope * cost
        return y / x * cost if x > 0 else y / n


def _values(job: Job) -> tuple[Any, ...]:
    packed = {"blobs": json.dumps(job.blobs), "extra": json.dumps(job.extra)}
    return tuple(packed.get(f.name, getattr(job, f.name)) for f in fields(Job))


def _job(row: tuple[Any, ...]) -> Job:
    values = dict(zip((f.name for f in fields(Job)), row, strict=True))
    values["blobs"] = tuple(json.loads(values["blobs"]))
    values["extra"] = json.loads(values["extra"])
    return Job(**values)


def _loads(rows: list[tuple[Any, ...]]) -> Any:
    return json.loads(rows[0][0]) if rows else None
