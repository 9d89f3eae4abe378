import json

import pytest
import torch

from studio.errors import MissingWeights
from studio.school.export import WEIGHTS, load_component, load_text_encoder, need, save_component
from studio.school.plans import PLANS
from studio.school.text import build_text_encoder, save_text_encoder
from studio.school.unet import SCHEDULER, build_unet


def test_a_saved_component_comes_back_where_it_fits_and_only_there(tmp_path):
    unet = build_unet(PLANS["tiny"])
    save_component(unet, tmp_path / "unet")
    other = build_unet(PLANS["tiny"])
    assert load_component(other, tmp_path / "unet" / WEIGHTS)
    assert all(
        torch.equal(a.half().float(), b) for a, b in zip(unet.parameters(), other.parameters(), strict=True)
    )
    assert not load_component(torch.nn.Linear(2, 2), tmp_path / "unet" / WEIGHTS)
    assert not load_component(other, tmp_path / "nowhere")
    assert unet.dtype == torch.float32
    assert sorted(p.name for p in tmp_path.iterdir()) == ["unet"]


def test_a_text_encoder_of_another_vocabulary_is_not_loaded(tmp_path):
    save_text_encoder(build_text_encoder(PLANS["tiny"], 600), tmp_path)
    path = tmp_path / "model.safetensors"
    assert load_text_encoder(build_text_encoder(PLANS["tiny"], 600), path)
    assert not load_text_encoder(build_text_encoder(PLANS["tiny"], 601), path)


def test_the_pipeline_files_say_what_the_starter_is(school):
    index = json.loads((school.out / "model_index.json").read_text("utf-8"))
    assert index["_class_name"] == "StableDiffusionPipeline"
    assert index["safety_checker"] == [None, None]
    scheduler = json.loads((school.out / "scheduler" / "scheduler_config.json").read_text("utf-8"))
    assert SCHEDULER.items() <= scheduler.items()


def test_what_is_missing_is_named_with_the_stage_that_makes_it(tmp_path):
    with pytest.raises(MissingWeights, match="Train the stage “vae” first"):
        need(tmp_path / "vae", "vae")
