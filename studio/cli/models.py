"""`studio models`: what is there, and what a file is."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from studio.cli.command import Arguments, Command, folders, settings


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=("list", "inspect"), default="list")
    parser.add_argument("file", nargs="?", type=Path, help="the file or folder to inspect")
    folders(parser)


def run(args: Arguments) -> int:
    from studio.errors import BadInput
    from studio.models.library import Library, identify

    chosen = settings(args)
    library = Library(chosen.models, chosen.extra_models)
    if args.what == "inspect":
        if args.file is None:
            raise BadInput("Say which file: studio models inspect FILE.")
        found = identify(args.file, library.starter_width)
        said = (found.kind, f"family {found.family or 'none'}", found.prediction, found.note)
        print(", ".join(word for word in said if word))
        return 0
    for file in library.scan():
        size = f"{file.size / 2**20:.0f} MB"
        print(f"{file.kind:10}  {file.family or '?':8}  {size:>9}  {file.id}  {file.note}".rstrip())
    for warning in library.warnings:
        print(warning, file=sys.stderr)
    return 0


COMMAND = Command("list the models, or say what a file is", arguments, run)
