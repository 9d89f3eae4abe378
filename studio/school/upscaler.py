"""The upscaler: SRVGGNetCompact x2 (Real-ESRGAN's small network), saved so that spandrel and every UI can
open it.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.school.autoencoder import charbonnier, gradient_loss, psnr_of
from studio.school.data import SOFTNESS, Pool, crops, soften
from studio.school.degrade import degrade, shrink_cleanly
from studio.school.files import write_tensors
from studio.school.nets import AutoencoderKL
from studio.school.plans import Plan
from studio.school.sheets import grid
from studio.school.training import Losses, Moment, Task

SCALE = 2
_CLEAN_UNTIL = 0.5  # of the time
_CLEAN = 0.35  # of the patches after that
_SOFT = 0.5  # of the clean patches are as soft as what the painter learned
_REBUILT = 0.3  # of the batches: soft ones that went through the autoencoder, as our own paintings have
_SIDE = 96  # px of the large patch
_SHEET = 4


class Compact(nn.Module):
    """SRVGGNetCompact: `depth` 3x3 convolutions with PReLU, pixel shuffle, plus the nearest enlargement.

    (B, 3, H, W) in 0..1 -> (B, 3, 2H, 2W). The key layout (`body.N`) is the published one.
    """

    def __init__(self, width: int, depth: int, scale: int = SCALE) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, 1, 1), nn.PReLU(width)]
        for _ in range(depth):
            layers += [nn.Conv2d(width, width, 3, 1, 1), nn.PReLU(width)]
        layers.append(nn.Conv2d(width, 3 * scale * scale, 3, 1, 1))
        self.body = nn.ModuleList(layers)
        self.scale = scale

    def forward(self, picture: Tensor) -> Tensor:
        out = picture
        for layer in self.body:
            out = layer(out)
        return F.pixel_shuffle(out, self.scale) + F.interpolate(
            picture, scale_factor=self.scale, mode="nearest"
        )


def _quadratic(offset: float) -> Tensor:
    """Lagrange's weights of three neighbours for a point `offset` pixels from the middle one."""
    return torch.tensor([offset * (offset - 1) / 2, 1 - offset**2, offset * (offset + 1) / 2])


@torch.no_grad()
def build_upscaler(plan: Plan) -> Compact:
    """An untrained upscaler that begins as quadratic interpolation.

    The first three channels carry the picture through every layer (PReLU leaves what is positive alone); the
    last layer holds Lagrange's weights less the nearest enlargement. The others begin by He et al.'s rule, as
    PyTorch's own halves the signal in each convolution: after sixteen nothing is left to learn from.
    """
    net = Compact(plan.upscaler_width, plan.upscaler_depth)
    convolutions = [layer for layer in net.body if isinstance(layer, nn.Conv2d)]
    for layer in convolutions:
        nn.init.kaiming_normal_(layer.weight, a=0.25)
        layer.weight[:3] = 0
        layer.weight[range(3), range(3), 1, 1] = 1
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    last = convolutions[-1].weight
    nn.init.normal_(last, std=1e-4)
    phases = [_quadratic((place + 0.5) / SCALE - 0.5) for place in range(SCALE)]
    for row, column in product(range(SCALE), range(SCALE)):
        kernel = torch.outer(phases[row], phases[column])
        kernel[1, 1] -= 1
        for colour in range(3):
            last[colour * SCALE**2 + row * SCALE + column, colour] += kernel
    return net


def _unit(pixels: np.ndarray) -> Tensor:
    return torch.tensor(np.asarray(pixels)).permute(0, 3, 1, 2).float() / 255


@torch.no_grad()
def _through(vae: AutoencoderKL, small: Tensor) -> Tensor:
    latents = vae.encode(small * 2 - 1).latent_dist.mean
    return ((vae.decode(latents, return_dict=False)[0].float() + 1) / 2).clamp(0, 1)


def _soft(large: np.ndarray) -> np.ndarray:
    """The small picture of a patch, as soft as what the painter learned."""
    return soften(shrink_cleanly(large, SCALE), SOFTNESS)


def _small(large: np.ndarray, moment: Moment) -> np.ndarray:
    """The small picture of a patch: clean or soft at first, then mostly degraded."""
    if moment.fraction >= _CLEAN_UNTIL and moment.rng.random() >= _CLEAN:
        return degrade(large, SCALE, moment.rng)
    return _soft(large) if moment.rng.random() < _SOFT else shrink_cleanly(large, SCALE)


def upscaler_task(
    plan: Plan, net: Compact, vae: AutoencoderKL, pool: Pool, device: torch.device, held_out: Pool
) -> Task:
    """Train on patches of `pool`: MSE at first, then Charbonnier +
    gradient.
    """
    batch = plan.stages["upscaler"].batch
    vae.requires_grad_(False)
    side = min(_SIDE, pool.pixels.shape[1]) // 16 * 16

    def loss(moment: Moment) -> Losses:
        large = crops(pool, moment.rng, batch, side)
        rebuilt = moment.fraction >= _CLEAN_UNTIL and moment.rng.random() < _REBUILT
        if rebuilt:
            small = _through(vae, _unit(np.stack([_soft(p) for p in large])).to(device))
        else:
            small = _unit(np.stack([_small(p, moment) for p in large])).to(device)
        real = _unit(large).to(device)
        fake = net(small).float()
        squared = F.mse_loss(fake, real)
        sharp = charbonnier(fake, real) + 0.25 * gradient_loss(fake, real)
        total = 10 * squared if moment.fraction < _CLEAN_UNTIL / 2 else sharp + squared
        return {"upscaler": total, "_psnr": psnr_of(2 * fake - 1, 2 * real - 1)}

    def sheet() -> np.ndarray:
        shown = [np.asarray(p)[: side * 2, : side * 2] for p in held_out.pixels[:_SHEET]]
        small = [_soft(p) for p in shown]
        plain = [np.repeat(np.repeat(p, SCALE, 0), SCALE, 1) for p in small]
        return grid([*plain, *(enlarge(net, p, device) for p in small), *shown], _SHEET)

    return Task(
        name="upscaler",
        modules={"upscaler": net},
        groups={"upscaler": list(net.parameters())},
        loss=loss,
        averaged=("upscaler",),
        batch=batch,
        sheet=sheet,
    )


@torch.no_grad()
def enlarge(net: Compact, picture: np.ndarray, device: torch.device) -> np.ndarray:
    """uint8 (H, W, 3) -> uint8 (2H, 2W, 3)."""
    out = net(_unit(picture[None]).to(device))[0].float().clamp(0, 1)
    return (out * 255).round().byte().permute(1, 2, 0).cpu().numpy()


def save_upscaler(net: Compact, path: Path) -> None:
    """Write the weights as plain safetensors, fp16."""
    write_tensors(path, {name: value.half() for name, value in net.state_dict().items()})
