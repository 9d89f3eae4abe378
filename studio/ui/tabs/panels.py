"""What a painting tab adds to the form. A new one is a function and an entry in `PANELS`.

The panel is shown while its tab is chosen; the fields keep their values in every tab.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import gradio as gr
from gradio.blocks import Block

from studio.control.hints import STRICTNESS
from studio.ui.form import Form
from studio.ui.page import Updates, scripted
from studio.ui.words import Words


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel as built: its components beside the form's, and how they are said in another language."""

    components: Sequence[Block]
    relabel: Callable[[Words], Updates]


def img2img(form: Form, words: Words) -> Panel:
    """How much of the source is repainted, and where."""
    with gr.Column(elem_classes=["panel", "for-img2img"]):
        form.place("source.strength")
        with gr.Accordion(words("masking"), open=False, elem_id="masking") as fold:
            form.place_part("mask")
            form.place_part("source")
        scripted("scroll").render()
    return Panel((fold,), lambda words: {fold: {"label": words("masking")}})


def sketch(form: Form, words: Words) -> Panel:
    """How closely the lines are followed."""
    with gr.Column(elem_classes=["panel", "for-sketch"]):
        scripted("trace").render()
        strict = gr.Radio(
            strictness(words),
            value="normal",
            label=words("strictness"),
            elem_id="strictness",
            interactive=True,
        )
        colour = gr.Checkbox(
            label=words("sketch.colour"), value=False, elem_id="sketch-colour", interactive=True
        )
        with gr.Accordion(words("guiding"), open=False, elem_id="guiding") as fold:
            form.place_part("controls.0")
    guided = [form[f"controls.0.{name}"] for name in ("weight", "start", "end")]
    strict.input(
        lambda chosen: STRICTNESS.get(chosen, STRICTNESS["normal"]),
        strict,
        guided,
        api_name="strictness",
        show_progress="hidden",
        api_visibility="private",
    )
    return Panel(
        (strict, colour, fold),
        lambda words: {
            colour: {"label": words("sketch.colour")},
            strict: {"label": words("strictness"), "choices": strictness(words)},
            fold: {"label": words("guiding")},
        },
    )


def finish(_: Form, __: Words) -> Panel:
    """Presets, and which faces are restored."""
    with gr.Column(elem_classes=["panel", "for-finish"]):
        proof = scripted("proof")
        proof.render()
    return Panel((), lambda _: {})


def strictness(words: Words) -> list[tuple[str, str]]:
    """The three words for how closely lines are followed."""
    return [(words(f"strictness.{name}"), name) for name in STRICTNESS]


PANELS: Mapping[str, Callable[[Form, Words], Panel] | None] = MappingProxyType(  # None: the form is enough
    {"txt2img": None, "img2img": img2img, "sketch": sketch, "highres": None, "finish": finish}
)
