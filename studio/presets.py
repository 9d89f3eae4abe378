"""Presets: small JSON files, each a partial recipe with a title and a word about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue, ValidationError

from studio.errors import BadInput, UnknownName
from studio.part import Part
from studio.recipe import Recipe, explain

PLACE = "{prompt}"


class Preset(Part):
    """A starting point: fields of a recipe, under a title.

    In the preset's `prompt` and `negative`, `{prompt}` stands for what the painter wrote; without it hers
    come first, then a comma and the preset's.
    """

    title: str = Field(min_length=1, max_length=80)
    about: str = Field(default="", max_length=400)
    recipe: dict[str, JsonValue]

    def over(self, partial: Mapping[str, Any]) -> dict[str, Any]:
        """The preset under the painter's own fields: texts are joined, everything else she said wins."""
        texts = {
            name: joined(str(self.recipe.get(name, "")), str(partial.get(name, "")))
            for name in ("prompt", "negative")
        }
        return {**self.recipe, **partial, **{name: text for name, text in texts.items() if text}}


def joined(style: str, text: str) -> str:
    """A style's text around the painter's."""
    if PLACE in style:
        return style.replace(PLACE, text) if text else style.replace(PLACE, "").strip(" ,")
    return ", ".join(part for part in (text, style) if part)


def read_presets(folder: Path) -> dict[str, Preset]:
    """Every preset of a folder by its file's name. Raises `BadInput` naming the file that is not one."""
    found: dict[str, Preset] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            preset = Preset.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise BadInput(f"The preset {path.name} cannot be read: {explain(error)}") from error
        strange = preset.recipe.keys() - Recipe.model_fields.keys()
        if strange:
            raise BadInput(f"The preset {path.name} sets {', '.join(sorted(strange))}, which no recipe has.")
        found[path.stem] = preset
    return found


def preset(folder: Path, name: str) -> Preset:
    """One preset. Raises `UnknownName` with the list of what exists."""
    presets = read_presets(folder)
    if name not in presets:
        raise UnknownName("preset", name, presets)
    return presets[name]
