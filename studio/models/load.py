"""The only place where weights are opened: safetensors, or pickle through torch's weights-only reader.

Nothing here touches the network and nothing runs code from a file. Containers are told apart by their first
bytes, never by their suffix; configs that name code and classes outside the table below are refused.
"""

from __future__ import annotations

import math
import os
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, Literal

from studio.errors import BrokenWeights, MissingWeights, RefusedWeights, UnknownName
from studio.models import original
from studio.models.files import ModelFile, container, read_config, read_header, weight_files
from studio.models.manager import is_out_of_memory

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

CLASSES: Mapping[str, str] = {
    "UNet2DConditionModel": "diffusers",
    "AutoencoderKL": "diffusers",
    "AutoencoderTiny": "diffusers",
    "ControlNetModel": "diffusers",
    "CLIPTextModel": "transformers",
    "CLIPTextModelWithProjection": "transformers",
    "StableDiffusionSafetyChecker": "diffusers.pipelines.stable_diffusion.safety_checker",
}
# What a model_index.json may name beside those, though only their configs are read or they are left alone.
_HARMLESS = re.compile(
    r"StableDiffusion(XL)?\w*Pipeline|StableDiffusionSafetyChecker|CLIP(Image|Feature)\w+|CLIPTokenizer(Fast)?"
    r"|CLIPVisionModelWithProjection|\w+Scheduler|LatentConsistencyModelPipeline"
)
# What torch's reader is seen to raise on bytes that are not what they claim to be.
_DAMAGED = (
    *(RuntimeError, EOFError, OSError, ValueError, TypeError, LookupError, AttributeError),
    *(AssertionError, ArithmeticError, MemoryError, ImportError, zipfile.BadZipFile),
)
_LIBRARIES = frozenset({"diffusers", "transformers", "stable_diffusion", None})


def lock_down() -> None:
    """Close the doors that libraries leave open, for this process: called before the first weight is opened.

    The worker calls it before it imports diffusers, which reads some of these at import.
    """
    os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
    for name in ("DIFFUSERS_DISABLE_REMOTE_CODE", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ[name] = "1"


# ---- states ----


def load_state(path: Path, prefixes: Sequence[str] = ()) -> dict[str, Tensor]:
    """The tensors of a file, on the CPU as they were saved; with `prefixes`, only names that start so.

    Raises `MissingWeights`, `BrokenWeights` (cut short, damaged) or `RefusedWeights` (it asks to run code).
    """
    wanted = tuple(prefixes)
    if container(path) == "safetensors":
        return _read_safetensors(path, wanted)
    return {
        name: t for name, t in tensors(read_pickle(path)).items() if not wanted or name.startswith(wanted)
    }


def _read_safetensors(path: Path, prefixes: tuple[str, ...]) -> dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open

    names = [n for n in read_header(path).shapes if not prefixes or n.startswith(prefixes)]
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in names}
    except (SafetensorError, RuntimeError, OSError) as error:
        if is_out_of_memory(error):
            raise
        raise BrokenWeights(f"{path.name} is damaged ({error}); download it again.") from error


class _Ignored:
    """Stands for the training bookkeeping in old checkpoints; keeps nothing and does nothing."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def _harmless() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """Names that published checkpoints and embeddings mention and that cannot do anything."""
    import numpy as np
    import torch

    scalar: Any = np.float64(0).__reduce__()[0]
    return [
        (_Ignored, "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint"),
        (_Ignored, "lightning.pytorch.callbacks.model_checkpoint.ModelCheckpoint"),
        (scalar, "numpy.core.multiarray.scalar"),
        (scalar, "numpy._core.multiarray.scalar"),
        np.dtype,
        type(np.dtype(np.float64)),
        type(np.dtype(np.int64)),
        torch.nn.ParameterDict,
    ]


def read_pickle(path: Path, device: Literal["cpu", "meta"] = "cpu") -> Any:
    """What a .ckpt, .pt, .pth or .bin holds, through the weights-only reader; "meta" reads shapes alone.

    Raises `RefusedWeights` when the file asks for anything but tensors, `BrokenWeights` when it is damaged.
    """
    lock_down()
    import torch

    try:
        # An open file, because by a path's suffix torch would choose another reader.
        with torch.serialization.safe_globals(_harmless()), path.open("rb") as stream:
            return torch.load(stream, map_location=device, weights_only=True)
    except UnpicklingError as error:
        if re.search(r"truncated|invalid load key|Ran out of input|pop from empty|EOF", str(error)):
            raise BrokenWeights(f"{path.name} is cut short or damaged; download it again.") from error
        raise RefusedWeights(
            f"{path.name} asks to run code when it is opened; it was refused and nothing was run. "
            "Get the model as .safetensors."
        ) from error
    except _DAMAGED as error:
        if is_out_of_memory(error):
            raise
        raise BrokenWeights(f"{path.name} is cut short or damaged; download it again.") from error


def tensors(value: Any) -> dict[str, Tensor]:
    """The named tensors in what a pickle file held, out of the usual wrappers (`state_dict`, …)."""
    import torch

    for wrapper in ("state_dict", "params_ema", "params", "model"):
        inner = value.get(wrapper) if isinstance(value, dict) else None
        if isinstance(inner, dict):
            return tensors(inner)
    if not isinstance(value, dict):
        return {}
    return {name: t for name, t in value.items() if isinstance(name, str) and isinstance(t, torch.Tensor)}


def read_embedding(file: ModelFile) -> dict[str, Tensor]:
    """A textual inversion's vectors (n, width) by encoder: "clip_l" (the first one), and "clip_g" for SDXL.

    A1111's `string_to_param`, `emb_params`, diffusers' single tensor and SDXL's pair are read.
    Raises `BrokenWeights` when there are no such vectors.
    """
    if container(file.path) == "safetensors":
        state = load_state(file.path)
    else:
        held = read_pickle(file.path)
        inner: Any = held.get("string_to_param") if isinstance(held, dict) else None
        state = tensors(held if inner is None else dict(inner.items()))
    found = {name: state[name] for name in ("clip_l", "clip_g") if name in state}
    if not found and len(state) == 1:
        found = {"clip_l": next(iter(state.values()))}
    if not found or any(vectors.ndim > 2 or not vectors.numel() for vectors in found.values()):
        raise BrokenWeights(
            f"{file.path.name} is not a textual inversion: it has no vectors for a text encoder."
        )
    return {name: vectors.detach().float().reshape(-1, vectors.shape[-1]) for name, vectors in found.items()}


# ---- modules ----


def load_component(
    file: ModelFile, component: str, cls: str, config: Path | None, dtype: torch.dtype
) -> nn.Module:
    """One component of a model as a module for inference: on the CPU, in `dtype`, without gradients.

    `component` is "unet", "vae", "text_encoder", …; `cls` a name in CLASSES; `config` a local folder of
    diffusers configs by component, needed for single files.
    Raises `MissingWeights`, `BrokenWeights` or `RefusedWeights`.
    """
    lock_down()
    if cls not in CLASSES:
        raise UnknownName("model class", cls, CLASSES)
    if file.layout == "folder":
        module = _from_folder(_component_folder(file, component), cls, dtype)
    elif config is None:
        raise MissingWeights(
            f"“{file.id}” is a single file and its family has no configs; the studio is incomplete."
        )
    else:
        module = _from_file(file, component, cls, config, dtype)
    return module.eval().requires_grad_(False)


def component_bytes(file: ModelFile, component: str, dtype: torch.dtype) -> int:
    """Bytes a component will take in `dtype`, from headers alone; of a pickle, its whole size."""
    prefixes = (
        original.PREFIXES.get(component, ()) if file.layout == "file" and file.kind == "checkpoint" else ()
    )
    files = weight_files(_component_folder(file, component)) if file.layout == "folder" else (file.path,)
    if any(container(path) == "pickle" for path in files):
        return sum(path.stat().st_size for path in files)
    shapes = [item for path in files for item in read_header(path).shapes.items()]
    return (
        sum(math.prod(s) for name, s in shapes if not prefixes or name.startswith(prefixes)) * dtype.itemsize
    )


def _component_folder(file: ModelFile, component: str) -> Path:
    if file.kind != "checkpoint":
        return file.path
    check_index(file.path)
    # Looked up among what is there, so that no name can lead out of the folder.
    folders = {entry.name: Path(entry.path) for entry in os.scandir(file.path) if entry.is_dir()}
    if component not in folders:
        raise MissingWeights(f"“{file.id}” has no {component}; download the model again, completely.")
    return folders[component]


def check_index(folder: Path) -> dict[str, Any]:
    """A folder's model_index.json. Raises `RefusedWeights` when it names a class outside our tables."""
    index = read_config(folder / "model_index.json")
    parts = {"pipeline": ("diffusers", index.get("_class_name"))}
    parts |= {
        name: tuple(value) for name, value in index.items() if isinstance(value, list) and len(value) == 2
    }
    for name, (library, cls) in parts.items():
        words = all(isinstance(word, str | None) for word in (library, cls))
        known = words and (cls is None or cls in CLASSES or bool(_HARMLESS.fullmatch(cls)))
        if not known or library not in _LIBRARIES:
            made_by = f"{library}.{cls}"[:120] if words else "something without a name"
            raise RefusedWeights(f"{folder.name} wants a {name[:60]} made by {made_by}: not one we know.")
    return index


def _from_folder(folder: Path, cls: str, dtype: torch.dtype) -> nn.Module:
    state: dict[str, Tensor] = {}
    config = read_config(folder / "config.json")
    for path in weight_files(folder):
        state |= load_state(path)
    return fill(_empty(cls, config, folder.name), state, folder.name, dtype)


def _empty(cls: str, config: Mapping[str, Any], name: str) -> nn.Module:
    """A module made from its config, its weights without memory or value yet; nothing is drawn at random."""
    import importlib
    import inspect

    from accelerate import init_empty_weights

    kind: Any = getattr(importlib.import_module(CLASSES[cls]), cls)
    try:
        with init_empty_weights():
            if hasattr(kind, "config_class"):  # made by transformers
                return kind(kind.config_class.from_dict(dict(config)))
            known = inspect.signature(
                kind.__init__
            ).parameters  # diffusers complains of what it derives itself
            return kind.from_config({name: value for name, value in config.items() if name in known})
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, NotImplementedError) as error:
        raise BrokenWeights(f"The config of {name} does not describe a {cls} ({error}).") from error


def fill(module: nn.Module, state: dict[str, Tensor], name: str, dtype: torch.dtype) -> nn.Module:
    """Put copies of `state` in `dtype` into an empty module; names it does not have are left out.

    Copies, because a safetensors file is mapped, and may be replaced while the model is in use.
    Raises `BrokenWeights` for a gap or a wrong shape; `name` is what its sentence calls the weights.
    """
    empty = module.state_dict()
    known = original.as_named_today(state, empty.keys())
    missing = [key for key in empty if key not in known]
    if missing:
        raise BrokenWeights(
            f"{name} lacks {len(missing)} of {len(empty)} weights ({missing[0]}): the file is incomplete."
        )
    wrong = [key for key, there in empty.items() if there.shape != known[key].shape]
    if wrong:
        there, here = tuple(known[wrong[0]].shape), tuple(empty[wrong[0]].shape)
        raise BrokenWeights(f"{name} does not fit its architecture: {wrong[0]} is {there}, not {here}.")
    cast = {
        key: known[key].to(dtype if known[key].is_floating_point() else known[key].dtype, copy=True)
        for key in empty
    }
    module.load_state_dict(cast, strict=True, assign=True)
    return module


# ---- single files ----

_CONVERT = {
    "UNet2DConditionModel": original.unet,
    "AutoencoderKL": original.vae,
    "AutoencoderTiny": original.tiny,
    "ControlNetModel": original.controlnet,
    "CLIPTextModel": original.text,
    "CLIPTextModelWithProjection": original.text,
}


def _from_file(file: ModelFile, component: str, cls: str, config: Path, dtype: torch.dtype) -> nn.Module:
    prefixes = original.PREFIXES.get(component, ()) if file.kind == "checkpoint" else ()
    if cls not in _CONVERT or (file.kind == "checkpoint" and not prefixes):
        raise MissingWeights(f"“{file.id}” is a single file and has no {component}.")
    own = config / component / "config.json"
    settings = read_config(own if own.exists() else config / "unet" / "config.json")
    state = _halves(file.path) if file.kind == "tiny" else load_state(file.path, prefixes)
    if not state:
        raise MissingWeights(f"“{file.id}” has no {component} in it; use a complete checkpoint.")
    try:
        settings, state = _CONVERT[cls](state, settings)
    except (KeyError, IndexError, AttributeError, TypeError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        raise BrokenWeights(
            f"{file.path.name} does not have the names of a {component}; it is incomplete."
        ) from error
    name = f"the {component} of {file.path.name}"
    module: Any = _empty(cls, settings, name)
    if file.kind == "tiny" and not any(key.startswith("encoder.") for key in state):
        module.encoder = None  # it decodes only
    return fill(module, state, name, dtype)


def _halves(path: Path) -> dict[str, Tensor]:
    """A tiny autoencoder in one file, or its decoder with, if it lies beside it, its encoder."""
    state = load_state(path)
    if any(name.startswith("decoder.") for name in state):
        return state
    found = {f"decoder.{name}": tensor for name, tensor in state.items()}
    other = path.with_name(path.name.replace("decoder", "encoder"))
    if other != path and other.is_file():
        found |= {f"encoder.{name}": tensor for name, tensor in load_state(other).items()}
    return found


# ---- what goes beside the weights ----


def scheduler_config(file: ModelFile, config: Path | None) -> dict[str, Any]:
    """The noise schedule a checkpoint was trained with, as diffusers' schedulers take it.

    A folder has its own; a single file takes its family's (`config`), with v-prediction and zero terminal SNR
    (arXiv 2305.08891) when its keys say so.
    """
    if file.layout == "folder":
        return read_config(file.path / "scheduler" / "scheduler_config.json")
    if config is None:
        raise MissingWeights(f"“{file.id}” is a single file and its family has no configs.")
    settings = read_config(config / "scheduler" / "scheduler_config.json")
    if file.prediction:
        settings["prediction_type"] = file.prediction
    if container(file.path) == "safetensors" and "ztsnr" in read_header(file.path).shapes:
        settings["rescale_betas_zero_snr"] = True
    return settings


def tokenizer_folder(file: ModelFile, component: str = "tokenizer") -> Path | None:
    """A folder checkpoint's own tokenizer; None means CLIP's."""
    folder = file.path / component
    return folder if file.layout == "folder" and folder.is_dir() else None
