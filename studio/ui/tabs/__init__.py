"""The tabs of the page. A new one is a file here and an entry in `TABS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from studio.ui.page import Page, Tab
from studio.ui.tabs import txt2img

TABS: Mapping[str, Callable[[Page], Tab]] = MappingProxyType({"txt2img": txt2img.build})
