"""What was committed is there, what was not is not, and a broken file stops nothing."""

import sqlite3
import subprocess
import sys
import threading

import pytest

from studio.database import Database, open_database
from studio.errors import DiskFull, StudioError

TABLES = "CREATE TABLE words (word TEXT NOT NULL UNIQUE)"


@pytest.fixture
def db(tmp_path):
    db = Database(tmp_path / "a" / "words.db", TABLES, 1)
    yield db
    db.close()


def words(db):
    return {word for (word,) in db.rows("SELECT word FROM words")}


def put(db, word):
    db.execute("INSERT INTO words VALUES (?)", (word,))


def together(db, *all_words):
    with db.transaction():
        for word in all_words:
            put(db, word)


def test_a_transaction_is_all_or_nothing_inner_ones_included(db):
    def fail():
        with db.transaction():
            put(db, "a")
            together(db, "b", "c")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert words(db) == set()
    with db.transaction():
        put(db, "a")
        with db.transaction():
            put(db, "b")
    assert words(db) == {"a", "b"}
    with pytest.raises(sqlite3.IntegrityError):
        together(db, "c", "a")
    assert words(db) == {"a", "b"}


def test_what_was_committed_survives_a_kill(tmp_path):
    path = tmp_path / "words.db"
    code = f"""
import os
from pathlib import Path
from studio.database import Database
db = Database(Path({str(path)!r}), {TABLES!r}, 1)
db.execute("INSERT INTO words VALUES ('kept')")
db._db.execute("BEGIN IMMEDIATE")
db._db.execute("INSERT INTO words VALUES ('lost')")
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 9
    db = open_database(path, TABLES, 1)
    assert words(db) == {"kept"}
    db.close()
    db.close()


def test_threads_do_not_see_half_of_each_others_work(db):
    def pair(n):
        with db.transaction():
            put(db, f"{n} left")
            put(db, f"{n} right")
            assert len(words(db)) % 2 == 0

    threads = [threading.Thread(target=pair, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert len(words(db)) % 2 == 0
    for thread in threads:
        thread.join()
    assert len(words(db)) == 32


def test_a_full_disk_is_a_sentence_and_changes_nothing(db):
    db.execute("PRAGMA max_page_count = 8")
    put(db, "small")
    with pytest.raises(DiskFull, match="Make room"):
        together(db, "with the large one", "x" * 100_000)
    assert words(db) == {"small"}
    put(db, "small too")


def test_the_pragmas_of_the_house_hold(db):
    (mode,) = db.rows("PRAGMA journal_mode")[0]
    (synchronous,) = db.rows("PRAGMA synchronous")[0]
    assert (mode, synchronous) == ("wal", 2)


def test_a_file_of_a_newer_studio_is_left_as_it_is(tmp_path):
    path = tmp_path / "words.db"
    Database(path, TABLES, 2).close()
    before = path.read_bytes()
    with pytest.raises(StudioError, match="newer"):
        open_database(path, TABLES, 1)
    assert path.read_bytes() == before


@pytest.mark.parametrize("spoil", [lambda data: b"no database at all, but long enough to be one" * 40,
                                   lambda data: data[:4096] + bytes(len(data) - 4096)])  # fmt: skip
def test_a_broken_file_is_put_aside_and_begun_anew(tmp_path, spoil):
    path = tmp_path / "words.db"
    db = Database(path, TABLES, 1)
    put(db, "x" * 9000)
    db.close()
    spoilt = spoil(path.read_bytes())
    path.write_bytes(spoilt)
    db = open_database(path, TABLES, 1)
    put(db, "new")
    assert words(db) == {"new"}
    db.close()
    assert (tmp_path / "words.db.bad").read_bytes() == spoilt
