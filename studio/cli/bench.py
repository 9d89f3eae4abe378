"""`studio bench NAME`: measure, and print one table or one JSON."""

from __future__ import annotations

import argparse
import json
from importlib import import_module

from studio.cli.command import Arguments, Command, folders, settings

BENCHES = {
    "gallery": "ten thousand pictures: the index, the pages, the searches",
    "overhead": "the studio against a bare diffusers pipeline",
    "stages": "a repeated recipe, and a moved finishing slider",
    "start": "process start to page, and to first picture",
    "switch": "txt2img, img2img and control on one model",
    "starter": "the shipped painter's figures, from its weights",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", choices=sorted(BENCHES), help="; ".join(f"{n}: {a}" for n, a in BENCHES.items())
    )
    parser.add_argument("--rounds", type=int, help="how often; more is surer")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    folders(parser)


def run(args: Arguments) -> int:
    bench = import_module(f"studio.bench.{args.name}")
    report = bench.run(settings(args), **({"rounds": args.rounds} if args.rounds else {}))
    print(json.dumps(report.to_dict(), ensure_ascii=False) if args.json else report.table())
    return 0


COMMAND = Command("measure the studio on this machine", arguments, run)
