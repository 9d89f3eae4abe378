"""The autoencoders: KL (Rombach et al. 2022, f8 c4) and the tiny decoder for previews (TAESD's shape).

No perceptual network is at hand, so sharpness comes from a Laplacian pyramid, gradients, and late from a
patch discriminator with VQGAN's adaptive weight (Esser et al. 2021, eq. 7). Scale equivariance,
decode(down(z)) ~ down(x), makes the latents easier to learn for the UNet (Skorokhodov et al. 2025, arXiv
2502.14831).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.school.data import Example, Pool, crops, shrink
from studio.school.nets import AutoencoderKL, AutoencoderTiny, published
from studio.school.plans import Plan
from studio.school.sheets import grid, to_batch, to_pixels
from studio.school.training import Losses, Moment, Task, autocast

SCALING = 0.18215
_ADVERSARIAL_FROM = 0.5  # of the time, where the decoder alone is trained
_DECODER_ONLY_FROM = 0.85
_LATENT_NOISE = 0.15  # largest, in standard deviations
_EQUIVARIANCE_EVERY = 4  # steps
_KL_WEIGHT = 1e-5
_SHEET = 6


def build_autoencoder(plan: Plan) -> AutoencoderKL:
    """An untrained AutoencoderKL, (B, 3, H, W) in -1..1 <-> (B, 4, H/8, W/8)."""
    depth = len(plan.vae_channels)
    return published("AutoencoderKL")(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * depth,
        up_block_types=("UpDecoderBlock2D",) * depth,
        block_out_channels=plan.vae_channels,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=plan.size,
        scaling_factor=SCALING,
        force_upcast=False,
    )


def build_tiny(plan: Plan) -> AutoencoderTiny:
    """An untrained AutoencoderTiny over the same latents, times `scaling_factor` as the UNet sees them."""
    widths = (plan.tiny_channels,) * 4
    return published("AutoencoderTiny")(
        encoder_block_out_channels=widths, decoder_block_out_channels=widths, scaling_factor=1.0
    )


class PatchCritic(nn.Module):
    """PatchGAN with spectral norm: logits per patch of a (B, 6, H, W) picture beside its high band."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        sn = nn.utils.parametrizations.spectral_norm
        self.layers = nn.Sequential(
            sn(nn.Conv2d(6, width, 4, 2, 1)),
            nn.LeakyReLU(0.2),
            sn(nn.Conv2d(width, width * 2, 4, 2, 1)),
            nn.LeakyReLU(0.2),
            sn(nn.Conv2d(width * 2, width * 4, 4, 1, 1)),
            nn.LeakyReLU(0.2),
            sn(nn.Conv2d(width * 4, 1, 4, 1, 1)),
        )

    def forward(self, picture: Tensor) -> Tensor:
        band = picture - _upscale(F.avg_pool2d(picture, 2))
        return self.layers(torch.cat([picture, 4 * band], 1))


def _upscale(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def charbonnier(a: Tensor, b: Tensor, eps: float = 1e-3) -> Tensor:
    """mean sqrt((a-b)^2 + eps^2)."""
    return ((a - b).pow(2) + eps * eps).sqrt().mean()


def pyramid_loss(a: Tensor, b: Tensor, levels: int = 4) -> Tensor:
    """L1 between the Laplacian pyramids of two batches, equal weight per level."""
    total = a.new_zeros(())
    for _ in range(levels - 1):
        small_a, small_b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        total = total + ((a - _upscale(small_a)) - (b - _upscale(small_b))).abs().mean()
        a, b = small_a, small_b
    return total + (a - b).abs().mean()


def gradient_loss(a: Tensor, b: Tensor) -> Tensor:
    """L1 between horizontal and vertical differences."""
    d = a - b
    return (d[..., 1:] - d[..., :-1]).abs().mean() + (d[..., 1:, :] - d[..., :-1, :]).abs().mean()


def picture_loss(a: Tensor, b: Tensor) -> Tensor:
    """Charbonnier + 0.5 pyramid + 0.25 gradient + MSE, of (B, 3, H, W) in -1..1."""
    a, b = a.float(), b.float()
    return charbonnier(a, b) + 0.5 * pyramid_loss(a, b) + 0.25 * gradient_loss(a, b) + F.mse_loss(a, b)


def _side(moment: Moment, size: int) -> int:
    """64 px crops at first; later one in four is 128 px, and late one in four the whole picture."""
    draw = moment.rng.random()
    small = max(32, size // 4)
    if moment.fraction > 0.4 and draw < 0.25:
        return size // 2
    if moment.fraction > 0.75 and draw > 0.85:
        return size
    return small


def _adaptive(reconstruction: Tensor, adversarial: Tensor, last: Tensor) -> Tensor:
    """VQGAN's weight: ratio of the two losses' gradients at the decoder's last layer."""
    toward = torch.autograd.grad(reconstruction, last, retain_graph=True)[0].norm()
    against = torch.autograd.grad(adversarial, last, retain_graph=True)[0].norm()
    return (toward / (against + 1e-4)).clamp(0, 100).detach()


def autoencoder_task(
    plan: Plan,
    vae: AutoencoderKL,
    pool: Pool,
    device: torch.device,
    held_out: Pool,
    *,
    decoder_only: bool = False,
) -> Task:
    """Train AutoencoderKL, late against a discriminator, and the decoder alone in the last 15 % of the time.

    With `decoder_only` the latents stay what they are from the beginning, so that a UNet trained on them
    stays right.
    """
    name = "decoder" if decoder_only else "vae"
    opposed = _ADVERSARIAL_FROM if decoder_only else plan.adversarial_from
    critic = PatchCritic().to(device)
    batch = plan.stages[name].batch
    probe = to_batch(np.asarray(held_out.pixels[:_SHEET])).to(device)

    def loss(moment: Moment) -> Losses:
        side = _side(moment, plan.size)
        count = max(1, batch * (plan.size // 4) ** 2 // side**2)
        real = to_batch(crops(pool, moment.rng, count, side)).to(device)
        frozen = decoder_only or moment.fraction >= _DECODER_ONLY_FROM
        with torch.set_grad_enabled(not frozen):
            posterior = vae.encode(real).latent_dist
        kl = posterior.kl().mean() / posterior.mean[0].numel()  # per latent value
        noise = torch.randn(posterior.mean.shape, generator=moment.noise).to(device)
        if frozen:
            spread = posterior.mean.detach().float().std(dim=(0, 2, 3), keepdim=True)
            strength = _LATENT_NOISE * float(moment.rng.random())
            latents = posterior.mean.detach() + strength * spread * noise
        else:
            latents = posterior.mean + posterior.std * noise
        fake = vae.decode(latents).sample.float()
        reconstruction = picture_loss(fake, real)
        total = reconstruction + (0.0 if frozen else _KL_WEIGHT) * kl
        if not frozen and moment.step % _EQUIVARIANCE_EVERY == 0:
            half = vae.decode(F.avg_pool2d(latents, 2)).sample.float()
            total = total + 0.25 * charbonnier(half, F.avg_pool2d(real, 2))
        shown = {"_reconstruction": reconstruction, "_psnr": psnr_of(fake, real)}
        if moment.fraction < opposed or side < 48:
            return {"autoencoder": total, **shown}
        critic.requires_grad_(False)
        adversarial = -critic(fake).float().mean()
        critic.requires_grad_(True)
        weight = _adaptive(reconstruction, adversarial, vae.decoder.conv_out.weight)
        ramp = min(1.0, (moment.fraction - opposed) / 0.05)
        against = F.relu(1 - critic(real).float()).mean() + F.relu(1 + critic(fake.detach()).float()).mean()
        warmed = 0.0 if ramp < 0.4 else ramp
        return {"autoencoder": total + 0.1 * warmed * weight * adversarial, "critic": 0.5 * against, **shown}

    @torch.no_grad()
    def sheet() -> np.ndarray:
        rebuilt = vae.decode(vae.encode(probe).latent_dist.mean).sample
        return grid([*to_pixels(probe), *to_pixels(rebuilt)], _SHEET)

    return Task(
        name=name,
        modules={"vae": vae, "critic": critic},
        groups={"autoencoder": list(vae.parameters()), "critic": list(critic.parameters())},
        loss=loss,
        averaged=("vae",),
        batch=batch,
        sheet=sheet,
    )


def psnr_of(fake: Tensor, real: Tensor) -> Tensor:
    """PSNR of (B, 3, H, W) in -1..1, dB."""
    return 10 * torch.log10(4.0 / (fake.detach().clamp(-1, 1) - real).pow(2).mean())


@torch.no_grad()
def fold_normalisation(vae: AutoencoderKL, pictures: Sequence[np.ndarray], device: torch.device) -> None:
    """Give latents times 0.18215 mean 0 and deviation 1 per channel, through the two 1x1 convolutions.

    The decoder's output stays the same. `pictures` are uint8 (H, W, 3).
    """
    means = torch.cat(
        [vae.encode(to_batch(p[None]).to(device)).latent_dist.mean.flatten(2) for p in pictures], 2
    )
    centre, spread = means.mean(dim=(0, 2)), means.std(dim=(0, 2)) * SCALING
    ahead, behind = vae.quant_conv, vae.post_quant_conv
    channels = len(centre)
    behind.bias += behind.weight[:, :, 0, 0] @ centre
    behind.weight *= spread[None, :, None, None]
    ahead.weight[:channels] /= spread[:, None, None, None]
    ahead.bias[:channels] = (ahead.bias[:channels] - centre) / spread
    ahead.bias[channels:] -= 2 * spread.log()


def encoder_digest(vae: AutoencoderKL) -> str:
    """SHA-256 of what decides the latents: the encoder, not the decoder; in half precision, as files are."""
    digest = hashlib.sha256()
    for name, value in sorted(vae.state_dict().items()):
        if name.startswith(("encoder.", "quant_conv.")):
            digest.update(name.encode() + value.detach().half().cpu().numpy().tobytes())
    return digest.hexdigest()


@torch.no_grad()
def encode_latents(vae: AutoencoderKL, pixels: np.ndarray, device: torch.device) -> np.ndarray:
    """uint8 (B, H, W, 3) -> fp16 (B, 4, H/8, W/8), times `scaling_factor`: what the UNet sees."""
    with autocast(device):
        mean = vae.encode(to_batch(pixels).to(device)).latent_dist.mean
    return (mean.float() * vae.config["scaling_factor"]).cpu().numpy().astype(np.float16)


def rebuilt_example(vae: AutoencoderKL, pool: Pool, device: torch.device) -> Callable[[int], Example]:
    """Number -> the pool's picture of that number after a round trip through `vae`, with the same words."""

    @torch.no_grad()
    def example(n: int) -> Example:
        with autocast(device):
            latents = vae.encode(to_batch(pool.pixels[n : n + 1]).to(device)).latent_dist.mean
            picture = to_pixels(vae.decode(latents).sample)[0]
        lines, things = np.asarray(pool.lines[n]), np.asarray(pool.things[n])
        return Example(picture, lines, things, tuple(pool.captions[n]), tuple(map(int, pool.labels[n])))

    return example


def tiny_task(
    plan: Plan, tiny: AutoencoderTiny, vae: AutoencoderKL, pool: Pool, device: torch.device, held_out: Pool
) -> Task:
    """Train AutoencoderTiny against the frozen KL latents: encoder by MSE, decoder from noised KL latents."""
    batch = plan.stages["tiny"].batch
    probe = np.asarray(held_out.pixels[:_SHEET])
    vae.requires_grad_(False)

    def loss(moment: Moment) -> Losses:
        side = plan.size // 2 if moment.rng.random() < 0.2 else max(32, plan.size // 4)
        count = max(1, batch * (plan.size // 4) ** 2 // side**2)
        pixels = crops(pool, moment.rng, count, side)
        real = to_batch(pixels).to(device)
        latents = torch.from_numpy(encode_latents(vae, pixels, device)).float().to(device)
        noise = torch.randn(latents.shape, generator=moment.noise).to(device)
        given = latents + 0.1 * float(moment.rng.random()) * noise
        fake = tiny.decode(given, return_dict=False)[0].float()
        encoder = F.mse_loss(tiny.encode(real, return_dict=False)[0].float(), latents)
        decoder = picture_loss(fake, real)
        return {"tiny": decoder + 0.5 * encoder, "_encoder": encoder, "_psnr": psnr_of(fake, real)}

    @torch.no_grad()
    def sheet() -> np.ndarray:
        latents = torch.from_numpy(encode_latents(vae, probe, device)).float().to(device)
        return grid([*probe, *to_pixels(tiny.decode(latents, return_dict=False)[0])], _SHEET)

    return Task(
        name="tiny",
        modules={"tiny": tiny},
        groups={"tiny": list(tiny.parameters())},
        loss=loss,
        averaged=("tiny",),
        batch=batch,
        sheet=sheet,
    )


def shrunk(pool: Pool, start: int, stop: int, factor: int) -> np.ndarray:
    """Pictures `start`..`stop` of a pool, each side divided by `factor`."""
    pixels = np.asarray(pool.pixels[start:stop])
    return pixels if factor == 1 else shrink(pixels, factor)
