"""The samplers' table: A1111's noise levels, the order of each solver, and noise from the seed alone."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.errors import BadInput, UnknownName
from studio.samplers import SAMPLERS, SCHEDULES, resolve, scheduler

VECTORS = Path(__file__).parent / "vectors"
SD15 = {
    "_class_name": "PNDMScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "steps_offset": 1,
    "skip_prk_steps": True,
    "set_alpha_to_one": False,
}
STARTER = {**SD15, "_class_name": "DPMSolverMultistepScheduler", "beta_end": 0.02} | {
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
}
MEAN, SPREAD = 0.7, 0.5  # the data of the toy: x0 ~ N(0.7, 0.5²)
SIGMAS = json.loads((VECTORS / "sigma_vectors.json").read_text())["vectors"]


def levels(name, schedule, steps, base=SD15):
    made, _ = scheduler(name, schedule, base, steps, [0])
    made.set_timesteps(steps)
    sigmas = made.sigmas
    return torch.cat([sigmas[:1], sigmas[1:-1:2], sigmas[-1:]]) if made.order == 2 else sigmas


@pytest.mark.parametrize("name", ["Euler", "Euler a", "LMS", "Heun", "DPM++ 2M", "DPM++ 2M SDE", "UniPC"])
def test_noise_levels_are_those_a1111_uses(name):
    checked = 0
    for vector in SIGMAS:
        schedule = vector["label"]
        if vector["sdxl"] or schedule not in SAMPLERS[name].schedules:
            continue
        ours, theirs = levels(name, schedule, vector["steps"]).numpy(), np.array(vector["sigmas"])
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-5, err_msg=f"{name} {schedule}")
        checked += 1
    assert checked >= 30


def solve(name, schedule, steps, base=STARTER, seed=0, shape=(1, 4, 8, 8)):
    """The toy painted through the sampler; the model knows the exact answer at every noise level."""
    made, call = scheduler(name, schedule, base, steps, [seed])
    made.set_timesteps(steps)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(shape, generator=generator)
    trained = ((1 - made.alphas_cumprod) / made.alphas_cumprod).sqrt().double().numpy()
    x = noise * made.init_noise_sigma
    takes = made.step.__code__.co_varnames
    extra = ({"generator": generator} if "generator" in takes else {}) | (call if "eta" in takes else {})
    for t in made.timesteps:
        seen = made.scale_model_input(x, t).double()
        sigma = float(np.exp(np.interp(float(t), np.arange(1000), np.log(trained))))
        alpha = 1 / np.sqrt(1 + sigma**2)
        eps = (seen / alpha - MEAN) * sigma / (sigma**2 + SPREAD**2)
        clean = seen / alpha - sigma * eps
        v = alpha * eps - alpha * sigma * clean
        output = v if base.get("prediction_type") == "v_prediction" else eps
        x = made.step(output.to(x.dtype), t, x, return_dict=False, **extra)[0]
    return noise, x, trained


def error(name, schedule, steps):
    """Distance from the exact solution of the probability-flow ODE for Gaussian data."""
    noise, x, trained = solve(name, schedule, steps)
    high = trained[-1]
    start = noise.double() * (
        high if "Euler" in name or name in ("LMS", "Heun", "DPM2") else np.hypot(1, high)
    )
    exact = MEAN + (start - MEAN) * SPREAD / np.sqrt(high**2 + SPREAD**2)
    return float((x.double() - exact).abs().mean())


@pytest.mark.parametrize(
    ("name", "schedule", "order"),
    [
        ("Euler", "Karras", 1),
        ("DDIM", "Trailing", 1),
        ("LMS", "Karras", 2),
        ("Heun", "Karras", 2),
        ("DPM2", "Exponential", 2),
        ("DPM++ 2M", "Exponential", 2),
        ("DPM++ 2S", "Exponential", 2),
        ("UniPC", "Exponential", 2),
    ],
)
def test_halving_the_steps_costs_what_the_order_says(name, schedule, order):
    coarse, fine = error(name, schedule, 10), error(name, schedule, 40)
    assert np.log2(coarse / fine) / 2 > order - 0.3
    assert fine < 0.03 / order


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_paints_with_every_schedule_it_claims_and_any_number_of_steps(name):
    for schedule in SAMPLERS[name].schedules:
        for base, steps in ((SD15, 1), (SD15, 2), (STARTER, 11)):
            _, x, _ = solve(name, schedule, steps, base)
            assert x.isfinite().all(), (schedule, steps)
    _, x, _ = solve(name, "Automatic", 50)
    assert abs(float(x.mean()) - MEAN) < 0.25, "the picture's mean"
    assert 0.2 < float(x.std()) < 0.8, "the picture's contrast"


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_seed_always_gives_the_same_noise(name):
    first, again, other = (solve(name, "Automatic", 4, seed=s)[1] for s in (7, 7, 8))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_noise_is_drawn_as_recorded():
    for vector in json.loads((VECTORS / "rng_vectors.json").read_text())["cpu"]:
        drawn = torch.randn(vector["shape"], generator=torch.Generator().manual_seed(vector["seed"]))
        assert drawn[0, 0, 0, :4].tolist() == pytest.approx(vector["[0,0,0,:4]"])
        half = torch.randn(
            vector["shape"], generator=torch.Generator().manual_seed(vector["seed"]), dtype=torch.bfloat16
        )
        assert torch.equal(drawn.bfloat16(), half), "a lower precision rounds the same draw"


def test_the_models_own_training_is_kept_and_its_spacing_is_not():
    made, _ = scheduler("Euler a", "Uniform", STARTER, 20)
    assert made.config.prediction_type == "v_prediction"
    assert made.config.beta_end == 0.02
    assert made.config.timestep_spacing == "linspace"
    made, _ = scheduler("DPM++ 2M", "Trailing", STARTER, 20)
    made.set_timesteps(20)
    assert made.timesteps[0] == 999
    assert made.timesteps[-1] == 49


def test_names_resolve():
    assert resolve("DPM++ 2M")[1] == "Karras"
    assert resolve("DPM++ 2M SDE Karras")[0].title == "DPM++ 2M SDE"
    assert resolve("DPM++ 2M SDE Heun Exponential")[1] == "Exponential"
    assert resolve("Euler", "Beta")[1] == "Beta"
    assert "Automatic" in SCHEDULES
    with pytest.raises(UnknownName, match="DPM\\+\\+ 2M"):
        resolve("DPM++ 2Q")
    with pytest.raises(UnknownName, match="Karras"):
        resolve("Euler", "Karas")
    with pytest.raises(BadInput, match=r"it can use .*Trailing"):
        resolve("DDIM", "Karras")
    with pytest.raises(BadInput, match="at most 50"):
        scheduler("LCM", "Automatic", SD15, 51)
