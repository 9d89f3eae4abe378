"""`studio train`: the school. `starter` trains the shipped painter anew, or one of an artist's own pictures;
`lora` teaches a model a subject or a manner.
"""

from __future__ import annotations

import argparse
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.cli.command import Arguments, Command

if TYPE_CHECKING:
    from studio.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    starter = kinds.add_parser("starter", help="the small painter, from nothing or from where it stands")
    starter.add_argument("--stage", help="one stage only; see the model card for their names")
    starter.add_argument("--plan", default="seed", help="the size: seed, night (two cores), gpu")
    starter.add_argument(
        "--out", type=Path, metavar="FOLDER", help="the model's folder; models/starter if not said"
    )
    starter.add_argument(
        "--data", dest="pictures", type=Path, metavar="FOLDER", help="your own pictures with captions"
    )
    lora = kinds.add_parser("lora", help="a low-rank adaptation of a model, from a folder of pictures")
    lora.add_argument("--model", dest="teacher", default="starter", help="which model learns")
    lora.add_argument(
        "--data", dest="pictures", type=Path, required=True, metavar="FOLDER", help="pictures with captions"
    )
    lora.add_argument("--name", default="lora", help="what the LoRA is called")
    lora.add_argument("--prompt", help="the caption of pictures that have none")
    lora.add_argument("--class-prompt", help="what it must not forget (prior preservation)")
    lora.add_argument("--rank", type=int, default=8)
    for kind in (starter, lora):
        kind.add_argument("--minutes", type=float, help="how long it may take")
        kind.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
        kind.add_argument("--seed", type=int, default=1)
        kind.add_argument("--state", type=Path, metavar="FOLDER", help="where unfinished work is kept")


def run(args: Arguments) -> int:
    from studio.settings import Settings

    chosen = Settings.read()
    return {"starter": train_starter, "lora": train_lora}[args.what](args, chosen)


def train_starter(args: Arguments, chosen: Settings) -> int:
    from studio.school.course import TrainOptions
    from studio.school.starter import train_starter as train

    with progress() as (report, note):
        folder = train(
            TrainOptions(
                state=args.state or chosen.data / "train" / "starter",
                out=args.out or chosen.models / "starter",
                stage=args.stage,
                minutes=args.minutes,
                device=args.device,
                data=args.pictures,
                plan=args.plan,
                seed=args.seed,
                report=report,
                note=note,
            )
        )
    print(f"The painter is in {folder}.")
    return 0


def train_lora(args: Arguments, chosen: Settings) -> int:
    from studio.models.library import Library
    from studio.school.lora import LoraOptions
    from studio.school.lora import train_lora as train

    with progress() as (report, _):
        folder = train(
            LoraOptions(
                model=Library(chosen.models, chosen.extra_models).find("checkpoint", args.teacher).path,
                data=args.pictures,
                out=chosen.models / "loras" / args.name,
                state=args.state or chosen.data / "train" / args.name,
                name=args.name,
                prompt=args.prompt,
                class_prompt=args.class_prompt,
                minutes=args.minutes or 10.0,
                rank=args.rank,
                device=args.device,
                seed=args.seed,
                report=report,
            )
        )
    print(f"The LoRA is in {folder}; call it <lora:{args.name}:1> in a prompt.")
    return 0


@contextmanager
def progress() -> Generator[tuple[Any, Any]]:
    """A bar for training (`report`) and for preparing (`note`), each told what it is about."""
    from tqdm import tqdm

    with tqdm(total=100, bar_format="{desc} {bar} {n:.1f}% [{elapsed}]{postfix}") as bar:

        def report(state: Any) -> None:
            bar.set_description_str(state.stage, refresh=False)
            losses = {name: f"{value:.4f}" for name, value in (state.losses or {}).items()}
            bar.set_postfix({"samples/s": f"{state.speed:.1f}", **losses}, refresh=False)
            bar.n = 100 * state.fraction
            bar.refresh()

        def note(what: str, done: int, of: int) -> None:
            bar.set_description_str(f"{what} {done}/{of}", refresh=False)
            bar.n = 100 * done / max(1, of)
            bar.refresh()

        yield report, note


COMMAND = Command("train the starter, or a LoRA of your own", arguments, run)
