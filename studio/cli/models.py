"""`studio models`: what is there, what a file is, what can be fetched, and the models of other programs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studio.cli.command import Arguments, Command, folders, settings
from studio.errors import BadInput

if TYPE_CHECKING:
    from studio.models.catalog import Entry
    from studio.models.download import Progress
    from studio.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        choices=sorted(WORDS),
        default="list",
        help="; ".join(f"{word}: {about}" for word, (about, _) in WORDS.items()),
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a file, a folder, or ids of the catalog")
    parser.add_argument("--accept-licence", action="store_true", help="get: agree to the licences shown")
    parser.add_argument("--forget", action="store_true", help="use: do not look into that folder any more")
    parser.add_argument("--json", action="store_true", help="catalog: one JSON line a file")
    folders(parser)


def run(args: Arguments) -> int:
    return WORDS[args.what][1](args, settings(args))


def show_list(_: Arguments, chosen: Settings) -> int:
    from studio.models.library import Library

    library = Library(chosen.models, chosen.extra_models)
    for file in library.scan():
        size = f"{file.size / 2**20:.0f} MB"
        print(f"{file.kind:10}  {file.family or '?':8}  {size:>9}  {file.id}  {file.note}".rstrip())
    for warning in library.warnings:
        print(warning, file=sys.stderr)
    return 0


def inspect(args: Arguments, chosen: Settings) -> int:
    from studio.models.library import Library, identify

    found = identify(Path(one(args.names, "file", "inspect FILE")), Library(chosen.models).starter_width)
    said = (found.kind, f"family {found.family or 'none'}", found.prediction, found.note)
    print(", ".join(word for word in said if word))
    return 0


def show_catalog(args: Arguments, chosen: Settings) -> int:
    """What can be fetched; "✓" before what is here already."""
    from studio.models.catalog import installed, read_catalog
    from studio.models.library import Library

    library = Library(chosen.models, chosen.extra_models)
    catalog = read_catalog()
    for entry in catalog.values():
        here = installed(entry, library) is not None
        if args.json:
            print(json.dumps({**entry.model_dump(), "installed": here}, ensure_ascii=False))
            continue
        mark = "✓" if here else " "
        print(f"{mark} {entry.id:28} {size_of(entry):>10}  {entry.title} · {entry.licence}")
        if entry.terms:
            print(f"{'':43}{entry.terms}")
    if not args.json:
        print("Fetch one, or a group, with: studio models get ID")
        groups = sorted({group for entry in catalog.values() for group in entry.groups})
        print(f"Groups: {', '.join(groups)}")
    return 0


def get(args: Arguments, chosen: Settings) -> int:
    """Fetch files of the catalog, each after its licence was agreed to. Status 1 when one was declined."""
    from studio.models import fetch
    from studio.models.catalog import chosen as chosen_of
    from studio.models.catalog import installed, read_catalog
    from studio.models.download import download
    from studio.models.library import Library

    if not args.names:
        raise BadInput("Say what to fetch: studio models get ID. “studio models catalog” lists the ids.")
    catalog = read_catalog(policy=fetch.STRICT)
    entries = {entry.id: entry for name in args.names for entry in chosen_of(catalog, name)}
    library = Library(chosen.models, chosen.extra_models)
    declined = False
    for entry in entries.values():
        there = installed(entry, library)
        if there is not None:
            print(f"{entry.title} is here already: {there}")
        elif agreed(entry, args.accept_licence):
            with Bar(entry) as bar:
                place = download(entry, chosen.models, bar.show, lambda: False, fetch.STRICT)
            print(f"{entry.title} is in {place}")
        else:
            declined = True
    return 1 if declined else 0


def agreed(entry: Entry, accepted: bool) -> bool:
    """Show the licence; whether it is agreed to, by the option or at the keyboard. Raises `BadInput`."""
    print(f"{entry.title}: {size_of(entry)}, licence {entry.licence}. {entry.terms}".rstrip())
    source = "" if entry.licence_read else " (named as its page is said to state it; read it there)"
    print(f"  {entry.licence_url}{source}")
    if accepted:
        return True
    if not sys.stdin.isatty():
        raise BadInput("Read the licence, then add --accept-licence to fetch it.")
    return input("Fetch it under this licence? [y/N] ").strip().lower() in ("y", "yes")


class Bar:
    """A download's progress on the terminal."""

    def __init__(self, entry: Entry) -> None:
        from tqdm import tqdm

        self._bar = tqdm(desc=entry.id, total=entry.bytes or None, unit="B", unit_scale=True, leave=False)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, progress: Progress) -> None:
        """Move to where the download is."""
        self._bar.total = progress.total or None
        self._bar.n = progress.done
        self._bar.refresh()


def use(args: Arguments, chosen: Settings) -> int:
    """Take in the models of A1111, Forge or ComfyUI where they lie, or forget them again."""
    from studio.models.elsewhere import forget, remember
    from studio.models.library import Library

    folder = Path(one(args.names, "folder", "use FOLDER")).expanduser()
    if args.forget:
        forget(chosen.models, folder)
        print(f"{folder} is not looked into any more. Its files were not touched.")
        return 0
    before = {file.path for file in Library(chosen.models, chosen.extra_models).scan()}
    found = remember(chosen.models, folder)
    new = [file for file in Library(chosen.models, chosen.extra_models).scan() if file.path not in before]
    whose = f" of {found.program}" if found.program else ""
    count = f"{len(new)} models" if len(new) != 1 else "1 model"
    print(f"{count}{whose} in {found.folder} can be used now; nothing was copied.")
    return 0


def one(names: Sequence[str], what: str, words: str) -> str:
    """The only name. Raises `BadInput`."""
    if len(names) != 1:
        raise BadInput(f"Say which {what}: studio models {words}.")
    return names[0]


def size_of(entry: Entry) -> str:
    """An entry's size for reading."""
    if not entry.bytes:
        return "size ?"
    return f"{entry.bytes / 1e9:.1f} GB" if entry.bytes >= 1e9 else f"{entry.bytes / 1e6:.0f} MB"


WORDS = {
    "list": ("what is there", show_list),
    "inspect": ("what a file or folder is", inspect),
    "catalog": ("what can be fetched", show_catalog),
    "get": ("fetch files of the catalog", get),
    "use": ("use the models of A1111, Forge or ComfyUI where they lie", use),
}
COMMAND = Command("list, inspect and fetch models, or use those of other programs", arguments, run)
