import json
import subprocess
import sys
import textwrap
import time

import pytest
import torch
from torch import nn

from studio.errors import BadInput
from studio.school.pace import Pace
from studio.school.training import (
    Averages,
    Task,
    autocast,
    averaged_weights,
    checkpoint_path,
    read_progress,
    train,
)

CPU = torch.device("cpu")
QUICK = Pace(minutes=0.005, rate=0.05, warmup=2, decay=0.9, half=False)


def _line(width=1):
    """Learn y = 3x."""
    torch.manual_seed(0)
    net = nn.Linear(width, 1)

    def loss(moment):
        x = torch.randn((8, width), generator=moment.noise)
        return {"line": (net(x) - 3 * x[:, :1]).pow(2).mean()}

    return Task("line", {"net": net}, {"line": list(net.parameters())}, loss, ("net",), 8), net


def test_the_loss_falls_and_the_averaged_weights_are_left_in_place(tmp_path):
    task, net = _line()
    seen = []
    progress = train(task, QUICK, tmp_path, device=CPU, report=seen.append)
    assert progress.finished
    assert progress.samples == 8 * progress.step
    assert seen[-1].losses["line"] < 0.05 * seen[0].losses["line"]
    assert torch.equal(averaged_weights(tmp_path, "net")["weight"], net.weight)
    assert (tmp_path / "curve.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("able", "asked", "used"),
    [
        ({"avx2": True}, True, False),
        ({"avx512_bf16": True}, True, True),
        ({"amx_bf16": True}, True, True),
        ({"amx_bf16": True}, False, False),
    ],
)
def test_bfloat16_is_used_only_where_the_processor_computes_in_it(monkeypatch, able, asked, used):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    with autocast(CPU, asked):
        assert torch.is_autocast_enabled("cpu") is used


def test_a_run_killed_with_kill_9_goes_on_from_its_last_checkpoint(tmp_path):
    program = textwrap.dedent(
        """
        import sys, torch
        from pathlib import Path
        from torch import nn
        from studio.school.pace import Pace
        from studio.school.training import Task, train
        net = nn.Linear(1, 1)
        def loss(moment):
            x = torch.randn((8, 1), generator=moment.noise)
            return {"line": (net(x) - 3 * x).pow(2).mean()}
        task = Task("line", {"net": net}, {"line": list(net.parameters())}, loss, ("net",), 8)
        pace = Pace(minutes=10, rate=0.01, warmup=2, half=False, checkpoint_seconds=0.05)
        train(task, pace, Path(sys.argv[1]), device=torch.device("cpu"))
        """
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)])
    while not checkpoint_path(tmp_path).is_file() or read_progress(tmp_path).step < 40:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    before = read_progress(tmp_path)
    kept = averaged_weights(tmp_path, "net")["weight"]
    seen = []
    rest = Pace(minutes=(before.seconds + 0.3) / 60, rate=0.01, warmup=2, half=False)
    task, _ = _line()
    after = train(task, rest, tmp_path, device=CPU, report=seen.append)
    assert seen[0].step == before.step + 1
    assert after.finished
    assert abs(3 - averaged_weights(tmp_path, "net")["weight"]) < abs(3 - kept)
    steps = [json.loads(line)["step"] for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))


def test_a_step_draws_the_same_numbers_whenever_it_is_made(tmp_path):
    seen = {}

    def run(folder):
        task, _ = _line()
        drawn = []

        def loss(moment):
            drawn.append(
                (moment.step, float(moment.rng.random()), float(torch.rand(1, generator=moment.noise)))
            )
            return task.loss(moment)

        spied = Task("line", task.modules, task.groups, loss, ("net",), 8)
        train(spied, QUICK, folder, device=CPU)
        return drawn

    seen["a"], seen["b"] = run(tmp_path / "a"), run(tmp_path / "b")
    least = min(map(len, seen.values()))
    assert seen["a"][:least] == seen["b"][:least]


def test_a_finished_stage_that_is_given_more_time_begins_another_lap(tmp_path):
    task, _ = _line()
    first = train(task, QUICK, tmp_path, device=CPU)
    second = train(_line()[0], QUICK, tmp_path, device=CPU)
    assert (first.lap, second.lap) == (0, 1)
    assert second.step > first.step
    assert second.lap_step == second.step - first.step


def test_a_checkpoint_of_another_size_is_refused_by_a_sentence(tmp_path):
    train(_line()[0], QUICK, tmp_path, device=CPU)
    with pytest.raises(BadInput, match="another configuration"):
        train(_line(2)[0], QUICK, tmp_path, device=CPU)


def test_swapping_averages_twice_changes_nothing():
    net = nn.Linear(2, 2)
    averages = Averages({"net": net}, 0.5)
    with torch.no_grad():
        net.weight += 1
    live, kept = net.weight.clone(), averages.kept["net.weight"].clone()
    averages.swap()
    assert torch.equal(net.weight, kept)
    averages.swap()
    assert torch.equal(net.weight, live)
