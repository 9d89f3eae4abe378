"""`studio bench NAME`: measure, and print one table or one JSON."""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from inspect import signature

from studio.cli.command import Arguments, Command, folders, settings
from studio.errors import BadInput

BENCHES = {
    "gallery": "ten thousand pictures: the index, the pages, the searches",
    "live": "how soon the picture follows the pen, in a real browser",
    "overhead": "the studio against a bare diffusers pipeline",
    "parity": "Real-ESRGAN's own program and ours on a FILE of weights, value for value",
    "stages": "a repeated recipe, and a moved finishing slider",
    "start": "process start to page, and to first picture",
    "switch": "txt2img, img2img and control on one model",
    "starter": "the shipped painter's figures, from its weights",
    "tiles": "the autoencoder at once and in tiles",
    "upscale": "enlarging by size of the picture, beside RealESRGANer",
}
OPTIONS = ("rounds", "minutes", "largest", "file")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", choices=sorted(BENCHES), help="; ".join(f"{n}: {a}" for n, a in BENCHES.items())
    )
    parser.add_argument("file", nargs="?", help="parity: the file of weights, or an upscaler's name")
    parser.add_argument("--largest", type=float, help="tiles, upscale: megapixels of the largest picture")
    parser.add_argument("--minutes", type=float, help="live: scribble this long and watch the memory")
    parser.add_argument("--rounds", type=int, help="how often; more is surer")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    folders(parser)


def run(args: Arguments) -> int:
    bench = import_module(f"studio.bench.{args.name}")
    asked = {name: getattr(args, name) for name in OPTIONS if getattr(args, name)}
    if strange := asked.keys() - signature(bench.run).parameters.keys():
        raise BadInput(f"“studio bench {args.name}” takes no {', '.join(sorted(strange))}; leave that out.")
    report = bench.run(settings(args), **asked)
    print(json.dumps(report.to_dict(), ensure_ascii=False) if args.json else report.table())
    return 0


COMMAND = Command("measure the studio on this machine", arguments, run)
