"""`studio gallery`: what is in the owner's gallery, and its index made anew."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from studio.cli.command import Arguments, Command, folders, settings
from studio.errors import FolderInUse

if TYPE_CHECKING:
    from studio.gallery import Gallery
    from studio.settings import Settings

PAGE = 1000


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=("list", "reindex"), default="list")
    parser.add_argument("--search", default="", help="words of the prompt")
    parser.add_argument("--json", action="store_true", help="one JSON line a picture")
    folders(parser)


def run(args: Arguments) -> int:
    from studio.cli.running import Running
    from studio.desk.lock import FolderLock
    from studio.gallery import Gallery

    chosen = settings(args)
    try:
        lock = FolderLock(chosen.data)
    except FolderInUse:
        if args.what == "reindex":  # the running studio holds the index; it was made right when it started
            raise
        return show(args, Running.of(chosen.data).pictures(args.search))
    try:
        gallery = Gallery(chosen.data / "gallery")
        try:
            if args.what == "list":
                return show(args, listed(gallery, chosen, args.search))
            print(f"{gallery.reindex()} pictures are in the index.")
        finally:
            gallery.close()
    finally:
        lock.release()
    return 0


def printable(text: str) -> str:
    """The text without what would command the terminal: a restored picture's prompt can hold anything."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def show(args: Arguments, rows: Iterator[dict[str, Any]]) -> int:
    """One line a picture, newest first."""
    for row in rows:
        said = {name: row[name] for name in ("id", "prompt", "model", "file") if name in row}
        first = printable(row["prompt"].partition("\n")[0])
        print(json.dumps(said, ensure_ascii=False) if args.json else f"{row['id']}  {first[:80]}")
    return 0


def listed(gallery: Gallery, chosen: Settings, search: str) -> Iterator[dict[str, Any]]:
    """The owner's pictures, page by page."""
    from studio.gallery import Wanted
    from studio.identity import Painters

    wanted = Wanted(search=search)
    owner, before = Painters(chosen.data / "gallery").owner(), None
    while rows := gallery.pictures(owner, wanted, before=before, limit=PAGE):
        for row in rows:
            file = str(gallery.path(owner, row.id))
            yield {"id": row.id, "prompt": row.prompt, "model": row.model, "file": file}
        before = rows[-1].id


COMMAND = Command("list the gallery, or make its index anew from the pictures", arguments, run)
