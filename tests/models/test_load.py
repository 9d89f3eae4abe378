import io
import json
import os
import pickle
import struct
import sys
import types
import warnings
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from diffusers import AutoencoderKL, ControlNetModel, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import load_file, save_file

from studio.errors import (
    BadWeights,
    BrokenWeights,
    MissingWeights,
    RefusedWeights,
    UnknownName,
    UnknownWeights,
)
from studio.models.files import container
from studio.models.identify import identify
from studio.models.library import Library
from studio.models.load import (
    component_bytes,
    load_component,
    load_state,
    lock_down,
    read_embedding,
    read_pickle,
    scheduler_config,
    tokenizer_folder,
)

UNET, VAE, TEXT = "UNet2DConditionModel", "AutoencoderKL", "CLIPTextModel"
PARTS = {"unet": UNET, "vae": VAE, "text_encoder": TEXT, "text_encoder_2": "CLIPTextModelWithProjection"}
FILES = {"own/file15": "sd15", "old15": "sd15", "file21": "sd2", "filexl": "sdxl"}


@pytest.fixture(scope="module")
def library(models: Path) -> Library:
    return Library(models)


@pytest.mark.parametrize("name", FILES)
def test_a_single_file_gives_every_component_its_weights(
    library: Library, models: Path, reference, name: str
):
    family = FILES[name]
    file = library.identified(library.find("checkpoint", name))
    for component, wanted in reference(family).items():
        made = load_component(file, component, PARTS[component], models / "configs" / family, torch.float32)
        assert not made.training
        assert not any(p.requires_grad for p in made.parameters())
        state = made.state_dict()
        assert state.keys() == wanted.state_dict().keys()
        for key, value in wanted.state_dict().items():
            assert torch.equal(state[key], value.half().float()), (component, key)


def test_a_folder_gives_the_same_pixels_as_diffusers_own_loading(library: Library, models: Path):
    file = library.find("checkpoint", "starter")
    theirs = StableDiffusionPipeline.from_pretrained(file.path, local_files_only=True)
    made = {part: load_component(file, part, PARTS[part], None, torch.float32) for part in list(PARTS)[:3]}
    ours = StableDiffusionPipeline(**{**theirs.components, **made}, requires_safety_checker=False)
    pictures = []
    for pipe in (theirs, ours):
        pipe.set_progress_bar_config(disable=True)
        dice = torch.Generator().manual_seed(3)
        size = {"width": 64, "height": 64, "num_inference_steps": 2, "output_type": "pt"}
        pictures.append(pipe("a boat", generator=dice, **size).images)
    assert torch.equal(*pictures)


def test_controlnets_and_vaes_load_in_both_layouts(library: Library, models: Path, tmp_path: Path):
    for family in ("sd15", "sd2", "sdxl"):
        config = models / "configs" / family
        made = load_component(
            library.find("controlnet", family), "controlnet", "ControlNetModel", config, torch.float32
        )
        for key, value in tiny.controlnet(family).state_dict().items():
            assert torch.equal(made.state_dict()[key], value.half().float()), (family, key)
    folder = load_component(
        library.find("controlnet", "starter"), "controlnet", "ControlNetModel", None, torch.float32
    )
    assert isinstance(folder, ControlNetModel)
    original = load_component(
        library.find("vae", "kl"), "vae", VAE, models / "configs" / "sd15", torch.bfloat16
    )
    assert {p.dtype for p in original.parameters()} == {torch.bfloat16}
    save_file(AutoencoderKL(**tiny.vae_config("sd15")).state_dict(), tmp_path / "vae.safetensors")
    bare = load_component(
        identify(tmp_path / "vae.safetensors"), "vae", VAE, models / "configs" / "sd15", torch.float32
    )
    assert isinstance(bare, AutoencoderKL)


def test_an_older_autoencoders_attention_is_read(tmp_path: Path, models: Path):
    state = AutoencoderKL(**tiny.vae_config("sd15")).state_dict()
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    for new, name in old.items():
        state = {key.replace(f"attentions.0.{new}.", f"attentions.0.{name}."): t for key, t in state.items()}
    save_file(state, tmp_path / "old.safetensors")
    made = load_component(
        identify(tmp_path / "old.safetensors"), "vae", VAE, models / "configs" / "sd15", torch.float32
    )
    key = "decoder.mid_block.attentions.0.to_out.0.weight"
    assert torch.equal(made.state_dict()[key], state["decoder.mid_block.attentions.0.proj_attn.weight"])


def test_an_inpainting_checkpoint_keeps_its_nine_channels(tmp_path: Path, models: Path):
    state = tiny.original_state("sd15", words=600)
    first = "model.diffusion_model.input_blocks.0.0.weight"
    state[first] = torch.randn(state[first].shape[0], 9, 3, 3)
    save_file(state, tmp_path / "inpainting.safetensors")
    file = identify(tmp_path / "inpainting.safetensors")
    assert "source picture" in file.note
    made = load_component(file, "unet", UNET, models / "configs" / "sd15", torch.float32)
    assert made.config["in_channels"] == 9


def test_sharded_and_half_precision_folders_are_read(tmp_path: Path):
    net = tiny.unet()
    net.save_pretrained(tmp_path / "unet", max_shard_size="100KB", variant="fp16")
    shards = sorted((tmp_path / "unet").glob("*.safetensors"))
    assert len(shards) > 2
    tiny.sd15_folder(tmp_path / "whole")
    for old in (tmp_path / "whole" / "unet").iterdir():
        old.unlink()
    for new in (tmp_path / "unet").iterdir():
        new.rename(tmp_path / "whole" / "unet" / new.name)
    file = identify(tmp_path / "whole")
    made = load_component(file, "unet", UNET, None, torch.float32)
    assert all(torch.equal(made.state_dict()[key], value) for key, value in net.state_dict().items())
    (tmp_path / "whole" / "unet" / shards[0].name).unlink()
    with pytest.raises(MissingWeights, match="download the rest"):
        load_component(file, "unet", UNET, None, torch.float32)


def test_what_a_file_predicts_is_told_by_keys_or_by_the_yaml_beside_it(
    library: Library, models: Path, tmp_path: Path
):
    turned = scheduler_config(library.find("checkpoint", "filexl"), models / "configs" / "sdxl")
    assert turned["prediction_type"] == "v_prediction"
    assert turned["rescale_betas_zero_snr"] is True
    plain = scheduler_config(library.find("checkpoint", "own/file15"), models / "configs" / "sd15")
    assert plain["prediction_type"] == "epsilon"
    assert "rescale_betas_zero_snr" not in plain
    silent = tiny.sd21_file(tmp_path / "two.safetensors", words=600, v_pred=False)
    assert identify(silent).prediction == ""
    silent.with_suffix(".yaml").write_text("model: {params: {parameterization: v}}")
    assert identify(silent).prediction == "v_prediction"
    assert scheduler_config(library.find("checkpoint", "starter"), None)["prediction_type"] == "v_prediction"
    assert tokenizer_folder(library.find("checkpoint", "starter")) == models / "starter" / "tokenizer"
    assert tokenizer_folder(library.find("checkpoint", "filexl")) is None


# ---- what must be refused ----


class Payload:
    def __init__(self, call: Callable[..., object], *args: object) -> None:
        self.call, self.args = call, args

    def __reduce__(self):
        return self.call, self.args


def payloads(canary: Path) -> dict[str, object]:
    touch = f"open({str(canary)!r}, 'w').close()"
    return {
        "eval": Payload(eval, touch),
        "exec": Payload(exec, touch),
        "system": Payload(os.system, f"touch {canary}"),
        "open": Payload(open, str(canary), "w"),
        "in a state": {"state_dict": {"weight": torch.zeros(2), "x": Payload(exec, touch)}},
        "in a name": {"string_to_param": {"*": torch.zeros(2, 768)}, "name": Payload(exec, touch)},
        "getattr": Payload(getattr, "x", "__class__"),
        "run": Payload(__import__("runpy").run_path, str(canary)),
        "resolve": Payload(__import__("pkgutil").resolve_name, "os:system"),
    }


NAMES = list(payloads(Path("x")))
SAVED = {
    "zip": lambda value, path: torch.save(value, path),
    "legacy": lambda value, path: torch.save(value, path, _use_new_zipfile_serialization=False),
    "plain": lambda value, path: path.write_bytes(pickle.dumps(value, protocol=2)),
    "protocol 4": lambda value, path: path.write_bytes(pickle.dumps(value, protocol=4)),
}


@pytest.mark.parametrize("saved", SAVED)
@pytest.mark.parametrize("name", NAMES)
def test_a_pickle_that_wants_to_run_code_is_refused_and_runs_nothing(tmp_path: Path, name: str, saved: str):
    canary = tmp_path / "canary"
    value = payloads(canary)[name]
    for suffix in (".ckpt", ".safetensors", ".SafeTensors"):
        path = tmp_path / f"evil{suffix}"
        SAVED[saved](value, path)
        (tmp_path / "loras").mkdir(exist_ok=True)
        events: list[str] = []
        watch(events)
        try:
            for opened in (load_state, read_pickle, identify):
                with pytest.raises(BadWeights) as caught:
                    opened(path)
                assert isinstance(caught.value, RefusedWeights) or saved == "protocol 4"
                assert "evil" in str(caught.value)
        finally:
            watch(None)
        assert not canary.exists()
        assert not events


_events: list[list[str]] = []


def watch(events: list[str] | None) -> None:
    """Note every process, connection and shell command from here on; audit hooks cannot be removed."""
    if not _events:
        sys.addaudithook(lambda event, _: _events[-1].append(event) if _events and event in _BAD else None)
    _events.append([] if events is None else events)


_BAD = {"os.system", "subprocess.Popen", "socket.connect", "os.exec", "os.posix_spawn", "pty.spawn"}


def test_a_lora_an_embedding_and_a_shard_may_not_run_code_either(tmp_path: Path):
    canary = tmp_path / "canary"
    evil = payloads(canary)["exec"]
    tiny.sd15_folder(tmp_path / "checkpoints" / "folder")
    unet = tmp_path / "checkpoints" / "folder" / "unet"
    (unet / "diffusion_pytorch_model.safetensors").unlink()
    torch.save({"a": evil}, unet / "diffusion_pytorch_model.bin")
    for kind in ("loras", "embeddings", "vae", "controlnet"):
        (tmp_path / kind).mkdir()
        torch.save({"lora_up.weight": evil}, tmp_path / kind / "evil.pt")
    library = Library(tmp_path)
    for file in library.scan():
        opened = partial(load_component, file, "unet", UNET, None, torch.float32)
        with pytest.raises(RefusedWeights):
            opened() if file.layout == "folder" else library.identified(file)
    assert not canary.exists()


def test_old_checkpoints_with_harmless_bookkeeping_still_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    name = "pytorch_lightning.callbacks.model_checkpoint"
    for part in (name, "pytorch_lightning.callbacks", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, part, types.ModuleType(part))
    kept = type("ModelCheckpoint", (), {"__module__": name})
    monkeypatch.setattr(sys.modules[name], "ModelCheckpoint", kept, raising=False)
    held = kept()
    held.best = np.float64(0.5)
    state = {
        "state_dict": {"weight": torch.ones(2)},
        "callbacks": {kept: {"best": np.float64(2)}, "held": held},
    }
    torch.save(state, tmp_path / "old.ckpt")
    monkeypatch.undo()
    assert torch.equal(load_state(tmp_path / "old.ckpt")["weight"], torch.ones(2))


def test_an_environment_that_would_allow_pickles_is_cleaned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    torch.save({"a": payloads(tmp_path / "canary")["exec"]}, tmp_path / "evil.pt")
    with pytest.raises(RefusedWeights):
        load_state(tmp_path / "evil.pt")
    assert "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD" not in os.environ
    lock_down()
    assert os.environ["DIFFUSERS_DISABLE_REMOTE_CODE"] == "1"


@pytest.mark.parametrize(
    "entry",
    [
        {"auto_map": {"AutoModel": "evil.Model"}},
        {"_attn_implementation_internal": "someone/kernel"},
        {"text_config": {"deep": [{"auto_map": {"x": "y"}}]}},
        {"trust_remote_code": True},
    ],
)
@pytest.mark.parametrize("place", ["unet/config.json", "text_encoder/config.json", "model_index.json"])
def test_a_config_that_names_code_is_refused(tmp_path: Path, entry: dict, place: str):
    tiny.sd15_folder(tmp_path / "folder")
    path = tmp_path / "folder" / place
    file = identify(tmp_path / "folder")
    path.write_text(json.dumps(json.loads(path.read_text()) | entry))
    component, cls = ("text_encoder", TEXT) if place.startswith("text") else ("unet", UNET)
    with pytest.raises(RefusedWeights, match="foreign code"):
        load_component(file, component, cls, None, torch.float32)


def test_classes_outside_the_table_are_refused(tmp_path: Path):
    tiny.sd15_folder(tmp_path / "folder")
    file = identify(tmp_path / "folder")
    index = json.loads((tmp_path / "folder" / "model_index.json").read_text())
    for name, value in (
        ("unet", ["pipeline", "Evil"]),
        ("_class_name", "os"),
        ("x", ["transformers", "AutoModel"]),
    ):
        (tmp_path / "folder" / "model_index.json").write_text(json.dumps(index | {name: value}))
        with pytest.raises(RefusedWeights):
            load_component(file, "unet", UNET, None, torch.float32)
        with pytest.raises(RefusedWeights):
            identify(tmp_path / "folder")
    with pytest.raises(UnknownName):
        load_component(file, "unet", "AutoModel", None, torch.float32)


def test_an_index_cannot_lead_out_of_the_folder(tmp_path: Path):
    tiny.sd15_folder(tmp_path / "folder")
    unet = tmp_path / "folder" / "unet"
    outside = tmp_path / "outside.safetensors"
    (unet / "diffusion_pytorch_model.safetensors").rename(outside)
    index = {"weight_map": {"conv_in.weight": "../../outside.safetensors"}}
    (unet / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(MissingWeights):
        identify(tmp_path / "folder")
    file = Library(tmp_path).find
    with pytest.raises(UnknownName):
        file("checkpoint", "../folder")


# ---- what is broken ----


def test_a_file_cut_anywhere_is_a_sentence(models: Path, tmp_path: Path):
    for source in (models / "loras" / "kohya-sd15.safetensors", models / "embeddings" / "bad-hands.pt"):
        whole = source.read_bytes()
        for share in (0, 0.0001, 0.01, 0.3, 0.9, 0.9999):
            path = tmp_path / f"cut{source.suffix}"
            path.write_bytes(whole[: int(len(whole) * share)])
            with pytest.raises(BrokenWeights, match="download"):
                load_state(path)


@pytest.mark.parametrize(
    "header",
    [
        b"{}" + b" " * 100 + b"x",
        b'{"a": 1}',
        b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [100000], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}',
        b'{"a": ' + b"[" * 50_000,
        b"[1, 2]",
        b'{"__metadata__": 7, "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}',
    ],
)
def test_a_damaged_header_is_a_sentence(tmp_path: Path, header: bytes):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 4)
    with pytest.raises(BrokenWeights):
        load_state(path)
    path.write_bytes(struct.pack("<Q", 2**62) + header)
    with pytest.raises(BrokenWeights):
        load_state(path)


def test_a_zip_that_is_no_checkpoint_is_a_sentence(tmp_path: Path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("notes.txt", "hello")
    (tmp_path / "a.ckpt").write_bytes(stream.getvalue())
    with pytest.raises(BrokenWeights):
        load_state(tmp_path / "a.ckpt")
    (tmp_path / "b.ckpt").write_bytes(bytes(range(256)) * 4)
    with pytest.raises(BrokenWeights):
        container(tmp_path / "b.ckpt")


def test_missing_weights_and_wrong_shapes_are_named(models: Path, tmp_path: Path):
    state = load_file(models / "checkpoints" / "own" / "file15.safetensors")
    config = models / "configs" / "sd15"

    def loaded(changed: dict[str, torch.Tensor]) -> object:
        save_file(changed, tmp_path / "changed.safetensors")
        file = identify(tmp_path / "changed.safetensors")
        return load_component(file, "unet", UNET, config, torch.float32)

    key = "model.diffusion_model.out.2.weight"
    assert isinstance(loaded(state), UNet2DConditionModel)
    with pytest.raises(BrokenWeights, match=r"lacks 1 of \d+ weights \(conv_out.weight\)"):
        loaded({name: t for name, t in state.items() if name != key})
    with pytest.raises(BrokenWeights, match="does not fit"):
        loaded(state | {key: torch.zeros(4, 12, 3, 3)})
    with pytest.raises(UnknownWeights, match="complete checkpoint"):
        loaded({name: t for name, t in state.items() if not name.startswith("first_stage_model")})
    with pytest.raises(UnknownWeights, match="a Flux model"):
        loaded({"double_blocks.0.img_attn.qkv.weight": torch.zeros(2, 2)})
    with pytest.raises(UnknownWeights, match="refiner"):
        loaded({n: torch.zeros(2, 1280) if n.endswith("attn2.to_k.weight") else t for n, t in state.items()})


def test_loading_prints_no_warning(library: Library, models: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = library.find("checkpoint", "filexl")
        load_component(
            file, "text_encoder_2", PARTS["text_encoder_2"], models / "configs" / "sdxl", torch.float32
        )


# ---- textual inversions and sizes ----


def test_textual_inversions_are_read_in_every_format(library: Library, tmp_path: Path):
    mist = read_embedding(library.find("embedding", "mist"))
    assert {name: tuple(t.shape) for name, t in mist.items()} == {"clip_l": (2, 768)}
    old = read_embedding(library.find("embedding", "bad-hands"))
    assert torch.equal(old["clip_l"], mist["clip_l"])
    pair = read_embedding(library.find("embedding", "mist-xl"))
    assert {name: t.shape[1] for name, t in pair.items()} == {"clip_l": 768, "clip_g": 1280}
    learned = torch.nn.ParameterDict({"*": torch.nn.Parameter(torch.ones(1, 768))})
    torch.save({"string_to_token": {"*": 265}, "string_to_param": learned}, tmp_path / "older.pt")
    assert torch.equal(read_embedding(identify(tmp_path / "older.pt"))["clip_l"], torch.ones(1, 768))
    for name in ("theirs.bin", "theirs.safetensors"):
        save = torch.save if name.endswith("bin") else save_file
        save({"<mist>": torch.ones(768)}, tmp_path / name)
        assert read_embedding(identify(tmp_path / name))["clip_l"].shape == (1, 768)
    with pytest.raises(BrokenWeights, match="not a textual inversion"):
        read_embedding(library.find("lora", "kohya-sd15"))


def test_the_size_of_a_component_is_known_before_it_is_loaded(library: Library, models: Path):
    for name, family in (("folder15", "sd15"), ("own/file15", "sd15"), ("filexl", "sdxl")):
        file = library.find("checkpoint", name)
        made = load_component(file, "unet", UNET, models / "configs" / family, torch.float32)
        assert component_bytes(file, "unet", torch.float32) == sum(p.nbytes for p in made.parameters())
        assert component_bytes(file, "unet", torch.bfloat16) * 2 == component_bytes(
            file, "unet", torch.float32
        )
