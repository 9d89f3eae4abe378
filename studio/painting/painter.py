"""The Painter: models, kept stages, and the chain that joins them. The worker's root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from studio.deep import Deep
from studio.models.library import Library, ModelFile
from studio.models.load import lock_down
from studio.models.manager import Models
from studio.painting.easel import Easel
from studio.painting.events import Picture, Started
from studio.painting.live import Live, Still
from studio.painting.look import Sight, look
from studio.painting.materials import Materials, gather
from studio.painting.paint import Chain
from studio.painting.passes import Toward
from studio.painting.safety import checker_of
from studio.painting.stages import Stage, Stages
from studio.painting.watch import Emit, Watch, unseen, unwatched
from studio.painting.workbench import Workbench
from studio.recipe import Recipe
from studio.settings import Settings

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")


class Painter:
    """Paints recipes one after another on one thread, keeping what the next may need."""

    def __init__(self, settings: Settings, library: Library) -> None:
        self.library = library
        self.stages = Stages(settings.stage_bytes)
        self.models = Models(settings.device, settings.memory_bytes, settings.memory_bytes)
        self.bench = Workbench(self.models, hashes=settings.data / "hashes.json")
        self.threads = settings.threads
        self._live = Live(self.bench, library, self.stages)

    def warm(self) -> None:
        """Load the heavy libraries, so that the first picture does not wait for them."""
        lock_down()
        import diffusers.utils.logging
        import torch
        import transformers.utils.logging

        diffusers.utils.logging.set_verbosity_error()
        transformers.utils.logging.set_verbosity_error()
        if self.threads:
            torch.set_num_threads(self.threads)

    def paint(
        self,
        recipe: Recipe,
        blobs: Mapping[str, bytes],
        emit: Emit,
        stopped: Callable[[], bool],
        extra: Mapping[str, Any] | None = None,
        checked: bool = False,
    ) -> None:
        """Paint one recipe; `blobs` holds its pictures by digest.

        `checked`: where a safety checker is, it looks at the finished picture, and nothing is shown before.

        Emits `Started`, a `Step` for each step, and one `Picture`. Raises `StudioError`; after `Stopped`
        nothing is kept of the stage that was running.
        """
        checker = self._checker(recipe) if checked else None
        watch = Watch(emit if checker is None else unseen(emit), stopped)
        chain = self.chain(recipe, blobs, watch, extra or {}, checker=checker)
        emit(self._started(chain.materials))
        png, facts = self._made(chain.png)
        emit(Picture(png, facts))

    def live(
        self,
        recipe: Recipe,
        blobs: Mapping[str, bytes],
        stopped: Callable[[], bool],
        checked: bool = False,
    ) -> Still:
        """One frame of live painting; `checked` as in `paint`. Raises as `Live.frame`."""
        import torch

        self.warm()
        checker = self._checker(recipe) if checked else None
        with torch.inference_mode():
            return self.models.retry_lower(lambda: self._live.frame(recipe, blobs, stopped, checker))

    def look(self, kind: str, picture: bytes, stopped: Callable[[], bool]) -> Sight:
        """What is seen in a picture, without painting. Raises as `painting.look.look`, and `Stopped`."""
        self.warm()
        watch = Watch(lambda _: None, stopped)
        easel = Easel(self.bench, self.library, self.stages, watch, self.bench.environment())
        return self.models.retry_lower(lambda: look(kind, picture, easel.tools("look")))

    def one(self, recipe: Recipe, blobs: Mapping[str, bytes]) -> Picture:
        """The picture of one recipe, for those who only wait. Raises as `paint`."""
        return Picture(*self._made(self.chain(recipe, blobs, unwatched()).png))

    def chain(
        self,
        recipe: Recipe,
        blobs: Mapping[str, bytes],
        watch: Watch,
        extra: Mapping[str, Any] | None = None,
        toward: Toward | None = None,
        checker: ModelFile | None = None,
    ) -> Chain:
        """The recipe's stages, not yet run. Raises as `gather`."""
        easel = Easel(self.bench, self.library, self.stages, watch, self.bench.environment(), checker)
        return Chain(gather(recipe.seeded(), self.library), blobs, easel, extra or {}, toward)

    def finished(self, chain: Chain) -> Image:
        """The pixels at a chain's end, in 8 bits a colour."""
        done = self._made(chain.finished)
        return done.plain() if isinstance(done, Deep) else done

    def _checker(self, recipe: Recipe) -> ModelFile | None:
        return checker_of(self.library, self.library.find("checkpoint", recipe.model))

    def _made(self, stage: Stage[T]) -> T:
        import torch

        self.warm()
        with torch.inference_mode():
            return self.models.retry_lower(lambda: self.stages.get(stage))

    def _started(self, materials: Materials) -> Started:
        needed = (*(encoder.component for encoder in materials.family.encoders), "unet", "vae")
        cold = self.bench.is_cold(materials.model, needed)
        return Started(cold, (materials.model.title,) if cold else ())
