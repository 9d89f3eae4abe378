"""The judge's eye: a small residual network that reads a landscape's attributes, and whose features measure
distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.errors import BrokenWeights
from studio.school.data import Pool
from studio.school.export import load_component, need
from studio.school.files import write_tensors
from studio.school.plans import Plan
from studio.school.sheets import to_batch
from studio.school.training import Losses, Moment, Task

FEATURES = 256
_GROUPS = 8


class _Block(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x))))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(_GROUPS, width), nn.GroupNorm(_GROUPS, width)
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3, 1, 1), nn.Conv2d(width, width, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv1(F.silu(self.norm1(x)))
        return x + self.conv2(F.silu(self.norm2(inner)))


class Classifier(nn.Module):
    """(B, 3, H, W) in -1..1 -> features (B, 256) and one (B, classes) of logits per attribute.

    Two channels of coordinates go in with the picture, so that left and right can be told after pooling; both
    the mean and the maximum are pooled, so that a far boat counts.
    """

    def __init__(self, width: int, sizes: Sequence[int]) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 6 * width, 8 * width]
        self.stem = nn.Conv2d(5, widths[0], 5, 2, 2)
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.GroupNorm(_GROUPS, a),
                nn.SiLU(),
                nn.Conv2d(a, b, 3, 2, 1),
                *(_Block(b) for _ in range(1 + (n > 0))),
            )
            for n, (a, b) in enumerate(pairwise(widths))
        )
        self.norm = nn.GroupNorm(_GROUPS, widths[-1])
        self.project = nn.Linear(2 * widths[-1], FEATURES)
        self.heads = nn.ModuleList(nn.Linear(FEATURES, size) for size in sizes)

    def features(self, picture: Tensor) -> Tensor:
        """(B, 256), before the heads."""
        count, _, height, width = picture.shape
        y = torch.linspace(-1, 1, height, device=picture.device)[None, None, :, None].expand(
            count, 1, height, width
        )
        x = torch.linspace(-1, 1, width, device=picture.device)[None, None, None, :].expand(
            count, 1, height, width
        )
        out = self.stem(torch.cat([picture, y.to(picture.dtype), x.to(picture.dtype)], 1))
        for stage in self.stages:
            out = stage(out)
        out = F.silu(self.norm(out))
        return F.silu(self.project(torch.cat([out.mean((2, 3)), out.amax((2, 3))], 1)))

    def forward(self, picture: Tensor) -> list[Tensor]:
        seen = self.features(picture)
        return [head(seen) for head in self.heads]


def build_classifier(plan: Plan, sizes: Sequence[int]) -> Classifier:
    """An untrained classifier for attributes of `sizes` classes."""
    return Classifier(plan.judge_width, sizes)


def soften(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Blur, noise and a change of brightness, each now and then: pictures as an autoencoder might give them
    back.
    """
    from torchvision.transforms.functional import gaussian_blur

    if rng.random() < 0.5:
        pictures = gaussian_blur(pictures, [5, 5], [float(rng.uniform(0.3, 1.2))])
    if rng.random() < 0.5:
        noise = torch.from_numpy(rng.normal(0, 0.04 * rng.random(), pictures.shape)).float()
        pictures = pictures + noise.to(pictures.device)
    return pictures * float(rng.uniform(0.95, 1.05)) + float(rng.uniform(-0.05, 0.05))


def classifier_task(
    plan: Plan, net: Classifier, pool: Pool, rebuilt: Pool | None, device: torch.device, held_out: Pool
) -> Task:
    """Train on labelled pictures and, one batch in four, on their reconstructions (same labels)."""
    batch = plan.stages["judge"].batch
    held = to_batch(np.asarray(held_out.pixels)).to(device)

    def loss(moment: Moment) -> Losses:
        source = rebuilt if rebuilt is not None and moment.rng.random() < 0.25 else pool
        rows = np.sort(moment.rng.integers(0, len(source), batch))
        pictures = to_batch(np.stack([source.pixels[int(n)] for n in rows])).to(device)
        known = torch.from_numpy(source.labels[rows]).long().to(device)
        logits = net(soften(pictures, moment.rng))
        total = torch.stack(
            [F.cross_entropy(head.float(), known[:, n]) for n, head in enumerate(logits)]
        ).mean()
        shown = {"judge": total}
        if moment.step % 50 == 0:
            shown["_held_out"] = torch.tensor(float(accuracies(predict(net, held), held_out.labels).mean()))
        return shown

    return Task(
        name="judge",
        modules={"judge": net},
        groups={"judge": list(net.parameters())},
        loss=loss,
        averaged=("judge",),
        batch=batch,
    )


@torch.no_grad()
def predict(net: Classifier, pictures: Tensor) -> np.ndarray:
    """(B, attributes) most likely classes."""
    parts = [torch.stack([head.argmax(1) for head in net(part)], 1) for part in pictures.split(32)]
    return torch.cat(parts).cpu().numpy()


def accuracies(predicted: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Share of right answers per attribute; (N, A), (N, A) -> (A,)."""
    return (predicted == known).mean(axis=0)


@torch.no_grad()
def look(
    net: Classifier, pictures: Sequence[np.ndarray], device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, 256) and classes (N, attributes) of uint8 pictures of one size."""
    features: list[np.ndarray] = []
    classes: list[np.ndarray] = []
    for start in range(0, len(pictures), 32):
        batch = to_batch(np.stack(pictures[start : start + 32])).to(device)
        seen = net.features(batch)
        features.append(seen.float().cpu().numpy())
        classes.append(torch.stack([head(seen).argmax(1) for head in net.heads], 1).cpu().numpy())
    return np.concatenate(features), np.concatenate(classes)


def save_classifier(net: Classifier, folder: Path) -> None:
    """Write model.safetensors, fp16."""
    write_tensors(
        folder / "model.safetensors", {name: value.half() for name, value in net.state_dict().items()}
    )


def load_classifier(plan: Plan, sizes: Sequence[int], folder: Path, device: torch.device) -> Classifier:
    """The classifier saved in `folder`. Raises MissingWeights if there is none of this plan."""
    net = build_classifier(plan, sizes)
    path = need(folder / "model.safetensors", "judge")
    if not load_component(net, path):
        raise BrokenWeights(
            f"The judge in {path} is not of plan “{plan.name}”. Train the stage “judge” again."
        )
    return net.to(device).eval()
