"""`studio scroll "…"`: a handscroll into the owner's gallery, through the running server if there is one."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.cli.command import Arguments, Command, assignments, folders, settings
from studio.errors import BadInput, FolderInUse, StudioError

LOOK_SECONDS = 0.5


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompt", help="what to paint")
    parser.add_argument("--length", type=int, default=4096, help="how long it becomes, in pixels")
    parser.add_argument(
        "--turn",
        dest="turns",
        action="append",
        default=[],
        metavar="SHARE=PROMPT",
        help="from this share of the length on (0 to 1) another prompt; may be said again",
    )
    parser.add_argument("--left", action="store_true", help="unroll to the left, as handscrolls are read")
    parser.add_argument("--picture", help="the id of a picture to begin with")
    parser.add_argument("--model", dest="painter", help="which model paints; the last one used if not said")
    parser.add_argument(
        "--set", dest="sets", action="append", default=[], metavar="NAME=VALUE", help="any field"
    )
    parser.add_argument("--seed", type=int, help="-1 draws one")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="put a copy of the scroll here")
    folders(parser)


def asked(args: Arguments) -> dict[str, Any]:
    """The scroll that this command line asks for, its recipe a partial one. Raises `BadInput`."""
    said = {"prompt": args.prompt, "model": args.painter, "seed": args.seed}
    recipe = {**{name: value for name, value in said.items() if value is not None}, **assignments(args.sets)}
    return {
        "recipe": recipe,
        "length": args.length,
        "turns": [turn(pair) for pair in args.turns],
        "direction": "left" if args.left else "right",
        "picture": args.picture or "",
    }


def turn(pair: str) -> dict[str, Any]:
    """`0.5=snow` as plain values. Raises `BadInput`."""
    share, equals, prompt = pair.partition("=")
    try:
        at = float(share if equals else "")
    except ValueError as error:
        raise BadInput(
            f"“{pair[:80]}” is no turn: write --turn SHARE=PROMPT, such as --turn 0.5=snow."
        ) from error
    return {"at": at, "prompt": prompt}


def run(args: Arguments) -> int:
    from studio.cli.running import Running
    from studio.studio import Studio

    chosen, scroll = settings(args), asked(args)
    try:
        studio = Studio(chosen)
    except FolderInUse:
        return unroll(args, Running.of(chosen.data), scroll)
    with studio:
        return unroll(args, Here(studio), scroll)


class Here:
    """The studio opened by this command itself, as its owner."""

    def __init__(self, studio: Any) -> None:
        self.studio = studio
        self.owner = studio.painters.owner()

    def unroll(self, scroll: Mapping[str, Any]) -> str:
        """Begin; returns the scroll's name."""
        return self.studio.scroll(scroll, self.owner)

    def unrolled(self, name: str) -> dict[str, Any]:
        """How far it is."""
        from studio.scroll import told

        return told(self.studio.scrolls.get(name, self.owner))

    def stop_scroll(self, name: str) -> None:
        """Unroll no further."""
        self.studio.scrolls.stop(name, self.owner)

    def picture(self, name: str) -> tuple[str, bytes]:
        """A finished picture's file name and bytes."""
        return self.studio.gallery.path(self.owner, name).name, self.studio.gallery.read(self.owner, name)


def unroll(args: Arguments, place: Any, scroll: Mapping[str, Any]) -> int:
    """Unroll and tell; Ctrl+C stops it, and what is painted is kept all the same."""
    name = place.unroll(scroll)
    try:
        row = follow(place, name)
    except KeyboardInterrupt:
        place.stop_scroll(name)
        row = follow(place, name)
    if row["picture"]:
        file, png = place.picture(row["picture"])
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
            (args.out / file).write_bytes(png)
        print(str(args.out / file) if args.out else file, flush=True)
    if row["state"] == "failed":
        raise StudioError(row["sentence"])
    return 0 if row["state"] == "done" else 130


def follow(place: Any, name: str) -> dict[str, Any]:
    """Show how far it is until it has ended; returns how it ended."""
    from tqdm import tqdm

    row = place.unrolled(name)
    with tqdm(total=row["length"], unit=" px", leave=False) as bar:
        while row["state"] == "painting":
            bar.n = min(row["length"], row["painted"])
            bar.refresh()
            time.sleep(LOOK_SECONDS)
            row = place.unrolled(name)
    return row


COMMAND = Command("unroll a handscroll from a prompt", arguments, run)
