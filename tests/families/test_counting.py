"""Counting tokens while the prompt is typed."""

import pytest

from studio.families import FAMILIES
from studio.families.counting import counted
from studio.models.files import ModelFile
from studio.settings import PROJECT

STARTER = ModelFile(
    id="starter",
    kind="checkpoint",
    title="Starter",
    path=PROJECT / "models" / "starter",
    layout="folder",
    family="starter",
)
SINGLE = ModelFile(id="x", kind="checkpoint", title="x", path=PROJECT / "x.safetensors", family="sd15")


@pytest.mark.parametrize(
    ("prompt", "tokens"),
    [
        ("", (0,)),
        ("a cat", (2,)),
        ("a (cat:1.3) <lora:x:1>", (2,)),
        ("a cat BREAK a dog", (2, 2)),
        ("a cat AND two small dogs", (3,)),
        ("cat, " * 40, (75, 5)),
    ],
)
def test_tokens_are_counted_in_each_window(prompt: str, tokens: tuple[int, ...]):
    assert counted(SINGLE, prompt) == tokens


def test_the_starter_counts_with_its_own_vocabulary():
    assert counted(STARTER, "山水")[0] > 0


def test_the_work_of_a_family_is_that_of_its_published_architecture():
    """Multiply-adds of one UNet call for a megapixel, counted on a model without memory."""
    import torch
    from diffusers import UNet2DConditionModel
    from torch.utils.flop_counter import FlopCounterMode

    folder = FAMILIES["sd15"].config
    assert folder is not None
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(folder / "unet"))
        unet(torch.zeros(1, 4, 64, 64), torch.tensor(1), torch.zeros(1, 77, 768))
    per_megapixel = counter.get_total_flops() / 2 / 1e9 / (0.512 * 0.512)
    assert per_megapixel == pytest.approx(FAMILIES["sd15"].work, rel=0.01)
