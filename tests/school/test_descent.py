"""Muon for what is a matrix, AdamW for the rest."""

import torch
from torch import nn

from studio.school.descent import Descent
from studio.school.pace import Pace

MUON = Pace(minutes=1, rate=0.02, orthogonal=True, weight_decay=0.0)


def _net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.Flatten(), nn.Linear(256, 4)
    )


def _walk(net: nn.Module, descent: Descent, steps: int) -> list[float]:
    pictures = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    losses = []
    for _ in range(steps):
        loss = (net(pictures) - pictures[:, :1, 0, 0]).pow(2).mean()
        descent.forget()
        loss.backward()
        descent.step(0.02)
        losses.append(float(loss.detach()))
    return losses


def _slots(descent: Descent) -> set[str]:
    return {name.split(".")[0] for name in descent.state()}


def test_the_loss_falls_and_both_optimizers_have_moved_something():
    net = _net()
    descent = Descent(list(net.parameters()), MUON)
    losses = _walk(net, descent, 40)
    assert losses[-1] < 0.3 * losses[0]
    assert _slots(descent) == {"adam", "muon"}


def test_a_step_of_muon_changes_every_direction_of_a_matrix_alike():
    net = nn.Linear(32, 16, bias=False)
    before = net.weight.detach().clone()
    descent = Descent(list(net.parameters()), MUON)
    net(torch.randn(4, 32)).pow(2).sum().backward()
    descent.step(0.02)
    strengths = torch.linalg.svdvals(net.weight.detach() - before)[:4]  # four pictures give four directions
    assert strengths[0] < 2 * strengths[3]


def test_without_muon_everything_is_moved_by_adam():
    net = _net()
    descent = Descent(list(net.parameters()), Pace(minutes=1, rate=0.02))
    _walk(net, descent, 1)
    assert _slots(descent) == {"adam"}


def test_what_is_remembered_is_taken_over():
    one, two = _net(), _net()
    first, second = Descent(list(one.parameters()), MUON), Descent(list(two.parameters()), MUON)
    _walk(one, first, 3)
    two.load_state_dict(one.state_dict())
    second.restore({name: value.clone() for name, value in first.state().items()})
    _walk(one, first, 2)
    _walk(two, second, 2)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_a_gradient_that_is_not_finite_moves_nothing():
    net = _net()
    before = [p.detach().clone() for p in net.parameters()]
    descent = Descent(list(net.parameters()), MUON)
    for parameter in net.parameters():
        parameter.grad = torch.full_like(parameter, float("nan"))
    descent.step(0.02)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
