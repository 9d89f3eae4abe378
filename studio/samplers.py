"""Samplers: A1111's names, each the diffusers scheduler that does what the name says.

Only what belongs to the model comes from its own scheduler config (betas, what is predicted);
spacing and solver are the sampler's. Where a class can space its noise levels itself its own option
is used; elsewhere the levels are computed here, as σ_i in variance-exploding units
(σ = √((1-ᾱ)/ᾱ)), and laid over the class. Names without an honest counterpart are left out:
Restart, DPM fast, DPM adaptive and DPM++ 2S a do something no scheduler here does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from studio.errors import BadInput, UnknownName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Levels = NDArray[np.float64]

SCHEDULES: tuple[str, ...] = (
    "Automatic",
    "Uniform",
    "Karras",
    "Exponential",
    "Polyexponential",
    "Beta",
    "Simple",
    "Normal",
    "SGM Uniform",
    "KL Optimal",
    "Trailing",
    "Leading",
)

_MODEL_FACTS = (  # what a scheduler must know about how the model was trained
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "prediction_type",
    "rescale_betas_zero_snr",
)

_OPTIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {  # how a diffusers class is asked for a schedule
        "Uniform": {"timestep_spacing": "linspace"},
        "Normal": {"timestep_spacing": "linspace"},
        "Trailing": {"timestep_spacing": "trailing"},
        "Leading": {"timestep_spacing": "leading"},
        "Karras": {"use_karras_sigmas": True},
        "Exponential": {"use_exponential_sigmas": True},
        "Polyexponential": {"use_exponential_sigmas": True},  # A1111 leaves its exponent at 1
        "Beta": {"use_beta_sigmas": True},
    }
)


@dataclass(frozen=True, slots=True)
class Sampler:
    """A way from noise to picture.

    `order` is the number of model calls a step (2: the prompt schedule counts double too);
    `options` are the schedules the class spaces itself, `schedules` all it honours; `call` goes to
    the pipeline; `most_steps` bounds the steps.
    """

    title: str
    cls: str
    automatic: str
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    order: int = 1
    options: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()
    stochastic: bool = False
    call: Mapping[str, Any] = field(default_factory=dict[str, Any])
    most_steps: int = 150


_SPACINGS = ("Uniform", "Normal", "Trailing", "Leading")
_FLAGS = ("Karras", "Exponential", "Polyexponential", "Beta")
_OWN = _SPACINGS + _FLAGS
# Multistep classes: their linspace takes n + 1 points and drops the last: a tail up to 6.7 times too noisy.
_TAILED = ("Trailing", *_FLAGS)
_GRIDDED = ("Trailing", "Uniform", "Simple", "SGM Uniform", "Karras", "Exponential", "Beta")
_ALL = SCHEDULES[1:]
_DPM = {
    "algorithm_type": "dpmsolver++",
    "solver_type": "midpoint",
    "solver_order": 2,
    "lower_order_final": True,
    "final_sigmas_type": "zero",
}
_SDE = {**_DPM, "algorithm_type": "sde-dpmsolver++"}
_SDE_HEUN = {**_SDE, "solver_type": "heun"}
_SDE_3 = {**_SDE, "solver_order": 3}
_UNIPC = {"solver_order": 2, "solver_type": "bh2", "final_sigmas_type": "zero"}  # bh1 ends in NaN at zero
_DDIM = {"clip_sample": False, "set_alpha_to_one": False}
_PLMS = {"skip_prk_steps": True, "set_alpha_to_one": False}
_GRID = {**_DDIM, "original_inference_steps": 50}
_GAMMA = {"eta": 0.3}  # γ of the TCD paper (arXiv 2402.19159)
_MULTISTEP = "DPMSolverMultistepScheduler"
_TABLE: tuple[Sampler, ...] = (
    Sampler("Euler", "EulerDiscreteScheduler", "Uniform", {}, 1, _OWN, _ALL),
    Sampler("Euler a", "EulerAncestralDiscreteScheduler", "Uniform", {}, 1, _SPACINGS, _ALL, True),
    Sampler("LMS", "LMSDiscreteScheduler", "Uniform", {}, 1, _OWN, _ALL),
    Sampler("Heun", "HeunDiscreteScheduler", "Uniform", {}, 2, _OWN, _OWN),
    Sampler("DPM2", "KDPM2DiscreteScheduler", "Karras", {}, 2, _OWN, _OWN),
    Sampler("DPM2 a", "KDPM2AncestralDiscreteScheduler", "Karras", {}, 2, _OWN, _OWN, True),
    Sampler("DPM++ 2M", _MULTISTEP, "Karras", _DPM, 1, _TAILED, _ALL),
    Sampler("DPM++ 2M SDE", _MULTISTEP, "Exponential", _SDE, 1, _TAILED, _ALL, True),
    Sampler("DPM++ 2M SDE Heun", _MULTISTEP, "Exponential", _SDE_HEUN, 1, _TAILED, _ALL, True),
    Sampler("DPM++ 3M SDE", _MULTISTEP, "Exponential", _SDE_3, 1, _TAILED, _ALL, True),
    Sampler("DPM++ SDE", "DPMSolverSDEScheduler", "Karras", {}, 2, _OWN, _OWN, True),
    Sampler("DPM++ 2S", "DPMSolverSinglestepScheduler", "Karras", _DPM, 1, _FLAGS, _ALL),
    Sampler("UniPC", "UniPCMultistepScheduler", "Uniform", _UNIPC, 1, _TAILED, _ALL),
    Sampler("DEIS", "DEISMultistepScheduler", "Uniform", {"solver_order": 2}, 1, _TAILED, _ALL),
    Sampler("DDIM", "DDIMScheduler", "Leading", _DDIM, 1, _SPACINGS, _SPACINGS),
    Sampler("PLMS", "PNDMScheduler", "Leading", _PLMS, 1, _SPACINGS, _SPACINGS),
    Sampler("DDPM", "DDPMScheduler", "Leading", {"clip_sample": False}, 1, _SPACINGS, _SPACINGS, True),
    Sampler("LCM", "LCMScheduler", "Trailing", _GRID, 1, ("Trailing",), _GRIDDED, True, {}, 50),
    Sampler("TCD", "TCDScheduler", "Trailing", _GRID, 1, ("Trailing",), _GRIDDED, True, _GAMMA, 50),
)
SAMPLERS: Mapping[str, Sampler] = MappingProxyType({s.title: s for s in _TABLE})


def sampler(name: str) -> Sampler:
    """The sampler of this name. Raises `UnknownName`, listing what exists."""
    if name not in SAMPLERS:
        raise UnknownName("sampler", name, SAMPLERS)
    return SAMPLERS[name]


def resolve(name: str, schedule: str = "Automatic") -> tuple[Sampler, str]:
    """The sampler and the real schedule: “Automatic” becomes the sampler's usual one.

    Names from before A1111 1.9 that end in their schedule (“DPM++ 2M Karras”) are split. Raises
    `UnknownName` for a name that does not exist and `BadInput` for a schedule that the sampler
    cannot honour.
    """
    if name not in SAMPLERS:
        for known in SCHEDULES[1:]:
            short = name.removesuffix(" " + known)
            if short in SAMPLERS and schedule == "Automatic":
                name, schedule = short, known
                break
    found = sampler(name)
    if schedule not in SCHEDULES:
        raise UnknownName("schedule", schedule, SCHEDULES)
    if schedule == "Automatic":
        return found, found.automatic
    if schedule not in found.schedules:
        can = ", ".join(found.schedules)
        raise BadInput(f"The sampler {found.title} cannot use the schedule {schedule}; it can use {can}.")
    return found, schedule


def check(name: str, schedule: str, steps: int) -> tuple[Sampler, str]:
    """As `resolve`, and raises `BadInput` for more steps than the sampler can take."""
    chosen, schedule = resolve(name, schedule)
    if steps > chosen.most_steps:
        raise BadInput(f"The sampler {chosen.title} takes at most {chosen.most_steps} steps, not {steps}.")
    return chosen, schedule


def scheduler(
    name: str, schedule: str, base: Mapping[str, Any], steps: int, seeds: Sequence[int] = ()
) -> tuple[Any, dict[str, Any]]:
    """A fresh diffusers scheduler, and what the pipeline call must be told besides.

    `base` is the model's own scheduler config: its betas and its prediction type are kept. `seeds`,
    one a picture, feed the sampler that draws its own noise (DPM++ SDE); the others take the
    pipeline's generators. Raises as `resolve`, and `BadInput` for more steps than the sampler can.
    """
    import inspect

    import diffusers

    chosen, schedule = check(name, schedule, steps)
    cls: type[Any] = getattr(diffusers, chosen.cls)
    if chosen.cls == "DPMSolverSDEScheduler":
        cls = _drawn_on_cpu(cls)
    facts = {key: base[key] for key in _MODEL_FACTS if base.get(key) is not None}
    config = {
        **facts,
        **chosen.config,
        "steps_offset": 1,
    }  # as Stable Diffusion was made, and pipelines insist
    if schedule in chosen.options:
        # A flag works on the whole range of levels, which only linspace spans.
        config |= {"timestep_spacing": "linspace", **_OPTIONS[schedule]}
        if steps == 1 and config["timestep_spacing"] == "linspace":
            config["timestep_spacing"] = (
                "trailing"  # one point of linspace is the clean end, not the noisy one
            )
    else:
        config["timestep_spacing"] = "linspace"
        cls = _laid_over(cls, _LEVELS[schedule])
    if chosen.cls == "DPMSolverSDEScheduler":
        config["noise_sampler_seed"] = list(seeds) or [0]
    takes = inspect.signature(getattr(diffusers, chosen.cls).__init__).parameters
    return cls.from_config({k: v for k, v in config.items() if k in takes}), dict(chosen.call)


def _laid_over(cls: type[Any], levels: Callable[[int, Levels], Levels]) -> type[Any]:
    """`cls` with its noise levels replaced: all its arithmetic, other σ and the times they stand for.

    A class without levels of its own (LCM, TCD) lives on whole timesteps and gets the nearest.
    """
    import numpy as np
    import torch

    class Levelled(cls):
        def set_timesteps(self, num_inference_steps: int, device: Any = None) -> None:
            super().set_timesteps(num_inference_steps, device=device)
            trained = self.alphas_cumprod.double().numpy()
            trained = np.sqrt((1 - trained) / trained)
            sigmas = levels(num_inference_steps, trained)
            times = _time_of(sigmas[:num_inference_steps], trained)
            if not hasattr(self, "sigmas"):
                self.timesteps = torch.from_numpy(times.round().astype(np.int64)).to(device)
                return
            last = float(self.sigmas[-1])  # DEIS cannot reach zero and ends at its own last level
            sigmas[-1] = max(sigmas[-1], last)
            self.sigmas = torch.from_numpy(sigmas.astype(np.float32))
            self.timesteps = torch.from_numpy(times.astype(np.float32)).to(device)

    Levelled.__name__ = Levelled.__qualname__ = cls.__name__
    return Levelled


def _drawn_on_cpu(cls: type[Any]) -> type[Any]:
    """DPM++ SDE whose Brownian tree grows on the CPU in float32: one seed, one picture, everywhere."""
    from diffusers.schedulers.scheduling_dpmsolver_sde import BrownianTreeNoiseSampler

    class OnCpu(cls):
        def step(self, model_output: Any, timestep: Any, sample: Any, return_dict: bool = True) -> Any:
            if self.noise_sampler is None:
                low, high = float(self.sigmas[self.sigmas > 0].min()), float(self.sigmas.max())
                # a little wider: torchsde complains when float32 rounds a level past the tree's end
                tree = BrownianTreeNoiseSampler(
                    sample.float().cpu(), low * 0.999, high * 1.001, self.noise_sampler_seed
                )
                self.noise_sampler = lambda a, b: tree(a.cpu(), b.cpu()).to(sample)
            return super().step(model_output, timestep, sample, return_dict)

    OnCpu.__name__ = OnCpu.__qualname__ = cls.__name__
    return OnCpu


# ── Noise levels: n steps and the model's trained σ (ascending) → n + 1 levels, the first the noisiest ──


def _time_of(sigmas: Levels, trained: Levels) -> Levels:
    """The (fractional) training timestep at which the noise is `sigmas`, log-linear in between."""
    import numpy as np

    return np.interp(np.log(sigmas), np.log(trained), np.arange(len(trained)))


def _at_times(times: Levels, trained: Levels) -> Levels:
    import numpy as np

    sigmas = np.exp(np.interp(times, np.arange(len(trained)), np.log(trained)))
    return np.append(sigmas, 0.0)


def _uniform(n: int, trained: Levels) -> Levels:
    import numpy as np

    return _at_times(np.linspace(len(trained) - 1, 0, n), trained)


def _sgm_uniform(n: int, trained: Levels) -> Levels:
    import numpy as np

    return _at_times(np.linspace(len(trained) - 1, 0, n + 1)[:-1], trained)


def _simple(n: int, trained: Levels) -> Levels:
    import numpy as np

    total = len(trained)
    picked = [total - 1 - int(i * total / n) for i in range(n)]
    return np.append(trained[picked], 0.0)


def _trailing(n: int, trained: Levels) -> Levels:
    import numpy as np

    total = len(trained)
    return _at_times(np.round(total - np.arange(n) * total / n) - 1, trained)


def _leading(n: int, trained: Levels) -> Levels:
    import numpy as np

    return _at_times((np.arange(n)[::-1] * (len(trained) // n) + 1).astype(np.float64), trained)


def _karras(n: int, trained: Levels) -> Levels:
    """Karras et al. 2022 (arXiv 2206.00364), equation 5, ρ = 7."""
    import numpy as np

    high, low = trained[-1] ** (1 / 7), trained[0] ** (1 / 7)
    return np.append((high + np.linspace(0, 1, n) * (low - high)) ** 7, 0.0)


def _exponential(n: int, trained: Levels) -> Levels:
    import numpy as np

    return np.append(np.exp(np.linspace(np.log(trained[-1]), np.log(trained[0]), n)), 0.0)


def _beta(n: int, trained: Levels) -> Levels:
    """Beta(0.6, 0.6) quantiles (arXiv 2407.12173), over the noise levels."""
    import numpy as np
    from scipy.stats import beta

    quantiles = np.asarray(beta.ppf(1 - np.linspace(0, 1, n), 0.6, 0.6))
    return np.append(trained[0] + quantiles * (trained[-1] - trained[0]), 0.0)


def _kl_optimal(n: int, trained: Levels) -> Levels:
    """Align Your Steps (arXiv 2404.14507), appendix: levels of equal angle. It does not end at zero."""
    import numpy as np

    share = np.linspace(0, 1, n + 1)
    return np.tan(share * np.arctan(trained[0]) + (1 - share) * np.arctan(trained[-1]))


_LEVELS: Mapping[str, Callable[[int, Levels], Levels]] = MappingProxyType(
    {
        "Uniform": _uniform,
        "Normal": _uniform,
        "Karras": _karras,
        "Exponential": _exponential,
        "Polyexponential": _exponential,
        "Beta": _beta,
        "Simple": _simple,
        "SGM Uniform": _sgm_uniform,
        "KL Optimal": _kl_optimal,
        "Trailing": _trailing,
        "Leading": _leading,
    }
)
