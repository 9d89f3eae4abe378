"""The form of every painting tab: one Recipe. A tab adds a panel of its own (see `PANELS`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block

from studio.control.hints import HINTS, is_ready
from studio.errors import UnknownName
from studio.habits import SETTINGS
from studio.identity import Role
from studio.models.files import ModelFile
from studio.post.enlarge import PLAIN
from studio.post.facenets import AROUND
from studio.post.faces import FETCH
from studio.recipe import LATENT_MODES, Recipe
from studio.samplers import SAMPLERS, SCHEDULES
from studio.studio import Studio
from studio.ui.form import Form
from studio.ui.page import Page, Tab, Updates, applied, merged, painter_of, scripted, telling, values
from studio.ui.tabs.acts import ACTS, Act, opening
from studio.ui.tabs.panels import PANELS, Panel
from studio.ui.tabs.wording import axes, wire_wording
from studio.ui.words import Words

NAME = "paint"
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
    """The components beside the form's own."""

    count: gr.Slider
    paint: gr.Button
    stop: gr.Button
    reset: gr.Button
    folds: Mapping[str, gr.Accordion]
    tools: Mapping[str, gr.Button]
    examples: tuple[gr.Button, ...]
    panels: tuple[Panel, ...]
    chips: gr.HTML
    explore: gr.HTML


def build(page: Page) -> Tab:
    """Place the form where the page is being built, and wire it."""
    words = next(iter(page.catalogs.values()))
    chips = scripted("chips")
    form = Form(Recipe, words, choices(page.studio, words, page.profile), chips)
    settings = page.studio.settings
    most = settings.guests.pictures if page.profile == "guest" else settings.limits.pictures
    parts = place(form, words, chips, most)
    wire(page, form, parts)
    shown: tuple[Block, ...] = (
        *form.components, parts.count, parts.paint, parts.stop, parts.reset, *parts.folds.values(),
        parts.explore, *parts.tools.values(), *parts.examples,
        *(one for panel in parts.panels for one in panel.components),
    )  # fmt: skip
    return Tab(
        NAME,
        shown,
        lambda words: relabel(page.studio, form, parts, words, page.profile),
        lambda painter: recall(page.studio, form, parts, painter),
    )


def place(form: Form, words: Words, chips: gr.HTML, most: int) -> Parts:
    """The column from top to bottom. What only some tabs need is shown by `page.css`."""
    folds: dict[str, gr.Accordion] = {}
    tools: dict[str, gr.Button] = {}
    scripted("well", words={}, batch=most).render()
    with gr.Column(elem_id="wording"):
        form.place("prompt")
        with gr.Row(elem_id="examples"):
            examples = tuple(
                gr.Button(words(f"example.{i}"), size="sm", elem_id=f"example-{i}", min_width=60)
                for i in range(len(EXAMPLES))
            )
        with gr.Accordion(words("negative"), open=False, elem_id="unwanted") as folds["negative"]:
            form.place("negative")
    panels = tuple(panel(form, words) for panel in PANELS.values() if panel)
    chips.render()
    with gr.Column(elem_id="making"):
        form.place("model")
        tools |= place_size(form, words)
        count = gr.Slider(1, min(MOST, most), 1, step=1, label=words("count"), elem_id="count", buttons=[])
    for name, field in (("larger", "hires"), ("finishing", "post")):
        with gr.Accordion(words(name), open=False, elem_id=name) as folds[name]:
            for member in form.members:
                if member.field == field:
                    form.place_part(member.path)
        if field in form.chains:
            form.place(field)  # beside the fold, which holds nothing while it is closed
    with gr.Accordion(words("advanced"), open=False, elem_id="advanced") as folds["advanced"]:
        with gr.Row(elem_classes="pair"):
            form.place("steps", "guidance")
        with gr.Row(elem_classes="pair"):
            form.place("sampler", "schedule")
        form.place_rest()
        form.place_part("variation")
        reset = gr.Button(words("reset"), size="sm", elem_id="reset")
    explore = scripted("explore", fields=axes(form, words))
    explore.render()
    with gr.Row(elem_id="actions"):
        paint = gr.Button(words("paint"), variant="primary", elem_id="paint", scale=3)
        stop = gr.Button(words("stop"), elem_id="stop", scale=1, min_width=90)
    return Parts(count, paint, stop, reset, folds, tools, examples, panels, chips, explore)


def place_size(form: Form, words: Words) -> dict[str, gr.Button]:
    """Width, height and seed with their tools."""
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
    return tools


# --- what it shows


def choices(studio: Studio, words: Words, profile: Role = "owner") -> dict[str, list[tuple[str, Any]]]:
    """The names that can be chosen for a field, by path, with what each is called.

    Guests see the models that the owner shares.
    """
    shared = studio.palette.shared_models() if profile == "guest" else None
    offered = [file for file in studio.palette.checkpoints() if shared is None or file.id in shared]
    models = [(called(file, words), file.id) for file in offered]
    vaes = [(file.title, file.id) for file in studio.library.files("vae")]
    upscalers = [(file.title, file.id) for file in studio.library.files("upscaler")]
    upscalers += [(name, name) for name in PLAIN]
    return {
        "hires.upscaler": [*upscalers, *((name, name) for name in LATENT_MODES)],
        "hires.sampler": [(words("same"), ""), *((name, name) for name in SAMPLERS)],
        "post.upscale.model": upscalers,
        "post.faces.model": restorers(studio, words),
        "hires.model": [(words("same"), ""), *models],
        "controls.0.model": [(file.title, file.id) for file in studio.library.files("controlnet")],
        "controls.0.hint": [(preprocessor(name, studio, words), name) for name in HINTS],
        "model": models,
        "vae": [(words("own_vae"), ""), *vaes],
        "sampler": [(name, name) for name in SAMPLERS],
        "schedule": [(name, name) for name in SCHEDULES],
    }


def restorers(studio: Studio, words: Words) -> list[tuple[str, Any]]:
    """What restores faces: the files that are here, and those that are still to be fetched."""
    files = studio.library.files("face")
    here = [(file.title, file.id) for file in files if Path(file.id).name not in AROUND]
    known = {Path(name).name for _, name in here}
    return here + [(words("hint.missing", name=name), name) for name in FETCH if name not in known]


def preprocessor(name: str, studio: Studio, words: Words) -> str:
    """A preprocessor's name on the page, which says when its weights are still to be fetched."""
    title = words(f"hint.{name}")
    return title if is_ready(name, studio.library) else words("hint.missing", name=title)


def called(file: ModelFile, words: Words) -> str:
    """A model's name on the page."""
    return words("starter") if file.family == "starter" and file.id == "starter" else file.title


def relabel(studio: Studio, form: Form, parts: Parts, words: Words, profile: Role) -> Updates:
    """The tab in another language."""
    found = choices(studio, words, profile)
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
        parts.explore: {"fields": axes(form, words)},
        **{fold: {"label": words(name)} for name, fold in parts.folds.items()},
    }
    panels = [panel.relabel(words) for panel in parts.panels]
    return merged(form.relabel(words), lists, placeholders, buttons, examples, rest, *panels)


def recall(studio: Studio, form: Form, parts: Parts, painter: str) -> Updates:
    """The form as the painter left it, over what her model starts with."""
    kept = studio.habits.form(painter, NAME)
    known = {file.id for file in studio.palette.checkpoints() if studio.palette.may_use(painter, file.id)}
    if kept.get("model") not in known:
        kept.pop("model", None)
    if not known:
        return values(form.recall(kept))
    model = str(kept.get("model") or studio.palette.model(painter))
    fresh = form.write(studio.palette.recipe({"model": model}, painter))
    count = kept.get("count")
    most = int(parts.count.maximum)
    fits = isinstance(count, int) and 1 <= count <= most
    shown: Updates = {
        parts.count: {"value": count if fits else min(most, studio.habits.count(painter, model))}
    }
    return merged(values(fresh), values(form.recall(kept)), shown)


def field_of(form: Form, component: Block) -> str:
    """The recipe's field that one of the form's components belongs to."""
    path = dict(zip(form.components, form.paths, strict=True))[component]  # pyright: ignore[reportArgumentType]
    return path.partition(".")[0]


def finishes(asked: Mapping[str, Any]) -> bool:
    """Whether a finished picture is taken further: of that she wants one, not a choice of drafts."""
    source = asked.get("source")
    return isinstance(source, dict) and source.get("strength") == 0


def as_lived(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What frames become when the pen rests: the same recipe, from their noise if no seed is set."""
    noise = asked.get("live")
    random = str(asked.get("seed", "")).strip().startswith("-")
    seed = {"seed": noise[:20]} if isinstance(noise, str) and random else {}
    return {**{name: value for name, value in asked.items() if name != "live"}, **seed}


def chosen(studio: Studio, form: Form, parts: Parts, recipe: Recipe, painter: str) -> Updates:
    """A model's settings and its finish in the form; words, seed and other parts stay."""
    settings = {*SETTINGS, "model", "post"}
    shown = {c: value for c, value in form.write(recipe).items() if field_of(form, c) in settings}
    family = studio.library.find("checkpoint", recipe.model).family
    guides = [file.id for file in studio.library.files("controlnet") if file.family == family]
    if guides:
        shown[form["controls.0.model"]] = guides[0]
    count = min(int(parts.count.maximum), studio.habits.count(painter, recipe.model))
    return merged(values(shown), {parts.count: {"value": count}})


# --- what it does


def wire(page: Page, form: Form, parts: Parts) -> None:
    """Buttons and events of the tab."""
    studio, stage = page.studio, page.stage

    def paint(given: dict[Block, Any], request: gr.Request) -> dict[Block, Any]:
        """Put what the form says in line; the stage shows how it goes."""
        said, painter = form.read(given), painter_of(request)
        asked, lived = as_lived(said), "live" in said
        many = asked.pop("pictures", None)
        if not isinstance(many, list) and finishes(asked) and not asked.get("hires"):
            many = [asked["source"]["image"]]
        if isinstance(many, list):
            submitted = studio.finish(asked, painter, [str(digest)[:64] for digest in many])
        else:
            one = lived or finishes(asked)
            submitted = studio.submit(asked, painter, 1 if one else int(given[parts.count]))
        order = {"group": submitted.group, "jobs": submitted.jobs, "ratio": asked["width"] / asked["height"]}
        return applied({stage: {"order": order}})

    def switch(model: str, request: gr.Request) -> dict[Block, Any]:
        """Another model: its settings as she last had them."""
        painter = painter_of(request)
        return applied(chosen(studio, form, parts, studio.palette.recipe({"model": model}, painter), painter))

    def reset(model: str, request: gr.Request) -> dict[Block, Any]:
        """The model's own settings."""
        painter = painter_of(request)
        studio.palette.recipe({"model": model}, painter)  # raises for one that the owner keeps to herself
        return applied(chosen(studio, form, parts, studio.palette.fresh(model), painter))

    def act(event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        """Something done with one of her pictures: its settings back, another like it, its way to a tab."""
        name, painter = str(getattr(event, "act", "")), painter_of(request)
        if name not in ACTS:
            raise UnknownName("action", name[:40], ACTS)
        done: Act = ACTS[name](studio, painter, str(getattr(event, "id", ""))[:64])
        shown = form.write(done.recipe) if done.recipe else {}
        kept = {c: v for c, v in shown.items() if done.fields is None or field_of(form, c) in done.fields}
        return applied(merged(values(kept), {stage: {"order": done.order}}))

    def restored(event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        """The settings of a dropped picture, as our own route read them."""
        said = getattr(event, "recipe", None)
        partial: dict[str, Any] = dict(said) if isinstance(said, dict) else {}
        recipe = studio.palette.recipe(partial, painter_of(request))
        return applied(merged(values(form.write(recipe)), {stage: {"order": opening(recipe)}}))

    given: set[Block] = {*form.components, parts.count}
    filled: list[Block] = [stage, *form.components, parts.count]
    parts.paint.click(telling(stage, paint), given, stage, api_name="paint", trigger_mode="multiple", **QUIET)
    form["model"].input(telling(stage, switch), form["model"], filled, api_name="switch", **QUIET)
    parts.reset.click(telling(stage, reset), form["model"], filled, api_name="reset", **QUIET)
    stage.act(telling(stage, act), None, filled, api_name="act", **QUIET)
    stage.restored(telling(stage, restored), None, filled, api_name="restored", **QUIET)
    wire_wording(page, form)
    wire_browser(form, parts, stage)


def wire_browser(form: Form, parts: Parts, stage: gr.HTML) -> None:
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
    switches = {path: entry.component for path, entry in form.entries.items() if entry.kind == "part"}
    several: Any = stage  # its events are attributes that Gradio adds when it runs
    script = f"() => inkstone.parts({json.dumps(list(switches))})"
    several.parts(None, None, list(switches.values()), js=script, trigger_mode="multiple", **QUIET)
    paths = json.dumps([*form.paths, "count"])
    fields: list[Any] = [*form.components, parts.count]
    script = f"(...values) => inkstone.keep({json.dumps(NAME)}, {paths}, values)"
    gr.on([field.change for field in fields], None, fields, None, js=script, **QUIET)
