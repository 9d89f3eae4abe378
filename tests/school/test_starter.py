import json
from dataclasses import replace

import pytest
import torch
from PIL import Image

from studio.errors import BadInput, MissingWeights, UnknownName
from studio.school.card import training_record
from studio.school.course import TrainOptions
from studio.school.export import SUMS, WEIGHTS, file_digest
from studio.school.starter import STAGES, train_starter
from studio.school.training import read_progress

PARTS = ("unet", "vae", "text_encoder")


def _pipelines():
    import diffusers

    names = [f"StableDiffusion{kind}Pipeline" for kind in ("", "Img2Img", "Inpaint")]
    names += [f"StableDiffusionControlNet{kind}Pipeline" for kind in ("", "Img2Img", "Inpaint")]
    return [getattr(diffusers, name) for name in names]


def test_every_stage_was_trained_and_recorded(school):
    record = json.loads((school.out / "training.json").read_text("utf-8"))
    trained = set(STAGES) - {"pictures", "tokenizer", "latents128", "latents256"}
    assert set(record["stages"]) == trained
    assert all(stage["samples"] > 0 for stage in record["stages"].values())
    assert all(read_progress(school.folder(stage)).finished for stage in trained)


@pytest.mark.parametrize("number", range(6))
def test_the_folder_paints_in_all_six_pipelines_offline(school, number, monkeypatch):
    from diffusers import ControlNetModel

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    cls, side = _pipelines()[number], school.plan.size
    extra = {}
    if "ControlNet" in cls.__name__:
        extra = {"controlnet": ControlNetModel.from_pretrained(str(school.out / "controlnet"))}
    pipe = cls.from_pretrained(str(school.out), local_files_only=True, **extra)
    pipe.set_progress_bar_config(disable=True)
    assert pipe.scheduler.config.prediction_type == "v_prediction"
    picture, white = Image.new("RGB", (side, side), (90, 120, 90)), Image.new("L", (side, side), 255)
    given = {"image": picture} if number else {}
    given |= {"mask_image": white} if "Inpaint" in cls.__name__ else {}
    given |= {"control_image": picture} if number in (4, 5) else {}
    if number in (0, 3, 2, 5):
        given |= {"height": side, "width": side}
    out = pipe("山水画, ink", num_inference_steps=2, output_type="np", **given).images
    assert out.shape == (1, side, side, 3)
    assert out.std() > 0


def test_the_few_step_lora_and_the_preview_decoder_load(school):
    from diffusers import AutoencoderTiny, LCMScheduler, StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(str(school.out), local_files_only=True)
    pipe.load_lora_weights(str(school.out / "lcm_lora"), local_files_only=True)
    pipe.scheduler = LCMScheduler.from_config(pipe.scheduler.config)
    pipe.vae = AutoencoderTiny.from_pretrained(str(school.out / "vae_tiny"))
    pipe.set_progress_bar_config(disable=True)
    side = school.plan.size
    out = pipe(
        "ink", num_inference_steps=4, guidance_scale=1.0, height=side, width=side, output_type="np"
    ).images
    assert out.shape == (1, side, side, 3)


def test_weights_are_half_precision_safetensors_under_published_names(school):
    from safetensors.torch import load_file

    for part in PARTS:
        path = school.out / part / ("model.safetensors" if part == "text_encoder" else WEIGHTS)
        tensors = load_file(str(path))
        assert {t.dtype for t in tensors.values()} == {torch.float16}
        if part == "text_encoder":
            assert all(name.startswith("text_model.") for name in tensors)


def test_the_sums_are_right_and_cover_every_file(school):
    lines = (school.out / SUMS).read_text("utf-8").splitlines()
    listed = dict(reversed(line.split("  ", 1)) for line in lines)
    there = {p.relative_to(school.out).as_posix() for p in school.out.rglob("*") if p.is_file()} - {SUMS}
    assert set(listed) == there
    assert all(file_digest(school.out / name) == digest for name, digest in listed.items())


def test_a_stage_alone_can_go_on_from_the_weights_without_its_state(school, tmp_path):
    import shutil

    out = tmp_path / "starter"
    shutil.copytree(school.out, out)
    options = replace(school.options, out=out, state=tmp_path / "state", stage="tiny", minutes=0.001)
    before = file_digest(out / "vae" / WEIGHTS)
    seen = training_record(out)["stages"]["tiny"]
    train_starter(options)
    more = training_record(out)["stages"]["tiny"]
    assert more["samples"] > seen["samples"], "samples count on"
    assert more["steps"] > seen["steps"]
    assert file_digest(out / "vae" / WEIGHTS) == before
    assert file_digest(out / "vae_tiny" / WEIGHTS) != file_digest(school.out / "vae_tiny" / WEIGHTS)


def test_a_folder_of_captioned_pictures_teaches_a_painter_of_its_own(tmp_path):
    data = tmp_path / "pictures"
    data.mkdir()
    for n in range(4):
        Image.new("RGB", (90 + n, 80), (60 * n, 90, 200 - 40 * n)).save(data / f"{n}.png")
        (data / f"{n}.txt").write_text(f"field number {n} 田野", "utf-8")
    options = TrainOptions(tmp_path / "state", tmp_path / "out", plan="tiny", data=data)
    for stage in ("pictures", "tokenizer", "text", "vae", "latents128", "unet128"):
        train_starter(replace(options, stage=stage, minutes=0.003))
    record = json.loads((tmp_path / "out" / "training.json").read_text("utf-8"))
    assert record["generator"] is None
    assert set(record["stages"]) == {"text", "vae", "unet128"}


def test_bad_options_are_refused_before_anything_is_written(tmp_path):
    options = TrainOptions(tmp_path / "state", tmp_path / "out", plan="tiny")
    for bad, error in (
        (replace(options, plan="huge"), UnknownName),
        (replace(options, stage="unet512"), UnknownName),
        (replace(options, minutes=0), BadInput),
        (replace(options, data=tmp_path / "nowhere"), BadInput),
    ):
        with pytest.raises(error):
            train_starter(bad)
    assert not list(tmp_path.iterdir())


def test_a_stage_whose_forerunner_is_missing_says_which(elsewhere, monkeypatch):
    monkeypatch.setattr("studio.school.starter.write_untrained", lambda school: None)
    with pytest.raises(MissingWeights, match="Train the stage “vae” first"):
        train_starter(replace(elsewhere.options, stage="latents128"))


def test_latents_of_another_encoder_are_not_trained_on_and_a_new_decoder_changes_nothing(school, tmp_path):
    import shutil

    from studio.school.course import load_vae, open_latents, resolve
    from studio.school.export import save_component

    out = tmp_path / "starter"
    shutil.copytree(school.out, out)
    own = resolve(replace(school.options, out=out), STAGES)
    vae = load_vae(own)
    with torch.no_grad():
        vae.decoder.conv_out.bias += 1
    save_component(vae, out / "vae")
    assert open_latents(own, "latents128")
    with torch.no_grad():
        vae.encoder.conv_in.bias += 1
    save_component(vae, out / "vae")
    with pytest.raises(MissingWeights, match="Run the stage “latents128” again"):
        open_latents(own, "latents128")
