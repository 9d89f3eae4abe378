"""Painting while the pen moves: a few steps of a model whose few-step LoRA is merged into it.

    recipe, pictures ──▶ text (kept) ──▶ 1-4 steps of LCM ──▶ tiny decoder ──▶ JPEG

The steps are as many as fit the time a frame may take, as measured while it runs. The noise is the seed's, so
that the picture follows the pen and not chance. Guidance is inside the weights (Luo et al. 2023,
arXiv 2311.05556), so each step is one call of the UNet. High-res fix, finishing steps and masks wait for the
finished picture. For whom pictures are checked, every frame is, within that time.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from studio import images, samplers
from studio.control import hint
from studio.errors import BadInput, Stopped
from studio.families import Family
from studio.families.encode import Words
from studio.families.latents import decode
from studio.models.budget import denoise_bytes
from studio.models.files import ModelFile
from studio.models.library import Library
from studio.models.load import load_component
from studio.models.lora import merge, read_lora
from studio.models.manager import Entry, Key
from studio.painting.easel import Easel
from studio.painting.materials import LoraUse, Materials, fingerprint, gather
from studio.painting.passes import Pass
from studio.painting.safety import is_unsafe, veiled
from studio.painting.stages import Stages
from studio.painting.watch import unwatched
from studio.painting.workbench import Workbench, name_of, tiny_of
from studio.post import Tools
from studio.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor

FRAME_SECONDS = 0.25  # what a frame may take
MOST_STEPS = 4
JPEG_QUALITY = 85
_FEW_STEPS = "lcm"  # the word in a few-step LoRA's name
_SLACK = 0.9  # one step more only when it fits with room to spare, so that the picture does not flicker
_NEWEST = 0.3  # share of the newest measurement in the average


@dataclass(frozen=True, slots=True)
class Still:
    """One frame: a JPEG, the steps it took, its seconds, whether it is the frame before once more, and
    whether the safety checker had it blurred."""

    jpeg: bytes
    steps: int
    seconds: float
    same: bool = False
    veiled: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """Exponential averages of what a frame's steps cost each, and of everything around them, in seconds."""

    step: float
    around: float

    def toward(self, step: float, around: float) -> Pace:
        """With one more measurement."""
        return Pace(self.step + _NEWEST * (step - self.step), self.around + _NEWEST * (around - self.around))

    def steps(self, now: int, budget: float) -> int:
        """How many steps (1 to `MOST_STEPS`) fit `budget` seconds, when `now` were taken so far."""
        fit = int((budget - self.around) / self.step)
        roomy = int((budget * _SLACK - self.around) / self.step)
        return max(1, min(MOST_STEPS, fit if fit <= now else max(now, roomy)))


def few_step_lora(library: Library, model: ModelFile, family: Family) -> ModelFile:
    """The LCM-LoRA for a model's family. Raises `BadInput` with what to do when there is none."""
    for file in library.files("lora"):
        words = re.split(r"[^a-z0-9]+", f"{file.id} {file.title}".lower())
        if any(word.startswith(_FEW_STEPS) for word in words):
            known = library.identified(file)
            if known.family == model.family:
                return known
    raise BadInput(
        f"Live painting needs a few-step LoRA for {family.title}, and there is none here. Put an LCM-LoRA of "
        "that family into models/loras, with “lcm” in its name, or paint live with the starter."
    )


def live_size(family: Family, width: int, height: int) -> tuple[int, int]:
    """The size that is painted live: the recipe's, shrunk in proportion where it is more than the family's.

    Both are multiples of 8, at least 64.
    """
    most = max(w * h for w, h in family.sizes)
    share = min(1.0, (most / (width * height)) ** 0.5)
    return max(64, int(width * share) // 8 * 8), max(64, int(height * share) // 8 * 8)


class Live:
    """Frames one after another, on the worker's thread."""

    def __init__(
        self, bench: Workbench, library: Library, stages: Stages, budget: float = FRAME_SECONDS
    ) -> None:
        self._bench, self._library, self._stages, self._budget = bench, library, stages, budget
        self._paces: dict[tuple[Any, ...], tuple[Pace | None, int]] = {}
        self._last: tuple[str, Still] | None = None

    def frame(
        self,
        recipe: Recipe,
        blobs: Mapping[str, bytes],
        stopped: Callable[[], bool],
        checker: ModelFile | None = None,
    ) -> Still:
        """The picture of this moment; the very same recipe and pictures give the frame before, at no cost.

        Only the recipe's words, seed, size, LoRAs, ControlNets and source count. `checker`: the safety
        checker that looks at it before anybody does. Raises `StudioError`, `Stopped` between two steps.
        """
        family = gather(recipe, self._library).family
        width, height = live_size(family, recipe.width, recipe.height)
        seeded = recipe.seeded().but(width=width, height=height, mask=None, hires=None, post=())
        said = f"{checker.source if checker else ''} {seeded.to_json()}"
        if self._last is not None and self._last[0] == said:
            return replace(self._last[1], seconds=0.0, same=True)
        still = self._paint(gather(seeded, self._library), blobs, stopped, checker)
        self._last = (said, still)
        return still

    def _paint(
        self,
        materials: Materials,
        blobs: Mapping[str, bytes],
        stopped: Callable[[], bool],
        checker: ModelFile | None,
    ) -> Still:
        recipe, family, bench = materials.recipe, materials.family, self._bench
        easel = Easel(bench, self._library, self._stages, unwatched(), bench.environment())
        words = self._stages.get(Pass(materials, blobs, easel).text).at(1).parts[0][1]
        borrowed = [
            self._unet(materials),
            self._autoencoder(materials),
            *(bench.entry(file, "controlnet", family) for _, file in materials.controls),
        ]
        kind = (materials.model.source, recipe.width, recipe.height, len(borrowed))
        what = (*kind, recipe.source is None, checker is None)
        pace, before = self._paces.get(what, (None, 1))
        steps = pace.steps(before, self._budget) if pace else 1
        work = denoise_bytes(recipe.width, recipe.height, 1)
        began = time.perf_counter()
        with bench.models.use(*borrowed, work_bytes=work) as (unet, vae, *nets):
            shot = _Shot(materials, blobs, words, unet, vae, tuple(nets), easel.tools("live"), stopped)
            latents, spent = shot.denoise(bench.scheduler(materials.model, family), steps)
            if stopped():
                raise Stopped("Stopped.")
            picture = decode(family, latents, vae)
        unsafe = checker is not None and is_unsafe(picture, checker, bench.models)
        jpeg = images.encode_jpeg(veiled(picture) if unsafe else picture, JPEG_QUALITY)
        seconds = time.perf_counter() - began
        measured = Pace(spent / steps, seconds - spent)
        # The first frame of its kind also chose kernels, so what it took says little.
        now = pace.toward(measured.step, measured.around) if pace else None
        known = now or (measured if what in self._paces else None)
        self._paces[what] = (known, steps)
        return Still(jpeg, steps, seconds, veiled=unsafe)

    def _unet(self, materials: Materials) -> Entry:
        """The UNet with the few-step LoRA and the recipe's own merged in, as a cache entry of its own."""
        models, model, family = self._bench.models, materials.model, materials.family
        few = LoraUse(few_step_lora(self._library, model, family), 1.0, 1.0)
        uses = [few, *(use for use in materials.loras if use.file.id != few.file.id)]
        said = repr([(fingerprint(use.file), use.unet) for use in uses])
        dtype = models.dtype("unet")
        mark = "live-" + hashlib.sha256(said.encode()).hexdigest()[:16]

        def load() -> Any:
            unet = load_component(model, "unet", family.components["unet"], family.config, dtype)
            merge({"unet": unet}, [(read_lora(use.file), use.unet, use.text) for use in uses])
            return unet

        return models.get(Key(model.source, "unet", name_of(dtype), mark), load)

    def _autoencoder(self, materials: Materials) -> Entry:
        """The tiny autoencoder where there is one, laid out for speed; else the model's own.

        One that only decodes does not do for a source.
        """
        import torch

        models, model, family = self._bench.models, materials.model, materials.family
        file, tiny = tiny_of(model, family, self._library), self._bench.tiny(model, family, self._library)
        blind = tiny is not None and tiny.value.encoder is None and materials.recipe.source is not None
        if file is None or tiny is None or blind:
            return self._bench.entry(materials.vae or model, "vae", family)
        dtype = models.dtype("vae_tiny")

        def load() -> Any:
            cls = family.components["vae_tiny"]
            tiny: Any = load_component(file, "vae_tiny", cls, family.config, dtype)
            return tiny.to(memory_format=torch.channels_last)  # a third less time on processors

        return models.get(Key(file.source, "vae_tiny", name_of(dtype), "live"), load)


@dataclass(frozen=True, slots=True)
class _Shot:
    """One frame's modules and pictures."""

    materials: Materials
    blobs: Mapping[str, bytes]
    words: Words
    unet: Any
    vae: Any
    nets: tuple[Any, ...]
    tools: Tools
    stopped: Callable[[], bool]

    def denoise(self, base: Mapping[str, Any], steps: int) -> tuple[Tensor, float]:
        """Latents (1, C, H/8, W/8), and the seconds that the steps alone took.

        Each step lands on x₀ by the consistency function c_skip·x + c_out·x̂₀ and is noised again to the next
        time (arXiv 2310.04378, algorithm 3), as diffusers' LCMScheduler does it.
        """
        import torch

        recipe, device, dtype = self.materials.recipe, self.unet.device, self.unet.dtype
        scheduler, _ = samplers.scheduler("LCM", "Trailing", base, steps, [recipe.seed])
        drawn = torch.Generator("cpu").manual_seed(recipe.seed)
        family = self.materials.family
        sides = (recipe.height // family.latent_scale, recipe.width // family.latent_scale)
        noise = torch.randn((1, family.latent_channels, *sides), generator=drawn)
        latents = self._start(scheduler, noise.to(device, dtype), steps)
        hints = [self._hint(i).to(device, dtype) for i in range(len(self.nets))]
        texts = self.words.embeds.to(device, dtype)
        more = self._more(texts)
        began = time.perf_counter()
        for i, t in enumerate(scheduler.timesteps):
            if self.stopped():
                raise Stopped("Stopped.")
            guided = self._guided(latents, t, texts, hints, more, i / steps)
            said = self.unet(latents, t, texts, return_dict=False, **guided, **more)[0]
            latents = scheduler.step(said, t, latents, generator=drawn, return_dict=False)[0].to(dtype)
        return latents, time.perf_counter() - began

    def _start(self, scheduler: Any, noise: Tensor, steps: int) -> Tensor:
        """The seed's noise; over a source, the source with as much of it as the strength says."""
        source = self.materials.recipe.source
        if source is None:
            scheduler.set_timesteps(steps, device=noise.device)
            return noise * scheduler.init_noise_sigma
        grid = scheduler.config.original_inference_steps
        least = (steps + 0.5) / grid  # a grid point a step
        scheduler.set_timesteps(steps, device=noise.device, strength=min(1.0, max(source.strength, least)))
        return scheduler.add_noise(self._coded(source.image).to(noise), noise, scheduler.timesteps[:1])

    def _coded(self, digest: str) -> Tensor:
        """A picture as latents, by whichever autoencoder is at hand."""
        recipe = self.materials.recipe
        picture = images.fit(self._picture(digest).convert("RGB"), recipe.width, recipe.height, "crop")
        coded = self.vae.encode(_tensor(picture).to(self.vae.device, self.vae.dtype) * 2 - 1)
        latents = coded.latents if hasattr(coded, "latents") else coded.latent_dist.mode()
        return latents * self.vae.config.scaling_factor

    def _hint(self, i: int) -> Tensor:
        control, recipe = self.materials.recipe.controls[i], self.materials.recipe
        return _tensor(
            hint(control.hint, self._picture(control.image), recipe.width, recipe.height, self.tools)
        )

    def _picture(self, digest: str) -> Any:
        if digest not in self.blobs:
            raise BadInput("An input picture did not arrive; draw on, or load the page again.")
        return images.read(self.blobs[digest])

    def _guided(
        self,
        latents: Tensor,
        t: Any,
        texts: Tensor,
        hints: list[Tensor],
        more: Mapping[str, Any],
        share: float,
    ) -> dict[str, Any]:
        """What the ControlNets add to the UNet's blocks; `share`: how far along the steps are (0-1)."""
        down: list[Tensor] | None = None
        mid: Tensor | None = None
        for net, picture, control in zip(self.nets, hints, self.materials.recipe.controls, strict=True):
            if not control.start <= share < control.end or not control.weight:
                continue
            downs, middle = net(
                latents,
                t,
                texts,
                controlnet_cond=picture,
                conditioning_scale=control.weight,
                return_dict=False,
                **more,
            )
            down = list(downs) if down is None else [a + b for a, b in zip(down, downs, strict=True)]
            mid = middle if mid is None else mid + middle
        if down is None:
            return {}
        return {"down_block_additional_residuals": down, "mid_block_additional_residual": mid}

    def _more(self, texts: Tensor) -> dict[str, Any]:
        """SDXL's size conditioning (arXiv 2307.01952): as large as painted, not cropped."""
        import torch

        if self.words.pooled is None:
            return {}
        recipe = self.materials.recipe
        size = (recipe.height, recipe.width)
        ids = torch.tensor([[*size, 0, 0, *size]]).to(texts)
        return {"added_cond_kwargs": {"text_embeds": self.words.pooled.to(texts), "time_ids": ids}}


def _tensor(picture: Any) -> Tensor:
    """A picture as (1, 3, H, W) in 0-1."""
    import numpy as np
    import torch

    pixels = torch.from_numpy(np.array(picture.convert("RGB"), dtype=np.float32))
    return (pixels / 255).permute(2, 0, 1)[None]
