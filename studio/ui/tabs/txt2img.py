"""Painting from words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from studio.models.files import ModelFile
from studio.post.enlarge import PLAIN
from studio.recipe import LATENT_MODES, Recipe
from studio.samplers import SAMPLERS, SCHEDULES
from studio.studio import SETTINGS, Studio
from studio.ui.form import Form
from studio.ui.page import Page, Tab, Updates, applied, merged, painter_of, scripted, telling, values
from studio.ui.words import Words

NAME = "txt2img"
EXAMPLES = (
    "一颗青松,青山环绕,云雾缭绕",
    "画一幅山水画",
    "a beautiful sunset over mountains, digital art, highly detailed",
    "a lone boat on a misty lake, blue-green mountains",
)
RATIOS = {"1:1": 1.0, "3:2": 3 / 2, "2:3": 2 / 3}
MOST = 16
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True, slots=True)
class Parts:
    """The tab's components beside the form's own."""

    count: gr.Slider
    paint: gr.Button
    stop: gr.Button
    reset: gr.Button
    advanced: gr.Accordion
    unwanted: gr.Accordion
    tools: Mapping[str, gr.Button]
    examples: tuple[gr.Button, ...]
    chips: gr.HTML


def build(page: Page) -> Tab:
    """Place the tab's components where the page is being built, and wire them."""
    words = next(iter(page.catalogs.values()))
    with gr.Tab(words("tab.txt2img"), id=NAME) as tab:
        chips = scripted("chips")
        form = Form(Recipe, words, choices(page.studio, words), chips)
        parts = place(form, words, chips, min(MOST, page.studio.settings.limits.pictures))
    wire(page, form, parts)
    shown: tuple[Block, ...] = (
        *form.components, parts.count, parts.paint, parts.stop, parts.reset, parts.advanced, parts.unwanted,
        *parts.tools.values(), *parts.examples,
    )  # fmt: skip
    return Tab(
        NAME,
        tab,
        shown,
        lambda words: merged(tab_label(tab, words), relabel(page.studio, form, parts, words)),
        lambda painter: recall(page.studio, form, parts, painter),
    )


def place(form: Form, words: Words, chips: gr.HTML, most: int) -> Parts:
    """The tab from top to bottom."""
    form.place("prompt")
    with gr.Row(elem_id="examples"):
        examples = tuple(
            gr.Button(words(f"example.{i}"), size="sm", elem_id=f"example-{i}", min_width=60)
            for i in range(len(EXAMPLES))
        )
    with gr.Accordion(words("negative"), open=False, elem_id="unwanted") as unwanted:
        form.place("negative")
    chips.render()
    form.place("model")
    tools: dict[str, gr.Button] = {}
    with gr.Row(elem_id="sizes"):
        for name in (*RATIOS, "swap", "lock"):
            icon = [] if name in RATIOS else ["glyph", name]
            title = name if name in RATIOS else words(name)
            tools[name] = gr.Button(title, size="sm", min_width=44, elem_classes=icon, elem_id=f"size-{name}")
    with gr.Row(elem_classes="pair"):
        form.place("width", "height")
    with gr.Row(elem_id="seeds"):
        form.place("seed")
        for name in ("dice", "last_seed"):
            tools[name] = gr.Button(
                words(name), size="sm", min_width=44, elem_classes=["glyph", name], elem_id=f"seed-{name}"
            )
    count = gr.Slider(1, most, 1, step=1, label=words("count"), elem_id="count", buttons=[])
    with gr.Accordion(words("advanced"), open=False, elem_id="advanced") as advanced:
        with gr.Row(elem_classes="pair"):
            form.place("steps", "guidance")
        with gr.Row(elem_classes="pair"):
            form.place("sampler", "schedule")
        form.place_rest()
        reset = gr.Button(words("reset"), size="sm", elem_id="reset")
    with gr.Row(elem_id="actions"):
        paint = gr.Button(words("paint"), variant="primary", elem_id="paint", scale=3)
        stop = gr.Button(words("stop"), elem_id="stop", scale=1, min_width=90)
    return Parts(count, paint, stop, reset, advanced, unwanted, tools, examples, chips)


# --- what it shows


def choices(studio: Studio, words: Words) -> dict[str, list[tuple[str, Any]]]:
    """The names that can be chosen for a field, by path, with what each is called."""
    models = [(called(file, words), file.id) for file in studio.checkpoints()]
    vaes = [(file.title, file.id) for file in studio.library.files("vae")]
    upscalers = [(file.title, file.id) for file in studio.library.files("upscaler")]
    upscalers += [(name, name) for name in PLAIN]
    return {
        "hires.upscaler": [*upscalers, *((name, name) for name in LATENT_MODES)],
        "hires.sampler": [(words("same"), ""), *((name, name) for name in SAMPLERS)],
        "post.upscale.model": upscalers,
        "model": models,
        "vae": [(words("own_vae"), ""), *vaes],
        "sampler": [(name, name) for name in SAMPLERS],
        "schedule": [(name, name) for name in SCHEDULES],
    }


def called(file: ModelFile, words: Words) -> str:
    """A model's name on the page."""
    return words("starter") if file.family == "starter" and file.id == "starter" else file.title


def relabel(studio: Studio, form: Form, parts: Parts, words: Words) -> Updates:
    """The tab in another language."""
    found = choices(studio, words)
    lists: Updates = {form[path]: {"choices": found[path]} for path in found if path in form.entries}
    placeholders: Updates = {
        form[name]: {"placeholder": words(f"{name}.placeholder")} for name in ("prompt", "negative")
    }
    buttons: Updates = {
        button: {"value": words(name)} for name, button in parts.tools.items() if name not in RATIOS
    }
    examples: Updates = {one: {"value": words(f"example.{i}")} for i, one in enumerate(parts.examples)}
    rest: Updates = {
        parts.count: {"label": words("count")},
        parts.paint: {"value": words("paint")},
        parts.stop: {"value": words("stop")},
        parts.reset: {"value": words("reset")},
        parts.advanced: {"label": words("advanced")},
        parts.unwanted: {"label": words("negative")},
    }
    return merged(form.relabel(words), lists, placeholders, buttons, examples, rest)


def tab_label(tab: gr.Tab, words: Words) -> Updates:
    """The tab's own name."""
    return {tab: {"label": words("tab.txt2img")}}


def recall(studio: Studio, form: Form, parts: Parts, painter: str) -> Updates:
    """The form as the painter left it, over what her model starts with."""
    kept = studio.form(painter, NAME)
    known = {file.id for file in studio.checkpoints()}
    if kept.get("model") not in known:
        kept.pop("model", None)
    if not known:
        return values(form.recall(kept))
    model = str(kept.get("model") or studio.model(painter))
    fresh = form.write(studio.recipe({"model": model}, painter))
    count = kept.get("count")
    fits = isinstance(count, int) and 1 <= count <= MOST
    shown: Updates = {parts.count: {"value": count if fits else min(MOST, studio.count(painter, model))}}
    return merged(values(fresh), values(form.recall(kept)), shown)


def chosen(studio: Studio, form: Form, parts: Parts, recipe: Recipe, painter: str) -> Updates:
    """A model's settings in the form; words, seed and parts stay."""
    settings = {form[name] for name in (*SETTINGS, "model")}
    shown = {component: value for component, value in form.write(recipe).items() if component in settings}
    return merged(values(shown), {parts.count: {"value": min(MOST, studio.count(painter, recipe.model))}})


# --- what it does


def wire(page: Page, form: Form, parts: Parts) -> None:
    """Buttons and events of the tab."""
    studio, stage = page.studio, page.stage

    def paint(given: dict[Block, Any], request: gr.Request) -> dict[Block, Any]:
        """Put what the form says in line; the stage shows how it goes."""
        asked = form.read(given)
        submitted = studio.submit(asked, painter_of(request), int(given[parts.count]))
        order = {"group": submitted.group, "jobs": submitted.jobs, "ratio": asked["width"] / asked["height"]}
        return applied({stage: {"order": order}})

    def switch(model: str, request: gr.Request) -> dict[Block, Any]:
        """Another model: its settings as she last had them."""
        painter = painter_of(request)
        return applied(chosen(studio, form, parts, studio.recipe({"model": model}, painter), painter))

    def reset(model: str, request: gr.Request) -> dict[Block, Any]:
        """The model's own settings."""
        return applied(chosen(studio, form, parts, studio.fresh(model), painter_of(request)))

    def reuse(event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        """The settings of one of her pictures, its inputs included."""
        painter = painter_of(request)
        picture = studio.gallery.get(painter, str(getattr(event, "id", ""))[:64])
        found = studio.restore(studio.gallery.read(painter, picture.id), painter)
        return applied(values(form.write(studio.recipe(found.values, painter))))

    def restored(event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        """The settings of a dropped picture, as our own route read them."""
        said = getattr(event, "recipe", None)
        partial: dict[str, Any] = dict(said) if isinstance(said, dict) else {}
        return applied(values(form.write(studio.recipe(partial, painter_of(request)))))

    given: set[Block] = {*form.components, parts.count}
    filled: list[Block] = [stage, *form.components, parts.count]
    parts.paint.click(telling(stage, paint), given, stage, api_name="paint", trigger_mode="multiple", **QUIET)
    form["model"].input(telling(stage, switch), form["model"], filled, api_name="switch", **QUIET)
    parts.reset.click(telling(stage, reset), form["model"], filled, api_name="reset", **QUIET)
    stage.reuse(telling(stage, reuse), None, filled, api_name="reuse", **QUIET)
    stage.restored(telling(stage, restored), None, filled, api_name="restored", **QUIET)
    wire_browser(form, parts)


def wire_browser(form: Form, parts: Parts) -> None:
    """What needs no server: size and seed tools, examples, and keeping the unfinished form."""
    size: list[Any] = [form["width"], form["height"]]
    for name, ratio in RATIOS.items():
        parts.tools[name].click(None, size, size, js=f"(w, h) => inkstone.ratio(w, h, {ratio})", **QUIET)
    parts.tools["swap"].click(None, size, size, js="(w, h) => [h, w]", **QUIET)
    parts.tools["lock"].click(None, size, None, js="(w, h) => inkstone.lock(w, h)", **QUIET)
    for one, other in (("width", "height"), ("height", "width")):
        script = f"(w, h) => inkstone.locked('{one}', w, h)"
        form[one].input(None, size, form[other], js=script, **QUIET)
    parts.tools["dice"].click(None, None, form["seed"], js="() => '-1'", **QUIET)
    parts.tools["last_seed"].click(
        None, form["seed"], form["seed"], js="s => inkstone.lastSeed || s", **QUIET
    )
    for button, example in zip(parts.examples, EXAMPLES, strict=True):
        button.click(None, None, form["prompt"], js=f"() => {json.dumps(example)}", **QUIET)
    paths = json.dumps([*form.paths, "count"])
    fields: list[Any] = [*form.components, parts.count]
    script = f"(...values) => inkstone.keep({json.dumps(NAME)}, {paths}, values)"
    gr.on([field.change for field in fields], None, fields, None, js=script, **QUIET)
