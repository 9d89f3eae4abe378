"""Teach a model a subject or a manner from a few pictures: a LoRA, DreamBooth-style with prior preservation.

Hu et al. 2021 (LoRA), Ruiz et al. 2022 (DreamBooth: pictures of the class, painted by the model itself
beforehand, keep it from forgetting what else the class word means).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from studio.errors import BadInput
from studio.models.identify import identify
from studio.models.load import load_component, scheduler_config, tokenizer_folder
from studio.prompt.tokens import WINDOW, Vocabulary, clip_vocabulary, read_vocabulary
from studio.school.data import open_picture, read_folder
from studio.school.files import read_tensors, write_tensors
from studio.school.lcm import add_lora
from studio.school.nets import AutoencoderKL, UNet2DConditionModel, published
from studio.school.pace import Pace
from studio.school.sheets import to_batch
from studio.school.training import Losses, Moment, Report, Task, train

if TYPE_CHECKING:
    from studio.models.files import ModelFile

FAMILIES = ("starter", "sd15", "sd2")
_TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
_CONVOLUTIONS = ("conv1", "conv2", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2")
_CLASS_STEPS, _CLASS_GUIDANCE = 20, 3.0
_PEFT_FILE = "pytorch_lora_weights.safetensors"


@dataclass(frozen=True, slots=True)
class LoraOptions:
    """What `studio train lora` was asked.

    `model` is a folder in diffusers layout or a single file; `data` a folder of pictures with captions
    (`prompt` is the caption of those that have none). With `class_prompt`, `class_pictures` of it are painted
    first and kept. `out` becomes the folder with `<name>.safetensors` (kohya's names) and PEFT's file;
    `state` keeps checkpoints.
    """

    model: Path
    data: Path
    out: Path
    state: Path
    name: str = "lora"
    prompt: str | None = None
    class_prompt: str | None = None
    class_pictures: int = 64
    minutes: float = 10.0
    rank: int = 8
    rate: float = 1e-4
    batch: int = 4
    side: int | None = None  # px; None: what the model was trained at
    prior_weight: float = 1.0
    convolutions: bool = False
    device: str = "cpu"
    seed: int = 1
    report: Report | None = None


@dataclass(frozen=True, slots=True)
class _Model:
    """A frozen model, and how it was trained."""

    unet: UNet2DConditionModel
    vae: AutoencoderKL
    encoder: nn.Module
    vocabulary: Vocabulary
    schedule: dict[str, Any]
    kept: Tensor  # alpha-bar per timestep

    @property
    def velocity(self) -> bool:
        return self.schedule.get("prediction_type", "epsilon") == "v_prediction"


def _configs(file: ModelFile) -> Path | None:
    if file.layout == "folder":
        return None
    from studio import families

    return Path(families.__file__).parent / "configs" / file.family


def _open(options: LoraOptions, device: torch.device) -> _Model:
    file = identify(options.model)
    if file.kind != "checkpoint" or file.family not in FAMILIES:
        what = f"a {file.kind}" if file.kind != "checkpoint" else f"of family {file.family or 'unknown'}"
        raise BadInput(
            f"{options.model.name} is {what}; "
            "a LoRA can be trained on the starter or on a Stable Diffusion 1.x or 2.x checkpoint."
        )
    config = _configs(file)
    classes = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "text_encoder": "CLIPTextModel"}
    parts = {n: load_component(file, n, cls, config, torch.float32).to(device) for n, cls in classes.items()}
    folder = tokenizer_folder(file)
    schedule = scheduler_config(file, config)
    names = ("beta_start", "beta_end", "beta_schedule", "num_train_timesteps")
    kept = published("DDPMScheduler")(
        **{name: schedule[name] for name in names if name in schedule}
    ).alphas_cumprod
    return _Model(
        parts["unet"],  # type: ignore[arg-type]
        parts["vae"],  # type: ignore[arg-type]
        parts["text_encoder"],
        clip_vocabulary() if folder is None else read_vocabulary(folder),
        schedule,
        kept.to(device),
    )


@torch.no_grad()
def _read(model: _Model, captions: Sequence[str], device: torch.device) -> Tensor:
    """(B, 77, width) states of captions, each cut at 75 tokens."""
    known = model.vocabulary
    rows: list[list[int]] = []
    for caption in captions:
        ids = known.encode(caption)[:WINDOW]
        row = [known.bos, *ids, known.eos]
        rows.append(row + [known.pad] * (WINDOW + 2 - len(row)))
    return model.encoder(torch.tensor(rows).to(device)).last_hidden_state


@torch.no_grad()
def _encode(model: _Model, pictures: Sequence[np.ndarray], device: torch.device) -> Tensor:
    scale = float(model.vae.config["scaling_factor"])
    return torch.cat(
        [model.vae.encode(to_batch(p[None]).to(device)).latent_dist.mean * scale for p in pictures]
    )


@torch.no_grad()
def _paint_class(model: _Model, options: LoraOptions, side: int, device: torch.device) -> Tensor:
    """Latents of the class, painted by the model as it is; kept in the state folder."""
    path = options.state / "class.safetensors"
    wanted = {
        "prompt": options.class_prompt,
        "count": options.class_pictures,
        "side": side,
        "seed": options.seed,
    }
    if path.is_file():
        tensors, facts = read_tensors(path)
        if facts == wanted:
            return tensors["latents"].to(device)
    states = _read(model, ["", str(options.class_prompt)], device)
    made: list[Tensor] = []
    for n in range(options.class_pictures):
        scheduler = published("DPMSolverMultistepScheduler").from_config(model.schedule)
        scheduler.set_timesteps(_CLASS_STEPS, device=device)
        noise = torch.Generator().manual_seed(options.seed * 1_000_003 + n)
        latents = (
            torch.randn((1, 4, side // 8, side // 8), generator=noise).to(device) * scheduler.init_noise_sigma
        )
        for time in scheduler.timesteps:
            twice = scheduler.scale_model_input(torch.cat([latents] * 2), time)
            free, told = model.unet(twice, time, states, return_dict=False)[0].chunk(2)
            latents = scheduler.step(
                free + _CLASS_GUIDANCE * (told - free), time, latents, return_dict=False
            )[0]
        made.append(latents.cpu())
    result = torch.cat(made)
    write_tensors(path, {"latents": result}, wanted)
    return result.to(device)


def _noised_loss(model: _Model, latents: Tensor, states: Tensor, moment: Moment) -> Tensor:
    """Mean squared error of the noise or the velocity, whichever the model predicts."""
    count = len(latents)
    times = torch.from_numpy(moment.rng.integers(0, len(model.kept), count)).to(moment.device)
    noise = torch.randn(latents.shape, generator=moment.noise).to(moment.device)
    kept = model.kept[times][:, None, None, None]
    noisy = kept.sqrt() * latents + (1 - kept).sqrt() * noise
    target = kept.sqrt() * noise - (1 - kept).sqrt() * latents if model.velocity else noise
    return (model.unet(noisy, times, states, return_dict=False)[0].float() - target).pow(2).mean()


def _task(
    options: LoraOptions,
    model: _Model,
    taught: tuple[Tensor, Tensor],
    prior: Tensor | None,
    device: torch.device,
) -> Task:
    targets = _TARGETS + (_CONVOLUTIONS if options.convolutions else ())
    parameters = add_lora(model.unet, options.rank, targets)
    latents, states = taught
    class_states = None if prior is None else _read(model, [str(options.class_prompt)], device)

    def loss(moment: Moment) -> Losses:
        rows = torch.from_numpy(moment.rng.integers(0, len(latents), options.batch))
        instance = _noised_loss(model, latents[rows], states[rows], moment)
        if prior is None or class_states is None:
            return {"lora": instance}
        others = prior[torch.from_numpy(moment.rng.integers(0, len(prior), options.batch))]
        kept = _noised_loss(model, others, class_states.expand(len(others), -1, -1), moment)
        return {"lora": instance + options.prior_weight * kept, "_instance": instance, "_prior": kept}

    return Task(
        name="lora",
        modules={"lora": nn.ParameterList(parameters)},
        groups={"lora": parameters},
        loss=loss,
        averaged=("lora",),
        batch=options.batch,
    )


def peft_names(unet: UNet2DConditionModel) -> dict[str, Tensor]:
    """The injected adapter under diffusers' names: `unet.<module>.lora_A.weight`."""
    from peft.utils import get_peft_model_state_dict

    return {f"unet.{name}": value for name, value in get_peft_model_state_dict(unet).items()}


def kohya_names(tensors: dict[str, Tensor], alpha: float) -> dict[str, Tensor]:
    """The same under kohya's names: `lora_unet_<module>.lora_down.weight`, with `.alpha` beside each."""
    renamed: dict[str, Tensor] = {}
    for name, value in tensors.items():
        module, part = name.removeprefix("unet.").removesuffix(".weight").rsplit(".", 1)
        stem = "lora_unet_" + module.replace(".", "_")
        renamed[f"{stem}.{'lora_down' if part == 'lora_A' else 'lora_up'}.weight"] = value
        renamed[f"{stem}.alpha"] = torch.tensor(alpha)
    return renamed


def _save(options: LoraOptions, model: _Model) -> Path:
    tensors = {name: value.half() for name, value in peft_names(model.unet).items()}
    write_tensors(options.out / _PEFT_FILE, tensors)
    path = options.out / f"{options.name}.safetensors"
    write_tensors(path, kohya_names(tensors, float(options.rank)))
    return path


def _check(options: LoraOptions) -> None:
    if not options.name.strip() or not options.name.replace("-", "").replace("_", "").isalnum():
        raise BadInput("The name of a LoRA may hold letters, digits, - and _.")
    if not 1 <= options.rank <= 256:
        raise BadInput("The rank of a LoRA must be 1 to 256.")
    if options.side is not None and (options.side % 32 or not 64 <= options.side <= 1024):
        raise BadInput("The side to train at must be a multiple of 32 from 64 to 1024.")
    if not 0 < options.minutes < 100_000:
        raise BadInput("The minutes to train for must be more than 0.")


def train_lora(options: LoraOptions) -> Path:
    """Train a LoRA and return its file under kohya's names; PEFT's file lies beside it.

    Raises BadInput (options, pictures or captions; before the model is opened), BadWeights (the model).
    """
    _check(options)
    sources = read_folder(options.data, options.prompt)
    device = torch.device(options.device)
    torch.manual_seed(options.seed)
    model = _open(options, device)
    side = options.side or int(model.unet.config["sample_size"]) * 8
    latents = _encode(model, [open_picture(s.path, side, side) for s in sources], device)
    states = torch.cat([_read(model, [s.caption], device) for s in sources])
    prior = None if options.class_prompt is None else _paint_class(model, options, side, device)
    task = _task(options, model, (latents, states), prior, device)
    pace = Pace(minutes=options.minutes, rate=options.rate, warmup=20, decay=0.99)
    train(task, pace, options.state, device=device, seed=options.seed, report=options.report)
    return _save(options, model)
