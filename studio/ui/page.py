"""What a tab is built into, what it gives back, and our own components with JavaScript."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from importlib.resources import files
from typing import Any

import gradio as gr
from gradio.blocks import Block

from studio.errors import StudioError
from studio.identity import SCOPE, Role
from studio.studio import Studio
from studio.ui.words import Words

Updates = dict[Block, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """What every tab shares. `stage` shows what is being painted; `profile`: whose page it is."""

    studio: Studio
    catalogs: Mapping[str, Words]
    stage: gr.HTML
    profile: Role = "owner"


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab as built. `relabel` says it in another language; `recall` puts back what the painter left."""

    name: str
    components: Sequence[Block]
    relabel: Callable[[Words], Updates]
    recall: Callable[[str], Updates]


def painter_of(request: gr.Request) -> str:
    """Who sent this event: the guard has put her name beside the request."""
    inner: Any = request.request
    return str(inner.scope[SCOPE])


def merged(*updates: Mapping[Block, Mapping[str, Any]]) -> Updates:
    """Updates of the same components put together, the later ones winning."""
    result: Updates = {}
    for update in updates:
        for component, changes in update.items():
            result[component] = {**result.get(component, {}), **changes}
    return result


def values(shown: Mapping[Block, Any]) -> Updates:
    """Values as updates."""
    return {component: {"value": value} for component, value in shown.items()}


def applied(updates: Mapping[Block, Mapping[str, Any]]) -> dict[Block, Any]:
    """Updates as Gradio takes them from a handler."""
    return {component: gr.update(**changes) for component, changes in updates.items()}


def telling(stage: gr.HTML, handler: Callable[..., Any]) -> Callable[..., Any]:
    """A handler whose errors the stage tells to the painter; her form stays as it is."""

    @wraps(handler)
    def safe(*given: Any) -> Any:
        try:
            return handler(*given)
        except StudioError as error:
            return applied({stage: {"order": {"sentence": str(error), "n": time.time()}}})

    return safe


def scripted(name: str, events: Sequence[str] = (), **props: Any) -> gr.HTML:
    """One of our own components: constant HTML (`assets/NAME.html`) that our script `inkstone.NAME` animates.

    Data reaches it as properties only and is set as text, never as HTML. `events` are what it can trigger.
    """
    template = files("studio.ui").joinpath("assets", f"{name}.html").read_text("utf-8")
    if "${" in template or "{{" in template:
        raise ValueError(f"the template of {name} is not constant")
    known = ", ".join(f'"{event}"' for event in events)
    start = (
        f"(function wait() {{ const start = window.inkstone && window.inkstone.{name};"
        f" if (start) start(element, props, trigger, watch, [{known}]); else setTimeout(wait, 20); }})();"
    )
    return gr.HTML(
        value="",
        html_template=template,
        js_on_load=start,
        apply_default_css=False,
        elem_id=f"ink-{name}",
        render=False,
        **props,
    )
