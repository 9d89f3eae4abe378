"""A model folder painted from its prompt on: the pixels of diffusers' own `from_pretrained`."""

from pathlib import Path

import diffusers
import numpy as np
import pytest
import tiny
import torch

from studio.families import defaults, family, sd
from studio.families.encode import encode, vocabularies
from studio.models.library import identify
from studio.models.load import load_component, scheduler_config
from studio.prompt import plan
from studio.recipe import Recipe

SHIPPED = Path(__file__).parents[2] / "models" / "starter"


def starter(folder: Path) -> Path:
    """The shipped starter; before it is trained, a tiny one in the same layout."""
    whole = (SHIPPED / "unet" / "diffusion_pytorch_model.safetensors").is_file()
    return SHIPPED if whole else tiny.starter_folder(folder)


FOLDERS = {"starter": starter, "sd15": tiny.sd15_folder, "sd2": tiny.sd21_folder, "sdxl": tiny.sdxl_folder}


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_paints_what_diffusers_paints(tmp_path, kind):
    folder = FOLDERS[kind](tmp_path / kind)
    file, kin = identify(folder), family(kind)
    recipe = Recipe.of(
        {**defaults(file), "prompt": "a boat at a lake", "seed": 5, "steps": 3, "width": 128, "height": 64}
    )
    parts = {
        name: load_component(file, name, cls, kin.config, torch.float32)
        for name, cls in kin.components.items()
        if (folder / name).is_dir() and name not in ("controlnet", "vae_tiny")
    }
    said = plan(recipe.prompt, recipe.negative, recipe.steps)
    encoders = [parts[spec.component] for spec in kin.encoders]
    conditioning = encode(kin, said, recipe, encoders, vocabularies(kin, file))
    view = sd.Parts(parts["unet"], parts["vae"], (), scheduler_config(file, kin.config))
    latents = sd.denoise(kin, recipe, conditioning, view, sd.Inputs(), lambda i, n, x: None)
    ours = np.asarray(sd.decode(kin, latents, parts["vae"]))

    pipe = diffusers.DiffusionPipeline.from_pretrained(
        folder, local_files_only=True, torch_dtype=torch.float32
    )
    pipe.set_progress_bar_config(disable=True)
    spaced = (
        {"timestep_spacing": "trailing"} if recipe.schedule == "Trailing" else {"use_karras_sigmas": True}
    )
    base = {**pipe.scheduler.config, "timestep_spacing": "linspace"} | spaced
    pipe.scheduler = diffusers.DPMSolverMultistepScheduler.from_config(base)
    theirs = pipe(
        recipe.prompt,
        width=recipe.width,
        height=recipe.height,
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance,
        generator=torch.Generator().manual_seed(recipe.seed),
    ).images[0]
    # The same weights at another address in memory can round differently in the last bit.
    apart = np.abs(ours.astype(int) - np.asarray(theirs))
    assert apart.max() <= 1
    assert (apart > 0).mean() < 0.01
