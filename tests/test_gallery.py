"""The gallery: files are the truth, the index can go, and nobody sees another's pictures."""

import json
import os
import secrets
import shutil
import sqlite3
import time
from datetime import UTC, datetime

import pytest
from PIL import Image

from studio import containers, images, metadata
from studio.errors import BadInput, BadPicture, DiskFull, NotFound
from studio.gallery import Gallery, Wanted
from studio.gallery_export import PATTERN, words
from studio.gallery_files import FILE
from studio.gallery_index import Picture
from studio.recipe import Control, Hires, Recipe, Source

ANN, BOB = "a" * 32, "b" * 32


def png(prompt="a boat", seed=1, side=64, **fields):
    recipe = Recipe(prompt=prompt, seed=seed, width=64, height=64, **fields)
    return metadata.write_png(Image.new("RGB", (side, side), (seed % 256, 80, 90)), recipe, {})


def add(gallery, *prompts, painter=ANN, **fields):
    return [
        gallery.keep(painter, secrets.token_hex(16), png(prompt, seed=n, **fields))
        for n, prompt in enumerate(prompts)
    ]


def everything(gallery):
    """All that a gallery knows, for comparison."""
    return {
        painter: (
            gallery.pictures(painter),
            gallery.pictures(painter, Wanted(trashed=True)),
            gallery.albums(painter),
            {album: gallery.pictures(painter, Wanted(album=album)) for album in gallery.albums(painter)},
        )
        for painter in (ANN, BOB)
    }


@pytest.fixture
def gallery(tmp_path):
    opened = Gallery(tmp_path / "gallery")
    yield opened
    opened.close()


@pytest.mark.parametrize("pattern", ["{prompt}-{seed}", "{date} {id}", "../{prompt}" * 12, "山" * 100])
def test_a_file_may_say_what_it_shows_and_is_found_again_by_its_id(tmp_path, pattern):
    gallery = Gallery(tmp_path / "gallery", lambda picture: words(picture, pattern))
    one, two = add(gallery, "秋山 a boat / two", "山" * 200)
    names = [gallery.path(ANN, picture.id).name for picture in (one, two)]
    assert all(FILE.fullmatch(name) and len(name.encode()) < 220 for name in names)
    gallery.trash(ANN, one.id)
    before = everything(gallery)
    gallery = reopened(gallery, tmp_path, lambda: (tmp_path / "index.db").unlink())
    assert everything(gallery) == before
    gallery.restore(ANN, one.id)
    assert gallery.path(ANN, one.id).name == names[0]
    assert [picture.id for picture in gallery.pictures(ANN)] == [two.id, one.id], "still in order of time"
    gallery.close()


def test_the_pattern_that_nobody_changed_leaves_names_as_they_were(gallery):
    [picture] = add(gallery, "a lake")
    assert words(picture, PATTERN) == ""
    assert words(picture, "{prompt} {seed} {id} {when}") == "a-lake-0"


def reopened(gallery, tmp_path, between=lambda: None):
    gallery.close()
    between()
    gallery.__init__(tmp_path / "gallery")
    return gallery


def test_a_kept_picture_is_found_with_what_its_recipe_says(gallery):
    digest = "f" * 64
    row = gallery.keep(ANN, "c" * 32, png("a Lone boat", 2**64 - 1, source=Source(image=digest)))
    assert gallery.get(ANN, "c" * 32) == row
    assert (row.prompt, row.seed, row.model, row.inputs) == ("a Lone boat", 2**64 - 1, "starter", (digest,))
    assert (row.width, row.height) == (64, 64)
    assert gallery.inputs() == {(ANN, digest)}
    place = gallery.path(ANN, row.id)
    assert place.parent.name == datetime.now(UTC).strftime("%Y-%m")
    assert place.name == f"{row.name}.png"
    assert abs(row.created - time.time()) < 60
    assert metadata.read_file(gallery.read(ANN, row.id)).recipe.seed == 2**64 - 1
    assert images.read(gallery.thumbnail(ANN, row.id)).size == (64, 64)


def test_the_same_job_is_kept_once(gallery):
    first = gallery.keep(ANN, "c" * 32, png())
    assert gallery.keep(ANN, "c" * 32, png("another")) == first
    assert len(gallery.pictures(ANN)) == 1


def test_others_pictures_are_not_there(gallery):
    (row,) = add(gallery, "secret")
    for ask in (
        lambda: gallery.get(BOB, row.id),
        lambda: gallery.read(BOB, row.id),
        lambda: gallery.path(BOB, row.id),
        lambda: gallery.thumbnail(BOB, row.id),
        lambda: gallery.star(BOB, [row.id]),
        lambda: gallery.album(BOB, [row.id], "mine"),
        lambda: gallery.trash(BOB, row.id),
        lambda: gallery.restore(BOB, row.id),
        lambda: gallery.pictures(BOB, before=row.id),
        lambda: gallery.read("../" + ANN, row.id),
        lambda: gallery.read(ANN, "../../studio.db"),
    ):
        with pytest.raises(NotFound):
            ask()
    assert gallery.pictures(BOB) == ()
    assert (gallery.pictures(ANN)[0].star, gallery.albums(ANN)) == (False, {})


def test_search_finds_every_word_and_takes_signs_for_themselves(gallery):
    add(gallery, "a BOAT on a lake", "a boat, 100% ink_wash", "山水 with a tower", "C:\\paint")

    def found(words):
        return [picture.prompt for picture in gallery.pictures(ANN, Wanted(search=words))]

    assert found("boat LAKE") == ["a BOAT on a lake"]
    assert found("0%") == ["a boat, 100% ink_wash"]
    assert found("ink_w") == ["a boat, 100% ink_wash"]
    assert found("in__w") == []
    assert found("山") == ["山水 with a tower"]
    assert found("c:\\P") == ["C:\\paint"]
    assert len(found("")) == 4


def test_pictures_are_chosen_by_model_date_star_and_album(gallery):
    one, two, three = add(gallery, "1", "2", "3")
    other = gallery.keep(ANN, "d" * 32, png("4", model="sd15/ink"))
    gallery.star(ANN, [one.id])
    gallery.star(ANN, [two.id])
    gallery.star(ANN, [two.id], on=False)
    gallery.album(ANN, [three.id], " Lake ")
    assert [p.prompt for p in gallery.pictures(ANN, Wanted(model="sd15/ink"))] == ["4"]
    assert [p.id for p in gallery.pictures(ANN, Wanted(star=True))] == [one.id]
    assert [p.id for p in gallery.pictures(ANN, Wanted(album="Lake"))] == [three.id]
    assert gallery.albums(ANN) == {"Lake": 1}
    assert [p.id for p in gallery.pictures(ANN, Wanted(since=three.created))] == [other.id, three.id]
    assert gallery.pictures(ANN, Wanted(until=one.created)) == ()
    gallery.album(ANN, [three.id], "Lake", on=False)
    assert gallery.albums(ANN) == {}
    with pytest.raises(BadInput):
        gallery.album(ANN, [one.id], " ")


def test_many_are_marked_at_once_or_none(gallery):
    rows = add(gallery, "1", "2", "3")
    gallery.star(ANN, [row.id for row in rows])
    gallery.album(ANN, [rows[0].id, rows[1].id], "Lake")
    gallery.album(ANN, [rows[1].id, rows[2].id], "湖")
    with pytest.raises(NotFound):
        gallery.star(ANN, [rows[0].id, "f" * 32], on=False)
    with pytest.raises(NotFound):
        gallery.album(ANN, [rows[0].id, "f" * 32], "Other")
    assert len(gallery.pictures(ANN, Wanted(star=True))) == 3
    gallery.rename(ANN, "Lake", "湖")
    assert gallery.albums(ANN) == {"湖": 3}
    gallery.rename(BOB, "湖", "mine")
    gallery.dissolve(BOB, "湖")
    assert gallery.albums(ANN) == {"湖": 3}
    marks = json.loads((gallery._root / ANN / "marks.json").read_text())
    assert marks["albums"] == {"湖": sorted(row.id for row in rows)}
    gallery.dissolve(ANN, "湖")
    assert gallery.albums(ANN) == {}
    assert not (gallery._root / BOB).exists()


def test_the_summary_counts_what_is_there(gallery):
    control = Control(image="e" * 64, model="starter")
    rows = [
        *add(gallery, "1", "2"),
        *add(gallery, "3", source=Source(image="f" * 64)),
        *add(gallery, "4", controls=(control,), source=Source(image="f" * 64), hires=Hires()),
        *add(gallery, "5", source=Source(image="f" * 64, strength=0), model="sd15/ink"),
    ]
    gallery.star(ANN, [rows[1].id, rows[0].id])
    gallery.album(ANN, [rows[2].id], "A")
    gallery.trash(ANN, rows[0].id)
    found = gallery.summary(ANN)
    assert (found.total, found.starred, found.trashed) == (4, 1, 1)
    assert found.models == {"starter": 3, "sd15/ink": 1}
    assert found.kinds == {"txt2img": 1, "img2img": 1, "sketch": 1, "finish": 1, "highres": 1}
    assert found.albums == {"A": 1}
    assert found.months == {datetime.now(UTC).strftime("%Y-%m"): 4}
    assert [p.prompt for p in gallery.pictures(ANN, Wanted(kind="highres"))] == ["4"]
    assert [p.id for p in gallery.pictures(ANN, Wanted(kind="img2img"))] == [rows[2].id]
    assert gallery.pictures(ANN, Wanted(kind="img")) == ()
    assert gallery.summary(BOB).total == 0


def test_a_picture_knows_what_it_came_from_and_what_came_from_it(gallery):
    (first,) = add(gallery, "first")
    bare = images.digest(gallery.bare(ANN, first.id))
    made = add(gallery, "made", "made too", source=Source(image=bare))
    recipe = Recipe(prompt="vary", width=64, height=64)
    file = metadata.write_png(Image.new("RGB", (64, 64)), recipe, {"parent": first.id})
    varied = gallery.keep(ANN, "d" * 32, file)
    add(gallery, "another's", painter=BOB, source=Source(image=bare))

    def ids(pictures):
        return {picture.id for picture in pictures}

    def holds():
        family = gallery.family(ANN, first.id)
        assert (family.parents, family.siblings) == ((), ())
        assert ids(family.children) == {made[0].id, made[1].id, varied.id}
        assert ids(gallery.family(ANN, varied.id).parents) == {first.id}
        own = gallery.family(ANN, made[0].id)
        assert (ids(own.parents), ids(own.siblings), own.children) == ({first.id}, {made[1].id}, ())

    holds()
    gallery.reindex()
    holds()
    with pytest.raises(NotFound):
        gallery.family(BOB, first.id)


def test_an_index_of_an_older_version_is_made_anew(gallery, tmp_path):
    rows = add(gallery, "1", "2")
    gallery.star(ANN, [rows[0].id])

    def older():
        with sqlite3.connect(tmp_path / "index.db") as db:
            db.executescript("DROP TABLE albums; DROP TABLE pictures; CREATE TABLE pictures (id TEXT)")
            db.execute("PRAGMA user_version=1")

    reopened(gallery, tmp_path, older)
    assert [p.id for p in gallery.pictures(ANN, Wanted(star=True))] == [rows[0].id]
    assert len(gallery.pictures(ANN)) == 2


def test_pages_follow_each_other_without_gap_or_repetition(gallery):
    rows = add(gallery, *(str(n) for n in range(23)))
    seen, before = [], None
    while page := gallery.pictures(ANN, before=before, limit=5):
        seen += page
        before = page[-1].id
        if len(seen) == 10:
            gallery.trash(ANN, before)  # the last of a page may go while the next is asked for
    assert [p.id for p in seen] == [row.id for row in reversed(rows)]


def test_the_trash_gives_back_until_it_is_emptied(gallery):
    one, two, three = add(gallery, "1", "2", "3")
    gallery.star(ANN, [one.id])
    gallery.thumbnail(ANN, two.id)
    for row in (one, two):
        gallery.trash(ANN, row.id)
        gallery.trash(ANN, row.id)
    assert [p.id for p in gallery.pictures(ANN)] == [three.id]
    assert len(gallery.pictures(ANN, Wanted(trashed=True))) == 2
    gallery.restore(ANN, one.id)
    assert [p.id for p in gallery.pictures(ANN, Wanted(star=True))] == [one.id]
    assert gallery.expire(days=30) == 0
    assert gallery.empty(BOB) == 0
    assert gallery.empty(ANN) == 1
    with pytest.raises(NotFound):
        gallery.restore(ANN, two.id)
    assert not list(gallery._root.rglob(f"*{two.id}*"))
    assert not list(gallery._thumbs.rglob(f"*{two.id}*"))


def test_the_trash_empties_by_itself_after_its_days(gallery, monkeypatch):
    (row,) = add(gallery, "1")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 31 * 86400)
    gallery.trash(ANN, row.id)
    monkeypatch.undo()
    assert gallery.expire(days=32) == 0
    assert gallery.expire(days=30) == 1
    assert gallery.pictures(ANN, Wanted(trashed=True)) == ()


@pytest.mark.parametrize("how", ["deleted", "garbage", "wal deleted", "reindexed"])
def test_without_its_index_everything_is_back_from_the_files(gallery, tmp_path, how):
    rows = add(gallery, *"abcdef") + add(gallery, *"xy", painter=BOB)
    gallery.star(ANN, [rows[0].id])
    gallery.star(BOB, [rows[6].id])
    gallery.album(ANN, [rows[1].id], "湖")
    gallery.album(ANN, [rows[2].id], "湖")
    gallery.trash(ANN, rows[3].id)
    known = everything(gallery)

    def harm():
        match how:
            case "deleted":
                for part in tmp_path.glob("index.db*"):
                    part.unlink()
            case "garbage":
                (tmp_path / "index.db").write_bytes(os.urandom(5000))
            case "wal deleted":
                (tmp_path / "index.db-wal").unlink(missing_ok=True)

    if how == "reindexed":
        gallery._index._db.execute("DELETE FROM pictures WHERE painter = ?", (ANN,))
        assert gallery.reindex() == 8
    else:
        reopened(gallery, tmp_path, harm)
    assert everything(gallery) == known


def test_what_hands_and_crashes_left_is_put_right_at_the_start(gallery, tmp_path):
    cut, zeroed, gone, swapped, other, kept = add(gallery, "cut", "zero", "gone", "swap", "swop!", "kept")
    paths = {row.prompt: gallery.path(ANN, row.id) for row in (cut, zeroed, gone, swapped, other, kept)}
    stranger = paths["kept"].with_name("holiday.png")

    def harm():
        paths["cut"].write_bytes(paths["cut"].read_bytes()[:-20])
        paths["zero"].write_bytes(b"")
        paths["gone"].unlink()
        a, b = paths["swap"].read_bytes(), paths["swop!"].read_bytes()
        paths["swap"].write_bytes(b)
        paths["swop!"].write_bytes(a)
        (paths["kept"].parent / ".0123456789abcdef.tmp").write_bytes(b"half")
        stranger.write_bytes(png("not ours"))
        orphan = paths["kept"].with_name(f"20260101T000000000-{'e' * 32}.png")
        orphan.write_bytes(png("orphan"))
        shutil.copytree(tmp_path / "gallery" / ANN, tmp_path / "gallery" / BOB / "copy")
        (tmp_path / "gallery" / "Not A Painter").mkdir()

    reopened(gallery, tmp_path, harm)
    found = {picture.prompt for picture in gallery.pictures(ANN)}
    assert found == {"swap", "swop!", "kept", "orphan"}
    assert gallery.get(ANN, swapped.id).prompt == "swop!"
    assert gallery.path(ANN, "e" * 32).parent.name == "2026-01"
    broken = tmp_path / "gallery" / ANN / "broken"
    assert {path.name for path in broken.iterdir()} == {paths["cut"].name, paths["zero"].name}
    assert stranger.exists()
    assert not list((tmp_path / "gallery").rglob("*.tmp"))[1:]  # the copy is a stranger's, too


def test_broken_marks_are_put_aside_and_written_again(gallery, tmp_path):
    (row,) = add(gallery, "1")
    gallery.star(ANN, [row.id])
    marks = tmp_path / "gallery" / ANN / "marks.json"
    reopened(gallery, tmp_path, lambda: marks.write_text('{"stars": "no'))
    assert gallery.get(ANN, row.id).star
    assert json.loads(marks.read_text())["stars"] == [row.id]
    assert marks.with_suffix(".bad").exists()


def test_marks_written_by_hand_count(gallery, tmp_path):
    one, two = add(gallery, "1", "2")
    gallery.star(ANN, [one.id])
    marks = tmp_path / "gallery" / ANN / "marks.json"
    text = json.dumps({"stars": [two.id, "f" * 32], "albums": {"A": [one.id], "B": ["f" * 32]}})
    reopened(gallery, tmp_path, lambda: marks.write_text(text))
    assert [p.id for p in gallery.pictures(ANN, Wanted(star=True))] == [two.id]
    assert gallery.albums(ANN) == {"A": 1}


def test_what_is_no_whole_picture_is_not_kept(gallery):
    whole = png()
    for data in (b"", whole[:-1], whole[:200], b"GIF89a" + whole, whole.replace(b"IDAT", b"iDAT")):
        with pytest.raises(BadPicture):
            gallery.keep(ANN, secrets.token_hex(16), data)
    assert not [path for path in gallery._root.rglob("*") if path.is_file()]


def test_a_picture_whose_recipe_a_later_studio_wrote_is_kept_with_what_is_understood(gallery):
    later = png("a boat", 9).replace(b'"version": 1', b'"version": 2')
    row = gallery.keep(ANN, "c" * 32, containers.png_file(containers.png_chunks(later)))  # new checksums
    assert metadata.read_file(gallery.read(ANN, row.id)).recipe is None
    assert (row.prompt, row.seed) == ("a boat", 9)


def test_when_the_index_has_no_room_nothing_is_left(gallery, monkeypatch):
    def full(*_):
        raise DiskFull("full")

    monkeypatch.setattr(gallery._index, "put", full)
    with pytest.raises(DiskFull):
        gallery.keep(ANN, "c" * 32, png())
    assert not [path for path in gallery._root.rglob("*") if path.is_file()]
    monkeypatch.undo()
    assert gallery.keep(ANN, "c" * 32, png()).id == "c" * 32


def test_a_star_is_in_the_file_before_it_is_in_the_index(gallery, monkeypatch):
    (row,) = add(gallery, "1")

    def full(path, data):
        raise DiskFull("full")

    monkeypatch.setattr(images, "write_file", full)
    with pytest.raises(DiskFull):
        gallery.star(ANN, [row.id])
    assert not gallery.get(ANN, row.id).star


def test_ten_thousand_pictures_are_paged_from_the_index_without_a_sort(gallery):
    """What makes a page quick: rows come from an index in order, and none but the page's are read."""
    with gallery._index.transaction():
        for n in range(10_000):
            name = f"20260101T{n:09d}-{n:032x}"
            row = Picture(f"{n:032x}", ANN, name, float(n), 1, 64, 64, "starter", f"boat {n}", n)
            gallery._index.put(row)
    page = gallery.pictures(ANN, before=f"{5000:032x}", limit=60)
    assert [p.seed for p in page] == list(range(4999, 4939, -1))
    assert [p.seed for p in gallery.pictures(ANN, Wanted(search="BOAT 777"), limit=3)] == [9777, 8777, 7779]
    db: sqlite3.Connection = gallery._index._db._db
    steps = []
    db.set_progress_handler(lambda: steps.append(1), 100)
    gallery.pictures(ANN, before=f"{9000:032x}", limit=60)
    db.set_progress_handler(None, 0)
    assert len(steps) < 60  # hundreds of SQLite's machine steps, not hundreds of thousands
