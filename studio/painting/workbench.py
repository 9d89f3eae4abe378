"""The worker's models: components by name, loaded when first asked for, borrowed for a block of code."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio import __version__
from studio.errors import BadWeights
from studio.families import Family, Rgb, sd
from studio.models.library import Library, ModelFile, sha256
from studio.models.load import component_bytes, load_component, read_embedding, scheduler_config
from studio.models.manager import Entry, Key, Models

if TYPE_CHECKING:
    import torch


_LATENTS = {"sd2": "sd15"}  # families whose latents are another's


class Workbench:
    """Finds a component of a model file in the manager, or loads it there."""

    def __init__(self, models: Models, hashes: Path | None = None) -> None:
        self.models = models
        self.hashes = hashes
        self._rgb: dict[str, Rgb] = {}

    def entry(self, file: ModelFile, component: str, family: Family, full: bool = False) -> Entry:
        """The cached component ("unet", "vae", "text_encoder", "controlnet", …), loaded if need be.

        `full`: in float32, whatever the device prefers.
        """
        import torch

        dtype = torch.float32 if full else self.models.dtype(component)
        key = self.key(file, component, dtype)
        expected = 0 if self.models.holds(key) else component_bytes(file, component, dtype)
        return self.models.get(
            key,
            lambda: load_component(file, component, family.components[component], family.config, dtype),
            expected,
        )

    def tiny(self, file: ModelFile, family: Family, library: Library) -> Entry | None:
        """The tiny decoder for sharper previews, if there is one; one that is damaged is done without."""
        found = tiny_of(file, family, library)
        try:
            return self.entry(found, "vae_tiny", family) if found is not None else None
        except BadWeights:
            return None

    def rgb(self, file: ModelFile, family: Family, vae: Any) -> Rgb:
        """The linear preview of this autoencoder: the family's, or fitted once."""
        if family.rgb is not None:
            return family.rgb
        if file.source not in self._rgb:
            self._rgb[file.source] = sd.fit_rgb(family, vae)
        return self._rgb[file.source]

    def scheduler(self, file: ModelFile, family: Family) -> dict[str, Any]:
        """The model's own scheduler config: its betas and its prediction type."""
        return scheduler_config(file, family.config)

    def embeddings(self, files: Sequence[ModelFile]) -> dict[str, dict[str, torch.Tensor]]:
        """Textual inversions by the name that prompts call them."""
        return {Path(file.id).name: read_embedding(file) for file in files}

    def key(self, file: ModelFile, component: str, dtype: torch.dtype) -> Key:
        """Where the component lies in the cache: a file that was replaced is another file."""
        return Key(file.source, component, name_of(dtype))

    def is_cold(self, file: ModelFile, components: Sequence[str]) -> bool:
        """Whether painting with this file must load something first."""
        return not all(self.models.holds(self.key(file, c, self.models.dtype(c))) for c in components)

    def sha256(self, file: ModelFile) -> str:
        """The file's digest, remembered beside the gallery so that large files are read once."""
        return sha256(file, self.hashes)

    def environment(self) -> dict[str, str]:
        """What makes the same recipe come out as another picture: the device and its precision."""
        return {"device": self.models.device.type, "dtype": name_of(self.models.dtype("unet"))}

    @staticmethod
    @cache
    def versions() -> dict[str, str]:
        """The versions of what painted."""
        return {
            "inkstone": __version__,
            **{name: version(name) for name in ("torch", "diffusers", "transformers")},
        }


def tiny_of(file: ModelFile, family: Family, library: Library) -> ModelFile | None:
    """Where the model's tiny decoder is: what the model brings, else the one of its family in the library."""
    if file.layout == "folder" and (file.path / "vae_tiny" / "config.json").is_file():
        return file
    wanted = _LATENTS.get(family.name, family.name)
    for one in library.files("tiny"):
        if not Path(one.id).name.lower().startswith("taesd"):  # A1111 keeps other approximations there
            continue
        try:
            known = library.identified(one)
        except BadWeights:
            continue
        if known.kind == "tiny" and known.family == wanted:
            return known
    return None


def name_of(dtype: torch.dtype) -> str:
    """ "bfloat16" of `torch.bfloat16`."""
    return str(dtype).removeprefix("torch.")
