"""The UNet: velocity prediction (Salimans & Ho 2022) with min-SNR-5 weights (Hang et al. 2023) in latent
space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from studio.school.autoencoder import SCALING
from studio.school.nets import (
    AutoencoderKL,
    CLIPTextModel,
    CLIPTokenizer,
    DPMSolverMultistepScheduler,
    UNet2DConditionModel,
    published,
)
from studio.school.plans import Plan
from studio.school.sheets import grid, to_pixels
from studio.school.text import encode_captions
from studio.school.training import Losses, Moment, Task, autocast

SCHEDULER: dict[str, Any] = {
    "_class_name": "DPMSolverMultistepScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.02,  # not 0.012: at 32x32 the picture's brightness would leak into the last step
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
    "steps_offset": 1,
    "num_train_timesteps": 1000,
}
EMPTY_CAPTIONS = 0.12
GUIDANCE = 5.0
_GAMMA = 5.0
_SMALL_COUNTS = 3.0

SHEET_PROMPTS = (
    "一颗青松,青山环绕,云雾缭绕",
    "画一幅山水画",
    "a beautiful sunset over mountains, digital art, highly detailed",
    "ink wash painting, misty mountains, a boat on a lake",
    "青绿山水,春天,湖上两只小船",
    "gold on indigo, night, full moon over tall peaks",
    "snow on the mountains, winter, a pavilion",
    "浅绛,秋山,飞鸟",
)


@dataclass(frozen=True, slots=True)
class Latents:
    """Encoded pictures of one size, their captions, and where their small things are."""

    values: np.ndarray  # (N, 4, h, w) fp16, memory-mapped, deviation about 1
    captions: Sequence[Sequence[str]]
    things: np.ndarray  # (N, h, w) bool: where small things are


@dataclass(frozen=True, slots=True)
class Reading:
    """What turns captions into states: both frozen."""

    encoder: CLIPTextModel
    tokenizer: CLIPTokenizer

    def __call__(self, captions: Sequence[str], device: torch.device) -> Tensor:
        return encode_captions(self.encoder, self.tokenizer, captions, device)


def build_unet(plan: Plan) -> UNet2DConditionModel:
    """An untrained UNet: latents (B, 4, h, w), timesteps (B,), states (B, 77, width) -> velocity (B, 4, h,
    w).
    """
    return published("UNet2DConditionModel")(
        sample_size=plan.size // 8,
        in_channels=4,
        out_channels=4,
        block_out_channels=plan.unet_channels,
        layers_per_block=plan.unet_layers,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn",
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=plan.text_width,
        attention_head_dim=plan.unet_heads,  # the number of heads, in spite of its name
        norm_num_groups=plan.unet_groups,
    )


def signal_and_noise() -> tuple[Tensor, Tensor]:
    """alpha_t and sigma_t for t = 0..999 of SCHEDULER, with alpha^2 + sigma^2 = 1."""
    steps = torch.linspace(
        SCHEDULER["beta_start"] ** 0.5, SCHEDULER["beta_end"] ** 0.5, 1000, dtype=torch.float64
    )
    kept = torch.cumprod(1 - steps**2, 0)
    return kept.sqrt().float(), (1 - kept).sqrt().float()


def draw_batch(
    sets: Sequence[Latents], rng: np.random.Generator, batch: int
) -> tuple[Tensor, list[str], Tensor]:
    """Latents (B, 4, h, w) fp32 of one of `sets` (by its size), one caption each, and where small things are
    (B, h, w).
    """
    sizes = np.array([len(s.captions) for s in sets], np.float64)
    chosen = sets[int(rng.choice(len(sets), p=sizes / sizes.sum()))]
    rows = rng.integers(0, len(chosen.captions), batch)
    captions = [chosen.captions[int(n)][int(rng.integers(len(chosen.captions[int(n)])))] for n in rows]
    latents = torch.from_numpy(np.stack([chosen.values[int(n)] for n in rows])).float()
    return latents, captions, torch.from_numpy(chosen.things[rows])


def noised(
    latents: Tensor, noise: Tensor, times: Tensor, tables: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """x_t, the velocity to predict, and min-SNR's weight per sample."""
    alpha, sigma = (table.to(latents.device)[times][:, None, None, None] for table in tables)
    snr = (alpha / sigma).pow(2).flatten()
    return alpha * latents + sigma * noise, alpha * noise - sigma * latents, snr.clamp(max=_GAMMA) / (snr + 1)


def emphasis(things: Tensor) -> Tensor:
    """Weight of each cell in the loss, (B, 1, h, w): a boat is one cell in a thousand, and yet what was asked
    for. Cells within one of a small thing count thrice.
    """
    near = max_pool2d(things[:, None].float(), 3, stride=1, padding=1)
    return 1 + (_SMALL_COUNTS - 1) * near


def velocity_loss(predicted: Tensor, target: Tensor, weight: Tensor, cells: Tensor | float = 1.0) -> Tensor:
    """Mean squared error, weighted per sample (B,) and per cell (B, 1, h, w)."""
    error = (predicted.float() - target).pow(2) * cells
    return (error.mean(dim=(1, 2, 3)) * weight).mean()


def forget_captions(captions: Sequence[str], rng: np.random.Generator, share: float) -> list[str]:
    """Captions, each empty with probability `share`: what classifier-free guidance needs."""
    return ["" if rng.random() < share else caption for caption in captions]


def unet_task(
    plan: Plan,
    stage: str,
    unet: UNet2DConditionModel,
    sets: Sequence[Latents],
    reading: Reading,
    vae: AutoencoderKL,
    device: torch.device,
) -> Task:
    """Train the UNet on `sets` of latents; the text encoder is frozen."""
    tables = signal_and_noise()
    batch = plan.stages[stage].batch
    reading.encoder.requires_grad_(False)

    def loss(moment: Moment) -> Losses:
        latents, captions, things = draw_batch(sets, moment.rng, batch)
        states = reading(forget_captions(captions, moment.rng, EMPTY_CAPTIONS), device)
        noise = torch.randn(latents.shape, generator=moment.noise).to(device)
        times = torch.from_numpy(spread_times(moment.rng, batch)).to(device)
        noisy, target, weight = noised(latents.to(device), noise, times, tables)
        predicted = unet(noisy, times, states, return_dict=False)[0]
        return {"unet": velocity_loss(predicted, target, weight, emphasis(things).to(device))}

    def sheet() -> np.ndarray:
        side = sets[0].values.shape[-1]
        return grid(sample(unet, vae, reading, SHEET_PROMPTS, (side, side), device), 4)

    return Task(
        name=stage,
        modules={"unet": unet},
        groups={"unet": list(unet.parameters())},
        loss=loss,
        averaged=("unet",),
        batch=batch,
        sheet=sheet,
    )


def spread_times(rng: np.random.Generator, batch: int) -> np.ndarray:
    """Stratified uniform timesteps: one per equal slice of 0..999, so that a batch sees every noise level."""
    return np.minimum(999, ((np.arange(batch) + rng.random(batch)) / batch * 1000).astype(np.int64))


def build_scheduler() -> DPMSolverMultistepScheduler:
    """The starter's own sampler."""
    return published("DPMSolverMultistepScheduler").from_config(SCHEDULER)  # type: ignore[no-any-return]


@torch.no_grad()
def sample(
    unet: UNet2DConditionModel,
    vae: AutoencoderKL,
    reading: Reading,
    prompts: Sequence[str],
    size: tuple[int, int],
    device: torch.device,
    *,
    steps: int = 20,
    guidance: float = GUIDANCE,
    seed: int = 1,
) -> list[np.ndarray]:
    """Paint `prompts` at latent size (height, width) by DPM++ 2M with guidance: uint8 pictures."""
    scheduler = build_scheduler()
    scheduler.set_timesteps(steps, device=device)
    states = reading([*([""] * len(prompts)), *prompts], device)
    noise = torch.Generator().manual_seed(seed)
    latents = torch.randn((len(prompts), 4, *size), generator=noise).to(device) * scheduler.init_noise_sigma
    with autocast(device):
        for time in scheduler.timesteps:
            twice = scheduler.scale_model_input(torch.cat([latents] * 2), time)
            free, told = unet(twice, time, states, return_dict=False)[0].float().chunk(2)
            latents = scheduler.step(free + guidance * (told - free), time, latents, return_dict=False)[0]
        pictures = vae.decode(latents / SCALING, return_dict=False)[0]
    return list(to_pixels(pictures))
