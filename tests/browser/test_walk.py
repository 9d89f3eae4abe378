"""A walk through every tab in a real Chromium: on a tablet held upright, and whom the page asks."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from easel import picture
from halls import models_folder, studio_at
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from studio import images
from studio.studio import Studio
from studio.web import Server

TABLET = {"width": 820, "height": 1180}
PAINTING = ("txt2img", "img2img", "sketch", "highres", "finish")
TABS = (*PAINTING, "gallery", "models", "settings")
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
STICKING = """() => [...document.querySelectorAll('body *')].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width && box.right > innerWidth + 1 && getComputedStyle(one).position !== 'fixed';
  }).map((one) => one.outerHTML.slice(0, 80)).slice(0, 4)"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("walk")
    with studio_at(root / "data", models_folder(root / "models")) as studio:
        yield studio


def opened(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.wait_for_selector("body.ready")
    page.wait_for_function("inkstone.ready && inkstone.form && inkstone.canvas.size().length === 2")


def painted(page: Page, prompt: str) -> None:
    """A picture from words, waited for."""
    page.fill("#field-prompt textarea", prompt)
    page.locator("#paint").click()
    expect(page.locator(".tile[data-kind=done]")).not_to_have_count(0)
    expect(page.locator(".thumb")).not_to_have_count(0)


def test_on_a_tablet_every_tab_fits_and_paint_is_always_at_hand(chromium: Browser, server: Server):
    context = chromium.new_context(viewport=TABLET, has_touch=True, is_mobile=True, locale="en-US")  # type: ignore[arg-type]
    page = context.new_page()
    opened(page, server)
    for tab in TABS:
        page.locator(f"[role=tab][data-tab={tab}]").tap()
        expect(page.locator("body")).to_have_attribute("data-tab", tab)
        shown = page.locator("#studio" if tab in PAINTING else f"#page-{tab}")
        expect(shown).to_be_visible()
        assert page.evaluate(SIDEWAYS) <= 0, (tab, page.evaluate(STICKING))
        page.evaluate("scrollTo(200, 0)")
        assert page.evaluate("scrollX") == 0, tab
        if tab not in PAINTING:
            continue
        button = page.locator("#paint")
        expect(button).to_be_in_viewport(ratio=1)
        button.tap(trial=True)  # nothing lies over it
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        expect(button).to_be_in_viewport(ratio=1)
        page.evaluate("scrollTo(0, 0)")
    page.locator("[role=tab][data-tab=txt2img]").tap()
    painted(page, "a lake")
    assert page.evaluate(SIDEWAYS) <= 0, "nor with a picture on the stage"
    context.close()


def test_a_walk_through_everything_asks_nobody_but_the_studio(chromium: Browser, server: Server):
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.on("websocket", lambda socket: asked.append(socket.url))
    opened(page, server)
    painted(page, "a lake, mist")
    for tab in TABS:
        page.locator(f"[role=tab][data-tab={tab}]").click()
        expect(page.locator("body")).to_have_attribute("data-tab", tab)
        if tab == "img2img":
            picture(page, images.encode_png(Image.new("RGB", (64, 64), "teal")), "drop")
            page.wait_for_function("!inkstone.canvas.isEmpty()")
        if tab == "sketch":
            page.click("button.trace")
            expect(page.locator(".tracing .kinds button").first).to_be_visible()
            page.keyboard.press("Escape")
        if tab == "gallery":
            page.locator(".wall .leaf").first.click()
            expect(page.locator(".large")).to_be_visible()
            page.keyboard.press("Escape")
        if tab == "models":
            expect(page.locator(".offers .model")).not_to_have_count(0)
        if tab == "settings":
            expect(page.locator(".settings .memory")).not_to_have_text("")
    page.keyboard.press("Shift+?")
    expect(page.locator("dialog.keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.select_option(".languages", "zh-CN")
    expect(page.locator("#paint")).to_have_text("落笔")
    page.select_option(".languages", "en")
    page.wait_for_load_state("networkidle")
    web = [url for url in asked if not url.startswith(("data:", "blob:"))]  # those the page makes itself
    assert [url for url in web if urlsplit(url).netloc != f"127.0.0.1:{server.port}"] == []
    routes = {urlsplit(url).path for url in web}
    assert {"/studio/models/catalog", "/studio/settings", "/studio/look", "/studio/upload"} <= routes
    context.close()
