"""Sizes and pace of a starter: the plans it can be trained by."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from studio.school.pace import Pace


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage's batch and pace."""

    batch: int
    pace: Pace


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides what a starter is."""

    name: str
    pictures: int  # in the training set
    encoded: int  # of them that the second UNet stage, the ControlNet and the LoRA see at full size
    size: int  # of the pictures, px; the first UNet stage trains at half of it
    captions: int  # that the tokenizer is learned from
    vocabulary: int
    text_width: int
    text_layers: int
    text_heads: int
    vae_channels: tuple[int, ...]
    adversarial_from: float  # of the stage "vae"'s time; 1 for never
    tiny_channels: int
    unet_channels: tuple[int, ...]
    unet_layers: int
    unet_heads: tuple[int, ...]
    unet_groups: int
    hint_channels: tuple[int, ...]
    lora_rank: int
    upscaler_width: int
    upscaler_depth: int
    judge_width: int
    wide: float  # of the pictures are 3:2 or 2:3
    stages: dict[str, Stage] = field(default_factory=dict[str, Stage])


def _stage(batch: int, minutes: float, rate: float, **pace: float) -> Stage:
    return Stage(batch, Pace(minutes=minutes, rate=rate, **pace))  # type: ignore[arg-type]


def _muon(batch: int, minutes: float, rate: float, **pace: float) -> Stage:
    return Stage(batch, Pace(minutes=minutes, rate=rate, orthogonal=True, **pace))  # type: ignore[arg-type]


_SEED = Plan(
    name="seed",
    pictures=8_192,
    encoded=4_096,
    size=256,
    captions=30_000,
    vocabulary=2048,
    text_width=192,
    text_layers=4,
    text_heads=3,
    vae_channels=(32, 64, 96, 128),
    adversarial_from=1.0,
    tiny_channels=32,
    unet_channels=(48, 96, 144),
    unet_layers=1,
    unet_heads=(2, 4, 6),
    unet_groups=16,
    hint_channels=(16, 24, 48, 64),
    lora_rank=16,
    upscaler_width=48,
    upscaler_depth=16,
    judge_width=24,
    wide=0.1,
    stages={
        "text": _stage(64, 6, 1e-3, warmup=100),
        "vae": _stage(8, 42, 8e-4, warmup=100, decay=0.998, weight_decay=0.0),
        "unet128": _stage(32, 40, 6e-4, warmup=100, decay=0.998),
        "unet256": _stage(16, 20, 4e-4, warmup=50, decay=0.998),
        "decoder": _stage(16, 15, 4e-4, warmup=100, decay=0.998, weight_decay=0.0),
        "tiny": _stage(16, 8, 8e-4, warmup=50, decay=0.99, weight_decay=0.0),
        "controlnet": _stage(8, 8, 3e-4, warmup=50, decay=0.99),
        "lcm": _stage(8, 8, 3e-4, warmup=20, decay=0.98, weight_decay=0.0),
        "upscaler": _stage(8, 8, 8e-4, warmup=200, decay=0.99, weight_decay=0.0),
        "judge": _stage(32, 20, 2e-3, warmup=100, decay=0.99),
    },
)

_NIGHT = replace(
    _SEED,
    name="night",
    vae_channels=(32, 64, 128, 192),
    adversarial_from=1.0,
    pictures=8_192,
    encoded=8_192,
    unet_channels=(64, 128, 192),
    lora_rank=14,
    hint_channels=(16, 32, 64, 96),
    stages={
        "text": _stage(64, 15, 1e-3, warmup=200),
        "vae": _muon(16, 160, 3e-3, decay=0.999, weight_decay=0.0),
        "unet128": _muon(32, 180, 2e-3, warmup=100, decay=0.998),
        "unet256": _muon(16, 150, 1e-3, warmup=50, decay=0.998),
        "decoder": _muon(16, 30, 1e-3, decay=0.999, weight_decay=0.0),
        "tiny": _muon(16, 25, 2e-3, decay=0.998, weight_decay=0.0),
        "controlnet": _muon(8, 60, 1e-3, warmup=50, decay=0.99),
        "lcm": _stage(8, 60, 3e-4, warmup=20, decay=0.98, weight_decay=0.0),
        "upscaler": _muon(8, 72, 2e-3, warmup=200, decay=0.998, weight_decay=0.0),
        "judge": _muon(32, 45, 2e-3, decay=0.998),
    },
)
_GPU = replace(
    _SEED,
    name="gpu",
    adversarial_from=0.6,
    pictures=250_000,
    encoded=250_000,
    unet_channels=(96, 128, 160),
    unet_layers=2,
    unet_heads=(3, 4, 5),
    hint_channels=(16, 32, 64, 96),
    stages={
        "text": _stage(512, 1, 1e-3),
        "vae": _stage(512, 6.2, 4e-4, decay=0.9995, weight_decay=0.0),
        "unet128": _stage(1024, 3, 4e-4, warmup=300, decay=0.999),
        "unet256": _stage(512, 8.8, 4e-4, warmup=300, decay=0.9997),
        "decoder": _stage(256, 1, 3e-4, weight_decay=0.0),
        "tiny": _stage(256, 0.9, 5e-4, decay=0.998, weight_decay=0.0),
        "controlnet": _stage(256, 2.5, 2e-4, decay=0.99),
        "lcm": _stage(512, 2.5, 3e-4, warmup=50, decay=0.99, weight_decay=0.0),
        "upscaler": _stage(512, 2.5, 8e-4, warmup=400, decay=0.998, weight_decay=0.0),
        "judge": _stage(512, 3, 2e-3, decay=0.998),
    },
)
_TINY = replace(
    _SEED,
    name="tiny",
    adversarial_from=0.5,
    pictures=24,
    encoded=20,
    size=64,
    captions=1_500,
    vocabulary=1800,
    text_width=32,
    text_layers=1,
    text_heads=2,
    vae_channels=(8, 8, 16, 16),
    tiny_channels=8,
    unet_channels=(16, 32, 32),
    unet_heads=(2, 2, 2),
    unet_groups=8,
    hint_channels=(8, 8, 8, 8),
    lora_rank=2,
    upscaler_width=8,
    upscaler_depth=2,
    judge_width=8,
    wide=0.0,
    stages={
        name: Stage(min(4, stage.batch), replace(stage.pace, minutes=0.01, warmup=2, decay=0.9))
        for name, stage in _SEED.stages.items()
    },
)

PLANS: dict[str, Plan] = {plan.name: plan for plan in (_SEED, _NIGHT, _GPU, _TINY)}
