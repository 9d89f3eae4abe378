"""The chain: text → denoise → decode → post → PNG, each a stage that runs only when what went in is new.

text ──▶ denoise ──▶ decode ──▶ post[0] ──▶ … ──▶ png
           ▲
source, mask and control images (by digest)
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from PIL.Image import Image

from studio import images, metadata
from studio.control import hint
from studio.errors import BadInput, BlackPicture
from studio.families import sd
from studio.families.encode import Conditioning, encode, vocabularies
from studio.models.library import Library
from studio.models.lora import applied, read_lora
from studio.painting.materials import Materials, fingerprint
from studio.painting.noise import slerp
from studio.painting.preview import Previews
from studio.painting.stages import Stage, Stages, key
from studio.painting.watch import Watch
from studio.painting.workbench import Workbench
from studio.post import Tools

if TYPE_CHECKING:
    import torch
    from torch import nn

# A stage's version rises when its code changes what it makes.
VERSIONS = {"text": 1, "denoise": 1, "decode": 1, "post": 1, "png": 1}


@dataclass(frozen=True, slots=True)
class Easel:
    """What a recipe is painted with: the models, what is kept from before, and who is told."""

    bench: Workbench
    library: Library
    stages: Stages
    watch: Watch
    environment: Mapping[str, str]  # device and dtypes: what makes the same recipe another picture


@dataclass(frozen=True, slots=True)
class Toward:
    """The other end of a travel, and how far on the way to it (0-1)."""

    end: Chain
    share: float


class Chain:
    """One recipe's stages, linked by their keys; nothing runs before `png` is asked for."""

    def __init__(
        self,
        materials: Materials,
        blobs: Mapping[str, bytes],
        easel: Easel,
        extra: Mapping[str, Any],
        toward: Toward | None = None,
    ) -> None:
        self.materials = materials
        self.recipe = materials.recipe
        self.blobs = blobs
        self.easel = easel
        self.extra = extra
        self.toward = toward
        self.text: Stage[Conditioning] = Stage(self._text_key(), self._encode, lambda kept: kept.bytes)
        self.latents: Stage[torch.Tensor] = Stage(self._denoise_key(), self._denoise, tensor_bytes)
        self.decoded: Stage[Image] = Stage(self._decode_key(), self._decode, picture_bytes)
        self.finished = self._post()
        self.png: Stage[tuple[bytes, dict[str, Any]]] = Stage(
            self._key("png", {"recipe": self.recipe.to_json(), "extra": dict(extra)}, self.finished.key),
            self._write,
            lambda made: len(made[0]),
        )

    def _key(self, name: str, said: Mapping[str, Any], *needs: str) -> str:
        return key(name, VERSIONS[name], {**said, "environment": dict(self.easel.environment)}, *needs)

    # ------------------------------------------------------------------ text

    def _text_key(self) -> str:
        said = self.materials.plan
        return self._key(
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
        same = ("sampler", "schedule", "steps", "guidance", "seed", "width", "height")
        return self._key(
            "denoise",
            {
                **{name: getattr(recipe, name) for name in same},
                "model": fingerprint(materials.model),
                "vae": fingerprint(materials.vae) if materials.vae and recipe.source else None,
                "loras": [[fingerprint(use.file), use.unet] for use in materials.loras if use.unet],
                "source": recipe.source.model_dump() if recipe.source else None,
                "mask": recipe.mask.model_dump() if recipe.mask else None,
                "controls": [[c.model_dump(), fingerprint(file)] for c, file in materials.controls],
                "toward": [self.toward.end.latents.key, self.toward.share] if self.toward else None,
            },
            self.text.key,
        )

    def _denoise(self) -> torch.Tensor:
        materials, bench, watch = self.materials, self.easel.bench, self.easel.watch
        conditioning, noise = self._beginning()
        with watch.stage("load"):
            inputs = replace(self._inputs(), noise=noise)
            unet = bench.entry(materials.model, "unet", materials.family)
            vae = self._vae()
            controls = [bench.entry(file, "controlnet", materials.family) for _, file in materials.controls]
            tiny = bench.tiny(materials.model, materials.family)
        borrowed = [unet, vae, *controls, *([tiny] if tiny else [])]
        with watch.stage("denoise"), bench.models.use(*borrowed) as modules:
            sharp = modules[-1] if tiny else None
            parts = sd.Parts(
                modules[0],
                modules[1],
                tuple(modules[2 : 2 + len(controls)]),
                bench.scheduler(materials.model, materials.family),
            )
            previews = self._previews(modules[1], sharp)

            def on_step(i: int, n: int, latents: torch.Tensor) -> None:
                watch.step("denoise", i, n, previews.of(latents))

            with self._loras({"unet": modules[0]}):
                return sd.denoise(materials.family, self.recipe, conditioning, parts, inputs, on_step)

    def _beginning(self) -> tuple[Conditioning, torch.Tensor | None]:
        """What the prompt says, and the noise where it is not simply the seed's."""
        said = self.easel.stages.get(self.text)
        if self.toward is None:
            return said, None
        end, share = self.toward.end, self.toward.share
        noises = [sd.draw_noise(self.materials.family, recipe) for recipe in (self.recipe, end.recipe)]
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
        return sd.Inputs(
            source=self._picture(recipe.source.image) if recipe.source else None,
            mask=images.fit(images.read(self._blob(recipe.mask.image)).convert("L"), *size, "stretch")
            if recipe.mask
            else None,
            controls=tuple(
                (c, hint(c.hint, images.read(self._blob(c.image)), *size)) for c in recipe.controls
            ),
        )

    # ---------------------------------------------------------------- decode

    def _decode_key(self) -> str:
        vae = self.materials.vae or self.materials.model
        if self._is_finish_only():
            return self._key("decode", {"source": self.recipe.source and self.recipe.source.image})
        return self._key("decode", {"vae": fingerprint(vae)}, self.latents.key)

    def _decode(self) -> Image:
        if self.recipe.source and self._is_finish_only():
            return images.read(self._blob(self.recipe.source.image))
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
        with self.easel.bench.models.use(self._vae(full)) as (vae,):
            return sd.decode(self.materials.family, latents, vae)

    def _paste_outside(self, picture: Image) -> Image:
        """Inpainting keeps what is outside the mask, to the pixel."""
        if not (self.recipe.source and self.recipe.mask):
            return picture
        inputs = self._inputs()
        if inputs.source is None or inputs.mask is None:
            return picture
        return sd.keep_outside(inputs.source, picture, inputs.mask, self.recipe.mask.blur)

    # ------------------------------------------------------------ post, file

    def _post(self) -> Stage[Image]:
        done = self.decoded
        for i in range(1, len(self.recipe.post) + 1):
            done = self._finish(done, i)
        return done

    def _finish(self, before: Stage[Image], i: int) -> Stage[Image]:
        step, watch = self.recipe.post[i - 1], self.easel.watch
        tools = Tools(self.easel.library, self.easel.bench.models, watch.check)
        weights = [fingerprint(tools.library.find(*needed)) for needed in step.weights]

        def make() -> Image:
            picture = self.easel.stages.get(before)
            with watch.stage("post"):
                picture = step(picture, tools)
            watch.step("post", i, len(self.recipe.post))
            return picture

        said = {**step.model_dump(), "weights": weights}
        return Stage(self._key("post", said, before.key), make, picture_bytes)

    def _write(self) -> tuple[bytes, dict[str, Any]]:
        picture = self.easel.stages.get(self.finished)
        facts = self._facts()
        return metadata.write_png(picture, self.recipe, facts, self.blobs), facts

    def _facts(self) -> dict[str, Any]:
        materials, bench = self.materials, self.easel.bench
        return {
            "seconds": {name: round(spent, 4) for name, spent in self.easel.watch.seconds.items()},
            "model": {
                "id": materials.model.id,
                "title": materials.model.title,
                "family": materials.family.name,
                "sha256": bench.sha256(materials.model),
            },
            "loras": [{"id": use.file.id, "sha256": bench.sha256(use.file)} for use in materials.loras],
            "versions": bench.versions(),
            **self.easel.environment,
            "when": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "warnings": list(materials.warnings),
            **self.extra,
        }

    # -------------------------------------------------------------- borrowed

    def _is_finish_only(self) -> bool:
        source = self.recipe.source
        return source is not None and source.strength == 0

    def _vae(self, full: bool = False) -> Any:
        return self.easel.bench.entry(
            self.materials.vae or self.materials.model, "vae", self.materials.family, full
        )

    def _loras(self, modules: Mapping[str, nn.Module]) -> AbstractContextManager[None]:
        uses = self.materials.loras
        return applied(modules, [(read_lora(use.file), use.unet, use.text) for use in uses])

    def _blob(self, digest: str) -> bytes:
        if digest not in self.blobs:
            raise BadInput("A picture this recipe needs is no longer here; add it again.")
        return self.blobs[digest]

    def _picture(self, digest: str) -> Image:
        size = (self.recipe.width, self.recipe.height)
        return images.fit(images.read(self._blob(digest)).convert("RGB"), *size, "crop")


def picture_bytes(picture: Image) -> int:
    """What keeping a picture costs."""
    return picture.width * picture.height * len(picture.getbands())


def tensor_bytes(tensor: torch.Tensor) -> int:
    """What keeping a tensor costs."""
    return tensor.numel() * tensor.element_size()
