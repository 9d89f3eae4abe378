"""`studio travel A B`: the pictures on the way from one to another, as strip, animated WebP and MP4."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from studio.cli.command import Arguments, Command, folders, settings
from studio.errors import BadInput, BadMetadata

if TYPE_CHECKING:
    from studio.recipe import Recipe


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("start", type=Path, help="a picture painted here, or a recipe as JSON")
    parser.add_argument("end", type=Path, help="another, painted with the same settings")
    parser.add_argument("--frames", type=int, default=12, help="pictures in all, 2 to 240")
    parser.add_argument("--fps", type=float, default=8.0, help="pictures a second in the films")
    parser.add_argument("--out", type=Path, default=Path(), metavar="FOLDER", help="where the files go")
    folders(parser)


def run(args: Arguments) -> int:
    from tqdm import tqdm

    from studio.films import mp4
    from studio.images import encode_png
    from studio.models.library import Library
    from studio.painting import travel
    from studio.painting.painter import Painter

    if not 2 <= args.frames <= 240:
        raise BadInput("A travel has 2 to 240 frames.")
    if not 0.5 <= args.fps <= 60:
        raise BadInput("A film shows 0.5 to 60 pictures a second.")
    chosen = settings(args)
    painter = Painter(chosen, Library(chosen.models, chosen.extra_models))
    way = travel.travel(painter, recipe_of(args.start), recipe_of(args.end), args.frames)
    frames = list(tqdm(way, total=args.frames, unit="picture"))
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "travel.png").write_bytes(encode_png(travel.strip(frames)))
    (args.out / "travel.webp").write_bytes(travel.webp(frames, args.fps))
    mp4(frames, args.fps, args.out / "travel.mp4")
    for suffix in ("png", "webp", "mp4"):
        print(args.out / f"travel.{suffix}")
    return 0


def recipe_of(path: Path) -> Recipe:
    """The recipe inside a picture or a JSON file. Raises `BadInput` or `BadMetadata`."""
    from studio import metadata
    from studio.recipe import Recipe

    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    if data.lstrip()[:1] == b"{":
        return Recipe.from_json(data)
    found = metadata.read_file(data)
    if found.recipe is None:
        raise BadMetadata(f"{path.name} does not carry a recipe of this studio.")
    return found.recipe


COMMAND = Command("the pictures on the way from one to another", arguments, run)
