"""Which folders models lie in: by the names that this studio, ComfyUI, A1111 and Forge give them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.models.files import Kind

# Folder names (lower case) -> what lies in them, in this studio, ComfyUI, A1111 and Forge.
FOLDERS: Mapping[str, Kind] = {
    "checkpoints": "checkpoint",
    "stable-diffusion": "checkpoint",
    "loras": "lora",
    "lora": "lora",
    "lycoris": "lora",
    "embeddings": "embedding",
    "vae": "vae",
    "vae_approx": "tiny",  # ComfyUI's name
    "vae-approx": "tiny",  # A1111's
    "vae-taesd": "tiny",
    "controlnet": "controlnet",
    "upscalers": "upscaler",
    "upscale_models": "upscaler",
    "esrgan": "upscaler",
    "realesrgan": "upscaler",
    "swinir": "upscaler",
    "faces": "face",
    "gfpgan": "face",
    "codeformer": "face",
    "facerestore_models": "face",
    "annotators": "annotator",
}
COMFY = "extra_model_paths.yaml"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder for one kind of model; `label` tells its models from others of the same id."""

    folder: Path
    kind: Kind
    label: str


def places_of(folder: Path, extra: Sequence[Path]) -> tuple[list[Place], tuple[str, ...]]:
    """Every folder to look into, ours first; and what could not be read."""
    found = [Place(folder / name, kind, folder.name) for name, kind in FOLDERS.items()]
    found = [place for place in found if place.folder.is_dir()]
    warnings: list[str] = []
    for path in extra:
        lists = [path] if path.is_file() else [path / COMFY]
        for listed in (entry for entry in lists if entry.is_file()):
            try:
                found += _comfy_places(listed)
            except (OSError, ValueError) as error:
                warnings.append(f"{listed} cannot be read: {error}")
        for root in () if path.is_file() else (path, path / "models"):
            found += _named_places(root, path.name)
        if not path.exists():
            warnings.append(f"There is no folder {path}; take it out of the settings or connect its disk.")
    return found, tuple(warnings)


def _named_places(root: Path, label: str) -> list[Place]:
    names = sorted(os.listdir(root)) if root.is_dir() else []
    found = [Place(root / n, FOLDERS[n.lower()], label) for n in names if n.lower() in FOLDERS]
    extension = root / "extensions" / "sd-webui-controlnet" / "models"  # where A1111's ControlNets lie
    return [*found, Place(extension, "controlnet", label)] if extension.is_dir() else found


def _comfy_places(path: Path) -> list[Place]:
    """ComfyUI's list of model folders: sections with a `base_path`, and lines of paths for each kind.

    Raises `ValueError` when it is not such a list.
    """
    import yaml

    try:
        sections: Any = yaml.safe_load(path.read_text("utf-8")) or {}
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError("it is not valid YAML") from error
    if not isinstance(sections, dict):
        raise ValueError("it has no sections")
    found: list[Place] = []
    for section, entries in sections.items():
        if not isinstance(entries, dict):
            continue
        written = os.path.expanduser(os.path.expandvars(str(entries.get("base_path") or "")))
        base = path.parent / written
        for name, lines in entries.items():
            kind = FOLDERS.get(str(name).lower())
            if kind is not None and isinstance(lines, str):
                found += [
                    Place(base / line, kind, str(section)) for line in lines.split("\n") if line.strip()
                ]
    return found
