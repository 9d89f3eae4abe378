"""Train the starter: `train_starter` runs the stages in their order, each for its time.

A stage begins from its own checkpoint in the state folder; where there is none, from the fp16 weights in the output
folder; where there are none of its size, from nothing. So a starter can be continued from what is shipped alone.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from studio.errors import BadInput, UnknownName
from studio.school import export
from studio.school.autoencoder import (
    autoencoder_task,
    build_autoencoder,
    build_tiny,
    encode_latents,
    fold_normalisation,
    shrunk,
    tiny_task,
)
from studio.school.data import Note, Pool, drawn, fill_pool, formats, photographed, read_folder
from studio.school.files import write_json
from studio.school.plans import PLANS, Plan
from studio.school.text import (
    Reader,
    build_text_encoder,
    drawn_reader,
    save_text_encoder,
    text_task,
    words_reader,
)
from studio.school.tokens import learn_tokens, load_tokenizer, save_tokenizer
from studio.school.training import Pace, Progress, Report, Task, averaged_weights, train
from studio.school.unet import Latents, Reading, build_unet, unet_task

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel

HELD_OUT_SEED = 900_000_000
_HELD_OUT = 64
_FOLDED = 192  # pictures that measure the latents' mean and deviation
_CAPTIONS_FOR_TOKENS = 30_000


def _silent(_what: str, _done: int, _of: int) -> None:
    return None


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What `studio train starter` was asked.

    `stage` None runs them all. `minutes` is for the stage, or for the whole course (shared out as the plan's own
    minutes are). `data` None means pictures drawn by the generator, else a folder of pictures with captions.
    `state` keeps checkpoints, pools and latents; `out` becomes the model folder.
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
        pace = self.plan.stages[task.name].pace
        progress = train(
            task,
            pace,
            self.folder(task.name),
            device=self.device,
            seed=self.options.seed,
            report=self.options.report,
        )
        record = export.trained_parts(self.options.state)
        record[task.name] = {
            "steps": progress.step,
            "samples": progress.samples,
            "minutes": _minutes(record, task, pace),
        }
        write_json(self.options.state / "trained.json", record)
        return progress


def _minutes(record: dict[str, dict[str, float]], task: Task, pace: Pace) -> float:
    return round(record.get(task.name, {}).get("minutes", 0.0) + pace.minutes, 2)


# --- what the stages share -------------------------------------------------------------------------------------------


def _pool(school: School, size: tuple[int, int], count: int, first: int, name: str) -> Pool:
    options = school.options
    folder = school.folder("pictures") / f"{name}-{size[0]}x{size[1]}"
    if options.data is None:
        from studio.school.scene import GENERATOR_VERSION

        origin = f"generator {GENERATOR_VERSION}, seeds from {first}"
        return fill_pool(folder, size, count, lambda n: drawn(first + n, *size), origin, options.note)
    sources = read_folder(options.data)
    names = [
        f"{s.path.name} {s.path.stat().st_size} {s.path.stat().st_mtime_ns} {s.caption}" for s in sources
    ]
    origin = f"folder of {len(names)} pictures, {hash_names(names)}"
    pick = sources[:count] if name == "held-out" else sources
    return fill_pool(folder, size, len(pick), lambda n: photographed(pick[n], *size), origin, options.note)


def hash_names(names: list[str]) -> str:
    """A short digest of a folder's content, so that another folder makes another pool."""
    import hashlib

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


def open_latents(school: School) -> dict[str, Latents]:
    """What the stage "latents" wrote: name of the size -> latents."""
    pools = training_pools(school)
    found: dict[str, Latents] = {}
    for name, pool, _ in _latent_sets(school, pools):
        path = export.need(school.folder("latents") / f"{name}.npy", "latents")
        found[name] = Latents(np.load(path, mmap_mode="r"), pool.captions)
    return found


def _latent_sets(school: School, pools: list[Pool]) -> list[tuple[str, Pool, int]]:
    """(name, pool, factor by which its pictures are shrunk)."""
    whole = [(f"{p.pixels.shape[2]}x{p.pixels.shape[1]}", p, 1) for p in pools]
    half = school.plan.size // 2
    return [(f"{half}x{half}", pools[0], 2), *whole]


# --- the stages ------------------------------------------------------------------------------------------------------


def _pictures(school: School) -> None:
    held_out_pool(school)
    training_pools(school)


def _captions(school: School) -> list[str]:
    if school.options.data is not None:
        return [source.caption for source in read_folder(school.options.data)]
    from studio.school.captions import caption, concepts
    from studio.school.scene import sample_scene

    rng = np.random.default_rng([school.options.seed, 4])
    drawn_captions = [caption(sample_scene(rng), rng) for _ in range(_CAPTIONS_FOR_TOKENS)]
    words = [word for values in concepts().values() for names in values.values() for word in names]
    return drawn_captions + words


def _tokenizer(school: School) -> None:
    vocabulary, merges = learn_tokens(_captions(school), school.plan.vocabulary)
    save_tokenizer(school.out / "tokenizer", vocabulary, merges)


def _reader(school: School) -> tuple[list[int], Reader]:
    return drawn_reader() if school.options.data is None else words_reader(_captions(school))


def _text(school: School) -> None:
    tokenizer = load_tokenizer(export.need(school.out / "tokenizer" / "vocab.json", "tokenizer").parent)
    encoder = build_text_encoder(school.plan, len(tokenizer))
    export.load_text_encoder(encoder, school.out / "text_encoder" / "model.safetensors")
    sizes, read = _reader(school)
    school.run(text_task(school.plan, encoder.to(school.device), tokenizer, sizes, read, school.device))
    save_text_encoder(encoder, school.out / "text_encoder")


def _vae(school: School) -> None:
    vae = build_autoencoder(school.plan).to(school.device)
    export.load_component(vae, school.out / "vae" / export.WEIGHTS)
    pool = training_pools(school)[0]
    school.run(autoencoder_task(school.plan, vae, pool, school.device, held_out_pool(school)))
    export_vae(school, vae, pool)


def export_vae(school: School, vae: AutoencoderKL, pool: Pool) -> None:
    """Fold the latents' normalisation into a copy and write it."""
    folded = copy.deepcopy(vae).eval()
    fold_normalisation(folded, [np.asarray(p) for p in pool.pixels[:_FOLDED]], school.device)
    export.save_component(folded, school.out / "vae")


def _decoder(school: School) -> None:
    vae = load_vae(school)
    pool, held_out = training_pools(school)[0], held_out_pool(school)
    school.run(autoencoder_task(school.plan, vae, pool, school.device, held_out, decoder_only=True))
    export.save_component(vae, school.out / "vae")


def _tiny(school: School) -> None:
    tiny = build_tiny(school.plan).to(school.device)
    export.load_component(tiny, school.out / "vae_tiny" / export.WEIGHTS)
    pool, held_out = training_pools(school)[0], held_out_pool(school)
    school.run(tiny_task(school.plan, tiny, load_vae(school), pool, school.device, held_out))
    export.save_component(tiny, school.out / "vae_tiny")


def _latents(school: School) -> None:
    vae = load_vae(school)
    origin = export.file_digest(school.out / "vae" / export.WEIGHTS)
    for name, pool, factor in _latent_sets(school, training_pools(school)):
        _encode(school, vae, name, pool, factor, origin)


def _encode(school: School, vae: AutoencoderKL, name: str, pool: Pool, factor: int, origin: str) -> None:
    path = school.folder("latents") / f"{name}.npy"
    state = path.with_suffix(".json")
    begun = json.loads(state.read_text("utf-8")) if state.is_file() else {}
    done = begun["done"] if begun.get("vae") == origin and begun.get("of") == len(pool) else 0
    path.parent.mkdir(parents=True, exist_ok=True)
    _, height, width, _ = pool.pixels.shape
    shape = (len(pool), 4, height // 8 // factor, width // 8 // factor)
    values = (
        np.lib.format.open_memmap(path, "r+")
        if done
        else np.lib.format.open_memmap(path, "w+", np.float16, shape)
    )
    while done < len(pool):
        stop = min(len(pool), done + 32)
        values[done:stop] = encode_latents(vae, shrunk(pool, done, stop, factor), school.device)
        done = stop
        if done % 512 == 0 or done == len(pool):
            values.flush()
            write_json(state, {"vae": origin, "of": len(pool), "done": done})
            school.options.note(f"latents {name}", done, len(pool))


def _unet128(school: School) -> None:
    _train_unet(school, "unet128", small=True)


def _unet256(school: School) -> None:
    _train_unet(school, "unet256", small=False)


def _train_unet(school: School, stage: str, *, small: bool) -> None:
    half = f"{school.plan.size // 2}x{school.plan.size // 2}"
    sets = [latents for name, latents in open_latents(school).items() if (name == half) == small]
    unet = load_unet(school)
    school.run(
        unet_task(school.plan, stage, unet, sets, load_reading(school), load_vae(school), school.device)
    )
    export.save_component(unet, school.out / "unet")


STAGES: dict[str, Callable[[School], None]] = {
    "pictures": _pictures,
    "tokenizer": _tokenizer,
    "text": _text,
    "vae": _vae,
    "latents": _latents,
    "unet128": _unet128,
    "unet256": _unet256,
    "decoder": _decoder,
    "tiny": _tiny,
}


def write_untrained(school: School) -> None:
    """Complete the output folder with untrained parts where there are none yet, so that it always loads."""
    out, plan = school.out, school.plan
    if not (out / "tokenizer" / "vocab.json").is_file():
        _tokenizer(school)
    tokens = len(load_tokenizer(out / "tokenizer"))
    if not (out / "text_encoder" / "model.safetensors").is_file():
        save_text_encoder(build_text_encoder(plan, tokens), out / "text_encoder")
    for name, build in (("vae", build_autoencoder), ("vae_tiny", build_tiny), ("unet", build_unet)):
        if not (out / name / export.WEIGHTS).is_file():
            export.save_component(build(plan), out / name)


def snapshot(school: School, stage: str) -> None:
    """Export a stage's averaged weights from its last checkpoint while it goes on elsewhere."""
    if stage == "vae":
        vae = build_autoencoder(school.plan)
        vae.load_state_dict(averaged_weights(school.folder("vae"), "vae"))
        export_vae(school, vae.to(school.device), training_pools(school)[0])
    elif stage in ("unet128", "unet256"):
        unet = build_unet(school.plan)
        unet.load_state_dict(averaged_weights(school.folder(stage), "unet"))
        export.save_component(unet, school.out / "unet")
    else:
        raise UnknownName("stage to take a snapshot of", stage, ("vae", "unet128", "unet256"))


def resolve(options: TrainOptions) -> School:
    """Check the options. Raises BadInput or UnknownName, before anything is trained or written."""
    if options.plan not in PLANS:
        raise UnknownName("plan", options.plan, PLANS)
    if options.stage is not None and options.stage not in STAGES:
        raise UnknownName("stage", options.stage, STAGES)
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


def train_starter(options: TrainOptions) -> Path:
    """Train one stage of the starter, or all of them, and return the model folder.

    Raises BadInput (the options or the pictures cannot be used), MissingWeights (an earlier stage is missing).
    """
    school = resolve(options)
    stages = STAGES if options.stage is None else {options.stage: STAGES[options.stage]}
    write_untrained(school)
    for stage in stages.values():
        torch.manual_seed(options.seed)
        stage(school)
    export.write_pipeline_files(school.out)
    export.write_sums(school.out)
    return school.out
