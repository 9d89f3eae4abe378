"""One pass of painting: text → denoise → decode, each a stage that runs only when what went in is new."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from PIL import Image as Pictures

from studio import deep, images
from studio.control import hint, weights_of
from studio.deep import Deep
from studio.errors import BadInput, BlackPicture
from studio.families import sd, tiled_vae
from studio.families.encode import Conditioning, encode, vocabularies
from studio.models.budget import denoise_bytes
from studio.models.files import ModelFile
from studio.models.lora import applied, read_lora
from studio.models.manager import Entry
from studio.painting.easel import Easel, picture_bytes, tensor_bytes
from studio.painting.masking import Frame, framed, surrounded
from studio.painting.materials import Materials, fingerprint
from studio.painting.noise import beginning, mixing, slerp
from studio.painting.preview import Previews
from studio.painting.seamless import seamless
from studio.painting.stages import Stage
from studio.recipe import Control

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import nn


@dataclass(frozen=True, slots=True)
class Toward:
    """The other end of a travel, and how far on the way to it (0-1)."""

    end: Pass
    share: float


@dataclass(frozen=True, slots=True)
class Over:
    """What a second pass paints over, a picture or latents of its size, and how much of it is replaced."""

    stage: Stage[Any]
    strength: float


class Pass:
    """One recipe's way from words to a picture; nothing runs before a stage is asked for.

    `over`: paint over that instead of the recipe's source; steps are then told as those of "hires".
    """

    def __init__(
        self,
        materials: Materials,
        blobs: Mapping[str, bytes],
        easel: Easel,
        toward: Toward | None = None,
        over: Over | None = None,
    ) -> None:
        self.materials = materials
        self.recipe = materials.recipe
        self.blobs = blobs
        self.easel = easel
        self.toward = toward
        self.over = over
        self.text: Stage[Conditioning] = Stage(self._text_key(), self._encode, lambda kept: kept.bytes)
        self.latents: Stage[torch.Tensor] = Stage(self._denoise_key(), self._denoise, tensor_bytes)
        self.decoded: Stage[Image | Deep] = Stage(self._decode_key(), self._decode, picture_bytes)

    # ------------------------------------------------------------------ text

    def _text_key(self) -> str:
        said = self.materials.plan
        return self.easel.key(
            "text",
            {
                "model": fingerprint(self.materials.model),
                "loras": [[fingerprint(use.file), use.text] for use in self.materials.loras if use.text],
                "embeddings": [fingerprint(file) for file in self.materials.embeddings],
                "positive": [asdict(part) for part in said.positive],
                "negative": said.negative,
                "clip_skip": self.recipe.clip_skip,
                "emphasis": self.recipe.emphasis,
            },
        )

    def _encode(self) -> Conditioning:
        materials, bench = self.materials, self.easel.bench
        with self.easel.watch.stage("load"):
            entries = [
                bench.entry(materials.model, e.component, materials.family) for e in materials.family.encoders
            ]
            readers = vocabularies(materials.family, materials.model)
        with (
            self.easel.watch.stage("text"),
            bench.models.use(*entries) as encoders,
            self._loras({e.component: m for e, m in zip(materials.family.encoders, encoders, strict=True)}),
        ):
            embeddings = bench.embeddings(materials.embeddings)
            return encode(materials.family, materials.plan, self.recipe, encoders, readers, embeddings)

    # --------------------------------------------------------------- denoise

    def _denoise_key(self) -> str:
        recipe, materials = self.recipe, self.materials
        same = ("sampler", "schedule", "steps", "guidance", "seed", "width", "height", "tiling")
        return self.easel.key(
            "denoise",
            {
                **{name: getattr(recipe, name) for name in same},
                "variation": recipe.variation.model_dump() if recipe.variation else None,
                "model": fingerprint(materials.model),
                "vae": fingerprint(materials.vae) if materials.vae and (recipe.source or self.over) else None,
                "loras": [[fingerprint(use.file), use.unet] for use in materials.loras if use.unet],
                "source": recipe.source.model_dump() if recipe.source and not self.over else None,
                "over": [self.over.stage.key, self.over.strength] if self.over else None,
                "mask": recipe.mask.model_dump() if recipe.mask else None,
                "controls": [self._control_key(c, file) for c, file in materials.controls],
                "toward": [self.toward.end.latents.key, self.toward.share] if self.toward else None,
            },
            self.text.key,
        )

    def _control_key(self, control: Control, file: ModelFile) -> list[Any]:
        """What a control image and its ControlNet are; a preprocessor may have weights too."""
        weights = weights_of(control.hint, self.easel.library)
        return [control.model_dump(), fingerprint(file), [fingerprint(one) for one in weights]]

    def _denoise(self) -> torch.Tensor:
        materials, bench, watch = self.materials, self.easel.bench, self.easel.watch
        conditioning, noise = self._beginning()
        inputs = replace(self._inputs(), noise=noise)
        name = "hires" if self.over else "denoise"
        with watch.stage("load"):
            unet = bench.entry(materials.model, "unet", materials.family)
            vae = self.vae()
            controls = [bench.entry(file, "controlnet", materials.family) for _, file in materials.controls]
            tiny = bench.tiny(materials.model, materials.family, self.easel.library)
        borrowed = [unet, vae, *controls, *([tiny] if tiny else [])]
        texts = 1 + len(materials.plan.positive)
        work = denoise_bytes(self.recipe.width, self.recipe.height, texts)
        with watch.stage(name), bench.models.use(*borrowed, work_bytes=work) as modules:
            sharp = modules[-1] if tiny else None
            parts = sd.Parts(
                modules[0],
                modules[1],
                tuple(modules[2 : 2 + len(controls)]),
                bench.scheduler(materials.model, materials.family),
            )
            previews = self._previews(modules[1], sharp)

            def on_step(i: int, n: int, latents: torch.Tensor) -> None:
                watch.step(name, i, n, previews.of(latents))

            with (
                self._loras({"unet": modules[0]}),
                tiled_vae.in_tiles(modules[1], bench.models.room(), watch.beat(name, 1, 1)),
            ):
                return sd.denoise(materials.family, self.recipe, conditioning, parts, inputs, on_step)

    def _beginning(self) -> tuple[Conditioning, torch.Tensor | None]:
        """What the prompt says, and the noise where it is not simply the seed's."""
        said = self.easel.stages.get(self.text)
        if self.toward is None:
            return said, beginning(self.materials.family, self.recipe) if self.recipe.variation else None
        end, share = self.toward.end, self.toward.share
        noises = [beginning(self.materials.family, recipe) for recipe in (self.recipe, end.recipe)]
        goal = self.easel.stages.get(end.text)
        if said.chunks != goal.chunks:
            raise BadInput("A travel leads between prompts of about the same length; shorten the longer one.")
        return said.mixed(goal, share), slerp(noises[0], noises[1], share)

    def _previews(self, vae: nn.Module, sharp: nn.Module | None) -> Previews:
        family = self.materials.family
        rgb = self.easel.bench.rgb(self.materials.vae or self.materials.model, family, vae)
        return Previews(
            lambda latents: sd.preview(family, latents, rgb),
            (lambda latents: sd.decode(family, latents, sharp)) if sharp is not None else None,
        )

    def _inputs(self) -> sd.Inputs:
        recipe, size = self.recipe, (self.recipe.width, self.recipe.height)
        frame = self._frame()
        inputs = sd.Inputs(
            source=self._source(),
            controls=tuple((c, self._control(c, frame)) for c in recipe.controls),
            strength=self.over.strength if self.over else None,
        )
        if self.over is None:  # the first pass is varied, not what is painted over it
            inputs = replace(inputs, mixed=mixing(self.materials.family, recipe))
        if frame is None or recipe.mask is None:
            return inputs
        fill = "original" if self.over else recipe.mask.fill
        picture, mask = frame.window(frame.picture, *size), frame.window(frame.mask, *size)
        if fill == "blur":
            return replace(inputs, source=surrounded(picture, mask), mask=mask)
        return replace(inputs, source=picture, mask=mask, start=fill)

    def _control(self, control: Control, frame: Frame | None) -> Image:
        """The control image of the size that is painted; where that is a window, what lies in it."""
        picture, size = images.read(self.blob(control.image)), (self.recipe.width, self.recipe.height)
        if frame is not None and frame.is_window:
            picture = images.fit(picture, *frame.picture.size, "stretch").crop(frame.box)
        return hint(control.hint, picture, *size, self.easel.tools("denoise"))

    def _source(self) -> Image | torch.Tensor | None:
        """What is painted over: an RGB picture of the recipe's size, or latents."""
        if self.over is not None:
            given = self.easel.stages.get(self.over.stage)
            given = given.plain() if isinstance(given, Deep) else given
            return given.convert("RGB") if isinstance(given, Pictures.Image) else given
        source = self.recipe.source
        if source is None:
            return None
        size = (self.recipe.width, self.recipe.height)
        return images.fit(images.read(self.blob(source.image)).convert("RGB"), *size, source.resize)

    def _frame(self) -> Frame | None:
        """The picture under its mask, as it was before; None without a mask, or over latents."""
        recipe = self.recipe
        if recipe.source is None or recipe.mask is None:
            return None
        picture = self._source() if self.over else images.read(self.blob(recipe.source.image))
        if not isinstance(picture, Pictures.Image):
            return None
        return framed(picture, images.read(self.blob(recipe.mask.image)), recipe)

    # ---------------------------------------------------------------- decode

    def _decode_key(self) -> str:
        vae = self.materials.vae or self.materials.model
        if self.is_finish_only:
            return self.easel.key("decode", {"source": self.recipe.source and self.recipe.source.image})
        return self.easel.key(
            "decode", {"vae": fingerprint(vae), "tiling": self.recipe.tiling}, self.latents.key
        )

    def _decode(self) -> Image | Deep:
        if self.recipe.source and self.is_finish_only:
            return deep.read(self.blob(self.recipe.source.image))
        latents = self.easel.stages.get(self.latents)
        with self.easel.watch.stage("decode"):
            picture = self._decoded_at_some_precision(latents)
            picture = self._paste_outside(picture)
        self.easel.watch.step("decode", 1, 1)
        return picture

    def _decoded_at_some_precision(self, latents: torch.Tensor) -> Image:
        """Half-precision autoencoders can overflow: such a picture is decoded again in full precision."""
        try:
            return self._decoded(latents, full=False)
        except BlackPicture:
            pass  # outside of the handler, so that its traceback does not keep the first try's tensors
        return self._decoded(latents, full=True)

    def _decoded(self, latents: torch.Tensor, *, full: bool) -> Image:
        scale, (height, width) = self.materials.family.latent_scale, latents.shape[-2:]
        work = tiled_vae.work_bytes(width * scale, height * scale, 4 if full else 2)
        models = self.easel.bench.models
        with (
            models.use(self.vae(full), work_bytes=work) as (vae,),
            seamless([vae], self.recipe.tiling),
            tiled_vae.in_tiles(vae, models.room(), self.easel.watch.beat("decode", 1, 1)),
        ):
            return sd.decode(self.materials.family, latents, vae)

    def _paste_outside(self, picture: Image) -> Image:
        """Inpainting keeps what is outside the mask, to the pixel."""
        frame = self._frame()
        if frame is None or self.recipe.mask is None:
            return picture
        return frame.put_back(picture, self.recipe.mask.blur)

    # -------------------------------------------------------------- borrowed

    @property
    def is_finish_only(self) -> bool:
        """Whether the source's pixels are taken as they are, at their own size."""
        source = self.recipe.source
        return source is not None and source.strength == 0 and self.over is None

    def vae(self, full: bool = False) -> Entry:
        """The autoencoder that this recipe asks for."""
        return self.easel.bench.entry(
            self.materials.vae or self.materials.model, "vae", self.materials.family, full
        )

    def _loras(self, modules: Mapping[str, nn.Module]) -> AbstractContextManager[None]:
        uses = self.materials.loras
        return applied(modules, [(read_lora(use.file), use.unet, use.text) for use in uses])

    def blob(self, digest: str) -> bytes:
        """A picture's bytes. Raises `BadInput` when they are gone."""
        if digest not in self.blobs:
            raise BadInput("A picture this recipe needs is no longer here; add it again.")
        return self.blobs[digest]
