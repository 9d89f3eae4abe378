"""The gallery: everything she painted, on a page of its own. It is all script and JSON routes."""

from __future__ import annotations

from studio.ui.page import Page, Tab, scripted


def build(page: Page) -> Tab:
    """The tab; it has no fields, and its words come with the page's."""
    scripted("gallery").render()
    return Tab("gallery", (), lambda _: {}, lambda _: {})
