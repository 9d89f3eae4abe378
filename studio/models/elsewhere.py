"""Models the artist already has: folders of other programs, found without a list written by hand.

The folders are remembered in `extra_folders.json` beside the models. The library reads that file whenever it
looks, so a running studio finds a new folder without being started again, and so does its worker.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.errors import BadInput
from studio.images import write_file
from studio.models.places import COMFY, FOLDERS

FILE = "extra_folders.json"
MOST = 32
LARGEST = 2**16  # bytes of the file

# Whose layout it is, by a folder or file that only this program has.
MARKS: tuple[tuple[str, str], ...] = (
    ("modules_forge", "Forge"),
    ("comfy", "ComfyUI"),
    ("extra_model_paths.yaml", "ComfyUI"),
    ("models/checkpoints", "ComfyUI"),
    ("webui.py", "A1111"),
    ("models/Stable-diffusion", "A1111 or Forge"),
)
PROGRAM = ("modules_forge", "comfy", "webui.py", "embeddings")
INSIDE = ("ComfyUI", "webui", "stable-diffusion-webui", "stable-diffusion-webui-forge")


@dataclass(frozen=True, slots=True)
class Layout:
    """A program's folder of models: whose it is ("" when nobody's we know), and where."""

    program: str
    folder: Path


def layout(folder: Path) -> Layout:
    """The program whose models lie in, above or below `folder`.

    Raises `BadInput` when there is no such folder, or none of its names is one that models lie under.
    """
    try:
        there = folder.is_dir()
        found = _layout(folder.resolve()) if there else None
    except (OSError, ValueError) as error:
        raise BadInput(f"{str(folder)[:200]} cannot be looked into: {error}.") from error
    if found is not None:
        return found
    if not there:
        raise BadInput(f"There is no folder {folder}. Give the folder of A1111, Forge or ComfyUI.")
    raise BadInput(
        f"No models were found in {folder}: none of its folders has a name such as checkpoints, "
        "Stable-diffusion, Lora, VAE, ControlNet or upscale_models. Give the folder of A1111, Forge or "
        "ComfyUI itself, or copy the files into this studio's models folder."
    )


def _layout(folder: Path) -> Layout | None:
    for place in _candidates(folder):
        named = any(
            entry.is_dir() and entry.name.lower() in FOLDERS
            for root in (place, place / "models")
            if root.is_dir()
            for entry in root.iterdir()
        )
        if named or (place / COMFY).is_file():
            program = next((whose for mark, whose in MARKS if (place / mark).exists()), "")
            return Layout(program, place)
    return None


def _candidates(folder: Path) -> Iterator[Path]:
    """The folder; before it its parent, if it is a program's `models`; after it what installers make."""
    above = folder.parent
    if folder.name.lower() == "models" and any((above / mark).exists() for mark in PROGRAM):
        yield above
    yield folder
    for name in INSIDE:
        if (folder / name).is_dir():
            yield folder / name


def remembered(models: Path) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """The folders remembered beside `models`, and what is wrong with the file that should say them."""
    path = models / FILE
    try:
        if path.stat().st_size > LARGEST:
            return (), (f"{path} is far too large; delete it and add the folders again.",)
        said = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return (), ()
    except (OSError, ValueError, RecursionError):
        return (), (f"{path} cannot be read; delete it and add the folders again.",)
    folders = said.get("folders") if isinstance(said, dict) else None
    if not isinstance(folders, list) or not all(isinstance(folder, str) for folder in folders):
        return (), (f"{path} is not a list of folders; delete it and add the folders again.",)
    return tuple(Path(folder) for folder in folders[:MOST]), ()


def remember(models: Path, folder: Path) -> Layout:
    """Take in the models of another program from now on. Twice is once. Raises `BadInput`."""
    found = layout(folder)
    if found.folder == models.resolve() or found.folder == models.resolve().parent:
        raise BadInput("This is the studio's own models folder; its models are in the list already.")
    folders, _ = remembered(models)
    if found.folder not in folders:
        if len(folders) >= MOST:
            raise BadInput(f"{MOST} folders are remembered already; forget one first.")
        _keep(models, (*folders, found.folder))
    return found


def forget(models: Path, folder: Path) -> None:
    """Do not look into that folder any more; its files stay. Raises `BadInput` if it was not remembered."""
    folders, _ = remembered(models)
    rest = tuple(known for known in folders if folder.resolve() not in (known, known / "models"))
    if rest == folders:
        raise BadInput(
            f"{folder} is not one of the remembered folders: {', '.join(map(str, folders)) or 'none'}."
        )
    _keep(models, rest)


def _keep(models: Path, folders: Sequence[Path]) -> None:
    models.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"folders": [str(folder) for folder in folders]}, ensure_ascii=False, indent=1)
    write_file(models / FILE, text.encode())
