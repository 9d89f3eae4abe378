"""LCM-LoRA (Luo et al. 2023): a low-rank change of the UNet that paints in four steps, guidance built in.

The student jumps from any of 50 DDIM times to the picture; it learns to land where it would land from the
next time, which the teacher (the UNet without the LoRA, with guidance drawn from 2..4) reaches by one DDIM
step.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from studio.school.autoencoder import SCALING
from studio.school.files import write_tensors
from studio.school.nets import AutoencoderKL, UNet2DConditionModel, published
from studio.school.plans import Plan
from studio.school.sheets import grid, to_pixels
from studio.school.training import Losses, Moment, Task, autocast
from studio.school.unet import SCHEDULER, SHEET_PROMPTS, Latents, Reading, draw_batch, signal_and_noise

TARGETS = (
    "to_q",
    "to_k",
    "to_v",
    "to_out.0",
    "proj_in",
    "proj_out",
    "ff.net.0.proj",
    "ff.net.2",
    "conv1",
    "conv2",
    "conv_shortcut",
    "downsamplers.0.conv",
    "upsamplers.0.conv",
    "time_emb_proj",
)
_GRID = 50
_GUIDANCE = (3.0, 6.0)  # about GUIDANCE, at which 20 steps paint
_HUBER = 1e-3
_SIGMA_DATA, _TIME_SCALE = 0.5, 10.0  # LCMScheduler's


def add_lora(
    unet: UNet2DConditionModel, rank: int, targets: Sequence[str] = TARGETS
) -> list[torch.nn.Parameter]:
    """Inject a LoRA called "default" (alpha = rank) and return its parameters; everything else is frozen."""
    from peft import LoraConfig

    unet.requires_grad_(False)
    unet.add_adapter(
        LoraConfig(r=rank, lora_alpha=rank, target_modules=list(targets), init_lora_weights="gaussian")
    )
    return [p for p in unet.parameters() if p.requires_grad]


def skip_and_out(times: Tensor) -> tuple[Tensor, Tensor]:
    """c_skip and c_out of the consistency function at `times`, as LCMScheduler has them; (B, 1, 1, 1)."""
    scaled = times.float()[:, None, None, None] * _TIME_SCALE
    bottom = scaled.pow(2) + _SIGMA_DATA**2
    return _SIGMA_DATA**2 / bottom, scaled / bottom.sqrt()


def lcm_task(
    plan: Plan,
    unet: UNet2DConditionModel,
    parameters: Sequence[torch.nn.Parameter],
    sets: Sequence[Latents],
    reading: Reading,
    vae: AutoencoderKL,
    device: torch.device,
) -> Task:
    """Distil the UNet into its own LoRA (see add_lora): teacher = adapters off, student = adapters on."""
    alphas, sigmas = (table.to(device) for table in signal_and_noise())
    batch = plan.stages["lcm"].batch
    reading.encoder.requires_grad_(False)
    jump = 1000 // _GRID

    def at(times: Tensor) -> tuple[Tensor, Tensor]:
        known = times.clamp(min=0)
        alpha, sigma = alphas[known][:, None, None, None], sigmas[known][:, None, None, None]
        ended = (times < 0)[:, None, None, None]
        return torch.where(ended, torch.ones_like(alpha), alpha), torch.where(
            ended, torch.zeros_like(sigma), sigma
        )

    def land(noisy: Tensor, times: Tensor, states: Tensor) -> Tensor:
        alpha, sigma = at(times)
        velocity = unet(noisy, times.clamp(min=0), states, return_dict=False)[0].float()
        skip, out = skip_and_out(times.clamp(min=0))
        return skip * noisy + out * (alpha * noisy - sigma * velocity)

    @torch.no_grad()
    def teach(
        noisy: Tensor, times: Tensor, before: Tensor, states: Tensor, empty: Tensor, w: Tensor
    ) -> Tensor:
        told, free = (
            unet(
                torch.cat([noisy] * 2), torch.cat([times] * 2), torch.cat([states, empty]), return_dict=False
            )[0]
            .float()
            .chunk(2)
        )
        velocity = free + w * (told - free)
        alpha, sigma = at(times)
        picture, noise = alpha * noisy - sigma * velocity, sigma * noisy + alpha * velocity
        to_alpha, to_sigma = at(before)
        return to_alpha * picture + to_sigma * noise

    def loss(moment: Moment) -> Losses:
        latents, captions, _ = draw_batch(sets, moment.rng, batch)
        states, empty = reading(captions, device), reading([""] * batch, device)
        index = torch.from_numpy(moment.rng.integers(1, _GRID + 1, batch)).to(device)
        times, before = index * jump - 1, index * jump - 1 - jump
        noise = torch.randn(latents.shape, generator=moment.noise).to(device)
        alpha, sigma = at(times)
        noisy = alpha * latents.to(device) + sigma * noise
        w = torch.from_numpy(moment.rng.uniform(*_GUIDANCE, (batch, 1, 1, 1))).float().to(device)
        unet.disable_adapters()
        nearer = teach(noisy, times, before, states, empty, w)
        unet.enable_adapters()
        with torch.no_grad():
            ended = (before < 0)[:, None, None, None]
            target = torch.where(ended, nearer, land(nearer, before, states))
        difference = land(noisy, times, states) - target
        return {"lcm": ((difference.pow(2) + _HUBER**2).sqrt() - _HUBER).mean()}

    def sheet() -> np.ndarray:
        side = sets[0].values.shape[-1]
        return grid(sample_fast(unet, vae, reading, SHEET_PROMPTS, (side, side), device), 4)

    return Task(
        name="lcm",
        modules={"lora": torch.nn.ParameterList(parameters)},
        groups={"lcm": list(parameters)},
        loss=loss,
        averaged=("lora",),
        batch=batch,
        sheet=sheet,
    )


@torch.no_grad()
def sample_fast(
    unet: UNet2DConditionModel,
    vae: AutoencoderKL,
    reading: Reading,
    prompts: Sequence[str],
    size: tuple[int, int],
    device: torch.device,
    *,
    steps: int = 4,
    seed: int = 1,
) -> list[np.ndarray]:
    """Paint `prompts` at latent size (height, width) with the LoRA on, in `steps` steps, without guidance."""
    scheduler = published("LCMScheduler").from_config(SCHEDULER)
    scheduler.set_timesteps(steps, device=device)
    states = reading(list(prompts), device)
    noise = torch.Generator().manual_seed(seed)
    latents = torch.randn((len(prompts), 4, *size), generator=noise).to(device)
    with autocast(device):
        for time in scheduler.timesteps:
            predicted = unet(latents, time, states, return_dict=False)[0].float()
            latents = scheduler.step(predicted, time, latents, generator=noise, return_dict=False)[0]
        pictures = vae.decode(latents / SCALING, return_dict=False)[0]
    return list(to_pixels(pictures))


def save_lora(unet: UNet2DConditionModel, folder: Path) -> None:
    """Write the adapter as pytorch_lora_weights.safetensors (PEFT names under `unet.`), fp16."""
    from peft.utils import get_peft_model_state_dict

    tensors = {f"unet.{name}": value.half() for name, value in get_peft_model_state_dict(unet).items()}
    write_tensors(folder / "pytorch_lora_weights.safetensors", tensors)


def load_lora(unet: UNet2DConditionModel, folder: Path) -> bool:
    """Put a saved adapter into the injected one where it fits; False if there is none of this size."""
    from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict

    from studio.school.files import read_tensors

    path = folder / "pytorch_lora_weights.safetensors"
    if not path.is_file():
        return False
    tensors = {name.removeprefix("unet."): value.float() for name, value in read_tensors(path)[0].items()}
    own = get_peft_model_state_dict(unet)
    if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in tensors.items()}:
        return False
    set_peft_model_state_dict(unet, tensors)
    return True
