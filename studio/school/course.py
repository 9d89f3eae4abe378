"""What a course of training is asked for, and where its parts lie: options, pools, trained parts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from studio.errors import BadInput, MissingWeights, UnknownName
from studio.school import export
from studio.school.autoencoder import build_autoencoder, encoder_digest
from studio.school.classifier import Classifier, load_classifier
from studio.school.data import (
    SOFTNESS,
    Example,
    Note,
    Pool,
    drawn,
    fill_pool,
    formats,
    photographed,
    read_folder,
)
from studio.school.files import write_json
from studio.school.nets import AutoencoderKL, UNet2DConditionModel
from studio.school.plans import PLANS, Plan
from studio.school.text import build_text_encoder
from studio.school.tokens import load_tokenizer
from studio.school.training import Progress, Report, Task, read_progress, train
from studio.school.unet import Latents, Reading, build_unet

HELD_OUT_SEED = 900_000_000
_HELD_OUT = 64
_LARGE = 320  # pictures of twice the size, for the upscaler


def _silent(_what: str, _done: int, _of: int) -> None:
    return None


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What `studio train starter` was asked.

    `stage` None runs them all. `minutes` is for the stage, or for the whole course (shared out as the plan's
    own minutes are). `data` None means pictures drawn by the generator, else a folder of pictures with
    captions. `state` keeps checkpoints, pools and latents; `out` becomes the model folder.
    """

    state: Path
    out: Path
    stage: str | None = None
    minutes: float | None = None
    device: str = "cpu"
    data: Path | None = None
    plan: str = "seed"
    seed: int = 1
    threads: int | None = None
    report: Report | None = None
    note: Note = _silent


@dataclass(frozen=True, slots=True)
class School:
    """The options, resolved."""

    options: TrainOptions
    plan: Plan
    device: torch.device

    @property
    def out(self) -> Path:
        return self.options.out

    def folder(self, stage: str) -> Path:
        """Where a stage keeps its state."""
        return self.options.state / stage

    def run(self, task: Task) -> Progress:
        """Train a task for the minutes it is given, and put the averaged weights into its modules."""
        path = self.out / "training.json"
        record = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        stages = record.get("stages", {})
        known = stages.get(task.name, {})
        begun = read_progress(self.folder(task.name))
        before = 0.0 if begun is None or begun.finished else begun.seconds / 60
        progress = train(
            task,
            self.plan.stages[task.name].pace,
            self.folder(task.name),
            device=self.device,
            seed=self.options.seed,
            after=Progress(task.name, step=known.get("steps", 0), samples=known.get("samples", 0)),
            report=self.options.report,
        )
        stages[task.name] = {
            "steps": progress.step,
            "samples": progress.samples,
            "minutes": round(float(known.get("minutes", 0.0)) + progress.seconds / 60 - before, 1),
        }
        write_json(path, _facts(self) | {"stages": stages})
        return progress


def _facts(school: School) -> dict[str, object]:
    """What training.json says of the whole."""
    plan, options = school.plan, school.options
    facts: dict[str, object] = {
        "plan": plan.name,
        "seed": options.seed,
        "pictures": plan.pictures,
        "size": plan.size,
    }
    if options.data is None:
        from studio.school.scene import GENERATOR_VERSION

        return facts | {"generator": GENERATOR_VERSION, "device": options.device}
    return facts | {"generator": None, "device": options.device}


def _pool(
    school: School, size: tuple[int, int], count: int, first: int, name: str, softness: float = SOFTNESS
) -> Pool:
    options = school.options
    folder = school.folder("pictures") / f"{name}-{size[0]}x{size[1]}"
    if options.data is None:
        from studio.school.scene import GENERATOR_VERSION

        origin = f"generator {GENERATOR_VERSION}, seeds from {first}, softened by {softness} px"

        def example(n: int) -> Example:
            return drawn(first + n, *size, softness=softness)

        return fill_pool(folder, size, count, example, origin, options.note)
    sources = read_folder(options.data)
    names = [
        f"{s.path.name} {s.path.stat().st_size} {s.path.stat().st_mtime_ns} {s.caption}" for s in sources
    ]
    origin = f"folder of {len(names)} pictures, {hash_names(names)}"
    pick = sources[:count] if name == "held-out" else sources
    return fill_pool(folder, size, len(pick), lambda n: photographed(pick[n], *size), origin, options.note)


def hash_names(names: list[str]) -> str:
    """A short digest of a folder's content, so that another folder makes another pool."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def training_pools(school: School) -> list[Pool]:
    """The training pictures: the square pool, then 3:2 and 2:3."""
    plan, first = school.plan, school.options.seed * 10_000_000
    square, *wide = formats(plan.size)
    pools = [_pool(school, square, plan.pictures, first, "training")]
    if school.options.data is None and plan.wide > 0:
        count = max(1, int(plan.pictures * plan.wide / 2))
        pools += [
            _pool(school, s, count, first + (n + 1) * 1_000_000, "training") for n, s in enumerate(wide)
        ]
    return pools


def held_out_pool(school: School) -> Pool:
    """Pictures that no stage is trained on (of a folder: its first ones, which are)."""
    return _pool(school, formats(school.plan.size)[0], _HELD_OUT, HELD_OUT_SEED, "held-out")


def load_vae(school: School) -> AutoencoderKL:
    """The exported autoencoder, in fp32, for evaluation."""
    vae = build_autoencoder(school.plan)
    path = export.need(school.out / "vae" / export.WEIGHTS, "vae")
    if not export.load_component(vae, path):
        raise BadInput(f"The autoencoder in {path} is not of plan “{school.plan.name}”. Choose its plan.")
    return vae.to(school.device).eval()


def load_reading(school: School) -> Reading:
    """The exported tokenizer and text encoder."""
    tokenizer = load_tokenizer(export.need(school.out / "tokenizer" / "vocab.json", "tokenizer").parent)
    encoder = build_text_encoder(school.plan, len(tokenizer))
    path = export.need(school.out / "text_encoder" / "model.safetensors", "text")
    if not export.load_text_encoder(encoder, path):
        raise BadInput(f"The text encoder in {path} is not of plan “{school.plan.name}”. Choose its plan.")
    return Reading(encoder.to(school.device).eval(), tokenizer)


def load_unet(school: School) -> UNet2DConditionModel:
    """The exported UNet if it is of this plan, else an untrained one."""
    unet = build_unet(school.plan)
    export.load_component(unet, school.out / "unet" / export.WEIGHTS)
    return unet.to(school.device)


def open_latents(school: School, stage: str) -> list[tuple[Latents, Pool]]:
    """What the stage "latents128" or "latents256" wrote, and the pictures they are of."""
    found: list[tuple[Latents, Pool]] = []
    origin = encoder_digest(load_vae(school))
    for name, pool, factor in latent_sets(school, stage):
        path = export.need(school.folder("latents") / f"{name}.npy", stage)
        state = json.loads(export.need(path.with_suffix(".json"), stage).read_text("utf-8"))
        if state["done"] < state["of"] or state["vae"] != origin:
            raise MissingWeights(
                f"{path} is not finished, or of an older autoencoder. Run the stage “{stage}” again."
            )
        found.append(
            (Latents(np.load(path, mmap_mode="r"), pool.captions, _coarser(pool.things, factor)), pool)
        )
    return found


def _coarser(things: np.ndarray, factor: int) -> np.ndarray:
    """Maps (N, h, w), each side divided by `factor`; a cell holds a thing if a part of it does."""
    count, height, width = things.shape
    cells = things.reshape(count, height // factor, factor, width // factor, factor)
    return np.asarray(cells.any(axis=(2, 4)))


def latent_sets(school: School, stage: str) -> list[tuple[str, Pool, int]]:
    """(name, pool, factor by which its pictures are shrunk) of the stage "latents128" or "latents256"."""
    pools = training_pools(school)
    if stage == "latents128":
        half = school.plan.size // 2
        return [(f"{half}x{half}", pools[0], 2)]
    whole = [replace(pool, captions=pool.captions[: school.plan.encoded]) for pool in pools]
    return [(f"{p.pixels.shape[2]}x{p.pixels.shape[1]}", p, 1) for p in whole]


def large_pool(school: School) -> Pool:
    """Crisp pictures of twice the size, for the upscaler."""
    side = 2 * school.plan.size
    count = min(_LARGE, school.plan.pictures)
    return _pool(school, (side, side), count, school.options.seed * 10_000_000 + 5_000_000, "large", 0.0)


def held_out_large_pool(school: School) -> Pool:
    """Crisp held-out pictures of twice the size."""
    side = 2 * school.plan.size
    return _pool(school, (side, side), min(16, _HELD_OUT), HELD_OUT_SEED + 1_000, "held-out", 0.0)


def attribute_sizes() -> list[int]:
    """Number of classes of each of the generator's attributes."""
    from studio.school.scene import ATTRIBUTES

    return [len(classes) for classes in ATTRIBUTES.values()]


def load_judge(school: School) -> Classifier:
    """The exported judge."""
    return load_classifier(school.plan, attribute_sizes(), school.out / "judge", school.device)


def resolve(options: TrainOptions, stages: Collection[str]) -> School:
    """Check the options. Raises BadInput or UnknownName, before anything is trained or written."""
    if options.plan not in PLANS:
        raise UnknownName("plan", options.plan, PLANS)
    if options.stage is not None and options.stage not in stages:
        raise UnknownName("stage", options.stage, stages)
    if options.minutes is not None and not 0 < options.minutes < 100_000:
        raise BadInput("The minutes to train for must be more than 0.")
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise BadInput("There is no CUDA device here. Train with --device cpu.")
    if options.data is not None:
        read_folder(options.data)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    return School(options, _paced(PLANS[options.plan], options), torch.device(options.device))


def _paced(plan: Plan, options: TrainOptions) -> Plan:
    """The plan with the minutes that were asked for."""
    if options.minutes is None:
        return plan
    whole = sum(stage.pace.minutes for stage in plan.stages.values())
    share = {
        name: options.minutes if options.stage is not None else options.minutes * stage.pace.minutes / whole
        for name, stage in plan.stages.items()
    }
    return replace(
        plan,
        stages={
            name: replace(stage, pace=replace(stage.pace, minutes=share[name]))
            for name, stage in plan.stages.items()
        },
    )
