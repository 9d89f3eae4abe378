"""The tabs of the page.

A painting tab is an entry in `panels.PANELS`; one with a page of its own is a file here, and in `TABS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from studio.ui.page import Page, Tab
from studio.ui.tabs import gallery, models

TABS: Mapping[str, Callable[[Page], Tab]] = MappingProxyType(
    {"gallery": gallery.build, models.NAME: models.build}
)
OWNED = frozenset({"models", "settings"})  # pages that guests do not have
