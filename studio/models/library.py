"""The library: which models are there. Folders are scanned into a table; recipes' names are looked up in it.

No name from outside ever becomes part of a path. Folders laid out as ours, as ComfyUI's, A1111's or Forge's
are understood, and ComfyUI's `extra_model_paths.yaml`. Nothing here needs torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import get_args

from studio.errors import BadWeights, UnknownName
from studio.models.elsewhere import remembered
from studio.models.files import SUFFIXES, Kind, ModelFile, container, read_config, read_header
from studio.models.identify import all_weights, identify
from studio.models.places import FOLDERS, places_of

STARTER = "Starter · landscapes (山水)"
LATER = "A pickle format: its family is read when it is first used. Prefer .safetensors."
_LORA_FILES = ("pytorch_lora_weights.safetensors", "adapter_model.safetensors")
_BY_FOLDER = frozenset({"upscaler", "face", "annotator"})  # spandrel and the annotators tell these apart
_ONNX = ".onnx"  # OpenCV's networks, among the face detectors alone


@dataclass(frozen=True, slots=True)
class _Sight:
    """Something that looks like a model: where, for which kind of use, and the id it should have."""

    path: Path
    kind: Kind
    id: str
    label: str = ""


class Library:
    """The models under `folder` (with its `starter/`), under the folders remembered beside them, and under
    `extra` folders or ComfyUI yaml files.
    """

    def __init__(self, folder: Path, extra: Sequence[Path] = ()) -> None:
        self.folder = Path(folder)
        self._extra = tuple(Path(path) for path in extra)
        self._lock = Lock()
        self._seen: dict[str, ModelFile] = {}
        self._table: dict[tuple[str, str], ModelFile] | None = None
        self.warnings: tuple[str, ...] = ()

    def scan(self) -> tuple[ModelFile, ...]:
        """Look again. What did not change since the last look (size and time) is not read again."""
        with self._lock:
            return tuple(self._look().values())

    def files(self, kind: Kind | None = None) -> tuple[ModelFile, ...]:
        """Everything found by the last scan (the first call scans), or all of one kind."""
        with self._lock:
            table = self._look() if self._table is None else self._table
            return tuple(file for file in table.values() if kind is None or file.kind == kind)

    def find(self, kind: Kind, id: str) -> ModelFile:  # noqa: A002
        """The model of that kind and id, or, as prompts say `<lora:name>`, of that file name in any folder.

        Looks again once when it is not known. Raises `UnknownName`.
        """
        with self._lock:
            table = self._look() if self._table is None else self._table
            found = _named(table, kind, id) or _named(self._look(), kind, id)
            if found is None:
                raise UnknownName(kind, id, [name for k, name in self._table or {} if k == kind])
            return found

    def identified(self, file: ModelFile) -> ModelFile:
        """`file` with its family known. Opens pickle formats through the weights-only reader (needs torch).

        Raises `UnknownWeights`, `BrokenWeights` or `RefusedWeights` when there is none to know.
        """
        if file.family or file.kind in _BY_FOLDER:
            return file
        found = identify(file.path, self.starter_width)
        known = found.but(id=file.id, title=file.title)
        with self._lock:
            self._seen[f"{file.kind}|{file.source}"] = known
            if self._table is not None and (file.kind, file.id) in self._table:
                self._table[file.kind, file.id] = known
        return known

    def default(self) -> str:
        """The checkpoint to begin with: the starter, else the first one that can be used."""
        usable = [file.id for file in self.files("checkpoint") if file.family]
        return usable[0] if usable else "starter"

    @property
    def starter_width(self) -> int:
        """How wide the starter's texts are, by which its LoRAs are known; 0 without a starter."""
        try:
            width = read_config(self.folder / "starter" / "unet" / "config.json").get("cross_attention_dim")
        except BadWeights:
            return 0
        return width if isinstance(width, int) else 0

    def _look(self) -> dict[tuple[str, str], ModelFile]:
        width = self.starter_width
        table: dict[tuple[str, str], ModelFile] = {}
        seen: dict[str, ModelFile] = {}
        real: set[str] = set()
        for sight in self._sights():
            try:
                where = os.path.realpath(sight.path)
                size, mtime_ns = _stamp(sight.path)
            except OSError:  # removed while we look
                continue
            if where in real:
                continue
            real.add(where)
            key = f"{sight.kind}|{sight.path}|{size}|{mtime_ns}"
            file = self._seen.get(key) or _read(sight, width)
            seen[key] = file
            name = _free(sight, file.kind, table)
            table[file.kind, name] = file.but(id=name, size=size, mtime_ns=mtime_ns)
        self._seen, self._table = seen, table
        return table

    def _sights(self) -> Iterator[_Sight]:
        yield from _starter(self.folder / "starter")
        known, unread = remembered(self.folder)
        places, warnings = places_of(self.folder, (*self._extra, *known))
        self.warnings = (*unread, *warnings)
        for place in places:
            suffixes = SUFFIXES | {_ONNX} if place.kind == "face" else SUFFIXES
            for path in _walk(place.folder, set(), suffixes):
                inside = path.parent if path.name in _LORA_FILES and path.parent != place.folder else path
                shown = inside if inside.is_dir() else inside.with_suffix("")
                yield _Sight(path, place.kind, _id(shown.relative_to(place.folder)), place.label)


def _named(table: Mapping[tuple[str, str], ModelFile], kind: Kind, name: str) -> ModelFile | None:
    exact = table.get((kind, name))
    inner = (file for (k, id), file in table.items() if k == kind and id.rpartition("/")[2] == name)  # noqa: A001
    return exact or next(inner, None)


def _read(sight: _Sight, starter_width: int) -> ModelFile:
    """What `sight` is; a file that cannot be used is listed all the same, with the reason as its note."""
    title = STARTER if sight.id == "starter" and sight.kind == "checkpoint" else Path(sight.id).name
    plain = ModelFile(id=sight.id, kind=sight.kind, title=title, path=sight.path)
    plain = plain.but(layout="folder" if sight.path.is_dir() else "file")
    if sight.path.suffix.lower() == _ONNX:
        return plain
    try:
        if plain.layout == "file" and container(sight.path) == "pickle":
            return plain.but(note="" if sight.kind in _BY_FOLDER else LATER)
        if sight.kind in _BY_FOLDER and plain.layout == "file":
            read_header(sight.path)
            return plain
        found = identify(sight.path, starter_width)
    except BadWeights as error:
        return plain.but(note=str(error))
    moved = "" if found.kind == sight.kind else f"It lies in a folder for {sight.kind}s."
    return found.but(id=sight.id, title=title, note=" ".join(part for part in (found.note, moved) if part))


def _stamp(path: Path) -> tuple[int, int]:
    """Size in bytes and newest change of a file, or of all weights and configs of a folder."""
    files = [path] if path.is_file() else [*all_weights(path), *path.glob("*.json"), *path.glob("*/*.json")]
    stats = [file.stat() for file in files]
    return sum(stat.st_size for stat in stats), max((stat.st_mtime_ns for stat in stats), default=0)


def _free(sight: _Sight, kind: str, taken: Mapping[tuple[str, str], ModelFile]) -> str:
    """The first of ever longer names that is free: id, its suffix, its collection's name, numbered."""
    full = f"{sight.id}{sight.path.suffix}"
    first = taken.get((kind, sight.id))
    names = [sight.id] if first is None or first.path.suffix == sight.path.suffix else [full]
    names += [f"{sight.label}/{sight.id}", f"{sight.label}/{full}"]
    names += [f"{sight.label}/{full} {n}" for n in range(2, len(taken) + 3)]
    return next(name for name in names if (kind, name) not in taken)


def _id(relative: Path) -> str:
    """A path inside its kind's folder as an id: "/" between parts, composed characters, nothing invisible."""
    text = unicodedata.normalize("NFC", relative.as_posix())
    return re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "_", text)[-200:]


def _walk(folder: Path, seen: set[str], suffixes: Set[str]) -> Iterator[Path]:
    """Files of weights and model folders under `folder`, in name order; links are followed, circles not."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith("."):
            continue
        if not entry.is_dir():
            if path.suffix.lower() in suffixes:
                yield path
        elif (path / "model_index.json").is_file() or (path / "config.json").is_file():
            yield path
        else:
            yield from _walk(path, seen, suffixes)


def _starter(folder: Path) -> Iterator[_Sight]:
    """The embedded painter and what is shipped with it."""
    if (folder / "model_index.json").is_file():
        yield _Sight(folder, "checkpoint", "starter")
    if (folder / "controlnet" / "config.json").is_file():
        yield _Sight(folder / "controlnet", "controlnet", "starter")
    single: tuple[tuple[str, Kind, str], ...] = (
        ("lcm_lora", "lora", "starter-lcm"),
        ("upscaler", "upscaler", "starter-x2"),
    )
    for inner, kind, name in single:
        for path in sorted((folder / inner).glob("*.safetensors"))[:1]:
            yield _Sight(path, kind, name)


# ---- digests ----


def sha256(file: ModelFile, cache: Path | None = None) -> str:
    """SHA-256 of a model: of the file, or of its weight files' digests in name order, as hexadecimal text.

    `cache` is a JSON file that remembers digests by path, size and time of change.
    """
    known = _remembered(cache)
    if file.source in known:
        return known[file.source]
    if file.layout == "file":
        digest = _digest(file.path)
    else:
        parts = "".join(_digest(path) for path in all_weights(file.path))
        digest = hashlib.sha256(parts.encode()).hexdigest()
    if cache is not None:
        _remember(cache, _remembered(cache) | {file.source: digest})
    return digest


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _remembered(cache: Path | None) -> dict[str, str]:
    try:
        found = json.loads(cache.read_text("utf-8")) if cache is not None else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(cache: Path, known: Mapping[str, str]) -> None:
    """Losing this file costs a re-read only, so it is replaced without fsync."""
    cache.parent.mkdir(parents=True, exist_ok=True)
    fresh = cache.with_suffix(f".{os.getpid()}.new")
    fresh.write_text(json.dumps(known), "utf-8")
    fresh.replace(cache)


KINDS: tuple[Kind, ...] = get_args(Kind)
__all__ = ["FOLDERS", "KINDS", "STARTER", "Library", "ModelFile", "identify", "sha256"]
