"""Presets: small JSON files, each a partial recipe with a title and a word about it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue, ValidationError

from studio.errors import BadInput, UnknownName
from studio.part import Part
from studio.recipe import Recipe, explain

PLACE = "{prompt}"
MOST_STYLES, LONGEST = 2000, 10_000


class Said(Part):
    """A preset's title and its word about it, in another language than English."""

    title: str = Field(min_length=1, max_length=80)
    about: str = Field(default="", max_length=400)


class Preset(Part):
    """A starting point: fields of a recipe, under a title.

    `families` are those whose words it uses (none: every one), `translations` its title by language tag. In
    the preset's `prompt` and `negative`, `{prompt}` stands for what the painter wrote; without it hers come
    first, then a comma and the preset's.
    """

    title: str = Field(min_length=1, max_length=80)
    about: str = Field(default="", max_length=400)
    translations: dict[str, Said] = Field(default_factory=dict[str, Said])
    families: tuple[str, ...] = ()
    recipe: dict[str, JsonValue]

    @property
    def finishes(self) -> bool:
        """Whether it is about finished pictures: nothing in it is for painting."""
        return set(self.recipe) == {"post"}

    def over(self, partial: Mapping[str, Any]) -> dict[str, Any]:
        """The preset under the painter's own fields: texts are joined, everything else she said wins."""
        return {**self.recipe, **partial, **self._texts(partial)}

    def onto(self, partial: Mapping[str, Any]) -> dict[str, Any]:
        """The preset over the painter's own fields, as when she chooses it: only her texts stay, joined."""
        return {**partial, **self.recipe, **self._texts(partial)}

    def _texts(self, partial: Mapping[str, Any]) -> dict[str, str]:
        texts = {
            name: joined(str(self.recipe.get(name, "")), str(partial.get(name, "")))
            for name in ("prompt", "negative")
        }
        return {name: text for name, text in texts.items() if text}


def joined(style: str, text: str) -> str:
    """A style's text around the painter's; what is there already is not added a second time."""
    before, place, after = style.partition(PLACE)
    if place:
        there = text.startswith(before) and text.endswith(after)
        return (text if there else style.replace(PLACE, text)) if text else (before + after).strip(" ,")
    return text if style in text else ", ".join(part for part in (text, style) if part)


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


def from_csv(text: str) -> dict[str, Preset]:
    """The styles of an AUTOMATIC1111 `styles.csv` (columns name, prompt, negative_prompt) by their names.

    Lines that only part groups there (no texts) are left out. Raises `BadInput` for a table that is none of
    styles, or has more than 2,000.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))
    except csv.Error as error:
        raise BadInput(f"This is not a table of styles: {error}.") from error
    if not rows or not {"name", "prompt"} <= set(rows[0]):
        raise BadInput(
            "A table of styles has the columns name, prompt and negative_prompt in its first line."
        )
    if len(rows) > MOST_STYLES:
        raise BadInput(f"This table has {len(rows)} styles; at most {MOST_STYLES} can be taken over.")
    found: dict[str, Preset] = {}
    for row in rows:
        said = {"prompt": row["prompt"] or "", "negative": row.get("negative_prompt") or ""}
        kept: dict[str, JsonValue] = {name: text[:LONGEST] for name, text in said.items() if text.strip()}
        name = (row["name"] or "").strip()[:80]
        if name and kept:
            found[name] = Preset(title=name, recipe=kept)
    if not found:
        raise BadInput("There is no style in this table.")
    return found
