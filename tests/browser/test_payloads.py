"""Hostile texts through every place where somebody's words are shown, in a real Chromium: they stay text.

The texts, and the browser that notices one that runs, are in tests/hostile.py, the places in tests/places.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from urllib.parse import quote, urlsplit

import pytest
from halls import studio_at
from hostile import ARMED, FEW, MARKS, NAMES, WRITTEN, Watched, called_so, context_in, hung, watched
from places import PLACES, Place, fresh
from playwright.sync_api import Browser, Page, expect

from studio.settings import GUESTS
from studio.studio import Studio
from studio.web import Server
from studio.web.sharing import Shared

WAIT = 30_000


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("payloads")
    models, presets = called_so(root)
    generous = GUESTS.but(waiting=100, pictures=64, prompt=10_000)
    with studio_at(root / NAMES[0], models, presets=presets, guest_port=0, guests=generous) as studio:
        yield studio


@pytest.fixture(scope="module")
def shared(server: Server) -> Shared:
    return server.sharing.start(link=False, password="open sesame")


def arrived(page: Page) -> None:
    page.wait_for_selector("body.ready")
    page.wait_for_function("inkstone.ready && inkstone.form && inkstone.canvas.size().length === 2")


@pytest.fixture(scope="module")
def owners(chromium: Browser, studio: Studio, server: Server) -> Iterator[Watched]:
    hung(studio, studio.painters.owner())
    context = context_in(chromium, "en-US")
    found = watched(context)
    found.page.goto(server.url)
    arrived(found.page)
    yield found
    context.close()


@pytest.fixture(scope="module")
def guests(chromium: Browser, studio: Studio, shared: Shared) -> Iterator[Watched]:
    """A guest's page, in Chinese."""
    context = context_in(chromium, "zh-CN")
    found = watched(context)
    found.page.goto(shared.url)
    found.page.fill("input[type=password]", shared.guests.password)
    found.page.click("button")
    arrived(found.page)
    hung(studio, *shared.guests.inside())
    found.page.reload()
    arrived(found.page)
    expect(found.page.locator("#paint")).to_have_text("落笔")
    yield found
    context.close()


def stays_text(at: Watched, there: Place) -> None:
    at.listen()
    fresh(at.page)
    seen = list(there.go(at.page))
    assert [text for text in there.texts if not any(text in one for one in seen)] == []
    at.silent()


@pytest.mark.parametrize("name", PLACES)
def test_on_the_owners_page_it_is_shown_as_it_was_written(owners: Watched, guests: Watched, name: str):
    stays_text(owners, PLACES[name])


@pytest.mark.parametrize("name", [name for name, there in PLACES.items() if there.guests])
def test_and_on_a_guests_page_in_chinese(guests: Watched, shared: Shared, name: str):
    shared.guests._buckets.clear()  # pyright: ignore[reportPrivateUsage] - nobody is as quick as a test
    stays_text(guests, PLACES[name])


def test_written_as_html_each_of_them_would_ring(chromium: Browser, server: Server):
    context = context_in(chromium, "en-US")
    found = watched(context)
    found.page.goto(f"{server.url.partition('?')[0]}studio/health")
    for text in ARMED.values():
        rings = list[str]()
        for html in WRITTEN:
            found.page.evaluate("(html) => { document.body.innerHTML = html; }", html.replace("{}", text))
            rings += found.page.locator(MARKS).all_inner_texts()
        assert rings, text
    with pytest.raises(AssertionError):
        found.silent()
    assert found.rung, "and what runs is heard"
    context.close()


def test_the_way_in_shows_nothing_of_a_link_that_somebody_made_up(chromium: Browser, shared: Shared):
    context = context_in(chromium, "en-US")
    found, base = watched(context), urlsplit(shared.url)._replace(query="").geturl()
    for n, text in enumerate(FEW):
        found.page.goto(f"{shared.url}&n={n}#{text}")
        assert found.page.locator("input[name=ticket]").input_value(), "it is taken for a ticket"
        found.silent()
        found.page.goto(f"{base}?key={quote(text)}")
        expect(found.page.locator("main")).to_contain_text("this one is not valid")
        found.silent()
    found.page.goto(shared.url)
    found.page.fill("input[type=password]", FEW[0])
    found.page.click("button")
    expect(found.page.locator("[role=alert]")).to_have_text("This is not the password.")
    found.silent()
    context.close()


def test_no_script_of_the_page_writes_html():
    writing = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTMLUnsafe|srcdoc")
    scripts = [one for one in files("studio.ui").joinpath("assets").iterdir() if one.name.endswith(".js")]
    assert len(scripts) > 20
    assert [one.name for one in scripts if writing.search(one.read_text("utf-8"))] == []
