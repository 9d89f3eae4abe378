"""LoRA files: read in every published spelling, laid over a model for a block of code, and lifted off.

A change adds s·ΔW to a weight matrix. LoRA (arXiv 2106.09685): ΔW = α/r · up @ down, for convolutions with an
optional core (LoCon). LoHa (arXiv 2108.06098): the elementwise product of two such products. LoKr (LyCORIS,
arXiv 2309.14859): a Kronecker product.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.errors import BrokenWeights
from studio.models.files import ModelFile, container, read_header
from studio.models.load import load_state
from studio.models.manager import is_out_of_memory
from studio.models.original import module_name

if TYPE_CHECKING:
    from torch import Tensor, nn

# The end of a tensor's name -> which factor it is.
_FACTORS: Mapping[str, str] = {
    ".lora_down.weight": "down",
    ".lora_up.weight": "up",
    ".lora_mid.weight": "mid",
    ".lora_A.weight": "down",
    ".lora_B.weight": "up",
    ".lora_A.default.weight": "down",
    ".lora_B.default.weight": "up",
    ".lora.down.weight": "down",
    ".lora.up.weight": "up",
    ".lora_linear_layer.down.weight": "down",
    ".lora_linear_layer.up.weight": "up",
    "_lora.down.weight": "down",
    "_lora.up.weight": "up",
    ".alpha": "alpha",
    **{f".hada_{name}": name for name in ("w1_a", "w1_b", "w2_a", "w2_b", "t1", "t2")},
    **{f".lokr_{name}": f"k{name}" for name in ("w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b", "t2")},
}
_PREFIXES: Mapping[str, str] = {
    "lora_unet_": "unet",
    "lora_te1_": "text_encoder",
    "lora_te2_": "text_encoder_2",
    "lora_te_": "text_encoder",
    "unet.": "unet",
    "text_encoder.": "text_encoder",
    "text_encoder_2.": "text_encoder_2",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What a LoRA adds to one weight: its factors by role, and α."""

    factors: Mapping[str, Tensor]
    alpha: float | None


@dataclass(frozen=True, slots=True)
class LoraWeights:
    """A read LoRA: component ("unet", "text_encoder", "text_encoder_2") -> flat module name -> change.

    Flat names have "_" for "." and no `text_model_`; UNet names may be those of the original layout.
    """

    id: str
    components: Mapping[str, Mapping[str, Change]]


def read_lora(file: ModelFile) -> LoraWeights:
    """Read kohya's, PEFT's, diffusers' and LyCORIS' (LoHa, LoKr) names.

    Raises `BrokenWeights` for DoRA and for other kinds of change, and for files that are incomplete.
    """
    parts: dict[tuple[str, str], dict[str, Tensor]] = {}
    for name, tensor in load_state(file.path).items():
        if name.endswith(".dora_scale"):
            raise BrokenWeights(f"“{file.id}” is a DoRA, which is not supported; use a plain LoRA of it.")
        end = next((end for end in sorted(_FACTORS, key=len, reverse=True) if name.endswith(end)), None)
        if end is None:
            raise BrokenWeights(
                f"“{file.id}” changes the model in a way that is not supported ({name[-60:]}). "
                "Use a plain LoRA."
            )
        stem = name.removesuffix(end) + ("_lora" if end.startswith("_lora") else "")
        parts.setdefault(_place(stem), {})[_FACTORS[end]] = tensor
    alphas = _metadata_alphas(file)
    components: dict[str, dict[str, Change]] = {}
    for (component, module), factors in parts.items():
        told = factors.pop("alpha", None)
        alpha = alphas.get(component) if told is None else float(told)
        change = Change(factors, alpha)
        if not _complete(factors):
            raise BrokenWeights(f"“{file.id}” lacks a part of {module}; download it again.")
        components.setdefault(component, {})[module] = change
    return LoraWeights(file.id, components)


def _place(stem: str) -> tuple[str, str]:
    """(component, flat module name) of a LoRA's module name in any spelling."""
    bare = stem.removeprefix("base_model.model.").removeprefix("diffusion_model.")
    head = next((head for head in _PREFIXES if bare.startswith(head)), "")
    name = bare.removeprefix(head)
    processor = re.fullmatch(r"(.*)\.processor\.(to_q|to_k|to_v|to_out)_lora", name)
    if processor:
        name = f"{processor[1]}.{processor[2]}" + (".0" if processor[2] == "to_out" else "")
    return _PREFIXES.get(head, "unet"), _flat(name)


def _flat(name: str) -> str:
    return name.replace(".", "_").removeprefix("text_model_")


def _metadata_alphas(file: ModelFile) -> dict[str, float]:
    """α by component as diffusers writes it into a file's metadata; without it α is the rank."""
    if container(file.path) != "safetensors":
        return {}
    try:
        told: Any = json.loads(read_header(file.path).metadata.get("lora_adapter_metadata", "{}"))
        found = {
            name.removesuffix(".lora_alpha"): v for name, v in told.items() if name.endswith(".lora_alpha")
        }
        return {component: float(alpha) for component, alpha in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def _complete(factors: Mapping[str, Tensor]) -> bool:
    has = factors.keys()
    if "down" in has or "up" in has:
        return {"down", "up"} <= has
    if "w1_a" in has:
        return {"w1_a", "w1_b", "w2_a", "w2_b"} <= has
    first, second = ("kw1" in has or {"kw1_a", "kw1_b"} <= has), ("kw2" in has or {"kw2_a", "kw2_b"} <= has)
    return first and second


# ---- arithmetic ----


def delta(change: Change, shape: Sequence[int]) -> Tensor:
    """ΔW in fp32 with the shape of the weight it is added to. Raises `ValueError` when it does not fit."""
    f = {name: tensor.float() for name, tensor in change.factors.items()}
    if "down" in f and "mid" not in f and len(f["up"]) * _count(f["down"].shape[1:]) != _count(shape):
        raise ValueError(f"{tuple(f['up'].shape)} times {tuple(f['down'].shape)} does not fit {tuple(shape)}")
    if "down" in f:
        found, rank = _product(f["up"], f["down"], f.get("mid")), f["down"].shape[0]
    elif "w1_a" in f:
        first = _product(f["w1_a"], f["w1_b"], f.get("t1"), turned=True)
        second = _product(f["w2_a"], f["w2_b"], f.get("t2"), turned=True)
        found, rank = first * second, f["w1_b"].shape[0]
    else:
        found, rank = _kronecker(f, shape)
    if found.numel() != _count(shape):
        raise ValueError(f"{tuple(found.shape)} does not fit {tuple(shape)}")
    scale = 1.0 if change.alpha is None or not rank else change.alpha / rank
    return found.reshape(tuple(shape)) * scale


def _count(shape: Sequence[int]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total


def _product(up: Tensor, down: Tensor, core: Tensor | None, turned: bool = False) -> Tensor:
    """up @ down, or with a core the Tucker product; LyCORIS (`turned`) then has `up` as (rank, out)."""
    import torch

    if core is None:
        return up.flatten(1) @ down.flatten(1)
    left = up.flatten(1) if turned else up.flatten(1).T
    return torch.einsum("rs...,ro,si->oi...", core, left, down.flatten(1))


def _kronecker(f: Mapping[str, Tensor], shape: Sequence[int]) -> tuple[Tensor, int]:
    import torch

    first = f["kw1"] if "kw1" in f else f["kw1_a"] @ f["kw1_b"]
    second = f["kw2"] if "kw2" in f else _product(f["kw2_a"], f["kw2_b"], f.get("kt2"), turned=True)
    rank = f["kw2_b"].shape[0] if "kw2_b" in f else f["kw1_b"].shape[0] if "kw1_b" in f else 0
    kernel = tuple(shape[2:])
    second = second.reshape(second.shape[0], -1, *kernel)
    return torch.kron(first.reshape(*first.shape[:2], *(1 for _ in kernel)), second), rank


# ---- laying over ----


@contextmanager
def applied(
    modules: Mapping[str, nn.Module], loras: Sequence[tuple[LoraWeights, float, float]]
) -> Generator[None]:
    """Within the block the modules are changed by `loras`, each (weights, UNet strength, text strength).

    `modules`: by component; a LoRA's other components are left alone. Afterwards, and after any exception,
    every weight is bit for bit what it was. Raises `BrokenWeights` when a LoRA does not fit.
    """
    changes = _gather(modules, loras)
    before: list[tuple[Tensor, Tensor]] = []
    try:
        for module, found in changes:
            weight: Any = module.weight.data
            total = _changed(weight, found)
            before.append((weight, weight.to("cpu", copy=True)))
            weight.copy_(total)
        yield
    finally:
        for weight, original in before:
            weight.copy_(original)


def merge(modules: Mapping[str, nn.Module], loras: Sequence[tuple[LoraWeights, float, float]]) -> None:
    """Changes the modules for good, as `applied` does for a block. Raises `BrokenWeights`."""
    for module, found in _gather(modules, loras):
        weight: Any = module.weight.data
        weight.copy_(_changed(weight, found))


_Found = tuple[LoraWeights, str, Change, float]


def _changed(weight: Tensor, found: Sequence[_Found]) -> Tensor:
    """The weight with everything added, in its own precision."""
    total = weight.float()
    for lora, name, change, strength in found:
        total = total + strength * _fitted(lora, name, change, weight)
    return total.to(weight.dtype)


def _gather(
    modules: Mapping[str, nn.Module], loras: Sequence[tuple[LoraWeights, float, float]]
) -> list[tuple[nn.Module, list[_Found]]]:
    """Every module that is changed, with all that is added to it."""
    places: dict[int, tuple[nn.Module, list[_Found]]] = {}
    for component, root in modules.items():
        table = _table(root)
        for lora, unet, text in loras:
            strength = unet if component == "unet" else text
            wanted = lora.components.get(component, {}) if strength else {}
            lost = [name for name in wanted if name not in table]
            if lost:
                raise BrokenWeights(
                    f"The LoRA “{lora.id}” is made for another model: {len(lost)} of its {len(wanted)} parts "
                    f"have no place in this {component} (such as {lost[0][:80]}). Choose one for this model."
                )
            for name, change in wanted.items():
                module = table[name]
                places.setdefault(id(module), (module, []))[1].append((lora, name, change, strength))
    return list(places.values())


def _table(root: nn.Module) -> dict[str, nn.Module]:
    """Linear and convolution layers by flat name, a UNet's by their names in the original layout too."""
    import torch

    leaves: dict[str, nn.Module] = {}
    leaves |= {n: m for n, m in root.named_modules() if isinstance(m, torch.nn.Linear | torch.nn.Conv2d)}
    found = {_flat(name): module for name, module in leaves.items()}
    layers = getattr(getattr(root, "config", None), "layers_per_block", None)
    if isinstance(layers, int):
        attended = {int(n.split(".")[1]) for n in leaves if n.startswith("up_blocks") and ".attentions." in n}
        found |= {_flat(module_name(name, layers, attended)): module for name, module in leaves.items()}
    return found


def _fitted(lora: LoraWeights, name: str, change: Change, weight: Tensor) -> Tensor:
    moved = Change({role: factor.to(weight.device) for role, factor in change.factors.items()}, change.alpha)
    try:
        return delta(moved, weight.shape)
    except (ValueError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        raise BrokenWeights(
            f"The LoRA “{lora.id}” is made for another model: its {name[:80]} does not fit. "
            "Choose one for this model."
        ) from error
