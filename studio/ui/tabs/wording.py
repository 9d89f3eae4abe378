"""What the page does with the whole form beside painting it: styles laid over it, grids round it, scrolls."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import gradio as gr
from gradio.blocks import Block

from studio.errors import UnknownName
from studio.explore import read_axes
from studio.ui.fields import bare
from studio.ui.form import Entry, Form
from studio.ui.page import Page, applied, painter_of, telling, values
from studio.ui.words import Words

BESIDE = (
    "pictures",
    "live",
)  # told when Paint is pressed: what to finish, and which noise the pen's frames had
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def axes(form: Form, words: Words) -> list[dict[str, str]]:
    """The fields that a grid can vary, as the page calls them."""
    parts = {member.path: words.name(member.part) for member in form.members}
    found: list[dict[str, str]] = []
    for path, entry in form.entries.items():
        if entry.valued and path not in ("prompt", "negative"):
            title = words.title(entry.part, entry.name)
            whole = f"{parts[entry.group]} · {title}" if entry.group in parts else title
            found.append({"path": path, "title": whole, "kind": "number" if is_number(entry) else "word"})
    return found


def is_number(entry: Entry) -> bool:
    """Whether the values of a field are numbers."""
    return bare(entry.info.annotation) in (int, float)


def wire_wording(page: Page, form: Form) -> None:
    """The events by which our scripts ask for it; the form is read where it stands."""
    studio, stage = page.studio, page.stage

    def said_of(given: dict[Block, Any]) -> dict[str, Any]:
        """The recipe as far as the form says it, without what the page tells beside it of how to paint."""
        return {name: value for name, value in form.read(given).items() if name not in BESIDE}

    def style(given: dict[Block, Any], event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        """A style over the form: her words stay in it, its other settings win."""
        painter, name = painter_of(request), str(getattr(event, "name", ""))[:100]
        styles = studio.habits.styles(painter)
        if name not in styles:
            raise UnknownName("style", name, styles)
        recipe = studio.palette.recipe(styles[name].onto(said_of(given)), painter)
        return applied(values(form.write(recipe)))

    def explore(given: dict[Block, Any], event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        """A grid round the form; the stage shows how it goes, with its labels."""
        said = getattr(event, "axes", None)
        done = studio.explore(said_of(given), read_axes(said), painter_of(request))
        return applied({stage: {"order": {**asdict(done), "n": time.time()}}})

    def scroll(given: dict[Block, Any], event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        """A handscroll painted from the form's words; the stage shows how it grows."""
        said = getattr(event, "scroll", None)
        asked: dict[str, Any] = dict(said) if isinstance(said, dict) else {}
        recipe = {**said_of(given), "source": None, "mask": None, "controls": (), "drawing": None}
        name = studio.scroll({**asked, "recipe": recipe}, painter_of(request))
        return applied({stage: {"order": {"scroll": name, "n": time.time()}}})

    filled: list[Block] = [stage, *form.components]
    stage.explore(telling(stage, explore), {*form.components}, stage, api_name="explore", **QUIET)
    stage.scroll(telling(stage, scroll), {*form.components}, stage, api_name="scroll", **QUIET)
    stage.style(telling(stage, style), {*form.components}, filled, api_name="style", **QUIET)
