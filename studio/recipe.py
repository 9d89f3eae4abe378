"""The Recipe: everything there is to say about a picture, in one frozen value.

The form, the HTTP API, the command line, presets and the picture's own metadata are five spellings
of it, derived from its fields. Which parts are present says what is done: a `source` makes it
image-to-image, a `mask` inpainting, `controls` a sketch; they combine. A batch is several recipes
with `seed + i`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from studio.errors import BadInput
from studio.models.files import Kind
from studio.part import Part
from studio.post import Step
from studio.post.enlarge import PLAIN

VERSION = 1

ImageRef = Annotated[
    str, Field(pattern=r"^[0-9a-f]{64}$", title="Picture", description="SHA-256 of a stored picture.")
]
ModelId = Annotated[str, Field(min_length=1, max_length=240, pattern=r"^[^\x00-\x1f]+$")]
LONGEST = 4096  # pixels a side that are painted in one pass
Side = Annotated[int, Field(ge=64, le=LONGEST, multiple_of=8)]
Text = Annotated[str, Field(max_length=10_000)]


class Lora(Part):
    """A low-rank adaptation laid over the model for this picture only."""

    model: ModelId = Field(title="LoRA", description="Which LoRA from models/loras.")
    unet: float = Field(
        default=1.0, ge=-10, le=10, title="Weight", description="How strongly it changes the painting."
    )
    text: float = Field(
        default=1.0,
        ge=-10,
        le=10,
        title="Text weight",
        description="How strongly it changes the reading of the prompt.",
    )


class Variation(Part):
    """A little of another seed's noise: pictures near to one that she likes."""

    seed: int = Field(
        default=-1,
        ge=-1,
        lt=2**64,
        title="Variation seed",
        description="Whose noise is mixed in; -1 draws one.",
    )
    strength: float = Field(
        default=0.1,
        ge=0,
        le=1,
        title="Variation strength",
        description="0 is the picture's own noise, 1 the other's, on the sphere between them.",
    )

    @field_validator("seed", mode="before")
    @classmethod
    def _seed_as_text(cls, value: Any) -> Any:
        return whole(value)


class Source(Part):
    """The picture to start from (image-to-image)."""

    image: ImageRef
    strength: float = Field(
        default=0.75,
        ge=0,
        le=1,
        title="Denoising strength",
        description="0 keeps the picture, 1 replaces it.",
    )
    resize: Literal["crop", "stretch", "pad"] = Field(
        default="crop",
        title="Resize mode",
        description="Where its size is another: cut it around the middle, stretch it, or draw its edges out.",
    )


class Mask(Part):
    """Where to repaint: white is repainted, black is kept. Needs a source."""

    image: ImageRef
    blur: int = Field(default=4, ge=0, le=64, title="Mask blur", description="Softens the edge, in pixels.")
    invert: bool = Field(
        default=False, title="Inpaint not masked", description="Repaints everything but the mask."
    )
    fill: Literal["original", "blur", "noise", "empty"] = Field(
        default="original",
        title="Masked content",
        description="What lies under the mask before it is repainted: what was there, its blurred "
        "surroundings, latent noise, or latent nothing.",
    )
    region: Literal["whole", "masked"] = Field(
        default="whole",
        title="Inpaint area",
        description="“masked” paints a window around the mask at the full size, for fine details; the "
        "picture keeps its own size.",
    )
    padding: int = Field(
        default=32,
        ge=0,
        le=256,
        title="Only masked padding",
        description="Pixels around the mask that the window shows, too.",
    )


class Control(Part):
    """A picture that guides the composition through a ControlNet."""

    image: ImageRef
    model: ModelId = Field(title="ControlNet", description="Which ControlNet from models/controlnet.")
    hint: str = Field(
        default="none",
        max_length=64,
        title="Preprocessor",
        description="How the picture is turned into a control image; “none” takes it as it is.",
    )
    weight: float = Field(
        default=1.0, ge=0, le=2, title="Weight", description="How closely the picture is followed."
    )
    start: float = Field(
        default=0.0, ge=0, le=1, title="Starts at", description="Share of the steps before it begins."
    )
    end: float = Field(
        default=1.0, ge=0, le=1, title="Ends at", description="Share of the steps after which it lets go."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start > self.end:
            raise ValueError(f"a ControlNet cannot end ({self.end}) before it starts ({self.start})")
        return self


LATENT_MODES: Mapping[str, str] = MappingProxyType(  # upscalers that are no file: torch's interpolations
    {"latent (bilinear)": "bilinear", "latent (nearest)": "nearest-exact"}
)


class Hires(Part):
    """High-res fix: the finished picture is enlarged and painted over once more."""

    model_config = ConfigDict(title="High-res fix")

    upscaler: ModelId = Field(
        default="lanczos",
        title="Upscaler",
        description="“latent (bilinear)”, “latent (nearest)”, “lanczos”, “nearest”, or one from "
        "models/upscalers.",
    )
    scale: float = Field(
        default=2.0, ge=1, le=4, title="Scale", description="How many times larger each side becomes."
    )
    width: int = Field(
        default=0,
        ge=0,
        le=LONGEST,
        multiple_of=8,
        title="Exact width",
        description="In pixels, instead of the scale; 0 follows the height.",
    )
    height: int = Field(
        default=0,
        ge=0,
        le=LONGEST,
        multiple_of=8,
        title="Exact height",
        description="In pixels, instead of the scale; 0 follows the width. With both, what is too much is "
        "cut off.",
    )
    steps: int = Field(
        default=0,
        ge=0,
        le=150,
        title="Steps",
        description="How many steps are painted; 0 takes as many as before.",
    )
    strength: float | None = Field(
        default=None,
        ge=0,
        le=1,
        title="Denoising strength",
        description="0 only enlarges, 1 repaints; empty takes what suits the upscaler: 0.7 latent, 0.35 "
        "else.",
    )
    model: str = Field(
        default="",
        max_length=240,
        pattern=r"^[^\x00-\x1f]*$",
        title="Model",
        description="Another painter; empty keeps the first.",
    )
    prompt: Text = Field(default="", title="Prompt", description="Another prompt; empty keeps the first.")
    negative: Text = Field(
        default="", title="Negative prompt", description="Another one; empty keeps the first."
    )
    sampler: str = Field(
        default="", max_length=64, title="Sampler", description="Another one; empty keeps the first."
    )
    guidance: float = Field(
        default=0.0, ge=0, le=30, title="Guidance scale (CFG)", description="0 keeps the first."
    )

    @field_validator("strength", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        """A form's empty line."""
        return None if value == "" else value

    @property
    def is_latent(self) -> bool:
        """Whether latents are enlarged rather than pixels."""
        return self.upscaler in LATENT_MODES

    @property
    def weights(self) -> tuple[tuple[Kind, str], ...]:
        """The upscaler's file, as the library's kind and id, where it is one."""
        return () if self.is_latent or self.upscaler in PLAIN else (("upscaler", self.upscaler),)

    @property
    def denoising(self) -> float:
        """The strength, or what suits the upscaler."""
        return self.strength if self.strength is not None else 0.7 if self.is_latent else 0.35

    def size(self, width: int, height: int) -> tuple[int, int]:
        """How large a picture of this size becomes: multiples of 8."""
        across, down = self._scales(width, height)
        return max(64, round(width * across / 8) * 8), max(64, round(height * down / 8) * 8)

    def cover(self, width: int, height: int) -> tuple[int, int]:
        """How large it is made before both sides are cut to `size`: at least that, its proportions kept."""
        if not self.crops(width, height):
            return self.size(width, height)
        scale = max(self._scales(width, height))
        return max(self.width, round(width * scale / 8) * 8), max(self.height, round(height * scale / 8) * 8)

    def crops(self, width: int, height: int) -> bool:
        """Whether the exact size has other proportions, by more than rounding to multiples of 8 does."""
        across, down = self._scales(width, height)
        return abs(width * across - width * down) > 8 and abs(height * across - height * down) > 8

    def _scales(self, width: int, height: int) -> tuple[float, float]:
        across, down = self.width / width, self.height / height
        either = across or down or self.scale
        return across or either, down or either


class Recipe(Part):
    """One picture, completely described. Sides are pixels; see each field's bounds."""

    prompt: Text = Field(
        default="",
        title="Prompt",
        description="What to paint. (word:1.2) weighs, [a:b:0.5] changes halfway, a AND b combines.",
    )
    negative: Text = Field(
        default="", title="Negative prompt", description="What to keep out of the picture."
    )
    model: ModelId = Field(default="starter", title="Model", description="Which painter paints.")
    vae: ModelId | None = Field(
        default=None, title="VAE", description="Another autoencoder than the model's own."
    )
    sampler: str = Field(
        default="DPM++ 2M", max_length=64, title="Sampler", description="How noise becomes a picture."
    )
    schedule: str = Field(
        default="Automatic",
        max_length=64,
        title="Schedule",
        description="How the noise levels are spaced; Automatic takes the sampler's usual one.",
    )
    steps: int = Field(
        default=20, ge=1, le=150, title="Steps", description="More steps take longer and refine."
    )
    guidance: float = Field(
        default=7.0,
        ge=1,
        le=30,
        title="Guidance scale (CFG)",
        description="How closely the prompt is followed; high values harden the picture.",
    )
    seed: int = Field(
        default=-1,
        ge=-1,
        lt=2**64,
        title="Seed",
        description="The same seed and settings paint the same picture; -1 draws a new one.",
    )
    variation: Variation | None = Field(default=None, title="Variation")
    width: Side = Field(default=512, title="Width", description="In pixels, a multiple of 8.")
    height: Side = Field(default=512, title="Height", description="In pixels, a multiple of 8.")
    clip_skip: int = Field(
        default=1,
        ge=1,
        le=12,
        title="Clip skip",
        description="Which layer of the text encoder is read, counted from the last.",
    )
    emphasis: Literal["original", "no norm", "ignore", "none"] = Field(
        default="original",
        title="Emphasis",
        description="How weights such as (word:1.2) act; “none” reads brackets as text.",
    )
    tiling: Literal["", "x", "y", "both"] = Field(
        default="",
        title="Seamless tiling",
        description="The picture continues over its edges, for textures: sideways (x), upright (y) or both.",
    )
    loras: tuple[Lora, ...] = Field(default=(), max_length=16, title="LoRAs")
    source: Source | None = Field(default=None, title="Source picture")
    mask: Mask | None = Field(default=None, title="Mask")
    controls: tuple[Control, ...] = Field(default=(), max_length=8, title="ControlNet")
    hires: Hires | None = Field(default=None, title="High-res fix")
    post: tuple[Step, ...] = Field(default=(), max_length=16, title="Finish")
    drawing: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{64}$",
        title="Drawing",
        description="SHA-256 of the stored strokes that its pictures were drawn from.",
    )
    version: Literal[1] = Field(default=VERSION, title="Recipe version")

    @field_validator("seed", mode="before")
    @classmethod
    def _seed_as_text(cls, value: Any) -> Any:
        return whole(value)

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.mask is not None and self.source is None:
            raise ValueError("a mask needs a source picture to repaint")
        if self.mask is not None and self.hires is not None and self.hires.is_latent:
            raise ValueError(
                "the high-res fix of a masked picture needs an upscaler of pixels, not of latents"
            )
        if self.mask is not None and self.mask.region == "masked" and self.hires is not None:
            raise ValueError(
                "where only the masked part is painted, choose a larger size instead of the high-res fix"
            )
        placed = self.mask is not None or self.controls
        if self.hires is not None and placed and self.hires.crops(self.width, self.height):
            raise ValueError(
                "with a mask or a ControlNet the high-res fix keeps the proportions; give its width or its "
                "height only"
            )
        if self.hires is not None and max(self.hires.size(self.width, self.height)) > LONGEST:
            raise ValueError(
                f"the high-res fix paints at most {LONGEST} pixels a side; choose a smaller scale"
            )
        return self

    @property
    def images(self) -> tuple[str, ...]:
        """The digests of every input this recipe needs or carries with it (its drawing), each once."""
        refs = [part.image for part in (self.source, self.mask) if part is not None]
        drawn = [self.drawing] if self.drawing else []
        return tuple(dict.fromkeys([*refs, *(c.image for c in self.controls), *drawn]))

    def seeded(self) -> Self:
        """The same recipe with real seeds: -1 becomes a number drawn below 2³²."""
        fresh: dict[str, Any] = {} if self.seed >= 0 else {"seed": secrets.randbelow(2**32)}
        if self.variation is not None and self.variation.seed < 0:
            fresh["variation"] = self.variation.but(seed=secrets.randbelow(2**32))
        return self.but(**fresh) if fresh else self

    def batch(self, count: int) -> tuple[Self, ...]:
        """`count` recipes with seed, seed + 1, … (wrapping at 2⁶⁴)."""
        first = self.seeded()
        return tuple(first.but(seed=(first.seed + i) % 2**64) for i in range(count))

    def to_json(self) -> str:
        """The recipe as JSON text, complete: defaults included."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a recipe back. Raises `BadInput` with one sentence a field."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise BadInput(explain(error)) from error

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """A recipe from plain values. Raises `BadInput` with one sentence a field."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise BadInput(explain(error)) from error


def whole(value: Any) -> Any:
    """Browsers keep only 53 bits of a number, so a seed may come as text."""
    return int(value) if isinstance(value, str) and value.strip().lstrip("-").isdecimal() else value


def explain(error: ValidationError) -> str:
    """Pydantic's findings as sentences a painter can act on; what was sent is not repeated back."""
    lines: list[str] = []
    for found in error.errors(include_url=False, include_context=False, include_input=False)[:6]:
        where = ".".join(str(step)[:80] for step in found["loc"]) or "recipe"
        lines.append(f"{where}: {found['msg'].removeprefix('Value error, ')}")
    return "; ".join(lines) + "."
