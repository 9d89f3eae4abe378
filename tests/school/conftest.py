"""A whole tiny starter, trained for a second a stage, and a way to see that a task learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.school.course import School, TrainOptions, resolve
from studio.school.starter import STAGES, train_starter
from studio.school.training import Moment, Task


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def school(tmp_path_factory) -> School:
    """Every stage of the tiny plan, run in order by the one command."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("school")
    options = TrainOptions(folder / "state", folder / "starter", plan="tiny")
    train_starter(options)
    return resolve(options, STAGES)


@pytest.fixture
def elsewhere(school: School, tmp_path: Path) -> School:
    """The same school with an output and a state folder of its own."""
    return replace(school, options=replace(school.options, state=tmp_path / "state", out=tmp_path / "out"))


@pytest.fixture
def learn() -> Callable[..., tuple[float, float]]:
    """The loss of one batch before and after some steps on it."""

    def run(task: Task, steps: int, rate: float = 3e-3, best: bool = False) -> tuple[float, float]:
        def once() -> dict[str, torch.Tensor]:
            noise = torch.Generator().manual_seed(7)
            return dict(task.loss(Moment(3, 0.3, np.random.default_rng(7), noise, torch.device("cpu"))))

        group = next(iter(task.groups))
        optimizer = torch.optim.AdamW(task.groups[group], lr=rate)
        losses: list[float] = []
        for _ in range(steps):
            loss = once()[group]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        return losses[0], min(losses[1:]) if best else losses[-1]

    return run
