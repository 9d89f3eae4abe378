"""Writing files so that a kill at any moment leaves the old one or the new one, never half of either."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import BrokenWeights

if TYPE_CHECKING:
    import torch


def _commit(temporary: Path, path: Path) -> None:
    try:
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # safetensors writes for the owner alone
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.part")  # one name: what a kill leaves is overwritten


def write_bytes(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one step."""
    temporary = _temporary(path)
    temporary.write_bytes(content)
    _commit(temporary, path)


def write_text(path: Path, content: str) -> None:
    """Replace `path` by `content` (UTF-8, `\\n`) in one step."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: object) -> None:
    """Replace `path` by `content` as indented JSON in one step."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], facts: object | None = None) -> None:
    """Replace `path` by a safetensors file in one step; `facts` goes into its header as JSON."""
    from safetensors.torch import save_file

    temporary = _temporary(path)
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = {"format": "pt"} | ({} if facts is None else {"facts": json.dumps(facts)})
    save_file(flat, str(temporary), metadata=header)
    _commit(temporary, path)


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], Any]:
    """The tensors of a safetensors file and the facts in its header (None if there are none)."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise BrokenWeights(
            f"{path.name} cannot be read as safetensors ({error}). Delete it and train again."
        ) from error
    return tensors, json.loads(header["facts"]) if "facts" in header else None
