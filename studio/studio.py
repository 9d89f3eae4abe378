"""`Studio`: library, desk, gallery and painters under one roof, for every edge. Never loads torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from studio import images
from studio.desk.desk import Desk, Submitted
from studio.desk.inputs import Inputs
from studio.desk.jobs import Jobs
from studio.desk.lock import FolderLock
from studio.desk.sheets import Sheets
from studio.errors import BadInput
from studio.explore import Axis, grid, travel
from studio.gallery import Gallery
from studio.gallery_export import words
from studio.habits import Habits
from studio.identity import Painters
from studio.models.catalog import read_catalog
from studio.models.downloads import Downloads
from studio.models.library import Library
from studio.painting.outpaint import Edges, extended
from studio.palette import Palette
from studio.prompt.wildcards import read_lists, worded
from studio.recipe import Recipe
from studio.scroll import Scrolls, scroll_of
from studio.settings import Limits, Settings


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
        self.gallery = Gallery(
            settings.data / "gallery", lambda picture: words(picture, self.habits.pattern(picture.painter))
        )
        self.painters = Painters(settings.data / "gallery")
        self.inputs = Inputs(settings.data, self.limits)
        self.jobs = Jobs(settings.data / "studio.db")
        self.sheets = Sheets(self.inputs, self.jobs)
        self.habits = Habits(settings, self.jobs, self.library)
        self.palette = Palette(settings, self.jobs, self.library, self.painters, self.inputs, self.habits)
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

    def limits(self, painter: str) -> Limits:
        """What this painter may ask for."""
        return self.palette.limits(painter)

    # --- painting

    def submit(self, partial: Mapping[str, Any], painter: str, count: int = 1, parent: str = "") -> Submitted:
        """Put `count` pictures (seed, seed + 1, …) in line. Raises what `recipe`, `check` and Desk raise.

        `parent`: the picture they are made from, which they remember.
        """
        if not 1 <= count <= self.settings.limits.pictures:
            raise BadInput(f"Ask for 1 to {self.settings.limits.pictures} pictures at once.")
        recipe = self.palette.recipe(partial, painter)
        self.palette.check(recipe, painter)
        submitted = self.paint_all(recipe.batch(count), painter, parent)
        self.habits.remember(painter, recipe, count)
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
        recipe = self.palette.recipe(partial if isinstance(partial, Mapping) else {}, painter).seeded()
        if recipe.post == self.palette.own_finish(self.library.find("checkpoint", recipe.model)):
            recipe = recipe.but(post=())  # a part is finished with the whole only
        self.palette.check(recipe, painter)
        return self.scrolls.begin(scroll_of({**asked, "recipe": recipe.model_dump(mode="json")}), painter)

    def explore(self, partial: Mapping[str, Any], axes: Sequence[Axis], painter: str) -> Explored:
        """Put every picture of a grid round a recipe in line as one request, all of one seed.

        Raises as `grid`, and as `submit`.
        """
        base = self.palette.recipe(partial, painter).seeded()
        made = grid(base.model_dump(mode="json"), axes, self.settings.limits.pictures)
        recipes = [Recipe.of(cell).seeded() for cell in made.cells]
        for recipe in recipes:
            self.palette.check(recipe, painter)
        asked = self.paint_all(recipes, painter)
        self.habits.remember(painter, base, self.habits.count(painter, base.model))
        return self._explored(asked, recipes[0], made.axes, painter)

    def travel(self, start: str, end: str, frames: int, painter: str) -> Explored:
        """Put the pictures on the way between two of hers in line. Raises as `explore.travel`, `NotFound`."""
        ends = [
            self.palette.recipe(
                self.palette.restore(self.gallery.read(painter, one), painter).values, painter
            )
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

    def wildcards(self) -> dict[str, tuple[str, ...]]:
        """The lists that `__name__` in a prompt takes a line of: ours, and over them the data folder's."""
        return read_lists(self.settings.presets / "wildcards", self.settings.data / "wildcards")

    def finish(self, partial: Mapping[str, Any], painter: str, pictures: Sequence[str]) -> Submitted:
        """Put her input pictures (by digest) through the finishing steps of one recipe, as one request.

        Each keeps its own words and seed, and remembers the recipes that made it and the picture that it was.
        """
        pictures, most = list(dict.fromkeys(pictures)), self.limits(painter).pictures
        if not 1 <= len(pictures) <= most:  # before any of them is read
            raise BadInput(f"Choose 1 to {most} pictures to finish.")
        recipes, facts = list[Recipe](), list[dict[str, Any]]()
        for digest in pictures:
            data = self.inputs.read(painter, digest)
            parent = self.gallery.alike(painter, data)
            told = data if parent is None else self.gallery.read(painter, parent.id)
            recipe, before = self.palette.further(digest, told, partial, painter)
            recipes.append(recipe)
            facts.append(
                {**({"parent": parent.id} if parent else {}), **({"history": before} if before else {})}
            )
        return self.desk.submit(recipes, painter, each=facts)

    def estimate(self, partial: Mapping[str, Any], painter: str, count: int = 1) -> float | None:
        """Seconds that `count` such pictures will take here, waiting not counted; None before the first."""
        count = max(1, min(count, self.settings.limits.pictures))
        one = self.desk.estimate(self.palette.recipe(partial, painter), painter)
        return None if one is None else one * count
