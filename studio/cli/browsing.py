"""A browser without a window, for films and benchmarks of the page."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from studio.errors import StudioError

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def browser() -> Generator[Any]:
    """Chromium, without a window. Raises `StudioError` where Playwright or a browser is missing."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise StudioError("Driving a browser needs Playwright: pip install playwright.") from error
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield opened
        finally:
            opened.close()
