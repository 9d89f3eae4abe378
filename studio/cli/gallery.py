"""`studio gallery`: what is in the owner's gallery, and its index made anew."""

from __future__ import annotations

import argparse
import json

from studio.cli.command import Arguments, Command, folders, settings


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=("list", "reindex"), default="list")
    parser.add_argument("--search", default="", help="words of the prompt")
    parser.add_argument("--json", action="store_true", help="one JSON line a picture")
    folders(parser)


def run(args: Arguments) -> int:
    from studio.desk.lock import FolderLock
    from studio.gallery import Gallery
    from studio.identity import Painters

    chosen = settings(args)
    lock = FolderLock(chosen.data)
    try:
        gallery = Gallery(chosen.data / "gallery")
        if args.what == "reindex":
            print(f"{gallery.reindex()} pictures are in the index.")
            return 0
        owner = Painters(chosen.data / "gallery").owner()
        for row in gallery.pictures(owner, search=args.search, limit=1000):
            said = {
                "id": row.id,
                "prompt": row.prompt,
                "model": row.model,
                "file": str(gallery.path(owner, row.id)),
            }
            print(json.dumps(said, ensure_ascii=False) if args.json else f"{row.id}  {row.prompt[:80]}")
        return 0
    finally:
        lock.release()


COMMAND = Command("list the gallery, or make its index anew from the pictures", arguments, run)
