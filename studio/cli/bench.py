"""`studio bench NAME`: measure, and print one table or one JSON."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from inspect import signature

from studio.cli.command import Arguments, Command, folders, settings
from studio.errors import BadInput

BENCHES = {
    "gallery": "ten thousand pictures: the index, the pages, the searches",
    "live": "how soon the picture follows the pen, in a real browser",
    "overhead": "the studio against a bare diffusers pipeline",
    "parity": "Real-ESRGAN's or GFPGAN's own program and ours on a FILE of weights, value for value",
    "stages": "a repeated recipe, and a moved finishing slider",
    "start": "process start to page, and to first picture",
    "switch": "txt2img, img2img and control on one model",
    "starter": "the shipped painter's figures, from its weights",
    "tiles": "the autoencoder at once and in tiles",
    "upscale": "enlarging by size of the picture, beside RealESRGANer",
}
LARGEST = 64  # megapixels that a picture may have
OPTIONS = ("rounds", "minutes", "largest", "sizes", "file", "full")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", choices=sorted(BENCHES), help="; ".join(f"{n}: {a}" for n, a in BENCHES.items())
    )
    parser.add_argument(
        "file", nargs="?", help="parity: the file of weights, or an upscaler's or GFPGAN's name"
    )
    parser.add_argument(
        "--full", action="store_true", help="starter: 5,000 paintings and the Fréchet distance"
    )
    parser.add_argument("--largest", type=float, help="tiles, upscale: megapixels of the largest picture")
    parser.add_argument(
        "--sizes", type=megapixels, metavar="1,4", help="tiles, upscale: megapixels of the pictures"
    )
    parser.add_argument("--minutes", type=float, help="live: scribble this long and watch the memory")
    parser.add_argument("--rounds", type=int, help="how often; more is surer")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    folders(parser)


def megapixels(text: str) -> tuple[float, ...]:
    """Sizes from “1,4”. Raises `ValueError`, which argparse says."""
    sizes = tuple(float(size) for size in text.split(","))
    if not all(0 < size <= LARGEST for size in sizes):
        raise ValueError(text)
    return sizes


def tell(line: str) -> None:
    """A line of a long measurement as soon as it is there, beside the table or the JSON."""
    print(line, file=sys.stderr, flush=True)


def run(args: Arguments) -> int:
    bench = import_module(f"studio.bench.{args.name}")
    asked = {name: getattr(args, name) for name in OPTIONS if getattr(args, name)}
    known = signature(bench.run).parameters.keys()
    if strange := asked.keys() - known:
        raise BadInput(f"“studio bench {args.name}” takes no {', '.join(sorted(strange))}; leave that out.")
    if "tell" in known:
        asked["tell"] = tell
    report = bench.run(settings(args), **asked)
    print(json.dumps(report.to_dict(), ensure_ascii=False) if args.json else report.table())
    return 0


COMMAND = Command("measure the studio on this machine", arguments, run)
