"""The palette: which models a painter may use, and recipes made whole and checked against what is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studio import metadata, samplers
from studio.control import weights_of
from studio.desk.inputs import Inputs
from studio.desk.jobs import Jobs
from studio.desk.limits import check_disk, check_request
from studio.errors import (
    BadInput,
    BadMetadata,
    BadPicture,
    LimitReached,
    MissingWeights,
    NotFound,
    UnknownName,
)
from studio.families import FAMILIES, defaults
from studio.habits import Habits
from studio.identity import Painters
from studio.models.files import Kind, ModelFile
from studio.models.library import LATER, Library
from studio.painting.live import few_step_lora
from studio.post import Step
from studio.recipe import Recipe
from studio.settings import Limits, Settings


@dataclass(frozen=True, slots=True)
class Restored:
    """What a dropped picture says of its making: a complete recipe as plain values, who wrote it, and what
    could not be taken over. What the file does not say is as the model starts with."""

    values: dict[str, Any]
    origin: str
    warnings: tuple[str, ...]


class Palette:
    """One studio's models and inputs, as each painter may use them."""

    def __init__(
        self,
        settings: Settings,
        jobs: Jobs,
        library: Library,
        painters: Painters,
        inputs: Inputs,
        habits: Habits,
    ) -> None:
        self._settings, self._jobs, self._library = settings, jobs, library
        self._painters, self._inputs, self._habits = painters, inputs, habits

    def shared_models(self) -> list[str] | None:
        """The checkpoints that guests may paint with; None: all of them."""
        return self._jobs.setting("shared_models")

    def share_models(self, names: Sequence[str] | None) -> None:
        """Let guests paint with these checkpoints only; None: with all. Raises `UnknownName`, `BadInput`."""
        if names is not None and not names:
            raise BadInput("Guests need at least one model to paint with.")
        ids = None if names is None else [self._library.find("checkpoint", name).id for name in names]
        self._jobs.set("shared_models", ids)

    def may_use(self, painter: str, model: str) -> bool:
        """Whether this painter may paint with this checkpoint."""
        shared = self.shared_models() if self._painters.is_guest(painter) else None
        return shared is None or model in shared

    def checkpoint(self, name: str, painter: str) -> ModelFile:
        """A checkpoint that she may paint with. Raises `UnknownName`, which names no other, or `BadInput`."""
        try:
            file = self._library.find("checkpoint", name[:240])
        except UnknownName as error:
            known = [one for one in error.known if self.may_use(painter, one)]
            raise UnknownName(error.what, error.name, known) from None
        if not self.may_use(painter, file.id):
            raise BadInput(f"The owner keeps “{file.id[:80]}” to herself; choose another model.")
        return file

    def recipe(self, partial: Mapping[str, Any], painter: str) -> Recipe:
        """A complete recipe: fields' defaults < the model's < her last with this model < `partial`.

        The model's own finish is added where `partial` says nothing of one, unless it finishes a picture.

        Raises `BadInput` with a sentence for each wrong field, `UnknownName` for a model that is not there.
        """
        model = partial.get("model") or self.model(painter)
        file = self.checkpoint(str(model), painter)
        controls: Any = partial.get("controls") or ()
        if any(isinstance(one, dict) and one.get("model") == "" for one in controls):
            raise BadInput(
                "This model has no ControlNet here, so lines cannot lead it. Fetch one on the Models page, "
                "or sketch with another model."
            )
        source: Any = partial.get("source")
        finishing = isinstance(source, dict) and source.get("strength") == 0
        own = {} if finishing else {"post": self.own_finish(file)}
        return Recipe.of(
            {**starts_with(file), **own, **self._habits.last(painter, file.id), **partial, "model": file.id}
        )

    def own_finish(self, file: ModelFile) -> tuple[Step, ...]:
        """The steps that end every picture of this checkpoint; none while their weights are missing."""
        steps = FAMILIES[file.family].finish if file.family in FAMILIES else ()
        made = Recipe.of({"post": [dict(step) for step in steps]}).post
        here = {("upscaler", one.id) for one in self._library.files("upscaler")}
        return made if all(set(step.weights) <= here for step in made) else ()

    def fresh(self, model: str) -> Recipe:
        """The recipe this model starts with when nobody has painted with it. Raises `UnknownName`."""
        file = self._library.find("checkpoint", model)
        return Recipe.of({**starts_with(file), "post": self.own_finish(file), "model": file.id})

    def checkpoints(self) -> tuple[ModelFile, ...]:
        """The models that can be chosen; files whose family is not one we know are left out."""
        return tuple(
            f for f in self._library.scan() if f.kind == "checkpoint" and (f.family or f.note == LATER)
        )

    def model(self, painter: str) -> str:
        """The checkpoint she painted with last, else the first there is."""
        last = self._jobs.draft(painter, "model")
        known = [file.id for file in self._library.files("checkpoint") if self.may_use(painter, file.id)]
        first = self._library.default()
        return str(last) if last in known else first if first in known or not known else known[0]

    def paints_live(self, painter: str) -> bool:
        """Whether there is a few-step LoRA for the model she paints with."""
        try:
            file = self._library.find("checkpoint", self.model(painter))
            return file.family in FAMILIES and bool(few_step_lora(self._library, file, FAMILIES[file.family]))
        except (BadInput, UnknownName):
            return False

    def check(self, recipe: Recipe, painter: str) -> None:
        """Raises `UnknownName`, `BadInput`, `MissingWeights` or `NotFound`, before the worker would."""
        samplers.check(recipe.sampler, recipe.schedule, recipe.steps)
        if recipe.hires is not None and recipe.hires.sampler:
            samplers.resolve(recipe.hires.sampler, "Automatic")
        for control in recipe.controls:
            weights_of(control.hint, self._library)
        for name in (recipe.model, recipe.hires.model if recipe.hires is not None else ""):
            if name:
                self.checkpoint(name, painter)
        needed: list[tuple[Kind, list[str]]] = [
            ("lora", [lora.model for lora in recipe.loras]),
            ("controlnet", [control.model for control in recipe.controls]),
            ("vae", [recipe.vae] if recipe.vae else []),
            *((kind, [name]) for step in recipe.post for kind, name in step.weights),
            *((kind, [name]) for kind, name in (recipe.hires.weights if recipe.hires else ())),
        ]
        for kind, names in needed:
            for name in names:
                self._library.find(kind, name)
        for digest in recipe.images:
            if not self._inputs.has(painter, digest):
                raise NotFound("An input picture of this recipe is no longer here; please drop it again.")

    def restore(self, data: bytes, painter: str) -> Restored:
        """The settings inside a picture, its inputs stored for the painter.

        Raises `BadPicture` when it cannot be read and `BadMetadata` when it carries no settings.
        """
        found = metadata.read_file(data)
        values = found.recipe.model_dump(mode="json") if found.recipe else dict(found.partial)
        if not values:
            raise BadMetadata("This picture carries no settings; only pictures made by a studio do.")
        if not all(self._inputs.has(painter, digest) for digest in found.blobs):
            check_disk(self._settings.data, self._settings.limits)
        for digest, blob in found.blobs.items():
            if self._inputs.put(painter, blob) != digest:
                raise BadPicture("An input picture inside this file is damaged.")
        kept, warnings = self._usable(values, painter)
        return Restored(kept, found.origin, (*found.warnings, *warnings))

    def further(
        self, digest: str, data: bytes, partial: Mapping[str, Any], painter: str
    ) -> tuple[Recipe, list[dict[str, Any]]]:
        """The recipe that takes an input picture through the finishing steps of `partial`, checked, and the
        recipes by which the file `data` says it was made, the first one first.

        Where nothing is painted over, words, seed and settings are the picture's own: all of them, if they
        can be used here, else words and seed. Raises what `recipe` and `check` raise.
        """
        before = metadata.history(metadata.read_file(data))
        inputs = {"mask": None, "controls": (), "drawing": None}
        taken = {**inputs, "source": {"image": digest, "strength": 0}, "post": partial.get("post") or ()}
        if partial.get("hires"):
            recipe = self.recipe({**partial, **taken}, painter)
            self.check(recipe, painter)
            return recipe, before
        said = {**before[-1], **inputs, "source": None, "hires": None, "post": ()} if before else {}
        model = self.checkpoint(str(partial.get("model") or self.model(painter)), painter)
        plain = self.fresh(model.id).but(seed=0).model_dump(mode="json")
        words = {name: said[name] for name in ("prompt", "negative", "seed") if name in said}
        try:
            recipe = Recipe.of({**(self._usable(said, painter)[0] if said else plain), **taken})
            self.check(recipe, painter)
            check_request([recipe], self.limits(painter))
        except (BadMetadata, LimitReached, UnknownName, MissingWeights):
            recipe = Recipe.of({**plain, **words, **taken})
            self.check(recipe, painter)
        return recipe, before

    def limits(self, painter: str) -> Limits:
        """What this painter may ask for."""
        return self._settings.guests if self._painters.is_guest(painter) else self._settings.limits

    def _usable(self, values: Mapping[str, Any], painter: str) -> tuple[dict[str, Any], list[str]]:
        """What of somebody's recipe can be painted here, and a sentence for each thing that cannot."""
        kept, warnings = dict(values), list[str]()
        try:
            self.checkpoint(str(kept.get("model", "")), painter)
        except BadInput:
            if kept.pop("model", None):
                warnings.append(f"The model “{str(values['model'])[:80]}” is not here; yours is kept.")
        try:
            samplers.resolve(str(kept.get("sampler", "Euler")), str(kept.get("schedule", "Automatic")))
        except BadInput as error:
            for name in ("sampler", "schedule"):
                kept.pop(name, None)
            warnings.append(str(error))
        file = self._library.find("checkpoint", str(kept.get("model") or self.model(painter)))
        try:
            recipe = Recipe.of({**starts_with(file), **kept, "model": file.id})
        except BadInput as error:
            raise BadMetadata(f"The settings in this picture cannot be used: {error}") from error
        if recipe.drawing and not self._inputs.has(painter, recipe.drawing):
            recipe = recipe.but(drawing=None)
        if any(not self._inputs.has(painter, digest) for digest in recipe.images):
            recipe = recipe.but(source=None, mask=None, controls=(), drawing=None)
            warnings.append("Its input pictures are not in the file; words and numbers are taken over.")
        return recipe.model_dump(mode="json"), warnings


def starts_with(file: ModelFile) -> dict[str, Any]:
    """The fields a checkpoint sets by itself; none while its family is not known."""
    return defaults(file) if file.family in FAMILIES else {}
