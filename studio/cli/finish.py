"""`studio finish IN OUT`: a picture, or a folder of them, through the finishing steps into another folder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.command import Arguments, Command, assignments, folders, settings
from studio.errors import BadInput, StudioError

if TYPE_CHECKING:
    from studio.painting.painter import Painter
    from studio.recipe import Recipe
    from studio.settings import Settings

KINDS = frozenset({".png", ".jpg", ".jpeg", ".webp"})


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="IN", help="a picture, or a folder of pictures")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder for the finished pictures (PNG)")
    parser.add_argument("--preset", help="a preset's name, such as print-a3, clean-ink or portrait")
    parser.add_argument(
        "--set", dest="sets", action="append", default=[], metavar="NAME=VALUE",
        help="steps of one's own, such as --set post.0.kind=sharpen --set post.0.amount=1",
    )  # fmt: skip
    folders(parser)


def run(args: Arguments) -> int:
    """What is in OUT already is left as it is, so that a run that was ended can go on."""
    from tqdm import tqdm

    from studio.models.library import Library
    from studio.painting.painter import Painter

    chosen = settings(args)
    steps = steps_of(args, chosen)
    left = [(file, there) for file, there in paired(args.source, args.out) if not there.exists()]
    if not left:
        print(f"Every picture of {args.source} is in {args.out} already.")
        return 0
    args.out.mkdir(parents=True, exist_ok=True)
    painter = Painter(chosen, Library(chosen.models, chosen.extra_models))
    failed: list[str] = []
    with tqdm(left, unit="picture", leave=False) as bar:
        for file, there in bar:
            bar.set_description_str(file.name)
            try:
                said = finished(painter, steps, file, there)
            except StudioError as error:
                failed.append(f"{file.name}: {error}")
                continue
            bar.clear()
            print("\n".join([str(there), *said]), flush=True)
    if failed:
        raise StudioError("\n".join(failed))
    return 0


def steps_of(args: Arguments, chosen: Settings) -> Recipe:
    """The recipe that holds the steps. Raises `BadInput` when there are none."""
    from studio.models.library import Library
    from studio.presets import preset
    from studio.recipe import Recipe

    named = preset(chosen.presets, args.preset).recipe if args.preset else {}
    said: dict[str, Any] = {**named, **assignments(args.sets)}
    if not said.get("post"):
        raise BadInput("Say how to finish: --preset NAME, or --set post.0.kind=sharpen and the like.")
    model = Library(chosen.models, chosen.extra_models).default()
    return Recipe.of({"post": said["post"], "model": model, "seed": 0})


def paired(source: Path, out: Path) -> Sequence[tuple[Path, Path]]:
    """Each picture with the file it becomes. Raises `BadInput` when there is none, or it would be itself."""
    if source.is_dir():
        files = sorted(file for file in source.iterdir() if file.suffix.lower() in KINDS and file.is_file())
    else:
        files = [source] if source.is_file() else []
    if not files:
        raise BadInput(f"There is no picture (PNG, JPEG or WebP) at {source}.")
    if out.resolve() == (source if source.is_dir() else source.parent).resolve():
        raise BadInput("Choose another folder for the finished pictures, so that none is written over.")
    stems = [file.stem for file in files]
    names = [file.stem if stems.count(file.stem) == 1 else file.name for file in files]
    return [(file, out / f"{name}.png") for file, name in zip(files, names, strict=True)]


def finished(painter: Painter, steps: Recipe, file: Path, there: Path) -> Sequence[str]:
    """Finish one file, the result carrying how; what the painter should know of it. Raises `StudioError`."""
    from studio import images
    from studio.recipe import Source

    data = file.read_bytes()
    images.check(data)
    digest = images.digest(data)
    picture = painter.one(steps.but(source=Source(image=digest, strength=0)), {digest: data})
    images.write_file(there, picture.png)
    return [str(said) for said in picture.facts.get("warnings", [])]


COMMAND = Command("finish a picture, or a folder of pictures", arguments, run)
