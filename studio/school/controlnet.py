"""The ControlNet on line drawings (Zhang et al. 2023): white lines on black, as SD1.5's scribble.

Lines are spoiled on purpose, so that a hand's drawing and an app's edge detector both count as lines: other
widths, wobble, gaps, whole objects left out, blank sheets, edges instead of drawn lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from studio.school.autoencoder import SCALING
from studio.school.data import Pool, edge_lines
from studio.school.nets import AutoencoderKL, ControlNetModel, UNet2DConditionModel, published
from studio.school.plans import Plan
from studio.school.sheets import grid, to_pixels
from studio.school.training import Losses, Moment, Task, autocast
from studio.school.unet import (
    GUIDANCE,
    Latents,
    Reading,
    build_scheduler,
    forget_captions,
    noised,
    signal_and_noise,
    spread_times,
    velocity_loss,
)

_EMPTY = 0.5  # of the captions, so that structure comes from the lines
_SHEET = 4


@dataclass(frozen=True, slots=True)
class Sketched:
    """Latents and the lines of the same pictures."""

    latents: Latents
    pool: Pool


def build_controlnet(plan: Plan, unet: UNet2DConditionModel) -> ControlNetModel:
    """A ControlNet that begins as a copy of the UNet's encoder; its outputs begin at zero."""
    return published("ControlNetModel").from_unet(
        unet, conditioning_embedding_out_channels=plan.hint_channels
    )


def spoil_lines(lines: np.ndarray, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a person or a preprocessor could have drawn instead of `lines`: uint8 (H, W), white on black."""
    import cv2

    draw = rng.random()
    if draw < 0.05:
        return np.zeros_like(lines)
    drawn = edge_lines(picture) if draw < 0.15 else lines.copy()
    drawn = _gaps(drawn, rng)
    if rng.random() < 0.5:
        drawn = _wobble(drawn, rng)
    width = int(rng.integers(1, 4))
    if width > 1:
        drawn = np.asarray(cv2.dilate(drawn, np.ones((width, width), np.uint8)))
    return drawn


def _gaps(lines: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Erase up to 40 % of the strokes, whole connected ones and small discs of the rest."""
    import cv2

    kept = lines.copy()
    count, marks = cv2.connectedComponents((lines > 96).astype(np.uint8))
    if rng.random() < 0.5 and count > 1:
        erased = rng.random(count) < 0.4 * rng.random()
        erased[0] = False
        kept = np.where(np.take(erased, np.asarray(marks, np.int64)), np.uint8(0), kept)
    height, width = lines.shape
    for _ in range(int(rng.integers(0, 9))):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(kept, centre, int(rng.integers(3, max(4, width // 16))), 0, -1)
    return kept


def _wobble(lines: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Displace by a smooth field of at most about 3 px (at 256 px)."""
    import cv2

    height, width = lines.shape
    reach = float(rng.uniform(0.5, 3.0)) * width / 256
    field = [
        cv2.resize(rng.uniform(-reach, reach, (6, 6)).astype(np.float32), (width, height)) for _ in range(2)
    ]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.asarray(cv2.remap(lines, x + field[0], y + field[1], cv2.INTER_LINEAR))


def lines_to_hint(lines: Sequence[np.ndarray]) -> Tensor:
    """uint8 (H, W) drawings -> (B, 3, H, W) in 0..1."""
    stacked = torch.tensor(np.stack(lines)).float() / 255
    return stacked[:, None].expand(-1, 3, -1, -1).contiguous()


def controlnet_task(
    plan: Plan,
    net: ControlNetModel,
    unet: UNet2DConditionModel,
    sets: Sequence[Sketched],
    reading: Reading,
    vae: AutoencoderKL,
    device: torch.device,
    held_out: Pool,
) -> Task:
    """Train the ControlNet; UNet and text encoder are frozen."""
    tables = signal_and_noise()
    batch = plan.stages["controlnet"].batch
    unet.requires_grad_(False).eval()
    reading.encoder.requires_grad_(False)
    sizes = np.array([len(s.pool) for s in sets], np.float64)

    def loss(moment: Moment) -> Losses:
        rng = moment.rng
        chosen = sets[int(rng.choice(len(sets), p=sizes / sizes.sum()))]
        rows = [int(n) for n in rng.integers(0, len(chosen.pool), batch)]
        pool = chosen.pool
        hint = lines_to_hint(
            [spoil_lines(np.asarray(pool.lines[n]), np.asarray(pool.pixels[n]), rng) for n in rows]
        )
        captions = [pool.captions[n][int(rng.integers(len(pool.captions[n])))] for n in rows]
        latents = torch.tensor(np.stack([chosen.latents.values[n] for n in rows])).float().to(device)
        states = reading(forget_captions(captions, rng, _EMPTY), device)
        noise = torch.randn(latents.shape, generator=moment.noise).to(device)
        times = torch.from_numpy(spread_times(rng, batch)).to(device)
        noisy, target, weight = noised(latents, noise, times, tables)
        down, middle = net(noisy, times, states, hint.to(device), return_dict=False)
        predicted = unet(
            noisy,
            times,
            states,
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
            return_dict=False,
        )[0]
        return {"controlnet": velocity_loss(predicted, target, weight)}

    def sheet() -> np.ndarray:
        lines = [np.asarray(p) for p in held_out.lines[:_SHEET]]
        captions = [held_out.captions[n][0] for n in range(_SHEET)]
        painted = sample_sketched(net, unet, vae, reading, captions, lines, device)
        drawn = [np.repeat(line[..., None], 3, 2) for line in lines]
        return grid([*drawn, *painted, *(np.asarray(p) for p in held_out.pixels[:_SHEET])], _SHEET)

    return Task(
        name="controlnet",
        modules={"controlnet": net},
        groups={"controlnet": list(net.parameters())},
        loss=loss,
        averaged=("controlnet",),
        batch=batch,
        sheet=sheet,
    )


@torch.no_grad()
def sample_sketched(
    net: ControlNetModel,
    unet: UNet2DConditionModel,
    vae: AutoencoderKL,
    reading: Reading,
    prompts: Sequence[str],
    lines: Sequence[np.ndarray],
    device: torch.device,
    *,
    steps: int = 20,
    scale: float = 1.0,
    seed: int = 1,
) -> list[np.ndarray]:
    """Paint `prompts` along `lines` (uint8, one size): uint8 pictures. `scale` 0 ignores the lines."""
    scheduler = build_scheduler()
    scheduler.set_timesteps(steps, device=device)
    count, (height, width) = len(prompts), lines[0].shape
    states = reading([*([""] * count), *prompts], device)
    noise = torch.Generator().manual_seed(seed)
    shape = (count, 4, height // 8, width // 8)
    latents = torch.randn(shape, generator=noise).to(device) * scheduler.init_noise_sigma
    hint = lines_to_hint([*lines, *lines]).to(device)
    with autocast(device):
        for time in scheduler.timesteps:
            twice = scheduler.scale_model_input(torch.cat([latents] * 2), time)
            down, middle = net(twice, time, states, hint, conditioning_scale=scale, return_dict=False)
            predicted = unet(
                twice,
                time,
                states,
                down_block_additional_residuals=down,
                mid_block_additional_residual=middle,
                return_dict=False,
            )[0]
            free, told = predicted.float().chunk(2)
            latents = scheduler.step(free + GUIDANCE * (told - free), time, latents, return_dict=False)[0]
        pictures = vae.decode(latents / SCALING, return_dict=False)[0]
    return list(to_pixels(pictures))
