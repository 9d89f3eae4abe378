"""The starter's folder: standard diffusers layout, fp16 safetensors, every file replaced in one step."""

from __future__ import annotations

import copy
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from torch import nn

from studio.errors import MissingWeights
from studio.school.files import read_tensors, write_json, write_text
from studio.school.nets import CLIPTextModel, ModelMixin
from studio.school.unet import SCHEDULER

WEIGHTS = "diffusion_pytorch_model.safetensors"
SUMS = "SHA256SUMS"


def save_component(model: ModelMixin, folder: Path) -> None:
    """Write a diffusers model as fp16 into `folder`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    try:
        half = copy.deepcopy(model).half()
        half.save_pretrained(str(aside), safe_serialization=True)
        folder.mkdir(exist_ok=True)
        for file in sorted(aside.iterdir()):
            file.chmod(0o644)
            os.replace(file, folder / file.name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def load_component(model: nn.Module, path: Path) -> bool:
    """Put the weights in `path` into `model` where they fit; False if there are none or of another size."""
    if not path.is_file():
        return False
    tensors, _ = read_tensors(path)
    own = model.state_dict()
    if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in tensors.items()}:
        return False
    model.load_state_dict({k: v.to(own[k].dtype) for k, v in tensors.items()})
    return True


def load_text_encoder(model: CLIPTextModel, path: Path) -> bool:
    """The same for a text encoder, whose file has the published prefix."""
    if not path.is_file():
        return False
    tensors, _ = read_tensors(path)
    own = model.state_dict()
    bare = {k.removeprefix("text_model."): v for k, v in tensors.items()}
    named = {k: bare.get(k.removeprefix("text_model.")) for k in own if not k.endswith("position_ids")}
    if any(v is None or v.shape != own[k].shape for k, v in named.items()):
        return False
    model.load_state_dict({k: v.to(own[k].dtype) for k, v in named.items() if v is not None}, strict=False)
    return True


def write_pipeline_files(out: Path) -> None:
    """model_index.json and scheduler/."""
    import diffusers

    version = str(diffusers.__version__)
    index: dict[str, Any] = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": version,
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "DPMSolverMultistepScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    write_json(out / "model_index.json", index)
    write_json(out / "scheduler" / "scheduler_config.json", SCHEDULER | {"_diffusers_version": version})


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_sums(out: Path) -> None:
    """SHA256SUMS over everything in the folder, in the form `sha256sum --check` reads."""
    files = sorted(p for p in out.rglob("*") if p.is_file() and p.name != SUMS and not p.name.startswith("."))
    write_text(out / SUMS, "".join(f"{file_digest(p)}  {p.relative_to(out).as_posix()}\n" for p in files))


def need(path: Path, stage: str) -> Path:
    """`path`, which stage `stage` writes. Raises MissingWeights if it has not."""
    if not path.exists():
        raise MissingWeights(f"{path} is not there yet. Train the stage “{stage}” first.")
    return path
