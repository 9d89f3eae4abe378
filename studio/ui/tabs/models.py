"""The painters and tools that are here, those that can be fetched, and the folders of other programs."""

from __future__ import annotations

from studio.ui.page import Page, Tab, scripted

NAME = "models"


def build(_: Page) -> Tab:
    """The page; what it shows comes from the owner's routes."""
    shelf = scripted(NAME)
    shelf.render()
    return Tab(NAME, (), lambda _: {}, lambda _: {})
