"""`Studio`: library, desk, gallery and painters under one roof, for every edge. Never loads torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from studio import images, metadata, samplers
from studio.control import weights_of
from studio.desk.desk import Desk, Submitted
from studio.desk.inputs import Inputs
from studio.desk.jobs import Jobs
from studio.desk.limits import check_disk
from studio.desk.lock import FolderLock
from studio.desk.sheets import Sheets
from studio.errors import BadInput, BadMetadata, BadPicture, LimitReached, NotFound, UnknownName
from studio.explore import Axis, grid, travel
from studio.families import FAMILIES, defaults
from studio.gallery import Gallery
from studio.gallery_export import PATTERN
from studio.identity import Painters
from studio.models.catalog import read_catalog
from studio.models.downloads import Downloads
from studio.models.files import Kind, ModelFile
from studio.models.library import LATER, Library
from studio.painting.live import few_step_lora
from studio.painting.outpaint import Edges, extended
from studio.post import Step
from studio.presets import MOST_STYLES, Preset, from_csv, read_presets
from studio.prompt.wildcards import read_lists, worded
from studio.recipe import Recipe
from studio.scroll import Scrolls, scroll_of
from studio.settings import Limits, Settings

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


@dataclass(frozen=True, slots=True)
class Restored:
    """What a dropped picture says of its making: a complete recipe as plain values, who wrote it, and what
    could not be taken over. What the file does not say is as the model starts with."""

    values: dict[str, Any]
    origin: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explored:
    """A grid that is being painted: the request, its jobs in the order of the cells, the axes with their
    labels (x first), and the pictures' width by height."""

    group: str
    jobs: tuple[str, ...]
    axes: tuple[tuple[str, tuple[str, ...]], ...]
    ratio: float


class Studio:
    """One data folder at work. Raises `FolderInUse` when another studio has it; `close` lets it go."""

    def __init__(self, settings: Settings, command: Sequence[str] | None = None) -> None:
        """Opens everything and starts the worker; `command` starts another worker than ours."""
        self.settings = settings
        self._lock = FolderLock(settings.data)
        self.library = Library(settings.models, settings.extra_models)
        self.gallery = Gallery(settings.data / "gallery")
        self.painters = Painters(settings.data / "gallery")
        self.inputs = Inputs(settings.data, self.limits)
        self.jobs = Jobs(settings.data / "studio.db")
        self.sheets = Sheets(self.inputs, self.jobs)
        self.desk = Desk(
            settings, self.jobs, self.gallery, self.inputs, command, None, self.limits, self.painters.is_guest
        )
        self.downloads = Downloads(self.library, read_catalog())
        self.scrolls = Scrolls(self.jobs, self.desk, self.gallery, self.inputs, self.paint_all)

    def close(self) -> None:
        """Ends the work in order: what runs is painted again at the next start."""
        self.downloads.close()
        self.desk.close()
        self.scrolls.close()
        self.gallery.close()
        self.jobs.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- who may do what

    def limits(self, painter: str) -> Limits:
        """What this painter may ask for."""
        return self.settings.guests if self.painters.is_guest(painter) else self.settings.limits

    def shared_models(self) -> list[str] | None:
        """The checkpoints that guests may paint with; None: all of them."""
        return self.jobs.setting("shared_models")

    def share_models(self, names: Sequence[str] | None) -> None:
        """Let guests paint with these checkpoints only; None: with all. Raises `UnknownName`, `BadInput`."""
        if names is not None and not names:
            raise BadInput("Guests need at least one model to paint with.")
        ids = None if names is None else [self.library.find("checkpoint", name).id for name in names]
        self.jobs.set("shared_models", ids)

    def may_use(self, painter: str, model: str) -> bool:
        """Whether this painter may paint with this checkpoint."""
        shared = self.shared_models() if self.painters.is_guest(painter) else None
        return shared is None or model in shared

    def checkpoint(self, name: str, painter: str) -> ModelFile:
        """A checkpoint that she may paint with. Raises `UnknownName`, which names no other, or `BadInput`."""
        try:
            file = self.library.find("checkpoint", name[:240])
        except UnknownName as error:
            known = [one for one in error.known if self.may_use(painter, one)]
            raise UnknownName(error.what, error.name, known) from None
        if not self.may_use(painter, file.id):
            raise BadInput(f"The owner keeps “{file.id[:80]}” to herself; choose another model.")
        return file

    # --- recipes

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
            {**starts_with(file), **own, **self.last(painter, file.id), **partial, "model": file.id}
        )

    def own_finish(self, file: ModelFile) -> tuple[Step, ...]:
        """The steps that end every picture of this checkpoint; none while their weights are missing."""
        steps = FAMILIES[file.family].finish if file.family in FAMILIES else ()
        made = Recipe.of({"post": [dict(step) for step in steps]}).post
        here = {("upscaler", one.id) for one in self.library.files("upscaler")}
        return made if all(set(step.weights) <= here for step in made) else ()

    def fresh(self, model: str) -> Recipe:
        """The recipe this model starts with when nobody has painted with it. Raises `UnknownName`."""
        file = self.library.find("checkpoint", model)
        return Recipe.of({**starts_with(file), "post": self.own_finish(file), "model": file.id})

    def checkpoints(self) -> tuple[ModelFile, ...]:
        """The models that can be chosen; files whose family is not one we know are left out."""
        return tuple(
            f for f in self.library.scan() if f.kind == "checkpoint" and (f.family or f.note == LATER)
        )

    def model(self, painter: str) -> str:
        """The checkpoint she painted with last, else the first there is."""
        last = self.jobs.draft(painter, "model")
        known = [file.id for file in self.library.files("checkpoint") if self.may_use(painter, file.id)]
        first = self.library.default()
        return str(last) if last in known else first if first in known or not known else known[0]

    def paints_live(self, painter: str) -> bool:
        """Whether there is a few-step LoRA for the model she paints with."""
        try:
            file = self.library.find("checkpoint", self.model(painter))
            return file.family in FAMILIES and bool(few_step_lora(self.library, file, FAMILIES[file.family]))
        except (BadInput, UnknownName):
            return False

    def last(self, painter: str, model: str) -> dict[str, Any]:
        """Her last settings with this model; nothing when they no longer hold."""
        kept = self.jobs.draft(painter, f"last:{model}") or {}
        values = {name: value for name, value in kept.items() if name in SETTINGS}
        if values.get("vae") not in {file.id for file in self.library.files("vae")}:
            values.pop("vae", None)
        try:
            Recipe.of({**values, "model": model})
        except BadInput:
            return {}
        return values

    def count(self, painter: str, model: str) -> int:
        """How many pictures a press paints: her last choice with this model, else the model's."""
        kept = self.jobs.draft(painter, f"count:{model}")
        if isinstance(kept, int) and 1 <= kept <= self.settings.limits.pictures:
            return kept
        return drafts(self.library.find("checkpoint", model))

    def check(self, recipe: Recipe, painter: str) -> None:
        """Raises `UnknownName`, `BadInput`, `MissingWeights` or `NotFound`, before the worker would."""
        samplers.check(recipe.sampler, recipe.schedule, recipe.steps)
        if recipe.hires is not None and recipe.hires.sampler:
            samplers.resolve(recipe.hires.sampler, "Automatic")
        for control in recipe.controls:
            weights_of(control.hint, self.library)
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
                self.library.find(kind, name)
        for digest in recipe.images:
            if not self.inputs.has(painter, digest):
                raise NotFound("An input picture of this recipe is no longer here; please drop it again.")

    # --- painting

    def submit(self, partial: Mapping[str, Any], painter: str, count: int = 1, parent: str = "") -> Submitted:
        """Put `count` pictures (seed, seed + 1, …) in line. Raises what `recipe`, `check` and Desk raise.

        `parent`: the picture they are made from, which they remember.
        """
        if not 1 <= count <= self.settings.limits.pictures:
            raise BadInput(f"Ask for 1 to {self.settings.limits.pictures} pictures at once.")
        recipe = self.recipe(partial, painter)
        self.check(recipe, painter)
        submitted = self.paint_all(recipe.batch(count), painter, parent)
        self.remember(painter, recipe, count)
        return submitted

    def paint_all(self, recipes: Sequence[Recipe], painter: str, parent: str = "") -> Submitted:
        """Put checked recipes with real seeds in line as one request, the choices in their prompts made."""
        lists = self.wildcards()
        made = [worded(recipe, lists) for recipe in recipes]
        facts = [{"template": template} if template else {} for _, template in made]
        extra = {"parent": parent} if parent else None
        return self.desk.submit([recipe for recipe, _ in made], painter, extra=extra, each=facts)

    def outpaint(
        self, picture: str, edges: Edges, partial: Mapping[str, Any], painter: str, count: int = 1
    ) -> Submitted:
        """Let a picture of hers grow: its id in the gallery, or the digest of an input.

        `partial` may say the source's strength; size, source and mask follow from the picture. Raises as
        `extended` and `submit`, and `NotFound` for what is not hers.
        """
        given = len(picture) == 64  # a digest; a picture's id has 32
        data = self.inputs.read(painter, picture) if given else self.gallery.bare(painter, picture)
        grown = extended(images.read(data), edges)
        source, mask = (self.inputs.put(painter, images.encode_png(i)) for i in (grown.source, grown.mask))
        said = {"strength": 1.0, **(partial.get("source") or {}), "image": source, "resize": "crop"}
        values = {
            "post": (),  # it may be finished already
            **partial,
            "width": grown.source.width,
            "height": grown.source.height,
            "source": said,
            "mask": {"image": mask, "blur": grown.overlap},
        }
        return self.submit(values, painter, count, "" if given else picture)

    def scroll(self, asked: Mapping[str, Any], painter: str) -> str:
        """Begin to unroll a handscroll of `Scroll`'s fields, its recipe a partial one; returns its name.

        Raises as `recipe`, `check`, `scroll_of` and `Scrolls.begin`.
        """
        partial = asked.get("recipe")
        recipe = self.recipe(partial if isinstance(partial, Mapping) else {}, painter).seeded()
        if recipe.post == self.own_finish(self.library.find("checkpoint", recipe.model)):
            recipe = recipe.but(post=())  # a part is finished with the whole only
        self.check(recipe, painter)
        return self.scrolls.begin(scroll_of({**asked, "recipe": recipe.model_dump(mode="json")}), painter)

    def explore(self, partial: Mapping[str, Any], axes: Sequence[Axis], painter: str) -> Explored:
        """Put every picture of a grid round a recipe in line as one request, all of one seed.

        Raises as `grid`, and as `submit`.
        """
        base = self.recipe(partial, painter).seeded()
        made = grid(base.model_dump(mode="json"), axes, self.settings.limits.pictures)
        recipes = [Recipe.of(cell).seeded() for cell in made.cells]
        for recipe in recipes:
            self.check(recipe, painter)
        asked = self.paint_all(recipes, painter)
        self.remember(painter, base, self.count(painter, base.model))
        return self._explored(asked, recipes[0], made.axes, painter)

    def travel(self, start: str, end: str, frames: int, painter: str) -> Explored:
        """Put the pictures on the way between two of hers in line. Raises as `explore.travel`, `NotFound`."""
        ends = [
            self.recipe(self.restore(self.gallery.read(painter, one), painter).values, painter)
            for one in (start, end)
        ]
        recipes = travel(ends[0], ends[1], frames)
        asked = self.paint_all(recipes, painter)
        labels = tuple(f"{round(100 * i / (frames - 1))} %" for i in range(frames))
        return self._explored(asked, recipes[0], (("travel", labels),), painter)

    def _explored(
        self, asked: Submitted, first: Recipe, axes: tuple[tuple[str, tuple[str, ...]], ...], painter: str
    ) -> Explored:
        done = Explored(asked.group, asked.jobs, axes, first.width / first.height)
        self.jobs.keep_draft(painter, "grid", asdict(done))
        return done

    def explored(self, painter: str) -> dict[str, Any]:
        """Her last grid, as plain values of `Explored`; empty when there was none."""
        return dict(self.jobs.draft(painter, "grid") or {})

    def styles(self, painter: str) -> dict[str, Preset]:
        """The presets, and the styles she brought along, which are named `own/…`."""
        own = self.jobs.draft(painter, "styles") or {}
        hers = {f"own/{name}": Preset(title=name, recipe=recipe) for name, recipe in own.items()}
        return {**read_presets(self.settings.presets), **hers}

    def keep_styles(self, painter: str, table: str) -> int:
        """Take over the styles of an A1111 `styles.csv`, those of one name replaced; returns how many.

        Raises `BadInput`.
        """
        found = {name: style.recipe for name, style in from_csv(table).items()}
        kept = {**(self.jobs.draft(painter, "styles") or {}), **found}
        if len(kept) > MOST_STYLES:
            raise BadInput(f"At most {MOST_STYLES} styles can be kept.")
        self.jobs.keep_draft(painter, "styles", kept)
        return len(found)

    def wildcards(self) -> dict[str, tuple[str, ...]]:
        """The lists that `__name__` in a prompt takes a line of: ours, and over them the data folder's."""
        return read_lists(self.settings.presets / "wildcards", self.settings.data / "wildcards")

    def finish(self, partial: Mapping[str, Any], painter: str, pictures: Sequence[str]) -> Submitted:
        """Put her input pictures (by digest) through the finishing steps of one recipe, as one request."""
        if not 1 <= len(pictures) <= self.settings.limits.pictures:
            raise BadInput(f"Choose 1 to {self.settings.limits.pictures} pictures to finish.")
        plain = {**partial, "mask": None, "controls": ()}
        recipes = [
            self.recipe({**plain, "source": {"image": digest, "strength": 0}}, painter) for digest in pictures
        ]
        for one in recipes:
            self.check(one, painter)
        return self.desk.submit(recipes, painter)

    def remember(self, painter: str, recipe: Recipe, count: int) -> None:
        """Keep her settings for this checkpoint, how many she asks for, and the checkpoint as her last."""
        kept = {name: value for name, value in recipe.model_dump(mode="json").items() if name in SETTINGS}
        with self.jobs.transaction():
            self.jobs.keep_draft(painter, f"last:{recipe.model}", kept)
            if recipe.source is None or recipe.source.strength > 0:  # a picture taken further is always one
                self.jobs.keep_draft(painter, f"count:{recipe.model}", count)
            self.jobs.keep_draft(painter, "model", recipe.model)
            self._recall(painter, recipe)

    def _recall(self, painter: str, recipe: Recipe) -> None:
        """Put her words on top of her history, each text once."""
        if recipe.prompt.strip():
            older = [wrote for wrote in self.history(painter) if wrote["prompt"] != recipe.prompt]
            now = {"prompt": recipe.prompt, "negative": recipe.negative}
            self.jobs.keep_draft(painter, "history", [now, *older][:REMEMBERED])

    def history(self, painter: str) -> list[dict[str, str]]:
        """The prompts she painted from, the newest first, with their negative prompts."""
        return list(self.jobs.draft(painter, "history") or [])

    def estimate(self, partial: Mapping[str, Any], painter: str, count: int = 1) -> float | None:
        """Seconds that `count` such pictures will take here, waiting not counted; None before the first."""
        count = max(1, min(count, self.settings.limits.pictures))
        one = self.desk.estimate(self.recipe(partial, painter))
        return None if one is None else one * count

    # --- what comes from and goes to the page

    def restore(self, data: bytes, painter: str) -> Restored:
        """The settings inside a picture, its inputs stored for the painter.

        Raises `BadPicture` when it cannot be read and `BadMetadata` when it carries no settings.
        """
        found = metadata.read_file(data)
        values = found.recipe.model_dump(mode="json") if found.recipe else dict(found.partial)
        if not values:
            raise BadMetadata("This picture carries no settings; only pictures made by a studio do.")
        if not all(self.inputs.has(painter, digest) for digest in found.blobs):
            check_disk(self.settings.data, self.settings.limits)
        for digest, blob in found.blobs.items():
            if self.inputs.put(painter, blob) != digest:
                raise BadPicture("An input picture inside this file is damaged.")
        kept, warnings = self._usable(values, painter)
        return Restored(kept, found.origin, (*found.warnings, *warnings))

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
        file = self.library.find("checkpoint", str(kept.get("model") or self.model(painter)))
        try:
            recipe = Recipe.of({**starts_with(file), **kept, "model": file.id})
        except BadInput as error:
            raise BadMetadata(f"The settings in this picture cannot be used: {error}") from error
        if recipe.drawing and not self.inputs.has(painter, recipe.drawing):
            recipe = recipe.but(drawing=None)
        if any(not self.inputs.has(painter, digest) for digest in recipe.images):
            recipe = recipe.but(source=None, mask=None, controls=(), drawing=None)
            warnings.append("Its input pictures are not in the file; words and numbers are taken over.")
        return recipe.model_dump(mode="json"), warnings

    def speak(self, painter: str, language: str) -> None:
        """Keep the language she chose."""
        self.jobs.keep_draft(painter, "language", language)

    def language(self, painter: str) -> str:
        """The language she chose; "" when she never did."""
        return str(self.jobs.draft(painter, "language") or "")

    def call(self, painter: str, pattern: str) -> None:
        """Keep how she wants her downloads to be called."""
        self.jobs.keep_draft(painter, "pattern", pattern)

    def pattern(self, painter: str) -> str:
        """How her downloads are called (see `gallery_export.file_name`)."""
        return str(self.jobs.draft(painter, "pattern") or PATTERN)

    def keep_form(self, painter: str, tab: str, values: Mapping[str, Any]) -> None:
        """Keep a tab's unfinished form (plain JSON). The edge bounds its size. Raises `LimitReached`."""
        if self.jobs.draft(painter, f"form:{tab}") is None:
            forms = [name for name in self.jobs.drafts(painter) if name.startswith("form:")]
            if len(forms) >= MOST_FORMS:
                raise LimitReached(f"At most {MOST_FORMS} forms can be kept.")
        self.jobs.keep_draft(painter, f"form:{tab}", dict(values))

    def form(self, painter: str, tab: str) -> dict[str, Any]:
        """The form as she left it; empty when she never touched it."""
        return dict(self.jobs.draft(painter, f"form:{tab}") or {})


def starts_with(file: ModelFile) -> dict[str, Any]:
    """The fields a checkpoint sets by itself; none while its family is not known."""
    return defaults(file) if file.family in FAMILIES else {}


def drafts(file: ModelFile) -> int:
    """How many pictures a press of Paint makes with this checkpoint."""
    return FAMILIES[file.family].drafts if file.family in FAMILIES else 1
