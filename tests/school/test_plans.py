import pytest

from studio.school.autoencoder import build_autoencoder, build_tiny
from studio.school.controlnet import build_controlnet
from studio.school.plans import PLANS
from studio.school.starter import STAGES
from studio.school.text import build_text_encoder
from studio.school.unet import build_unet
from studio.school.upscaler import build_upscaler


@pytest.mark.parametrize("plan", PLANS.values(), ids=lambda plan: plan.name)
def test_every_plan_fits_into_60_megabytes(plan):
    unet = build_unet(plan)
    parts = [
        unet,
        build_controlnet(plan, unet),
        build_autoencoder(plan),
        build_tiny(plan),
        build_text_encoder(plan, plan.vocabulary),
        build_upscaler(plan),
    ]
    parameters = sum(p.numel() for part in parts for p in part.parameters())
    lora_and_judge = 4_000_000
    assert 2 * (parameters + lora_and_judge) < 62_000_000


@pytest.mark.parametrize("plan", PLANS.values(), ids=lambda plan: plan.name)
def test_every_trained_stage_has_a_pace_and_heads_are_multiples_of_eight(plan):
    assert set(plan.stages) == set(STAGES) - {"pictures", "tokenizer", "latents128", "latents256"}
    for channels, heads in zip(plan.unet_channels, plan.unet_heads, strict=True):
        assert channels % (8 * heads) == 0
