"""One device and how modules get onto it and off again.

The weights in memory stay the master copy: going up copies them, coming down points back to the master, so
leaving the device costs nothing and undoes whatever happened there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from studio.models.budget import FP8_SHARE, STREAM_BYTES, Rung

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

RESERVE = 2**30  # for the driver, the screen, and what allocators lose between blocks
# Ends of a network and embeddings of time and size: few weights, and 8 bits would be seen.
_PRECISE = re.compile(
    r"^(conv_in|conv_out|time_embedding|add_embedding|label_emb)\b|norm|pos_embed|embeddings"
)


@dataclass(slots=True)
class Placed:
    """A module on the device: what it takes there, and what is needed to bring it back."""

    module: nn.Module
    rung: Rung
    bytes: int
    masters: list[tuple[Tensor, Tensor]] = field(default_factory=list["tuple[Tensor, Tensor]"])
    undo: list[Callable[[], object]] = field(default_factory=list[Callable[[], object]])


def pick(name: str) -> torch.device:
    """ "auto" takes CUDA, else Apple's GPU, else the CPU."""
    import torch

    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def best_dtype(device: torch.device) -> torch.dtype:
    """bf16 where the hardware computes in it, else fp16 on a GPU, else fp32."""
    import torch

    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
    if device.type == "mps":
        return torch.float16
    can = torch.cpu.get_capabilities()
    return torch.bfloat16 if can.get("avx512_bf16") or can.get("amx_bf16") else torch.float32


def module_of(value: Any) -> nn.Module | None:
    """The module in a cache entry: itself, or a spandrel descriptor's `model`; None for anything else."""
    import torch

    inner = value if isinstance(value, torch.nn.Module) else getattr(value, "model", None)
    return inner if isinstance(inner, torch.nn.Module) else None


def bytes_of(value: Any) -> int:
    """Bytes of all weights in a module, a descriptor, or nested mappings and sequences of tensors."""
    import torch

    module = module_of(value)
    if module is not None:
        return sum(t.nbytes for t in (*module.parameters(), *module.buffers()))
    if isinstance(value, torch.Tensor):
        return value.nbytes
    if isinstance(value, dict):
        return sum(bytes_of(inner) for inner in value.values())
    return sum(bytes_of(inner) for inner in value) if isinstance(value, list | tuple) else 0


class Mover:
    """Moves modules between memory and `device`."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def free(self) -> int:
        """Bytes that could be taken now, counting what torch holds in reserve but does not use."""
        import psutil
        import torch

        if self.device.type == "cuda":
            cached = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
            return torch.cuda.mem_get_info(self.device)[0] + cached - RESERVE
        if self.device.type == "mps":
            return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory() - RESERVE
        return psutil.virtual_memory().available

    def up(self, module: nn.Module, rung: Rung) -> Placed:
        """Bring a module onto the device; on the rungs "fp8" and "stream" with less than all of its weights.

        When the device runs out of memory midway, everything is put back before the error goes on.
        """
        size = bytes_of(module)
        share = {"fp8": int(size * FP8_SHARE), "stream": min(size, STREAM_BYTES)}.get(rung, size)
        placed = Placed(module, rung, share)
        placed.masters = [(t, t.data) for t in (*module.parameters(), *module.buffers())]
        done = False
        try:
            if rung == "stream":
                self._stream(placed)
            else:
                if rung == "fp8":
                    self._narrow(placed)
                for tensor, _ in placed.masters:
                    tensor.data = tensor.data.to(self.device, non_blocking=True)
            done = True
        finally:
            if not done:
                self.down(placed)
        return placed

    def down(self, placed: Placed) -> None:
        """Back to the master copy in memory; nothing is copied."""
        for step in reversed(placed.undo):
            step()
        for tensor, master in placed.masters:
            tensor.data = master

    def empty(self) -> None:
        """Give back what torch keeps in reserve."""
        import gc

        import torch

        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        elif self.device.type == "mps":
            torch.mps.empty_cache()

    def _narrow(self, placed: Placed) -> None:
        """Store the weights of linear and convolution layers in 8 bits; widen each only while it computes."""
        import torch

        for name, layer in placed.module.named_modules():
            if not isinstance(layer, torch.nn.Linear | torch.nn.Conv2d) or _PRECISE.search(name):
                continue
            wide = layer.weight.dtype

            def widen(leaf: nn.Module, _: object, dtype: torch.dtype = wide) -> None:
                leaf.to(dtype)

            def narrow(leaf: nn.Module, _: object, __: object) -> None:
                leaf.to(torch.float8_e4m3fn)

            placed.undo.append(layer.register_forward_pre_hook(widen).remove)
            placed.undo.append(layer.register_forward_hook(narrow, always_call=True).remove)
            layer.to(torch.float8_e4m3fn)

    def _stream(self, placed: Placed) -> None:
        """Leaf by leaf through diffusers' group offloading; copies overlap where the device has streams."""
        import torch
        from diffusers.hooks.group_offloading import apply_group_offloading
        from diffusers.hooks.hooks import HookRegistry

        overlap = self.device.type == "cuda"
        apply_group_offloading(
            placed.module,
            onload_device=self.device,
            offload_device=torch.device("cpu"),
            offload_type="leaf_level",
            use_stream=overlap,
            record_stream=overlap,
        )
        registry = HookRegistry.check_if_exists_or_initialize(placed.module)
        for name in ("group_offloading", "layer_execution_tracker", "lazy_prefetch_group_offloading"):
            placed.undo.append(lambda name=name: registry.remove_hook(name, recurse=True))
