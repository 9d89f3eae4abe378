"""Two guests and the owner at once, each in a browser of her own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from halls import models_folder, studio_at
from playwright.sync_api import Browser, BrowserContext, Page, expect

from studio.studio import Studio
from studio.web import Server

WAIT = 60_000
PROMPT = "#field-prompt textarea"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("sharing")
    with studio_at(root / "data", models_folder(root / "models"), guest_port=0) as studio:
        yield studio


def context(chromium: Browser) -> BrowserContext:
    found = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    found.set_default_timeout(WAIT)
    return found


def paint(page: Page, prompt: str) -> None:
    page.evaluate("inkstone.tab('txt2img')")
    page.fill(PROMPT, prompt)
    page.click("#paint")
    expect(page.locator(".tile, .thumb").first).to_be_visible()


def test_the_owner_invites_two_guests_who_paint_apart_and_shows_one_out(chromium: Browser, server: Server):
    hers, annas, bens = (context(chromium) for _ in range(3))
    owner = hers.new_page()
    owner.goto(server.url)
    owner.wait_for_selector("body.ready")
    owner.click(".masthead .share .open")
    owner.check("dialog.sharing input[value='0']")
    owner.click("dialog.sharing .start")
    expect(owner.locator("dialog.sharing .code path")).to_have_count(1)
    url = owner.locator("dialog.sharing .url").input_value()
    password = owner.locator("dialog.sharing .password").input_value()
    pages: list[Page] = []
    once = owner.locator("dialog.sharing .once").input_value()
    for name, one in (("anna", annas), ("ben", bens)):
        page = one.new_page()
        page.goto(once)
        if name == "anna":
            expect(page.locator("input[type=password]")).to_be_hidden()
        else:  # the ticket let anna in; the password lets many in
            page.click("button")
            expect(page.locator("[role=alert]")).to_contain_text("somebody in before")
            page.goto(url)
            page.fill("input[type=password]", password)
        page.click("button")
        page.wait_for_selector("body.ready")
        assert page.locator(".share").count() == 0
        assert page.locator(".tabs [data-tab=models]").count() == 0
        paint(page, f"a lake of {name}")
        pages.append(page)
    expect(owner.locator("dialog.sharing .once")).not_to_have_value(once)
    assert "#" not in pages[0].url
    for page, own, other in ((pages[0], "anna", "ben"), (pages[1], "ben", "anna")):
        told = page.evaluate("fetch('studio/pictures').then((answer) => answer.text())")
        assert f"of {own}" in told
        assert f"of {other}" not in told
    expect(owner.locator("dialog.sharing .present li")).to_have_count(2)
    owner.locator("dialog.sharing .present li button").first.click()
    expect(owner.locator("dialog.sharing .present li")).to_have_count(1)
    assert pages[0].evaluate("fetch('studio/state').then((answer) => answer.status)") == 401
    assert pages[1].evaluate("fetch('studio/state').then((answer) => answer.status)") == 200
    owner.click("dialog.sharing .stop")
    expect(owner.locator("dialog.sharing .closed")).to_be_visible()
    assert server.sharing.shared is None
    for one in (hers, annas, bens):
        one.close()
