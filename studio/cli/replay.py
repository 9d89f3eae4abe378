"""`studio replay FILE`: paint a picture again from its own file, and say whether it is the same."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from studio.cli.command import Arguments, Command, folders, settings


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a picture that was painted here")
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep the new picture")
    folders(parser)


def run(args: Arguments) -> int:
    from studio import images, metadata
    from studio.errors import BadInput, BadMetadata
    from studio.models.library import Library
    from studio.painting.painter import Painter

    try:
        data = args.file.read_bytes()
    except OSError as error:
        raise BadInput(f"{args.file} cannot be read: {error.strerror}.") from error
    found = metadata.read_file(data)
    if found.recipe is None:
        raise BadMetadata(
            f"{args.file.name} does not carry a recipe of this studio, so it cannot be painted again."
        )
    chosen = settings(args)
    painter = Painter(chosen, Library(chosen.models, chosen.extra_models))
    picture = painter.one(found.recipe, found.blobs)
    if args.out:
        args.out.write_bytes(picture.png)
    before, after = (images.read(file, metadata.OWN).convert("RGB") for file in (data, picture.png))
    if before.size == after.size and before.tobytes() == after.tobytes():
        print("Same: every pixel is equal.")
        return 0
    print(f"Different: {difference(before, after)}")
    for reason in reasons(found.facts, picture.facts):
        print(f"  {reason}")
    return 1


def difference(before: Any, after: Any) -> str:
    """How far two pictures are apart, in words."""
    import numpy as np

    if before.size != after.size:
        return f"the size was {before.size[0]}×{before.size[1]} and is {after.size[0]}×{after.size[1]}."
    apart = np.abs(np.asarray(before, dtype=np.int16) - np.asarray(after))
    return f"{(apart.max(axis=2) > 0).mean():.1%} of the pixels, by at most {apart.max()} of 255."


def reasons(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What differs between two makings and can explain another picture."""
    found = [
        f"{name}: {was} then, {now} now"
        for name, was, now in [
            ("model weights", before.get("model", {}).get("sha256"), after["model"]["sha256"]),
            ("device", before.get("device"), after["device"]),
            ("precision", before.get("dtype"), after["dtype"]),
            *((name, before.get("versions", {}).get(name), now) for name, now in after["versions"].items()),
        ]
        if was != now
    ]
    return found or ["Nothing that the file records has changed; the machine's arithmetic may differ."]


COMMAND = Command("paint a picture again from its own file", arguments, run)
