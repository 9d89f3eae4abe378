"""The safety checker: tiny and random, in the published layout and under the published names."""

import json
import shutil
from io import BytesIO
from pathlib import Path

import pytest
import torch
from halls import models_folder
from PIL import Image
from safetensors.torch import load_file, save_file

from studio import images, metadata
from studio.models.library import Library
from studio.painting.events import Picture, Step
from studio.painting.painter import Painter
from studio.painting.safety import VEILED, checker_of, veiled, views
from studio.recipe import Recipe
from studio.settings import PROJECT, Settings

QUICK = Recipe(prompt="a lake", steps=2, width=64, height=64, seed=7, guidance=1)


def checker_folder(folder: Path, finds: bool) -> Path:
    """A checker that finds something in every picture, or in none, as `save_pretrained` once wrote it."""
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig

    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    seeing = {**small, "image_size": 32, "patch_size": 16}
    config = CLIPConfig(text_config=small, vision_config=seeing, projection_dim=8)
    torch.manual_seed(3)
    net = StableDiffusionSafetyChecker(config)
    net.concept_embeds_weights.fill_(-2.0 if finds else 2.0)  # cosines lie above the one, below the other
    net.special_care_embeds_weights.fill_(2.0)
    net.save_pretrained(folder)
    path = folder / "model.safetensors"
    state = {
        name.replace("vision_model.", "vision_model.vision_model.", 1): tensor.clone()
        for name, tensor in load_file(path).items()
    }
    path.unlink()
    torch.save(state, folder / "pytorch_model.bin")
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    return models_folder(tmp_path_factory.mktemp("models"))


def painter_at(models: Path, data: Path) -> Painter:
    settings = Settings(data=data, models=models, device="cpu")
    return Painter(settings, Library(settings.models))


def painted(painter: Painter, checked: bool) -> tuple[Picture, list[Step], Image.Image]:
    told: list = []
    painter.paint(QUICK, {}, told.append, lambda: False, None, checked)
    (picture,) = [event for event in told if isinstance(event, Picture)]
    steps = [event for event in told if isinstance(event, Step)]
    return picture, steps, Image.open(BytesIO(picture.png)).convert("RGB")


@pytest.mark.parametrize("own", [False, True])
def test_what_the_checker_finds_is_blurred_and_said_and_shown_to_nobody_before(models, tmp_path, own):
    shutil.copytree(models, tmp_path / "models")
    where = "starter/safety_checker" if own else "annotators/safety_checker"
    checker_folder(tmp_path / "models" / where, finds=True)
    painter = painter_at(tmp_path / "models", tmp_path / "data")
    plain, steps, as_painted = painted(painter, False)
    assert any(step.preview for step in steps)
    assert VEILED not in plain.facts["warnings"]
    painter.stages.clear()
    found, steps, shown = painted(painter, True)
    assert VEILED in found.facts["warnings"]
    assert steps
    assert not any(step.preview for step in steps)
    assert shown.tobytes() == veiled(as_painted).tobytes() != as_painted.tobytes()
    read = metadata.read_file(found.png)
    assert read.recipe == QUICK
    assert VEILED in read.facts["warnings"]


def test_what_it_does_not_find_is_as_painted(models, tmp_path):
    shutil.copytree(models, tmp_path / "models")
    checker_folder(tmp_path / "models" / "annotators" / "safety_checker", finds=False)
    painter = painter_at(tmp_path / "models", tmp_path / "data")
    found, _, shown = painted(painter, True)
    assert found.facts["seconds"]["safety"] > 0
    assert VEILED not in found.facts["warnings"]
    assert shown.tobytes() == painted(painter, False)[2].tobytes()


def test_without_weights_nothing_is_checked(models, tmp_path):
    shutil.copytree(models, tmp_path / "models")
    empty = tmp_path / "models" / "annotators" / "safety_checker"
    empty.mkdir(parents=True)
    (empty / "config.json").write_text(json.dumps({"model_type": "clip"}))
    painter = painter_at(tmp_path / "models", tmp_path / "data")
    assert checker_of(painter.library, painter.library.find("checkpoint", "starter")) is None
    assert "safety" not in painted(painter, True)[0].facts["seconds"]
    save_file({"a": torch.zeros(1)}, empty / "model.safetensors")
    painter.library.scan()
    assert checker_of(painter.library, painter.library.find("checkpoint", "starter")) is not None


@pytest.mark.parametrize("finds", [True, False])
def test_a_live_frame_is_looked_at_before_anybody_sees_it(tmp_path, finds):
    checker_folder(tmp_path / "models" / "annotators" / "safety_checker", finds)
    settings = Settings(data=tmp_path / "data", models=PROJECT / "models", device="cpu")
    painter = Painter(settings, Library(settings.models, (tmp_path / "models",)))
    painter._live._budget = 0.0  # one step always
    wanted = Recipe(prompt="mist", seed=3, width=128, height=128, guidance=1)
    plain, seen, again = (painter.live(wanted, {}, lambda: False, checked) for checked in (False, True, True))
    assert (plain.veiled, plain.same) == (False, False)
    assert (seen.veiled, seen.same) == (finds, False), "the unchecked frame before is not handed out"
    assert (again.veiled, again.same, again.jpeg) == (finds, True, seen.jpeg)
    shown = images.read(seen.jpeg).convert("L").resize((32, 32)).tobytes()
    as_painted = images.read(plain.jpeg).convert("L").resize((32, 32)).tobytes()
    assert (shown == as_painted) == (not finds)


def test_the_whole_of_a_long_picture_is_seen_and_nothing_of_a_blurred_one():
    long = Image.effect_noise((500, 100), 80)
    seen = views(long)
    assert [view.size for view in seen] == [(100, 100)] * 5
    assert b"".join(view.convert("L").tobytes() for view in seen) != seen[0].tobytes() * 5
    assert len(views(Image.new("RGB", (100, 5000)))) == 8
    text = Image.new("RGB", (512, 512), "white")
    text.paste("black", (200, 200, 230, 300))
    lightest, darkest = veiled(text).convert("L").getextrema()[::-1]
    assert lightest - darkest < 120
