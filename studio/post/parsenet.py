"""ParseNet: which part of an aligned face each pixel is (Chen et al. 2021, PSFRGAN, arXiv 2009.08709).

The module's names are those of facexlib's published `parsing_parsenet.pth`. Only the worker imports this
file: it needs torch.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LABELS = 19
FACE = (*range(1, 14), 15)  # skin, brows, eyes, glasses, ears, nose, mouth, lips, …: not hair, neck, cloth
_WIDEST = 256


class ParseNet(nn.Module):
    """(B, 3, 512, 512) of RGB in -1..1 → scores (B, 19, 512, 512) of the labels."""

    def __init__(self) -> None:
        super().__init__()
        widths = (64, 128, 256, _WIDEST, _WIDEST)  # at 512, 256, 128, 64 and 32 pixels
        down = pairwise(widths)
        up = pairwise(widths[::-1])
        self.encoder = nn.Sequential(_Layer(3, 64), *(_Block(i, o, "down") for i, o in down))
        self.body = nn.Sequential(*(_Block(_WIDEST, _WIDEST, "") for _ in range(10)))
        self.decoder = nn.Sequential(*(_Block(i, o, "up") for i, o in up))
        self.out_img_conv = _Layer(64, 3)  # a picture that training looked at; the weights have it
        self.out_mask_conv = _Layer(64, LABELS)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.encoder(x)
        return self.out_mask_conv(self.decoder(seen + self.body(seen)))


class _Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x)


class _Layer(nn.Module):
    """Mirrored edges and a 3 × 3 convolution; `normed` with batch norm, `active` with leaky ReLU."""

    def __init__(
        self, into: int, out: int, scale: str = "", normed: bool = False, active: bool = False
    ) -> None:
        super().__init__()
        self.up, self.active = scale == "up", active
        self.conv2d = nn.Conv2d(into, out, 3, 2 if scale == "down" else 1, bias=not normed)
        self.norm = _Norm(out) if normed else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2, mode="nearest") if self.up else x
        x = self.norm(self.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect")))
        return F.leaky_relu(x, 0.2) if self.active else x


class _Block(nn.Module):
    """Two layers beside a shortcut; "down" halves in the second one, "up" doubles in the first."""

    def __init__(self, into: int, out: int, scale: str) -> None:
        super().__init__()
        same = not scale and into == out
        self.shortcut_func = nn.Identity() if same else _Layer(into, out, scale)
        first, second = ("up", "") if scale == "up" else ("", scale)
        self.conv1 = _Layer(into, out, first, normed=True, active=True)
        self.conv2 = _Layer(out, out, second, normed=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut_func(x) + self.conv2(self.conv1(x))


def labels(net: nn.Module, face: Tensor) -> Tensor:
    """The label (H, W) of each pixel of an aligned face (1, 3, H, W) in -1..1."""
    with torch.inference_mode():
        return net(face).argmax(dim=1)[0].cpu()
