"""What can be known of a file of weights without opening it as weights: its kind of container and its header.

A safetensors file starts with eight bytes of length and a JSON table of names, types and shapes; that table
is read here by hand, with a capped length, so that a whole folder of models is known without torch.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from studio.errors import BrokenWeights, MissingWeights, RefusedWeights
from studio.part import Part

Kind = Literal[
    "checkpoint", "lora", "embedding", "vae", "tiny", "controlnet", "upscaler", "face", "annotator"
]
Shapes = Mapping[str, tuple[int, ...]]

SUFFIXES = frozenset({".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin"})
MAX_HEADER = 16 * 2**20  # JSON may take thirty times its length in memory; real tables have some 100 kB
MAX_SIDES = 16
MAX_LENGTH = 2**48  # of a side, and of a file
MAX_CONFIG = 2**20
FORBIDDEN = frozenset(
    {
        "auto_map",  # names Python files to import
        "_attn_implementation_internal",  # names code on a hub to fetch and run
        "_attn_implementation",
        "attn_implementation",
        "custom_pipeline",
        "trust_remote_code",
    }
)
_BITS = {
    bits: size
    for size, names in {64: "F64 I64 U64", 32: "F32 I32 U32", 16: "F16 BF16 I16 U16", 8: "I8 U8 BOOL"}.items()
    for bits in names.split()
}


class ModelFile(Part):
    """A model the studio has found. `id` is what recipes say; `path` never leaves the machine.

    `family` is "" and `note` says why when the file is not one we can use, or not known yet.
    `size` is bytes (a folder's: of all its weights); `mtime_ns` the newest change.
    """

    id: str = Field(min_length=1, max_length=240)
    kind: Kind
    family: str = ""
    title: str = ""
    path: Path
    layout: Literal["folder", "file"] = "file"
    size: int = 0
    mtime_ns: int = 0
    prediction: Literal["epsilon", "v_prediction", ""] = ""
    note: str = ""

    @property
    def source(self) -> str:
        """Changes whenever the file does: what caches are keyed by."""
        return f"{self.path}|{self.size}|{self.mtime_ns}"


@dataclass(frozen=True, slots=True)
class Header:
    """Names and shapes of a file's tensors, and its free-text metadata."""

    shapes: Shapes
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


def container(path: Path) -> Literal["safetensors", "pickle"]:
    """What the file is by its first bytes, whatever its suffix claims.

    Raises `MissingWeights` (not there, or a git-lfs pointer), `BrokenWeights` (anything else).
    """
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except FileNotFoundError:
        raise MissingWeights(f"{path.name} is not there any more; look into the models folder.") from None
    except OSError as error:
        raise BrokenWeights(f"{path.name} cannot be read: {error.strerror or error}.") from error
    if start.startswith(b"version https://git-lfs"):
        raise MissingWeights(
            f"{path.name} is only a pointer to the weights; run “git lfs pull” to fetch them."
        )
    if start.lstrip()[:1] == b"<":
        raise BrokenWeights(f"{path.name} is a web page, not weights; download it again, logged in if asked.")
    if len(start) > 8 and start[8:9] == b"{":
        return "safetensors"
    if start.startswith((b"PK\x03\x04", b"\x80")):
        return "pickle"
    raise BrokenWeights(
        f"{path.name} is not a file of weights, or was cut short; download it again as .safetensors."
    )


def read_header(path: Path) -> Header:
    """The table at the start of a safetensors file, checked against the file's length.

    Raises `BrokenWeights` when it is cut short, too long, or not a table.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MAX_HEADER, size - 8):
            raise BrokenWeights(f"{path.name} is cut short or not safetensors; download it again.")
        raw = file.read(length)
    try:
        table = json.loads(raw)
        entries = {name: entry for name, entry in table.items() if name != "__metadata__"}
        shapes = {name: _shape(entry) for name, entry in entries.items()}
        end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
        metadata = {str(k): str(v) for k, v in (table.get("__metadata__") or {}).items()}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise BrokenWeights(f"{path.name} has a damaged table of contents; download it again.") from error
    if 8 + length + end != size:
        promised, there = (8 + length + end) / 2**20, size / 2**20
        raise BrokenWeights(
            f"{path.name} is cut short: it should be {promised:,.1f} MiB and is {there:,.1f}; "
            "download it again."
        )
    return Header(shapes, metadata)


def _shape(entry: Mapping[str, Any]) -> tuple[int, ...]:
    shape = tuple(entry["shape"])
    begin, end = entry["data_offsets"]
    bits = _BITS.get(entry["dtype"])
    sound = all(type(number) is int and 0 <= number <= MAX_LENGTH for number in (*shape, begin, end))
    if not sound or begin > end or len(shape) > MAX_SIDES:
        raise ValueError("no size")
    if bits is not None and (end - begin) * 8 != math.prod(shape) * bits:
        raise ValueError("length does not fit the shape")
    return shape


def read_config(path: Path) -> dict[str, Any]:
    """A model's JSON config. Raises `RefusedWeights` if it names code, `BrokenWeights` if it is no JSON."""
    where = f"{path.parent.name}/{path.name}"
    try:
        if path.stat().st_size > MAX_CONFIG:
            raise BrokenWeights(f"{where} is far too large for a config; download the model again.")
        config = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise MissingWeights(f"{where} is missing; download the model again, completely.") from None
    except (ValueError, RecursionError, OSError) as error:
        raise BrokenWeights(f"{where} cannot be read as JSON; download the model again.") from error
    if not isinstance(config, dict):
        raise BrokenWeights(f"{where} is not a config; download the model again.")
    named = FORBIDDEN & set(_keys(config))
    if named:
        raise RefusedWeights(
            f"{where} asks for foreign code ({min(named)}); the model was not opened. "
            "Get it from a source that does not need that."
        )
    return config


def _keys(value: Any) -> list[str]:
    """Every key at any depth."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            found += [key for key, inner in item.items() if inner is not None]
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return found


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The files that hold a component's weights, all shards: safetensors before pickle, full before fp16.

    Only names found in the folder are used; an index file is never followed.
    Raises `MissingWeights` when there is none, or when a shard is missing.
    """
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file()) if folder.is_dir() else []
    for suffix in (".safetensors", ".bin"):
        here = [name for name in names if name.endswith(suffix)]
        stems = sorted({_stem(name) for name in here}, key=lambda stem: (stem.count("."), stem))
        for stem in stems:
            shards = [name for name in here if _stem(name) == stem]
            total = _total(shards[0])
            if len(shards) != total:
                raise MissingWeights(
                    f"{folder.name} has {len(shards)} of {total} parts of its weights; download the rest."
                )
            return tuple(folder / name for name in shards)
    raise MissingWeights(f"{folder.name} has no weights in it; download the model again, completely.")


def _shard(name: str) -> tuple[str, str, str] | None:
    """("model", "00001", "00003") of model-00001-of-00003.safetensors."""
    stem = name.rsplit(".", 1)[0]
    head, _, total = stem.rpartition("-of-")
    base, _, number = head.rpartition("-")
    total = total.partition(".")[0]
    return (base, number, total) if base and number.isdecimal() and total.isdecimal() else None


def _stem(name: str) -> str:
    shard = _shard(name)
    variant = name.rsplit(".", 1)[0].rpartition("-of-")[2].partition(".")[2]
    return name.rsplit(".", 1)[0] if shard is None else shard[0] + (f".{variant}" if variant else "")


def _total(name: str) -> int:
    shard = _shard(name)
    return 1 if shard is None else int(shard[2])
