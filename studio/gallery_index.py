"""The gallery's index: what can be asked of pictures without opening them. Made again from the files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from studio.database import open_database

_VERSION = 2
_TABLES = """
CREATE TABLE pictures (
    id TEXT PRIMARY KEY, painter TEXT NOT NULL, name TEXT NOT NULL, created REAL NOT NULL,
    bytes INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, model TEXT NOT NULL,
    prompt TEXT NOT NULL, seed INTEGER, inputs TEXT NOT NULL, star INTEGER NOT NULL, trashed INTEGER,
    kinds TEXT NOT NULL, digest TEXT NOT NULL, parent TEXT NOT NULL, words TEXT NOT NULL);
CREATE UNIQUE INDEX pictures_order ON pictures(painter, name);
CREATE INDEX pictures_trash ON pictures(trashed) WHERE trashed IS NOT NULL;
CREATE INDEX pictures_stars ON pictures(painter) WHERE star;
CREATE TABLE albums (
    picture TEXT NOT NULL REFERENCES pictures(id) ON DELETE CASCADE, album TEXT NOT NULL,
    PRIMARY KEY (picture, album)) WITHOUT ROWID
"""
_HERS = "FROM albums JOIN pictures ON id = picture WHERE painter = ?"


@dataclass(frozen=True, slots=True)
class Picture:
    """A kept picture, as the index knows it; everything else is in the file.

    `name`: the file's stem, which sorts by time · `created`, `trashed`: seconds since 1970 · `bytes`: the
    file's length · `inputs`: digests of the pictures it was made from · `kinds`: one of "txt2img",
    "img2img", "sketch" and "finish", and "highres" · `digest`: of the picture without recipe and inputs, as
    it is when it becomes an input itself · `parent`: the id of the picture it came from, "" when not known.
    """

    id: str
    painter: str
    name: str
    created: float
    bytes: int
    width: int
    height: int
    model: str
    prompt: str
    seed: int | None = None
    inputs: tuple[str, ...] = ()
    star: bool = False
    trashed: int | None = None
    kinds: tuple[str, ...] = ()
    digest: str = ""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """Where a picture comes from, what came from it, and what shares an input with it; newest first."""

    parents: tuple[Picture, ...]
    children: tuple[Picture, ...]
    siblings: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """How many pictures a painter has: in all, starred, in the trash, and (without the trash) of each model,
    of each kind, in each album and in each month ("2026-11", the latest first)."""

    total: int
    starred: int
    trashed: int
    models: Mapping[str, int]
    kinds: Mapping[str, int]
    albums: Mapping[str, int]
    months: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Marks:
    """A painter's stars and albums: ids of pictures."""

    stars: frozenset[str] = frozenset()
    albums: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])


_COLUMNS = ", ".join(f.name for f in fields(Picture))


class Index:
    """`index.db`. Every method is safe from any thread; writing raises `DiskFull` when there is no room."""

    def __init__(self, path: Path) -> None:
        _remove_older(path)
        self._db = open_database(path, _TABLES, _VERSION)

    def close(self) -> None:
        """Lets the file go."""
        self._db.close()

    def transaction(self) -> AbstractContextManager[None]:
        """All that is written inside, or nothing."""
        return self._db.transaction()

    def put(self, picture: Picture) -> None:
        """Adds a picture, in place of what was known under its id; marks it has not."""
        row = asdict(picture) | {
            "seed": _stored(picture.seed),
            "inputs": " ".join(picture.inputs),
            "kinds": " ".join(picture.kinds),
            "words": picture.prompt.casefold(),
        }
        self.drop(picture.id)
        self._db.execute(
            f"INSERT INTO pictures ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608 - ours
            tuple(row.values()),
        )

    def drop(self, picture: str) -> None:
        """Forgets a picture and its marks."""
        self._db.execute("DELETE FROM pictures WHERE id = ?", (picture,))

    def trash(self, picture: str, when: int | None) -> None:
        """Notes when a picture was put into the trash; None: it is not there."""
        self._db.execute("UPDATE pictures SET trashed = ? WHERE id = ?", (when, picture))

    # --- asking

    def get(self, painter: str, picture: str) -> Picture | None:
        """A painter's picture, in the trash or not."""
        found = self._find("id = ? AND painter = ?", picture, painter)
        return found[0] if found else None

    def all(self, painter: str) -> dict[str, Picture]:
        """Every picture of a painter by id."""
        return {picture.id: picture for picture in self._find("painter = ?", painter)}

    def painters(self) -> set[str]:
        """Everybody who has a picture."""
        return {str(name) for (name,) in self._db.rows("SELECT DISTINCT painter FROM pictures")}

    def trashed(self, until: float, painter: str | None = None) -> tuple[Picture, ...]:
        """What was put into the trash up to a time, of one painter or of all."""
        return self._find("trashed <= ? AND (? IS NULL OR painter = ?)", until, painter, painter)

    def search(
        self, painter: str, words: Iterable[str], asked: Mapping[str, Any], trashed: bool, limit: int
    ) -> tuple[Picture, ...]:
        """A painter's pictures, newest first: `words` in the prompt, `asked` by the names in `_ASKED`."""
        where, values = _where(painter, words, asked, trashed)
        return self._find(f"{where} ORDER BY name DESC LIMIT ?", *values, limit)

    def family(self, picture: Picture, limit: int) -> Family:
        """What a picture has to do with others of its painter that are not in the trash."""
        hers, after = "painter = ? AND trashed IS NULL AND", "ORDER BY name DESC LIMIT ?"
        digests = picture.inputs or ("",)
        marks = ", ".join("?" * len(digests))
        parents = f"{hers} id != ? AND (id = ? OR digest != '' AND digest IN ({marks})) {after}"
        children = f"{hers} id != ? AND (parent = ? OR ? != '' AND instr(inputs, ?)) {after}"
        shared = " OR ".join(["instr(inputs, ?)"] * len(digests)) if picture.inputs else "? IS NULL"
        siblings = f"{hers} inputs != '' AND id != ? AND ({shared}) {after}"
        me = (picture.painter, picture.id)
        return Family(
            self._find(parents, *me, picture.parent, *digests, limit),
            self._find(children, *me, picture.id, picture.digest, picture.digest, limit),
            self._find(siblings, *me, *digests, limit),
        )

    def alike(self, painter: str, digest: str) -> Picture | None:
        """Her newest picture that is this one without recipe and inputs, if it is not in the trash."""
        where = "painter = ? AND trashed IS NULL AND digest = ? ORDER BY name DESC LIMIT 1"
        return next(iter(self._find(where, painter, digest)), None) if digest else None

    def summary(self, painter: str, offset: int) -> Summary:
        """How many pictures there are of what; months are those of a clock `offset` seconds ahead of UTC."""

        def count(what: str, order: str = "1", *values: Any) -> dict[str, int]:
            sql = f"SELECT {what}, COUNT(*) FROM pictures WHERE painter = ? AND trashed IS NULL"  # noqa: S608
            rows = self._db.rows(f"{sql} GROUP BY 1 ORDER BY {order}", (*values, painter))
            return {str(name): int(number) for name, number in rows}

        kinds: dict[str, int] = {}
        for names, number in count("kinds").items():
            for name in names.split():
                kinds[name] = kinds.get(name, 0) + number
        counts = "COUNT(trashed), COALESCE(SUM(star AND trashed IS NULL), 0)"
        sql = f"SELECT {counts} FROM pictures WHERE painter = ?"  # noqa: S608 - our own words
        ((trashed, starred),) = self._db.rows(sql, (painter,))
        models = count("model", "2 DESC")
        months = count("strftime('%Y-%m', created + ?, 'unixepoch')", "1 DESC", offset)
        return Summary(
            sum(models.values()), int(starred), int(trashed), models, kinds, self.albums(painter), months
        )

    def usage(self, painter: str) -> tuple[int, int]:
        """How many pictures the painter has, trash included, and how many bytes they take."""
        (found,) = self._db.rows(
            "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM pictures WHERE painter = ?", (painter,)
        )
        return int(found[0]), int(found[1])

    def inputs(self) -> set[tuple[str, str]]:
        """The input pictures that kept pictures were made from, as (painter, digest)."""
        rows = self._db.rows("SELECT painter, inputs FROM pictures WHERE inputs != ''")
        return {(str(painter), digest) for painter, digests in rows for digest in str(digests).split()}

    def albums(self, painter: str) -> dict[str, int]:
        """How many pictures that are not in the trash are in each album."""
        sql = f"SELECT album, COUNT(*) {_HERS} AND trashed IS NULL GROUP BY album ORDER BY album"
        return {str(album): int(count) for album, count in self._db.rows(sql, (painter,))}

    def _find(self, where: str, *values: Any) -> tuple[Picture, ...]:
        sql = f"SELECT {_COLUMNS} FROM pictures WHERE {where}"  # noqa: S608 - our own words
        return tuple(_picture(row) for row in self._db.rows(sql, values))

    # --- marks

    def rename(self, painter: str, album: str, name: str) -> None:
        """Moves an album's pictures into the album `name`."""
        with self.transaction():
            copied = f"SELECT picture, ? {_HERS} AND album = ?"
            self._db.execute(f"INSERT OR IGNORE INTO albums {copied}", (name, painter, album))
            self.dissolve(painter, album)

    def dissolve(self, painter: str, album: str) -> None:
        """Forgets an album."""
        hers = "(SELECT id FROM pictures WHERE painter = ?)"
        sql = f"DELETE FROM albums WHERE album = ? AND picture IN {hers}"  # noqa: S608 - ours
        self._db.execute(sql, (album, painter))

    def star(self, picture: str, on: bool) -> None:
        """Sets or takes a star."""
        self._db.execute("UPDATE pictures SET star = ? WHERE id = ?", (on, picture))

    def album(self, picture: str, album: str, on: bool) -> None:
        """Puts a picture into an album, or takes it out."""
        sql = "INSERT OR IGNORE INTO albums VALUES (?, ?)"
        self._db.execute(
            sql if on else "DELETE FROM albums WHERE picture = ? AND album = ?", (picture, album)
        )

    def marks(self, painter: str) -> Marks:
        """A painter's stars and albums."""
        stars = self._db.rows("SELECT id FROM pictures WHERE painter = ? AND star", (painter,))
        albums: dict[str, set[str]] = {}
        for album, picture in self._db.rows(f"SELECT album, picture {_HERS}", (painter,)):
            albums.setdefault(str(album), set()).add(str(picture))
        return Marks(
            frozenset(str(star) for (star,) in stars), {a: frozenset(ids) for a, ids in albums.items()}
        )

    def mark(self, painter: str, marks: Marks) -> None:
        """Makes a painter's stars and albums these; every picture in them must be there."""
        hers = "(SELECT id FROM pictures WHERE painter = ?)"
        with self.transaction():
            self._db.execute("UPDATE pictures SET star = 0 WHERE painter = ? AND star", (painter,))
            self._db.execute(f"DELETE FROM albums WHERE picture IN {hers}", (painter,))  # noqa: S608 - ours
            for picture in marks.stars:
                self.star(picture, True)
            for album, pictures in marks.albums.items():
                for picture in pictures:
                    self.album(picture, album, True)


_ASKED: Mapping[str, str] = {
    "model": "model = ?",
    "star": "star = ?",
    "album": "id IN (SELECT picture FROM albums WHERE album = ?)",
    "since": "created >= ?",
    "until": "created < ?",
    "kind": "instr(' ' || kinds || ' ', ' ' || ? || ' ')",
    "before": "name < ?",
}


def _where(
    painter: str, words: Iterable[str], asked: Mapping[str, Any], trashed: bool
) -> tuple[str, tuple[Any, ...]]:
    """The condition that `search` asks for, and its values."""
    wanted: list[tuple[str, Any]] = [("painter = ?", painter)]
    wanted += [("words LIKE ? ESCAPE '\\'", f"%{_literal(word.casefold())}%") for word in words]
    wanted += [(_ASKED[name], value) for name, value in asked.items() if value is not None]
    where = " AND ".join(clause for clause, _ in wanted)
    return f"{where} AND trashed IS {'NOT NULL' if trashed else 'NULL'}", tuple(v for _, v in wanted)


def _remove_older(path: Path) -> None:
    """An index of an older version goes: it is made again from the files."""
    if not path.exists():
        return
    with suppress(sqlite3.DatabaseError):  # a broken one is put aside when it is opened
        with closing(sqlite3.connect(path)) as db:
            (found,) = db.execute("PRAGMA user_version").fetchone()
        if 0 < found < _VERSION:
            for ending in ("", "-wal", "-shm"):
                path.with_name(path.name + ending).unlink(missing_ok=True)


def _literal(text: str) -> str:
    """Text for LIKE that means itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _stored(seed: int | None) -> int | None:
    """SQLite's integers are signed: seeds from 2⁶³ on are kept as negative numbers."""
    return seed if seed is None or seed < 2**63 else seed - 2**64


def _picture(row: tuple[Any, ...]) -> Picture:
    values = dict(zip((f.name for f in fields(Picture)), row, strict=True))
    values["seed"] = None if values["seed"] is None else int(values["seed"]) % 2**64
    values["inputs"] = tuple(str(values["inputs"]).split())
    values["kinds"] = tuple(str(values["kinds"]).split())
    values["star"] = bool(values["star"])
    return Picture(**values)
