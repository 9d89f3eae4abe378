import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

from studio.school.course import load_reading, load_vae, open_latents
from studio.school.unet import (
    SCHEDULER,
    build_scheduler,
    build_unet,
    emphasis,
    forget_captions,
    noised,
    sample,
    signal_and_noise,
    spread_times,
    unet_task,
    velocity_loss,
)

CPU = torch.device("cpu")


def test_the_unet_learns(school, learn):
    sets = [latents for latents, _ in open_latents(school, "latents128")]
    task = unet_task(
        school.plan, "unet128", build_unet(school.plan), sets, load_reading(school), load_vae(school), CPU
    )
    first, last = learn(task, 15)
    assert last < 0.8 * first


def test_noise_and_velocity_are_those_of_diffusers():
    names = ("beta_start", "beta_end", "beta_schedule", "prediction_type")
    theirs = DDPMScheduler(**{name: SCHEDULER[name] for name in names})
    latents, noise = torch.randn(3, 4, 8, 8), torch.randn(3, 4, 8, 8)
    times = torch.tensor([0, 500, 999])
    noisy, velocity, weight = noised(latents, noise, times, signal_and_noise())
    assert torch.allclose(noisy, theirs.add_noise(latents, noise, times), atol=1e-5)
    assert torch.allclose(velocity, theirs.get_velocity(latents, noise, times), atol=1e-5)
    snr = theirs.alphas_cumprod[times] / (1 - theirs.alphas_cumprod[times])
    assert torch.allclose(weight, snr.clamp(max=5) / (snr + 1), rtol=1e-4)


def test_the_picture_is_all_but_gone_at_the_last_step():
    assert float(signal_and_noise()[0][-1]) == pytest.approx(0.0152, abs=5e-4)


def test_a_batch_sees_every_noise_level():
    times = spread_times(np.random.default_rng(0), 20)
    assert [t // 50 for t in times] == list(range(20))


def test_small_things_and_what_is_beside_them_count_thrice():
    things = torch.zeros(1, 6, 6, dtype=torch.bool)
    things[0, 1, 1] = True
    cells = emphasis(things)[0, 0]
    assert cells[:3, :3].tolist() == [[3.0] * 3] * 3
    assert float(cells.sum()) == 36 + 9 * 2
    error = velocity_loss(torch.ones(1, 4, 6, 6), torch.zeros(1, 4, 6, 6), torch.tensor([2.0]), cells)
    assert float(error) == pytest.approx(2 * (36 + 18) / 36)


def test_some_captions_are_forgotten():
    kept = forget_captions(["a"] * 2000, np.random.default_rng(0), 0.12)
    assert 0.09 < kept.count("") / 2000 < 0.15


def test_the_starters_own_sampler_paints_the_prompts(school):
    side = school.plan.size // 8
    unet = build_unet(school.plan).eval()
    pictures = sample(unet, load_vae(school), load_reading(school), ["ink", "夜"], (side, side), CPU, steps=2)
    assert [p.shape for p in pictures] == [(school.plan.size,) * 2 + (3,)] * 2
    assert build_scheduler().config.prediction_type == "v_prediction"
