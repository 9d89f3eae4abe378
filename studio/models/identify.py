"""What a file of weights is: told by the names and shapes of its tensors, never by its name.

The family follows from the width of the text its cross-attention reads: 768 (CLIP ViT-L) is SD 1.5, 1024
(OpenCLIP ViT-H) SD 2, 2048 (both CLIP-L and OpenCLIP bigG) SDXL. A diffusers folder of any other width is
the starter's family.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from studio.errors import BrokenWeights, MissingWeights, UnknownWeights
from studio.models.files import (
    Header,
    Kind,
    ModelFile,
    Shapes,
    container,
    read_config,
    read_header,
    weight_files,
)

FAMILIES: Mapping[int, str] = {768: "sd15", 1024: "sd2", 2048: "sdxl"}
_ENCODERS: Mapping[int, str] = {768: "sd15", 1024: "sd2"}
_OURS = "this studio paints with its starter, SD 1.5, SD 2 and SDXL"
# A name that only this architecture has -> what to call it when we say that we cannot use it.
_STRANGERS: Mapping[str, str] = {
    "double_blocks.": "a Flux",
    "joint_blocks.": "a Stable Diffusion 3",
    "transformer_blocks.0.img_mlp": "a Qwen-Image",
    "double_layers.": "an AuraFlow",
    "cap_embedder.": "a Lumina or Z-Image",
    "distilled_guidance_layer.": "a Chroma",
    "head.modulation": "a Wan video",
    "motion_modules.": "an AnimateDiff",
    "lora_controlnet": "a Control-LoRA",
    "task_embedding": "a ControlNet-Union",
    "ip_adapter.": "an IP-Adapter",
    "image_proj.": "an IP-Adapter",
    "text_encoders.": "a Stable Diffusion 3 or Flux",
}
_UNET = "model.diffusion_model."
_MOST_YAML = 64 * 1024
_PARAMETERIZATION = re.compile(r"^[^#\n]*\bparameterization[\"']?[ ]*:[ ]*[\"']?(\w+)", re.MULTILINE)
_PARAMS = re.compile(r"^[^#\n]*\bparams[ ]*:", re.MULTILINE)

_SILENT = (
    "It does not say what it predicts, so noise (ε) is assumed; put its .yaml beside it if pictures fail."
)


@dataclass(frozen=True, slots=True)
class Found:
    kind: Kind
    family: str = ""
    prediction: Literal["epsilon", "v_prediction", ""] = ""
    note: str = ""


def identify(path: Path, starter_width: int = 0) -> ModelFile:
    """What a file or folder is. `starter_width`: how wide the starter's texts are, to know its additions.

    Reads headers and configs; a pickle format goes through the weights-only reader (needs torch).
    Raises `UnknownWeights`, `BrokenWeights`, `MissingWeights` or `RefusedWeights`.
    """
    path = Path(path)
    if path.is_dir():
        found, files = _folder(path, starter_width), all_weights(path)
    else:
        found, files = classify(_header(path), starter_width), (path,)
        if found.kind == "checkpoint" and not found.prediction:
            found = _beside(path, found)
        if found.kind == "checkpoint" and not found.prediction:
            found = replace(found, note=found.note or _SILENT)
    if found.kind == "tiny":
        found = replace(found, family="sdxl" if "xl" in path.stem.lower() else "sd15")
    stats = [file.stat() for file in files]
    return ModelFile(
        id=path.stem if path.is_file() else path.name,
        kind=found.kind,
        family=found.family,
        title=path.stem if path.is_file() else path.name,
        path=path,
        layout="folder" if path.is_dir() else "file",
        size=sum(stat.st_size for stat in stats),
        mtime_ns=max((stat.st_mtime_ns for stat in stats), default=0),
        prediction=found.prediction,
        note=found.note,
    )


def _header(path: Path) -> Header:
    if container(path) == "safetensors":
        return read_header(path)
    from studio.models.load import read_pickle, tensors

    held = read_pickle(path, device="meta")
    inner: Any = held.get("string_to_param") if isinstance(held, dict) else None
    if inner is not None:  # a dict, or torch's ParameterDict in older files
        held = {"emb_params": next(iter(inner.values()), None)}
    return Header({name: tuple(tensor.shape) for name, tensor in tensors(held).items()})


def all_weights(folder: Path) -> tuple[Path, ...]:
    """Every file of weights in a diffusers folder and its components, in name order."""
    inner = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    found: list[Path] = []
    for place in (folder, *inner):
        try:
            found += weight_files(place)
        except MissingWeights:
            continue
    return tuple(found)


# ---- single files ----


def classify(header: Header, starter_width: int = 0) -> Found:
    """What the tensors of one file are. Raises `UnknownWeights` or `BrokenWeights` (nothing in it)."""
    if not header.shapes:
        raise BrokenWeights("There are no tensors in this file; download it again.")
    for matches, describe in _KINDS:
        if any(matches(name) for name in header.shapes):
            return describe(header, starter_width)
    only = next(iter(header.shapes.values()))
    if len(header.shapes) == 1 and only and only[-1] in (*FAMILIES, 1280, starter_width):
        return _embedding(header, starter_width)  # diffusers saves a textual inversion under its own name
    raise UnknownWeights(f"This is {_stranger(header.shapes)}; {_OURS}.")


def _stranger(shapes: Shapes) -> str:
    for mark, title in _STRANGERS.items():
        if any(mark in name for name in shapes):
            return f"{title} model"
    return "a model of a kind that is not known here"


def _width(shapes: Shapes, pattern: str, side: int = 1) -> int:
    """Length of side `side` of the first tensor whose name matches; 0 when none does."""
    wanted = re.compile(pattern)
    return next((s[side] for n, s in shapes.items() if len(s) > side and wanted.search(n)), 0)


def _family(width: int, starter_width: int, what: str) -> str:
    if width in FAMILIES:
        return FAMILIES[width]
    if width and width == starter_width:
        return "starter"
    if width == 1280:
        raise UnknownWeights(f"This {what} is for the SDXL refiner, which is not supported; {_OURS}.")
    raise UnknownWeights(f"This {what} reads texts {width} wide, as no family known here does; {_OURS}.")


def _checkpoint(header: Header, _starter_width: int) -> Found:
    shapes = header.shapes
    first = shapes.get(f"{_UNET}input_blocks.0.0.weight", ())
    if len(first) != 4:
        raise UnknownWeights(f"This is {_stranger(shapes)}; {_OURS}.")
    family = _family(_width(shapes, r"attn2\.to_k\.weight$"), 0, "checkpoint")
    if first[1] not in (4, 9):
        raise UnknownWeights(f"This checkpoint takes {first[1]} channels, not 4 (or 9 for inpainting).")
    texts = any(name.startswith(("cond_stage_model.", "conditioner.embedders.")) for name in shapes)
    if not texts or not any(name.startswith("first_stage_model.") for name in shapes):
        raise UnknownWeights("This file holds a UNet without text encoder or VAE; use a complete checkpoint.")
    note = "An inpainting model: it needs a source picture and a mask." if first[1] == 9 else ""
    return Found("checkpoint", family, _prediction(header, family), note)


def _prediction(header: Header, family: str) -> Literal["epsilon", "v_prediction", ""]:
    """What the UNet predicts, if the file says so; SD 2 was published both ways: its silence says nothing."""
    said = header.metadata.get("modelspec.prediction_type", "").lower()
    if "v_pred" in header.shapes or said in ("v", "v_prediction"):
        return "v_prediction"
    return "" if family == "sd2" and said not in ("epsilon", "eps") else "epsilon"


def _beside(path: Path, found: Found) -> Found:
    """A .yaml of the same name may say what a checkpoint predicts, as the original repositories ship it.

    Its one word is looked for; parsing foreign YAML can take any amount of time and memory.
    """
    try:
        with path.with_suffix(".yaml").open("rb") as file:
            text = file.read(_MOST_YAML).decode("utf-8")
    except (OSError, ValueError):
        return found
    said = _PARAMETERIZATION.search(text)
    if said is None and not _PARAMS.search(text):
        return found
    prediction = "v_prediction" if said is not None and said[1] == "v" else "epsilon"
    return Found(found.kind, found.family, prediction, found.note)


def _controlnet(header: Header, starter_width: int) -> Found:
    shapes = header.shapes
    if any(mark in name for mark in ("lora_controlnet", "task_embedding") for name in shapes):
        raise UnknownWeights(f"This is {_stranger(shapes)}; use a plain ControlNet.")
    width = _width(shapes, r"attn2\.to_k\.weight$")
    if not width and "add_embedding.linear_1.weight" in shapes:
        width = 2048
    return Found("controlnet", _family(width, starter_width, "ControlNet"))


def _lora(header: Header, starter_width: int) -> Found:
    """What is added to `attn2.to_k` is as wide as the family's text; else the encoder's own width tells."""
    shapes = header.shapes
    key = r"attn2[._]to_k.*\.(lora_down|lora_A|lora(_linear_layer)?\.down|hada_w1_b)\b|attn2.*to_k_lora\.down"
    width = _width(shapes, key) or _kronecker_width(shapes)
    if not width and any(name.startswith(("lora_te1_", "lora_te2_", "text_encoder_2.")) for name in shapes):
        width = 2048
    if not width:
        text = r"(self_attn.*q_proj).*\.(lora_down|lora_A|lora\.down|hada_w1_b)\b"
        width = next((w for w in (_width(shapes, text),) if w in _ENCODERS), 0)
    if not width and any("double_blocks" in n or "joint" in n or "single_blocks" in n for n in shapes):
        raise UnknownWeights(f"This LoRA is for {_stranger(shapes)}; {_OURS}.")
    return Found("lora", _family(width, starter_width, "LoRA"))


def _kronecker_width(shapes: Shapes) -> int:
    """LoKr's matrix is a Kronecker product: its input is the product of both factors' inputs."""
    for name, shape in shapes.items():
        if re.search(r"attn2_to_k\.lokr_w1(_b)?$", name):
            stem = name.rsplit(".", 1)[0]
            second = shapes.get(f"{stem}.lokr_w2") or shapes.get(f"{stem}.lokr_w2_b")
            return shape[1] * second[1] if second else 0
    return 0


def _vae(header: Header, _starter_width: int) -> Found:
    channels = _width(header.shapes, r"(^|\.)decoder\.conv_in\.weight$")
    if channels != 4:
        raise UnknownWeights(f"This VAE has {channels} latent channels; SD 1.5, SD 2 and SDXL have 4.")
    return Found(
        "vae", note="VAEs of SD 1.5, SD 2 and SDXL look alike: the file does not say which it is for."
    )


def _tiny(header: Header, _starter_width: int) -> Found:
    """TAESD's decoder. Those of SD 1.5 and SDXL look alike: `identify` tells them by their names."""
    channels = _width(header.shapes, r"^(decoder\.(layers\.)?)?[01]\.weight$")
    if channels == 3:
        raise UnknownWeights("This is the encoder of a tiny decoder: it is used together with its decoder.")
    if channels != 4:
        raise UnknownWeights(
            f"This tiny decoder has {channels} latent channels; SD 1.5, SD 2 and SDXL have 4."
        )
    return Found("tiny")


def _embedding(header: Header, starter_width: int) -> Found:
    if {"clip_l", "clip_g"} <= header.shapes.keys():
        return Found("embedding", "sdxl")
    width = next(iter(header.shapes.values()))[-1]
    return Found("embedding", _family(width, starter_width, "embedding"))


def _upscaler(_header: Header, _starter_width: int) -> Found:
    return Found("upscaler")


def _starts(*heads: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(heads)


def _like(pattern: str) -> Callable[[str], bool]:
    wanted = re.compile(pattern)
    return lambda name: wanted.search(name) is not None


# The first line that a name in the file matches decides.
_KINDS: tuple[tuple[Callable[[str], bool], Callable[[Header, int], Found]], ...] = (
    (
        _starts("control_model.", "controlnet_cond_embedding.", "input_hint_block.", "lora_controlnet"),
        _controlnet,
    ),
    (_starts(_UNET), _checkpoint),
    (
        _like(
            r"\.(lora_(down|up|A|B)|lora(_linear_layer)?\.(down|up)|hada_w1_a|lokr_w[12](_[ab])?|dora_scale)\b|_lora\.down\."
        ),
        _lora,
    ),
    (_like(r"^(emb_params|clip_l|clip_g)$"), _embedding),
    (_like(r"^(first_stage_model\.)?decoder\.conv_in\.weight$"), _vae),
    (_like(r"^(decoder\.layers\.2|(decoder\.)?3)\.conv\.0\.weight$"), _tiny),
    (
        _like(r"^(body\.\d+\.weight|body\.0\.rdb1\.conv1\.weight|model\.1\.sub\.0\.RDB1\.|RRDB_trunk\.)"),
        _upscaler,
    ),
)


# ---- folders ----


def _folder(path: Path, starter_width: int) -> Found:
    if (path / "model_index.json").is_file():
        return _pipeline(path)
    config = read_config(path / "config.json")
    cls = str(config.get("_class_name"))
    if cls == "ControlNetModel":
        width = config.get("cross_attention_dim")
        return Found("controlnet", _family(width if isinstance(width, int) else 0, starter_width, cls))
    if cls == "AutoencoderKL":
        return Found("vae")
    if cls == "AutoencoderTiny" and config.get("latent_channels", 4) == 4:
        return Found("tiny")
    raise UnknownWeights(f"The folder {path.name} holds a {cls[:60]}, which is not one known here; {_OURS}.")


def _pipeline(path: Path) -> Found:
    from studio.models.load import check_index

    index = check_index(path)
    config = read_config(path / "unet" / "config.json") if "unet" in index else {}
    width = config.get("cross_attention_dim")
    if not isinstance(width, int):
        raise UnknownWeights(f"The folder {path.name} holds a {index.get('_class_name')}; {_OURS}.")
    if width == 1280:
        raise UnknownWeights(
            f"The folder {path.name} holds the SDXL refiner, which is not supported; {_OURS}."
        )
    channels = config.get("in_channels", 4)
    if channels not in (4, 9):
        raise UnknownWeights(
            f"The model in {path.name} takes {channels} channels, not 4 (or 9 for inpainting)."
        )
    for component in ("unet", "vae", "text_encoder"):
        weight_files(path / component)
    said = read_config(path / "scheduler" / "scheduler_config.json").get("prediction_type", "epsilon")
    note = "An inpainting model: it needs a source picture and a mask." if channels == 9 else ""
    prediction = "v_prediction" if said == "v_prediction" else "epsilon"
    return Found("checkpoint", FAMILIES.get(width, "starter"), prediction, note)
