"""The gallery: a folder of pictures, each with its whole recipe inside; the index beside it can be deleted.

gallery/<painter>/2026-11/<time>[-<words>]-<id>.png   pictures; the id is 128 random bits
gallery/<painter>/trash/<when>.<the same>             deleted on <when> (seconds since 1970)
gallery/<painter>/broken/                             files that are no whole PNG, put aside
gallery/<painter>/marks.json                          stars and albums
index.db, tmp/thumbs/                                 made again from the files when they are missing
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from studio import images, metadata
from studio.errors import BadInput, BadPicture, DiskFull, NotFound
from studio.gallery_files import FILE, PAINTER, TIME, files_of, read_row, without_pixels
from studio.gallery_index import Family, Index, Marks, Picture, Summary
from studio.part import Part

__all__ = ["Gallery", "Picture", "Wanted"]

THUMBNAIL_SIDE = 320
FAMILY = 48
_LARGEST = images.Bounds(bytes=2**30)


class MarksFile(Part):
    """`marks.json`: ids of starred pictures, and of those in each album."""

    stars: tuple[str, ...] = ()
    albums: dict[str, tuple[str, ...]] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which pictures are asked for; what is None does not matter.

    `search`: every word of it must be in the prompt · `since`, `until`: seconds since 1970 · `kind`: one of
    `Picture.kinds` · `trashed`: those in the trash instead.
    """

    search: str = ""
    model: str | None = None
    star: bool | None = None
    album: str | None = None
    kind: str | None = None
    since: float | None = None
    until: float | None = None
    trashed: bool = False

    def asked(self) -> dict[str, Any]:
        """The conditions by their names in the index."""
        names = ("model", "star", "album", "kind", "since", "until")
        return {name: getattr(self, name) for name in names}


class Gallery:
    """All painters' pictures. Safe from any thread; the folder's lock keeps other studios out.

    Whatever is asked for under another painter's name than its own is `NotFound`.
    """

    def __init__(self, root: Path, words: Callable[[Picture], str] = lambda _: "") -> None:
        """Opens `data/gallery` and its index `data/index.db`, and puts right what a crash or a hand left.

        `words`: what a new picture's file is called between its time and its id (`gallery_export.words`).
        """
        self._root, self._words = root, words
        self._thumbs = root.parent / "tmp" / "thumbs"
        root.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._index = Index(root.parent / "index.db")
        self._reconcile()

    def close(self) -> None:
        """Lets the index go."""
        self._index.close()

    # --- keeping

    def keep(self, painter: str, job: str, png: bytes) -> Picture:
        """Keeps a finished picture for good, under its job's id; the same job again is the same picture.

        In this order: temp file, fsync, rename, fsync of the folder, commit. Raises `DiskFull`, leaving
        nothing, and `BadPicture` for what is not a whole PNG.
        """
        with self._lock:
            known = self._index.get(painter, job)
            if known is not None:
                return known
            file = f"{datetime.now(UTC).strftime(TIME)[:18]}-{job}.png"
            picture = read_row(painter, file, BytesIO(png))
            if picture is None:
                raise BadPicture("The finished picture arrived damaged. Please paint it again.")
            if words := self._words(picture):
                picture = replace(picture, name=f"{file[:18]}-{words}-{job}")
            path = self._place(picture)
            _make_folder(path.parent)
            images.write_file(path, png)
            with ExitStack() as unless_indexed:
                unless_indexed.callback(path.unlink)
                self._index.put(picture)
                unless_indexed.pop_all()
            return picture

    # --- looking

    def pictures(
        self, painter: str, wanted: Wanted | None = None, *, before: str | None = None, limit: int = 100
    ) -> tuple[Picture, ...]:
        """A painter's pictures, newest first; `before`: the id of the last picture of the page before.

        Raises `NotFound` when there is no picture `before`.
        """
        wanted = wanted or Wanted()
        asked = wanted.asked()
        if before is not None:
            asked["before"] = self.get(painter, before).name
        return self._index.search(painter, wanted.search.split(), asked, wanted.trashed, limit)

    def summary(self, painter: str, offset: int = 0) -> Summary:
        """How many pictures there are of what; `offset`: seconds by which her clock is ahead of UTC."""
        return self._index.summary(painter, offset)

    def family(self, painter: str, picture: str) -> Family:
        """What a picture came from, what came from it, what shares an input with it. Raises `NotFound`."""
        return self._index.family(self.get(painter, picture), FAMILY)

    def alike(self, painter: str, png: bytes) -> Picture | None:
        """Her picture that this file is, with its recipe and inputs or without them; None if it is none."""
        return self._index.alike(painter, without_pixels(BytesIO(png))[2])

    def get(self, painter: str, picture: str) -> Picture:
        """One picture, in the trash or not. Raises `NotFound`."""
        found = self._index.get(painter, picture)
        if found is None:
            raise NotFound("There is no such picture any more.")
        return found

    def has(self, painter: str, picture: str) -> bool:
        """Whether the painter has this picture, in the trash or not."""
        return self._index.get(painter, picture) is not None

    def path(self, painter: str, picture: str) -> Path:
        """Where the file lies. Raises `NotFound`."""
        return self._place(self.get(painter, picture))

    def read(self, painter: str, picture: str) -> bytes:
        """The PNG file as it was kept. Raises `NotFound`."""
        with _there():
            return self.path(painter, picture).read_bytes()

    def bare(self, painter: str, picture: str) -> bytes:
        """The PNG without recipe and inputs: what it is as an input of another. Raises `NotFound`."""
        return metadata.without(self.read(painter, picture), inputs=True, recipe=True)

    def thumbnail(self, painter: str, picture: str) -> bytes:
        """A WebP of at most 320 pixels a side, made when first asked for. Raises `NotFound`, `BadPicture`."""
        path = self._thumb(self.get(painter, picture))
        if path.exists():
            return path.read_bytes()
        image = images.read(self.read(painter, picture), _LARGEST)
        data = images.encode_webp(images.thumbnail(image, THUMBNAIL_SIDE))
        with suppress(DiskFull):  # it can be shown all the same
            _make_folder(path.parent)
            images.write_file(path, data)
        return data

    def albums(self, painter: str) -> dict[str, int]:
        """How many pictures are in each album."""
        return self._index.albums(painter)

    def usage(self, painter: str) -> tuple[int, int]:
        """How many pictures the painter has, trash included, and how many bytes they take."""
        return self._index.usage(painter)

    def inputs(self) -> set[tuple[str, str]]:
        """The input pictures that kept pictures were made from, as (painter, digest)."""
        return self._index.inputs()

    # --- marking

    def star(self, painter: str, pictures: Sequence[str], on: bool = True) -> None:
        """Sets or takes stars. Raises `NotFound`, changing nothing."""
        with self._marking(painter, pictures):
            for picture in pictures:
                self._index.star(picture, on)

    def album(self, painter: str, pictures: Sequence[str], album: str, on: bool = True) -> None:
        """Puts pictures into an album, or takes them out. Raises `NotFound`, `BadInput`, changing nothing."""
        name = _album(album)
        with self._marking(painter, pictures):
            for picture in pictures:
                self._index.album(picture, name, on)

    def rename(self, painter: str, album: str, name: str) -> None:
        """Gives an album another name; into one that is there already, it goes whole. Raises `BadInput`."""
        old, new = _album(album), _album(name)
        if old != new:
            with self._marking(painter):
                self._index.rename(painter, old, new)

    def dissolve(self, painter: str, album: str) -> None:
        """Takes an album away; its pictures stay."""
        with self._marking(painter):
            self._index.dissolve(painter, album)

    @contextmanager
    def _marking(self, painter: str, pictures: Iterable[str] = ()) -> Generator[None]:
        """Change the index, then `marks.json`; commit when the file is safe."""
        with self._lock, self._index.transaction():
            for picture in pictures:
                self.get(painter, picture)
            yield
            self._write_marks(painter)

    def _write_marks(self, painter: str) -> None:
        marks = self._index.marks(painter)
        albums = {name: tuple(sorted(ids)) for name, ids in sorted(marks.albums.items())}
        text = MarksFile(stars=tuple(sorted(marks.stars)), albums=albums).model_dump_json(indent=1)
        folder = self._folder(painter)
        if folder.exists():  # who has no picture has no marks
            images.write_file(folder / "marks.json", text.encode())

    # --- deleting

    def trash(self, painter: str, *pictures: str) -> None:
        """Moves pictures to the trash. Raises `NotFound` before any is moved."""
        now = int(time.time())
        for one in [self.get(painter, picture) for picture in pictures]:
            self._move(one, now)

    def restore(self, painter: str, *pictures: str) -> None:
        """Brings pictures back from the trash. Raises `NotFound` before any is moved."""
        for one in [self.get(painter, picture) for picture in pictures]:
            self._move(one, None)

    def empty(self, painter: str) -> int:
        """Deletes what is in a painter's trash, for good; returns how many pictures."""
        return self._delete(self._index.trashed(time.time(), painter))

    def expire(self, days: float) -> int:
        """Deletes, for good, what has been in any trash for so many days; returns how many pictures."""
        return self._delete(self._index.trashed(time.time() - days * 86_400))

    def clear(self, painter: str) -> int:
        """Deletes all of a painter's pictures and albums, for good; returns how many pictures there were."""
        gone = self._delete(self._index.all(painter).values())
        (self._folder(painter) / "marks.json").unlink(missing_ok=True)
        return gone

    def _move(self, picture: Picture, trashed: int | None) -> None:
        if (picture.trashed is None) == (trashed is None):
            return
        target = self._place(replace(picture, trashed=trashed))
        with self._lock, self._index.transaction(), _there():
            target.parent.mkdir(parents=True, exist_ok=True)
            self._index.trash(picture.id, trashed)
            os.replace(self._place(picture), target)

    def _delete(self, pictures: Iterable[Picture]) -> int:
        count = 0
        for picture in pictures:
            with self._lock:
                self._place(picture).unlink(missing_ok=True)
                self._thumb(picture).unlink(missing_ok=True)
                self._index.drop(picture.id)
            count += 1
        return count

    # --- index and files

    def reindex(self) -> int:
        """Makes the index anew from the files; returns how many pictures there are, trash included."""
        with self._lock, self._index.transaction():
            for painter in self._index.painters():
                for picture in self._index.all(painter):
                    self._index.drop(picture)
            return self._reconcile()

    def _reconcile(self) -> int:
        """Make the index say what the files say; returns how many pictures there are."""
        folders = [f for f in self._root.iterdir() if f.is_dir() and PAINTER.fullmatch(f.name)]
        with self._index.transaction():
            for painter in self._index.painters() - {folder.name for folder in folders}:
                for picture in self._index.all(painter):
                    self._index.drop(picture)
            return sum(self._reconcile_painter(folder) for folder in folders)

    def _reconcile_painter(self, folder: Path) -> int:
        painter = folder.name
        known = self._index.all(painter)
        present: set[str] = set()
        for entry in files_of(folder):
            match = FILE.fullmatch(entry.name)
            if match is None:
                continue
            row = known.get(match["id"])
            if row is None or (self._place(row), row.bytes) != (Path(entry.path), entry.stat().st_size):
                row = self._take_in(painter, Path(entry.path))
            if row is not None:
                present.add(row.id)
        for gone in known.keys() - present:
            self._index.drop(gone)
        self._restore_marks(painter, present)
        return len(present)

    def _take_in(self, painter: str, path: Path) -> Picture | None:
        """Index a file that was not known as it is; what is no whole picture is put aside."""
        with open(path, "rb") as file:
            picture = read_row(painter, path.name, file)
        target = path.parent.parent / "broken" / path.name if picture is None else self._place(picture)
        if target != path:
            target.parent.mkdir(exist_ok=True)
            os.replace(path, target)
        if picture is not None:
            self._thumb(picture).unlink(missing_ok=True)
            self._index.put(picture)
        return picture

    def _restore_marks(self, painter: str, present: set[str]) -> None:
        """Stars and albums as `marks.json` has them; a broken file is put aside and written anew."""
        path = self._folder(painter) / "marks.json"
        known = self._index.marks(painter)
        try:
            file = MarksFile.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            file = None
        except ValidationError:
            os.replace(path, path.with_suffix(".bad"))
            file = None
        if file is None:
            if known != Marks():
                self._write_marks(painter)
            return
        albums = {name: frozenset(ids) & present for name, ids in file.albums.items()}
        marks = Marks(frozenset(file.stars) & present, {name: ids for name, ids in albums.items() if ids})
        if marks != known:
            self._index.mark(painter, marks)

    # --- places

    def _folder(self, painter: str) -> Path:
        if not PAINTER.fullmatch(painter):
            raise NotFound("There is no such picture any more.")
        return self._root / painter

    def _place(self, picture: Picture) -> Path:
        folder, name = self._folder(picture.painter), f"{picture.name}.png"
        if picture.trashed is not None:
            return folder / "trash" / f"{picture.trashed}.{name}"
        return folder / f"{name[:4]}-{name[4:6]}" / name

    def _thumb(self, picture: Picture) -> Path:
        return self._thumbs / picture.painter / f"{picture.id}.webp"


def _album(name: str) -> str:
    if not 0 < len(name.strip()) <= 100 or not name.isprintable():
        raise BadInput("An album needs a name of 1 to 100 letters.")
    return name.strip()


def _make_folder(folder: Path) -> None:
    """A folder that lasts through a power cut."""
    if folder.exists():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)  # two threads may make it at once
        images.sync_folder(folder.parent)
    except OSError as error:
        if error.errno in images.NO_ROOM:
            raise DiskFull(images.FULL) from error
        raise


@contextmanager
def _there() -> Generator[None]:
    """A file that is no longer in its folder is `NotFound`."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("The file of this picture has been taken out of its folder.") from error
