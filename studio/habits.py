"""Habits: how a painter likes to work, kept from one visit to the next as plain drafts in `studio.db`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studio.desk.jobs import Jobs
from studio.errors import BadInput, LimitReached
from studio.families import FAMILIES
from studio.gallery_export import PATTERN
from studio.models.files import ModelFile
from studio.models.library import Library
from studio.presets import MOST_STYLES, Preset, from_csv, read_presets
from studio.recipe import Recipe
from studio.settings import Settings

# What belongs to one picture rather than to how she likes to work with a checkpoint: words, seed, and the
# parts that may be present or not.
OF_ONE_PICTURE = frozenset(
    {
        "prompt",
        "negative",
        "model",
        "seed",
        "loras",
        "source",
        "mask",
        "controls",
        "hires",
        "post",
        "version",
        "variation",
        "tiling",
        "drawing",
    }
)
SETTINGS = tuple(name for name in Recipe.model_fields if name not in OF_ONE_PICTURE)
FORM_BYTES = 128 * 1024
MOST_FORMS = 32
REMEMBERED = 200  # prompts


class Habits:
    """Every painter's last settings, counts, words, styles, forms, language and names of files."""

    def __init__(self, settings: Settings, jobs: Jobs, library: Library) -> None:
        self._settings, self._jobs, self._library = settings, jobs, library

    def last(self, painter: str, model: str) -> dict[str, Any]:
        """Her last settings with this model; nothing when they no longer hold."""
        kept = self._jobs.draft(painter, f"last:{model}") or {}
        values = {name: value for name, value in kept.items() if name in SETTINGS}
        if values.get("vae") not in {file.id for file in self._library.files("vae")}:
            values.pop("vae", None)
        try:
            Recipe.of({**values, "model": model})
        except BadInput:
            return {}
        return values

    def count(self, painter: str, model: str) -> int:
        """How many pictures a press paints: her last choice with this model, else the model's."""
        kept = self._jobs.draft(painter, f"count:{model}")
        if isinstance(kept, int) and 1 <= kept <= self._settings.limits.pictures:
            return kept
        return drafts(self._library.find("checkpoint", model))

    def remember(self, painter: str, recipe: Recipe, count: int) -> None:
        """Keep her settings for this checkpoint, how many she asks for, and the checkpoint as her last."""
        kept = {name: value for name, value in recipe.model_dump(mode="json").items() if name in SETTINGS}
        with self._jobs.transaction():
            self._jobs.keep_draft(painter, f"last:{recipe.model}", kept)
            if recipe.source is None or recipe.source.strength > 0:  # a picture taken further is always one
                self._jobs.keep_draft(painter, f"count:{recipe.model}", count)
            self._jobs.keep_draft(painter, "model", recipe.model)
            self._recall(painter, recipe)

    def _recall(self, painter: str, recipe: Recipe) -> None:
        """Put her words on top of her history, each text once."""
        if recipe.prompt.strip():
            older = [wrote for wrote in self.history(painter) if wrote["prompt"] != recipe.prompt]
            now = {"prompt": recipe.prompt, "negative": recipe.negative}
            self._jobs.keep_draft(painter, "history", [now, *older][:REMEMBERED])

    def history(self, painter: str) -> list[dict[str, str]]:
        """The prompts she painted from, the newest first, with their negative prompts."""
        return list(self._jobs.draft(painter, "history") or [])

    def styles(self, painter: str) -> dict[str, Preset]:
        """The presets, and the styles she brought along, which are named `own/…`."""
        own = self._jobs.draft(painter, "styles") or {}
        hers = {f"own/{name}": Preset(title=name, recipe=recipe) for name, recipe in own.items()}
        return {**read_presets(self._settings.presets), **hers}

    def keep_styles(self, painter: str, table: str) -> int:
        """Take over the styles of an A1111 `styles.csv`, those of one name replaced; returns how many.

        Raises `BadInput`.
        """
        found = {name: style.recipe for name, style in from_csv(table).items()}
        kept = {**(self._jobs.draft(painter, "styles") or {}), **found}
        if len(kept) > MOST_STYLES:
            raise BadInput(f"At most {MOST_STYLES} styles can be kept.")
        self._jobs.keep_draft(painter, "styles", kept)
        return len(found)

    def speak(self, painter: str, language: str) -> None:
        """Keep the language she chose."""
        self._jobs.keep_draft(painter, "language", language)

    def language(self, painter: str) -> str:
        """The language she chose; "" when she never did."""
        return str(self._jobs.draft(painter, "language") or "")

    def call(self, painter: str, pattern: str) -> None:
        """Keep how she wants her files to be called."""
        self._jobs.keep_draft(painter, "pattern", pattern)

    def pattern(self, painter: str) -> str:
        """How her files are called (see `gallery_export.file_name` and `words`)."""
        return str(self._jobs.draft(painter, "pattern") or PATTERN)

    def keep_form(self, painter: str, tab: str, values: Mapping[str, Any]) -> None:
        """Keep a tab's unfinished form (plain JSON). The edge bounds its size. Raises `LimitReached`."""
        if self._jobs.draft(painter, f"form:{tab}") is None:
            forms = [name for name in self._jobs.drafts(painter) if name.startswith("form:")]
            if len(forms) >= MOST_FORMS:
                raise LimitReached(f"At most {MOST_FORMS} forms can be kept.")
        self._jobs.keep_draft(painter, f"form:{tab}", dict(values))

    def form(self, painter: str, tab: str) -> dict[str, Any]:
        """The form as she left it; empty when she never touched it."""
        return dict(self._jobs.draft(painter, f"form:{tab}") or {})


def drafts(file: ModelFile) -> int:
    """How many pictures a press of Paint makes with this checkpoint."""
    return FAMILIES[file.family].drafts if file.family in FAMILIES else 1
