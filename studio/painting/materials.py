"""Names become things: which files, which plan of the prompt, which LoRAs a recipe asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.errors import BadInput, UnknownName, UnknownWeights
from studio.families import Family, family
from studio.models.library import Library, ModelFile
from studio.prompt import NetworkUse, Plan, plan
from studio.recipe import Control, Recipe
from studio.samplers import resolve


@dataclass(frozen=True, slots=True)
class LoraUse:
    """One LoRA with its strength on the UNet and on the text encoder."""

    file: ModelFile
    unet: float
    text: float


@dataclass(frozen=True, slots=True)
class Materials:
    """All that one recipe needs, looked up once; nothing here is loaded yet."""

    recipe: Recipe
    model: ModelFile
    family: Family
    plan: Plan
    vae: ModelFile | None
    loras: tuple[LoraUse, ...]
    controls: tuple[tuple[Control, ModelFile], ...]
    embeddings: tuple[ModelFile, ...]
    warnings: tuple[str, ...]


def gather(recipe: Recipe, library: Library) -> Materials:
    """Look everything up.

    Raises `UnknownName` with a sentence that lists what exists, `UnknownWeights` for a model whose family is
    not one we know, and `BadInput` for a ControlNet or VAE that is made for another family.

    A LoRA named inside the prompt that is not there is a warning, as in every tool that reads this grammar;
    one from the recipe's own list is an error.
    """
    model = library.identified(library.find("checkpoint", recipe.model))
    if not model.family:
        raise UnknownWeights(
            f"The model “{model.title}” cannot paint here: {model.note or 'its family is unknown'}."
        )
    sampler, _ = resolve(recipe.sampler, recipe.schedule)
    said = plan(
        recipe.prompt,
        recipe.negative,
        recipe.steps,
        second_order=sampler.order > 1,
        emphasis=recipe.emphasis,
    )
    listed = [LoraUse(library.find("lora", lora.model), lora.unet, lora.text) for lora in recipe.loras]
    prompted, missing = prompted_loras(said.networks, library)
    return Materials(
        recipe=recipe,
        model=model,
        family=family(model.family),
        plan=said,
        vae=fitting(library.find("vae", recipe.vae), model, library) if recipe.vae else None,
        loras=(*listed, *prompted),
        controls=tuple(
            (control, fitting(library.find("controlnet", control.model), model, library))
            for control in recipe.controls
        ),
        embeddings=mentioned(library.files("embedding"), f"{recipe.prompt}\n{recipe.negative}"),
        warnings=(*said.warnings, *missing, *idle(recipe)),
    )


def fitting(file: ModelFile, model: ModelFile, library: Library) -> ModelFile:
    """`file`, if it can work with `model`, else `BadInput`. VAEs do not say their family and are trusted."""
    known = file if file.kind == "vae" else library.identified(file)
    what = {"controlnet": "ControlNet", "vae": "VAE"}.get(file.kind, file.kind)
    if known.family and known.family != model.family:
        raise BadInput(
            f"The {what} “{file.title}” is made for {family(known.family).title}; “{model.title}” is a "
            f"{family(model.family).title} model. Choose a {what} of its family."
        )
    if file.layout == "file" and family(model.family).config is None:
        raise BadInput(f"“{model.title}” takes a {what} as a folder only, not the file “{file.title}”.")
    return known


def prompted_loras(
    networks: tuple[NetworkUse, ...], library: Library
) -> tuple[tuple[LoraUse, ...], tuple[str, ...]]:
    """The LoRAs of `<lora:name:te:unet>` tags, and a warning for each that is not there."""
    found: list[LoraUse] = []
    warnings: list[str] = []
    for use in networks:
        try:
            found.append(LoraUse(library.find("lora", use.name), use.unet, use.te))
        except UnknownName as error:
            warnings.append(f"{error} The picture is painted without it.")
    return tuple(found), tuple(warnings)


def mentioned(files: tuple[ModelFile, ...], text: str) -> tuple[ModelFile, ...]:
    """The textual inversions whose name can be meant by the text.

    Names are matched on tokens, which know neither case nor blanks, so the comparison here knows neither.
    """
    said = "".join(text.lower().split())
    return tuple(file for file in files if "".join(Path(file.id).name.lower().split()) in said)


def idle(recipe: Recipe) -> tuple[str, ...]:
    """A warning for a part that has nothing to act on."""
    if recipe.variation is None or recipe.source is None:
        return ()
    return (
        "A variation mixes the noise of pictures painted from words alone; this one has a source picture.",
    )


def fingerprint(file: ModelFile) -> list[Any]:
    """What tells one state of a file from another without reading it whole."""
    return [file.kind, file.id, file.size, file.mtime_ns]
