"""The registry: what each family paints with by default, and the architecture its configs describe."""

import json
import subprocess
import sys
from pathlib import Path

import diffusers
import pytest
import torch
import transformers

from studio.errors import UnknownName
from studio.families import FAMILIES, defaults, family
from studio.models.files import ModelFile
from studio.recipe import Recipe
from studio.samplers import resolve


def checkpoint(kind, name="model", prediction="epsilon"):
    return ModelFile(
        id=name,
        kind="checkpoint",
        family=kind,
        title=name,
        path=Path(name),
        layout="file",
        prediction=prediction,
    )


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (checkpoint("starter"), (256, 20, 5.0, "DPM++ 2M", "Trailing")),
        (checkpoint("sd15"), (512, 20, 7.0, "DPM++ 2M", "Karras")),
        (checkpoint("sd2"), (512, 20, 7.0, "DPM++ 2M", "Karras")),
        (checkpoint("sd2", prediction="v_prediction"), (768, 20, 7.0, "DPM++ 2M", "Karras")),
        (checkpoint("sdxl"), (1024, 28, 5.0, "DPM++ 2M", "Karras")),
        (checkpoint("sdxl", "sd_xl_turbo_1.0_fp16"), (512, 4, 1.0, "Euler a", "Trailing")),
        (checkpoint("sd15", "dreamTurbo"), (512, 4, 1.0, "Euler a", "Trailing")),
        (checkpoint("sdxl", "sdxl_lightning_8step"), (1024, 8, 1.0, "Euler", "Trailing")),
        (checkpoint("sd15", "LCM_Dreamshaper_v7"), (512, 6, 1.0, "LCM", "Trailing")),
        (checkpoint("sdxl", "Hyper-SDXL-2steps"), (1024, 2, 1.0, "DDIM", "Trailing")),
    ],
)
def test_a_checkpoint_starts_with_settings_that_suit_it(file, expected):
    found = defaults(file)
    recipe = Recipe.of(found)
    assert (recipe.width, recipe.steps, recipe.guidance, recipe.sampler, recipe.schedule) == expected
    assert resolve(recipe.sampler, recipe.schedule)


def test_the_starter_drafts_and_sdxl_has_a_portrait():
    assert [f.drafts for f in FAMILIES.values()] == [4, 1, 1, 1]
    assert (896, 1152) in family("sdxl").sizes
    for kin in FAMILIES.values():
        for width, height in kin.sizes:
            assert Recipe(width=width, height=height)
    with pytest.raises(UnknownName, match="sdxl"):
        family("sdxll")


PUBLISHED = {  # millions of parameters, as published
    "sd15": {"unet": 859.52, "vae": 83.65, "text_encoder": 123.06},
    "sd2": {"unet": 865.91, "vae": 83.65, "text_encoder": 340.39},
    "sdxl": {"unet": 2567.46, "vae": 83.65, "text_encoder": 123.06, "text_encoder_2": 694.66},
}


@pytest.mark.parametrize("kind", PUBLISHED)
def test_the_configs_describe_the_published_models(kind):
    kin = family(kind)
    for component, millions in PUBLISHED[kind].items():
        config = json.loads((kin.config / component / "config.json").read_text())
        name = kin.components[component]
        with torch.device("meta"):
            if hasattr(diffusers, name):
                module = getattr(diffusers, name).from_config(config)
            else:
                cls = getattr(transformers, name)
                module = cls(cls.config_class.from_dict(config))
        count = sum(p.numel() for p in module.parameters())
        assert count / 1e6 == pytest.approx(millions, abs=0.01), component


def test_the_page_learns_of_families_without_loading_torch():
    code = (
        "import sys, studio.families.sd, studio.families.encode, studio.samplers, studio.control;"
        "print([m for m in ('torch', 'diffusers', 'transformers', 'cv2') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
