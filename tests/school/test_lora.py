from dataclasses import replace

import pytest
import torch
from PIL import Image

from studio.errors import BadInput
from studio.school.files import read_tensors
from studio.school.lora import LoraOptions, train_lora


@pytest.fixture
def options(school, tmp_path):
    data = tmp_path / "pictures"
    data.mkdir()
    for n in range(3):
        Image.new("RGB", (70, 80), (200, 40 * n, 30)).save(data / f"{n}.png")
    out, state = tmp_path / "out", tmp_path / "state"
    return LoraOptions(
        school.out, data, out, state, name="sunset", prompt="sks sky", minutes=0.01, rate=3e-3, rank=2
    )


def test_a_lora_is_learned_and_saved_for_both_kinds_of_reader(school, options):
    from diffusers import StableDiffusionPipeline

    seen = []
    path = train_lora(replace(options, report=seen.append))
    assert seen[-1].losses["lora"] > 0
    peft, _ = read_tensors(options.out / "pytorch_lora_weights.safetensors")
    kohya, _ = read_tensors(path)
    assert len(kohya) == len(peft) // 2 * 3
    assert all(name.startswith("lora_unet_") for name in kohya)
    states = []
    for weight in ("sunset.safetensors", "pytorch_lora_weights.safetensors"):
        pipe = StableDiffusionPipeline.from_pretrained(str(school.out), local_files_only=True)
        pipe.load_lora_weights(str(options.out), weight_name=weight, local_files_only=True)
        pipe.fuse_lora()
        pipe.unload_lora_weights()
        states.append(pipe.unet.state_dict())
    plain = StableDiffusionPipeline.from_pretrained(str(school.out), local_files_only=True).unet.state_dict()
    assert all(torch.allclose(states[0][k], states[1][k], atol=1e-5) for k in states[0])
    assert any(not torch.equal(plain[k], states[0][k]) for k in plain)


def test_the_class_is_painted_once_and_kept_from_being_forgotten(options):
    seen = []
    asked = replace(options, class_prompt="山水画", class_pictures=2, report=seen.append)
    train_lora(asked)
    assert {"lora", "_instance", "_prior"} <= set(seen[-1].losses)
    stamp = (options.state / "class.safetensors").stat().st_mtime_ns
    train_lora(replace(asked, minutes=0.002))
    assert (options.state / "class.safetensors").stat().st_mtime_ns == stamp


def test_bad_options_and_bad_pictures_are_refused_before_the_model_is_opened(options, tmp_path):
    nowhere = replace(options, model=tmp_path / "no model")
    for bad, sentence in (
        (replace(nowhere, name="../x"), "name of a LoRA"),
        (replace(nowhere, rank=0), "rank"),
        (replace(nowhere, minutes=-1), "minutes"),
        (replace(nowhere, side=100), "multiple of 32"),
        (replace(nowhere, data=tmp_path / "none"), "There is no folder"),
        (replace(nowhere, prompt=None), "has no caption"),
    ):
        with pytest.raises(BadInput, match=sentence):
            train_lora(bad)


def test_only_a_checkpoint_can_be_taught(school, options):
    with pytest.raises(BadInput, match="a LoRA can be trained on"):
        train_lora(replace(options, model=school.out / "upscaler" / "x2.safetensors"))
