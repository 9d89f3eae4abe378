"""`studio paint "…"`: pictures into the owner's gallery, through the running server when there is one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.command import Arguments, Command, assignments, folders, settings
from studio.errors import FolderInUse, StudioError, UnknownName

if TYPE_CHECKING:
    from studio.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompt", help="what to paint")
    parser.add_argument("--negative", help="what to keep out")
    parser.add_argument("--model", dest="painter", help="which model paints; the last one used if not said")
    parser.add_argument("--preset", help="a preset's name")
    parser.add_argument(
        "--set", dest="sets", action="append", default=[], metavar="NAME=VALUE", help="any field"
    )
    parser.add_argument("--seed", type=int, help="-1 draws one")
    parser.add_argument("-n", "--count", type=int, default=1, help="how many pictures")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="put copies of the pictures here")
    parser.add_argument("--json", action="store_true", help="print one JSON line a picture")
    folders(parser)


def partial_recipe(args: Arguments, chosen: Settings) -> dict[str, Any]:
    """The fields of a recipe that this command line sets."""
    from studio.presets import preset

    said = {"prompt": args.prompt, "negative": args.negative, "model": args.painter, "seed": args.seed}
    partial = {**{name: value for name, value in said.items() if value is not None}, **assignments(args.sets)}
    return preset(chosen.presets, args.preset).over(partial) if args.preset else partial


def run(args: Arguments) -> int:
    from studio.cli.running import Running
    from studio.studio import Studio

    chosen = settings(args)
    partial = partial_recipe(args, chosen)
    warn(partial, chosen)
    try:
        studio = Studio(chosen)
    except FolderInUse:
        return paint(args, Running.of(chosen.data), partial)
    with studio:
        return paint(args, Here(studio), partial)


def warn(partial: Mapping[str, Any], chosen: Settings) -> None:
    """Say which words the model does not know, before it paints the others."""
    from studio import honesty
    from studio.models.library import Library

    library = Library(chosen.models, chosen.extra_models)
    try:
        file = library.find("checkpoint", str(partial.get("model") or library.default()))
    except UnknownName:  # the studio says so
        return
    said = honesty.sentence(honesty.of(str(partial.get("prompt", "")), file))
    if said:
        print(said, file=sys.stderr)


class Here:
    """The studio opened by this command itself, as its owner."""

    def __init__(self, studio: Any) -> None:
        self.studio = studio
        self.owner = studio.painters.owner()

    def submit(self, partial: Mapping[str, Any], count: int) -> str:
        """Put the pictures in line; returns their group."""
        return self.studio.submit(partial, self.owner, count).group

    def events(self, group: str) -> Iterable[dict[str, Any]]:
        """What happens, as plain values, until the group has ended."""
        for event in self.studio.desk.events(group, self.owner):
            yield event.to_dict()

    def cancel(self, group: str) -> None:
        """End what of the group is not over."""
        self.studio.desk.cancel(group, self.owner)

    def picture(self, name: str) -> tuple[str, bytes]:
        """A finished picture's file name and bytes."""
        return self.studio.gallery.path(self.owner, name).name, self.studio.gallery.read(self.owner, name)


def paint(args: Arguments, place: Any, partial: Mapping[str, Any]) -> int:
    """Paint and tell; Ctrl+C stops it. Fails with the sentence of the first picture that failed."""
    group = place.submit(partial, args.count)
    try:
        done, failed = follow(args, place, group)
    except KeyboardInterrupt:
        place.cancel(group)
        raise
    if failed:
        raise StudioError(failed[0])
    if done < args.count:
        raise StudioError(f"It was stopped when {done} of {args.count} pictures were painted.")
    return 0


def follow(args: Arguments, place: Any, group: str) -> tuple[int, list[str]]:
    """Show how the group goes to its end; returns how many were painted, and why others failed."""
    from tqdm import tqdm

    done, failed = 0, list[str]()
    with tqdm(total=100, disable=args.json, bar_format="{desc} {bar} {n:3.0f}%{postfix}", leave=False) as bar:
        for event in place.events(group):
            match event["kind"]:
                case "step":
                    show(bar, event)
                case "done":
                    done += 1
                    tell(args, bar, event["picture"], *place.picture(event["picture"]))
                    if event.get("sentence"):
                        print(event["sentence"], file=sys.stderr)
                case "failed":
                    failed.append(event["sentence"])
                case _:
                    pass
    return done, failed


def show(bar: Any, event: Mapping[str, Any]) -> None:
    """How far the picture is, and how long it will take."""
    bar.set_description_str(f"{event['stage']} {event['i']}/{event['of']}", refresh=False)
    eta = event.get("eta")
    bar.set_postfix_str("" if eta is None else f"≈ {eta:.0f} s", refresh=False)
    bar.n = 100 * event["progress"]
    bar.refresh()


def tell(args: Arguments, bar: Any, picture: str, name: str, png: bytes) -> None:
    """Print where a finished picture lies; put the copy that was asked for beside it."""
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / name).write_bytes(png)
    where = str(args.out / name) if args.out else name
    bar.clear()
    print(json.dumps({"picture": picture, "file": where}) if args.json else where, flush=True)


COMMAND = Command("paint pictures from a prompt", arguments, run)
