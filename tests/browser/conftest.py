"""The browser of these tests: the real Chromium, one for each file."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from halls import page_of
from playwright.sync_api import Browser, Page, expect, sync_playwright

from studio.studio import Studio

NAMES = ("chromium", "chromium-browser", "google-chrome")
WAIT = 30_000  # ms; a file may set its own
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On a crowded machine a browser now and then misses a beat; what fails twice in a row is a fault."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="module")
def chromium(request: pytest.FixtureRequest) -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    assert path, "no Chromium is installed; these tests need one (Debian: apt install chromium)"
    expect.set_options(timeout=getattr(request.module, "WAIT", WAIT))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def desk_page(chromium: Browser, studio: Studio, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page of the file's own studio on a desk, ready; to the end no script of it may fail."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.set_default_timeout(getattr(request.module, "WAIT", WAIT))
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    with page_of(studio) as server:
        page.goto(server.url)
        page.wait_for_selector("body.ready")
        page.wait_for_function("inkstone.ready && inkstone.form && inkstone.canvas.size().length === 2")
        yield page
        context.close()
    assert faults == []
