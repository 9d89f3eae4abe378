"""The one training loop of the school.

A `Task` says what is trained and how a loss is made; `train` gives it a number of minutes. The learning rate
follows the *time* that has passed (warm-up, constant, cosine decay), so a stage always ends with its decay
however fast the machine is. Every random number is drawn from (seed, step), so a run that was killed
continues as if nothing had been.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from studio.errors import BadInput
from studio.models.device import best_dtype
from studio.school.curves import Curve
from studio.school.descent import Descent
from studio.school.files import read_tensors, write_bytes, write_tensors
from studio.school.pace import Pace, rate_factor

Losses = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the run is when a loss is asked for."""

    step: int
    fraction: float  # of the stage's time, 0..1
    rng: np.random.Generator
    noise: torch.Generator  # on the CPU: a seed means the same on every device
    device: torch.device


@dataclass(frozen=True, slots=True)
class Task:
    """What one stage trains.

    `groups` maps a name to the parameters that one optimizer moves; `loss(moment)` returns one scalar per
    group it wants moved now (and may add scalars that begin with "_": shown, not trained). `modules` is
    everything that a checkpoint holds; `averaged` names those of which an exponential moving average is kept.
    `sheet(modules)` paints a contact sheet, uint8 (H, W, 3), with the averaged weights in place.
    """

    name: str
    modules: Mapping[str, nn.Module]
    groups: Mapping[str, Sequence[nn.Parameter]]
    loss: Callable[[Moment], Losses]
    averaged: Sequence[str]
    batch: int
    sheet: Callable[[], np.ndarray] | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage is."""

    stage: str
    step: int = 0
    samples: int = 0
    seconds: float = 0.0  # of training in this lap
    lap: int = 0  # a finished stage that is given more time begins another lap
    lap_step: int = 0
    fraction: float = 0.0
    losses: Mapping[str, float] | None = None
    speed: float = 0.0  # samples per second

    @property
    def finished(self) -> bool:
        return self.fraction >= 1.0

    @property
    def planned(self) -> int:
        """Steps that this lap will have had at its end, by the speed so far."""
        return self.lap_step if self.finished else round(self.lap_step / max(1e-6, self.fraction))


Report = Callable[[Progress], None]


class Averages:
    """Exponential moving averages of modules' parameters and buffers, kept in fp32."""

    def __init__(self, modules: Mapping[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self.live = {f"{m}.{k}": v for m, module in modules.items() for k, v in module.state_dict().items()}
        self.kept = {name: value.detach().clone().float() for name, value in self.live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, kept in self.kept.items():
            kept.lerp_(self.live[name].float(), 1.0 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the live weights and their averages; call it twice to be where you were."""
        for name, live in self.live.items():
            before = live.detach().clone()
            live.copy_(self.kept[name].to(live.dtype))
            self.kept[name].copy_(before.float())


def autocast(device: torch.device, half: bool = True) -> AbstractContextManager[object]:
    """bfloat16 where it is asked for and the hardware computes in it, else fp32.

    A processor without AVX512-BF16 or AMX only imitates it: our UNet then takes thirty times as long.
    """
    able = half and best_dtype(device) is torch.bfloat16
    return torch.autocast(device.type, torch.bfloat16) if able else nullcontext()


def _descents(task: Task, pace: Pace) -> dict[str, Descent]:
    return {name: Descent(parameters, pace) for name, parameters in task.groups.items()}


def _pack(task: Task, averages: Averages, descents: Mapping[str, Descent]) -> dict[str, Tensor]:
    tensors = {
        f"live.{m}.{k}": v for m, module in task.modules.items() for k, v in module.state_dict().items()
    }
    tensors |= {f"average.{name}": value for name, value in averages.kept.items()}
    for group, descent in descents.items():
        tensors |= {f"optimizer.{group}.{name}": value for name, value in descent.state().items()}
    return {name: tensor.clone() for name, tensor in tensors.items()}


def _unpack(path: Path, task: Task, averages: Averages, descents: Mapping[str, Descent]) -> Progress:
    tensors, facts = read_tensors(path)
    for name, module in task.modules.items():
        prefix = f"live.{name}."
        state = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
        try:
            module.load_state_dict(state)
        except RuntimeError as error:
            raise BadInput(
                f"The checkpoint {path} was made with another configuration of “{name}”. "
                "Choose the configuration it was begun with, or another --state folder."
            ) from error
    with torch.no_grad():
        for name, kept in averages.kept.items():
            kept.copy_(tensors[f"average.{name}"])
    for group, descent in descents.items():
        prefix = f"optimizer.{group}."
        descent.restore({k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)})
    return Progress(**facts)


def _facts(progress: Progress) -> dict[str, object]:
    return {
        "stage": progress.stage,
        "step": progress.step,
        "samples": progress.samples,
        "seconds": progress.seconds,
        "lap": progress.lap,
        "lap_step": progress.lap_step,
        "fraction": progress.fraction,
    }


def checkpoint_path(folder: Path) -> Path:
    """Where a stage whose state lies in `folder` keeps its checkpoint."""
    return folder / "checkpoint.safetensors"


def read_progress(folder: Path) -> Progress | None:
    """How far the stage in `folder` is, from its checkpoint's header; None if it has not begun."""
    from safetensors import safe_open

    path = checkpoint_path(folder)
    if not path.is_file():
        return None
    with safe_open(str(path), framework="pt") as file:
        return Progress(**json.loads(file.metadata()["facts"]))


def averaged_weights(folder: Path, module: str) -> dict[str, Tensor]:
    """The moving average of one module from the checkpoint in `folder`, as a state dict in fp32."""
    tensors, _ = read_tensors(checkpoint_path(folder))
    prefix = f"average.{module}."
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}


def _step(
    task: Task, pace: Pace, descents: Mapping[str, Descent], moment: Moment, factor: float
) -> dict[str, float]:
    with autocast(moment.device, pace.half):
        losses = task.loss(moment)
    trained = [name for name in losses if not name.startswith("_")]
    for n, name in enumerate(trained):
        descents[name].forget()
        losses[name].backward(retain_graph=n + 1 < len(trained))
        descents[name].step(pace.rate * factor)
    return {name: float(loss.detach()) for name, loss in losses.items()}


def _moment(task: Task, seed: int, step: int, fraction: float, device: torch.device) -> Moment:
    noise = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)
    rng = np.random.default_rng([seed, step, len(task.name)])
    return Moment(step, fraction, rng, noise, device)


def _paint_sheet(task: Task, averages: Averages, folder: Path, step: int) -> None:
    if task.sheet is None:
        return
    from studio.school.sheets import encode_png

    averages.swap()
    modes = {name: module.training for name, module in task.modules.items()}
    for module in task.modules.values():
        module.eval()
    try:
        picture = task.sheet()
    finally:
        averages.swap()
        for name, module in task.modules.items():
            module.train(modes[name])
    write_bytes(folder / "sheets" / f"{step:07d}.png", encode_png(picture))


def train(
    task: Task,
    pace: Pace,
    folder: Path,
    *,
    device: torch.device,
    seed: int = 1,
    after: Progress | None = None,
    report: Report | None = None,
) -> Progress:
    """Train `task` for `pace.minutes`, continuing from `folder` if it was begun there.

    `after`: what the weights have behind them where `folder` holds no state; steps and samples count on.

    The first steps measure the speed; the rest of the run is planned by it. A stage that had finished begins
    another lap: averaged weights and optimizer state are taken over, with a new warm-up and a new decay.
    Leaves checkpoint.safetensors, curve.jsonl, curve.png and sheets/ in `folder`. Raises BadInput if the
    checkpoint does not fit the task.
    """
    for module in task.modules.values():
        module.train()
    descents = _descents(task, pace)
    averages = Averages({name: task.modules[name] for name in task.averaged}, pace.decay)
    progress = after or Progress(task.name)
    if checkpoint_path(folder).is_file():
        progress = _unpack(checkpoint_path(folder), task, averages, descents)
        if progress.finished:
            averages.swap()  # the lap begins from the average
            averages.kept = {name: value.detach().clone().float() for name, value in averages.live.items()}
            progress = replace(progress, seconds=0.0, fraction=0.0, lap=progress.lap + 1, lap_step=0)
    curve = Curve(folder, task.name, progress.step)
    budget = max(1e-6, pace.minutes * 60.0)
    saved = painted = time.monotonic()
    while not progress.finished:
        began = time.monotonic()
        moment = _moment(task, seed, progress.step, progress.seconds / budget, device)
        losses = _step(task, pace, descents, moment, rate_factor(pace, progress.lap_step, moment.fraction))
        averages.update(progress.step)
        spent = time.monotonic() - began
        seconds = progress.seconds + spent
        pace_now = task.batch / max(1e-9, spent)
        speed = pace_now if progress.speed == 0.0 else 0.95 * progress.speed + 0.05 * pace_now
        progress = replace(
            progress,
            step=progress.step + 1,
            samples=progress.samples + task.batch,
            seconds=seconds,
            lap_step=progress.lap_step + 1,
            fraction=min(1.0, seconds / budget),
            losses=losses,
            speed=speed,
        )
        curve.add(progress.step, losses)
        if report is not None:
            report(progress)
        now = time.monotonic()
        if now - painted >= pace.sheet_seconds or progress.finished:
            _paint_sheet(task, averages, folder, progress.step)
            curve.draw()
            painted = time.monotonic()
        if now - saved >= pace.checkpoint_seconds or progress.finished:
            write_tensors(checkpoint_path(folder), _pack(task, averages, descents), _facts(progress))
            curve.flush()
            saved = time.monotonic()
    averages.swap()
    for module in task.modules.values():
        module.eval()
    return progress
