"""The page: one masthead, the tabs over one form generator, the stage, and the strip of finished pictures.

It holds nothing that matters: form, running work and pictures come from the studio each time it is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr
from gradio.blocks import Block

from studio.errors import UnknownName
from studio.identity import Role
from studio.studio import Studio
from studio.ui.bundle import addresses
from studio.ui.page import Page, Tab, Updates, applied, merged, painter_of, scripted, telling
from studio.ui.tabs import OWNED, PAGES, painting
from studio.ui.tabs.panels import PANELS
from studio.ui.theme import theme
from studio.ui.words import Words, preferred, read_catalogs


def build(studio: Studio, profile: Role = "owner") -> gr.Blocks:
    """The page over one studio, not yet launched; guests have no owner's tabs in theirs."""
    catalogs = read_catalogs()
    names = [{"tag": tag, "name": words("language")} for tag, words in catalogs.items()]
    pages = [name for name in PAGES if profile == "owner" or name not in OWNED]
    with gr.Blocks(title="Inkstone", analytics_enabled=False, fill_width=True) as blocks:
        masthead = scripted("masthead", ("language",), languages=names, language="", tabs=[*PANELS, *pages])
        masthead.render()
        scripted("share" if profile == "owner" else "forget").render()
        stage = scripted(
            "stage", ("act", "restored", "parts", "style", "explore", "scroll"), words={}, order={}
        )
        page = Page(studio, catalogs, stage, profile)
        with gr.Row(elem_id="studio", equal_height=False):
            with gr.Column(elem_id="bench", scale=0, min_width=330):
                tabs = [painting.build(page)]
            with gr.Column(elem_id="easel", scale=1, min_width=340):
                scripted("live").render()
                with gr.Row(elem_id="desk", equal_height=False):
                    scripted("canvas").render()
                    stage.render()
                strip = scripted("strip", words={})
                strip.render()
        for name in pages:
            with gr.Column(elem_id=f"page-{name}", elem_classes="page"):
                scripted(name).render()
        wire(blocks, page, masthead, strip, tabs)
    return blocks


def look() -> dict[str, Any]:
    """Theme, styles and scripts, as Gradio's launch takes them. The files come from our own route."""
    at = addresses()
    tags = (
        '<meta name="color-scheme" content="light dark">',
        f'<link rel="stylesheet" href="{at["inkstone.css"]}">',
        f'<script src="{at["inkstone.js"]}"></script>',
    )
    return {"theme": theme(), "head": "".join(tags)}


def wire(blocks: gr.Blocks, page: Page, masthead: gr.HTML, strip: gr.HTML, tabs: list[Tab]) -> None:
    """What happens when the page opens and when its language changes."""
    studio, catalogs = page.studio, page.catalogs
    outputs: list[Block] = [masthead, page.stage, strip]
    outputs += [component for tab in tabs for component in tab.components]

    def speak(words: Words) -> Updates:
        """The whole page in one language."""
        said = {key: text for key, text in words.texts.items() if not key[0].isupper()}
        page_words: Updates = {
            masthead: {"language": words.language},
            page.stage: {"words": said},
            strip: {"words": said},
        }
        return merged(page_words, *(tab.relabel(words) for tab in tabs))

    def opened(request: gr.Request) -> Mapping[Block, Any]:
        """Everything as the painter left it."""
        painter = painter_of(request)
        asked = request.headers.get("accept-language", "")
        chosen = studio.habits.language(painter) or preferred(asked, catalogs)
        words = catalogs.get(chosen) or next(iter(catalogs.values()))
        return applied(merged(speak(words), *(tab.recall(painter) for tab in tabs)))

    def language(event: gr.EventData, request: gr.Request) -> Mapping[Block, Any]:
        """The painter chose another language."""
        chosen = str(getattr(event, "language", ""))[:16]
        if chosen not in catalogs:
            raise UnknownName("language", chosen, catalogs)
        studio.habits.speak(painter_of(request), chosen)
        return applied(speak(catalogs[chosen]))

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    blocks.load(opened, None, outputs, api_name="opened", **quiet)
    masthead.language(telling(page.stage, language), None, outputs, api_name="language", **quiet)
