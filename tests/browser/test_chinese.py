"""The page in Chinese in a real Chromium: on a desk and on a phone, with the studio's own sentences."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from halls import models_folder, page_of, studio_at
from playwright.sync_api import Browser, Page

from studio.web import Server

TABS = ("txt2img", "img2img", "sketch", "highres", "finish", "gallery", "models", "settings")
ASK = "inkstone.ask('cancel', { method: 'POST', json: { group: 'none' } }).catch((error) => error.message)"
# What nobody has translated: three English words in a row, not the name of a model, on the page.
ENGLISH = """() => [...document.querySelectorAll('body *')].filter((node) => node.offsetParent
    && !node.closest('b') && [...node.childNodes].some((one) => one.nodeType === 3
    && /[a-z]{2,} [a-z]{2,} [a-z]{2,}/.test(one.data) && !/[\u4e00-\u9fff]/.test(one.data)))
    .map((node) => node.textContent.trim()).filter((text) => !/licence|Apache|MIT/.test(text))"""
TOO_WIDE = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("chinese")
    with studio_at(root / "data", models_folder(root / "models")) as studio, page_of(studio) as server:
        yield server


@pytest.fixture(params=[1280, 390])
def page(request: pytest.FixtureRequest, chromium: Browser, server: Server) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": request.param, "height": 844}, locale="zh-CN")
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_function("window.inkstone && inkstone.ready === true")
    page.wait_for_function("inkstone.tell('None is there yet.') !== 'None is there yet.'")
    yield page
    context.close()


def test_every_tab_is_chinese_and_fits(page: Page):
    for tab in TABS:
        page.evaluate(f"inkstone.tab('{tab}')")
        page.wait_for_timeout(300)
        assert page.evaluate(ENGLISH) == [], tab
        assert page.evaluate(TOO_WIDE) <= 1, tab
    assert page.evaluate(ASK) == "这个任务已经不在了。"
    page.select_option(".languages", "en")
    page.wait_for_function("inkstone.tell('None is there yet.') === 'None is there yet.'")
    assert page.evaluate(ASK) == "There is no such request any more."
    page.select_option(".languages", "zh-CN")
    page.wait_for_function("inkstone.tell('None is there yet.') !== 'None is there yet.'")
