"""RetinaFace with a ResNet-50 (Deng et al. 2019, arXiv 1905.00641): faces and their five landmarks.

The module's names are those of facexlib's published `detection_Resnet50_Final.pth` (MIT). Only the worker
imports this file: it needs torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

MEAN = (104.0, 117.0, 123.0)  # of blue, green, red, taken off each pixel
SIZES = ((16, 32), (64, 128), (256, 512))  # px of the two anchors of each level
STRIDES = (8, 16, 32)
SPREAD = (0.1, 0.2)  # the "variances" by which offsets and sizes are divided in training
WIDTH = 256
SURE, OVERLAP = 0.97, 0.4  # GFPGANer's confidence, and the overlap above which two boxes are one face


class RetinaFace(nn.Module):
    """(1, 3, H, W) of BGR pixels less `MEAN` → offsets (N, 4), scores (N,), landmark offsets (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import resnet50

        whole = resnet50(weights=None)
        names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
        self.body = nn.ModuleDict({name: getattr(whole, name) for name in names})
        self.fpn = _Pyramid((WIDTH * 2, WIDTH * 4, WIDTH * 8), WIDTH)
        self.ssh1, self.ssh2, self.ssh3 = _Context(WIDTH), _Context(WIDTH), _Context(WIDTH)
        self.ClassHead = nn.ModuleList(_Head(WIDTH, 2) for _ in STRIDES)
        self.BboxHead = nn.ModuleList(_Head(WIDTH, 4) for _ in STRIDES)
        self.LandmarkHead = nn.ModuleList(_Head(WIDTH, 10) for _ in STRIDES)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        seen: list[Tensor] = []
        for name, layer in self.body.items():
            pixels = layer(pixels)
            if name in ("layer2", "layer3", "layer4"):
                seen.append(pixels)
        levels = [net(x) for net, x in zip((self.ssh1, self.ssh2, self.ssh3), self.fpn(seen), strict=True)]
        boxes, classes, marks = (
            torch.cat([head(x) for head, x in zip(heads, levels, strict=True)], dim=1)[0]
            for heads in (self.BboxHead, self.ClassHead, self.LandmarkHead)
        )
        return boxes, F.softmax(classes, dim=-1)[:, 1], marks


class _Head(nn.Module):
    """A 1 × 1 convolution with `values` numbers for each of the two anchors."""

    def __init__(self, width: int, values: int) -> None:
        super().__init__()
        self.values = values
        self.conv1x1 = nn.Conv2d(width, 2 * values, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv1x1(x).permute(0, 2, 3, 1).reshape(x.shape[0], -1, self.values)


class _Pyramid(nn.Module):
    """The feature pyramid: coarse levels are added to finer ones."""

    def __init__(self, into: tuple[int, int, int], width: int) -> None:
        super().__init__()
        self.output1, self.output2, self.output3 = (_conv(size, width, 1) for size in into)
        self.merge1, self.merge2 = _conv(width, width, 3), _conv(width, width, 3)

    def forward(self, seen: list[Tensor]) -> list[Tensor]:
        fine, middle, coarse = self.output1(seen[0]), self.output2(seen[1]), self.output3(seen[2])
        middle = self.merge2(middle + F.interpolate(coarse, size=middle.shape[2:], mode="nearest"))
        fine = self.merge1(fine + F.interpolate(middle, size=fine.shape[2:], mode="nearest"))
        return [fine, middle, coarse]


class _Context(nn.Module):
    """The context module (SSH): 3 × 3, 5 × 5 and 7 × 7 fields by stacked 3 × 3 convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half, quarter = width // 2, width // 4
        self.conv3X3 = _conv(width, half, 3, active=False)
        self.conv5X5_1 = _conv(width, quarter, 3)
        self.conv5X5_2 = _conv(quarter, quarter, 3, active=False)
        self.conv7X7_2 = _conv(quarter, quarter, 3)
        self.conv7x7_3 = _conv(quarter, quarter, 3, active=False)

    def forward(self, x: Tensor) -> Tensor:
        five = self.conv5X5_1(x)
        seven = self.conv7x7_3(self.conv7X7_2(five))
        return F.relu(torch.cat([self.conv3X3(x), self.conv5X5_2(five), seven], dim=1))


def _conv(into: int, out: int, size: int, active: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(into, out, size, padding=size // 2, bias=False), nn.BatchNorm2d(out)]
    return nn.Sequential(*layers, nn.LeakyReLU(0.0, inplace=True)) if active else nn.Sequential(*layers)


def anchors(height: int, width: int) -> NDArray[np.float32]:
    """The anchors (N, 4) of a picture, each centre x, centre y, width, height as shares of its sides."""
    levels: list[NDArray[np.float64]] = []
    for sizes, stride in zip(SIZES, STRIDES, strict=True):
        down, across = -(-height // stride), -(-width // stride)
        level = np.empty((down, across, len(sizes), 4))
        level[..., 0] = ((np.arange(across) + 0.5) * stride / width)[None, :, None]
        level[..., 1] = ((np.arange(down) + 0.5) * stride / height)[:, None, None]
        level[..., 2] = np.array(sizes) / width
        level[..., 3] = np.array(sizes) / height
        levels.append(level.reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)


def decoded(boxes: Tensor, marks: Tensor, priors: Tensor) -> tuple[Tensor, Tensor]:
    """Corners (N, 4) and landmarks (N, 10), as shares of the sides, from what the heads said."""
    centre = priors[:, :2] + boxes[:, :2] * SPREAD[0] * priors[:, 2:]
    size = priors[:, 2:] * torch.exp(boxes[:, 2:] * SPREAD[1])
    first = centre - size / 2
    points = [
        priors[:, :2] + marks[:, i : i + 2] * SPREAD[0] * priors[:, 2:] for i in range(0, marks.shape[1], 2)
    ]
    return torch.cat([first, size + first], dim=1), torch.cat(points, dim=1)


def detect(
    net: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]],
    pixels: NDArray[Any],
    device: torch.device,
    sure: float = SURE,
) -> NDArray[np.float32]:
    """Faces (N, 15) of BGR pixels (H, W, 3) in 0-255, the surest first.

    Each: left, top, right, bottom, score, then x, y of the eyes, the nose and the corners of the mouth, in
    pixels; of faces that overlap by more than `OVERLAP` only the surest.
    """
    from torchvision.ops import nms

    height, width = pixels.shape[:2]
    with torch.inference_mode():
        given = torch.from_numpy(pixels.astype(np.float32).transpose(2, 0, 1).copy())[None].to(device)
        given -= torch.tensor(MEAN, device=device).view(1, 3, 1, 1)
        boxes, scores, marks = net(given)
        boxes, marks = decoded(boxes, marks, torch.from_numpy(anchors(height, width)).to(device))
        sides = torch.tensor([width, height], dtype=torch.float32, device=device)
        boxes, marks = (boxes * sides.repeat(2)).cpu(), (marks * sides.repeat(5)).cpu()
        scores = scores.cpu()
        found = torch.nonzero(scores > sure)[:, 0]
        boxes, marks, scores = boxes[found], marks[found], scores[found]
        kept = nms(boxes, scores, OVERLAP)
        return torch.cat([boxes[kept], scores[kept, None], marks[kept]], dim=1).numpy()
