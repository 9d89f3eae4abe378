"""A guest asks to be forgotten: everything of hers goes, and nothing of anybody else's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from halls import models_folder, studio_at
from playwright.sync_api import Browser, Page, expect

from studio.studio import Studio
from studio.web import Server
from studio.web.sharing import Shared

WAIT = 60_000
PROMPT = "#field-prompt textarea"
LEAVE = ".masthead .forget .open"
STATUS = "(path) => fetch(path, { cache: 'no-store' }).then((answer) => answer.status)"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("forgetting")
    with studio_at(root / "data", models_folder(root / "models"), guest_port=0) as studio:
        yield studio


@pytest.fixture(scope="module")
def shared(server: Server) -> Shared:
    return server.sharing.start(link=False, password="open sesame")


def visit(chromium: Browser, url: str) -> Page:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.goto(url)
    return page


def come_in(page: Page, shared: Shared) -> None:
    page.fill("input[type=password]", shared.guests.password)
    page.click("button")
    page.wait_for_selector("body.ready")
    page.wait_for_function("inkstone.form && inkstone.canvas.size().length === 2")


def painted(page: Page, prompt: str) -> str:
    """Pictures from words; where the newest is."""
    page.evaluate("inkstone.tab('txt2img')")
    page.fill(PROMPT, prompt)
    page.click("#paint")
    expect(page.locator(".shelf .thumb")).not_to_have_count(0)
    page.wait_for_function("!document.body.matches('.painting, .sending, .gathering')")
    return f"/studio/picture/{page.locator('.shelf li').first.get_attribute('data-id')}.png"


def pictures(page: Page) -> str:
    return page.evaluate("fetch('studio/gallery').then((answer) => answer.text())")


@pytest.fixture
def owner(chromium: Browser, server: Server) -> Iterator[Page]:
    page = visit(chromium, server.url)
    page.wait_for_selector("body.ready")
    page.wait_for_function("inkstone.form && inkstone.canvas.size().length === 2")
    yield page
    page.context.close()


@pytest.fixture
def anna(chromium: Browser, shared: Shared) -> Iterator[Page]:
    page = visit(chromium, shared.url)
    come_in(page, shared)
    yield page
    page.context.close()


@pytest.fixture
def ben(chromium: Browser, shared: Shared, anna: Page) -> Iterator[Page]:
    page = visit(chromium, shared.url)  # after anna: she is the first guest, he the second
    come_in(page, shared)
    yield page
    page.context.close()


def test_she_is_forgotten_when_she_says_so_twice_and_nobody_else_is(
    studio: Studio, shared: Shared, owner: Page, anna: Page, ben: Page
):
    hers, his, owners = painted(anna, "a lake"), painted(ben, "a pond"), painted(owner, "a river")
    [painter, _] = shared.guests.inside()
    before = pictures(ben), pictures(owner)
    asked: set[str] = set()
    anna.on(
        "request", lambda request: asked.add(urlsplit(request.url)._replace(scheme="", netloc="").geturl())
    )
    anna.reload()
    anna.wait_for_selector("body.ready")
    expect(anna.locator(".shelf .thumb")).not_to_have_count(0)
    anna.evaluate("localStorage.setItem('inkstone-unkept', 'a sketch'); inkstone.tab('txt2img')")
    anna.fill(PROMPT, "a lake that is painted for long ms=500")
    anna.click("#paint")
    anna.wait_for_selector("body.painting")

    anna.click(LEAVE)
    expect(anna.locator("dialog[open]")).to_contain_text("deleted")
    anna.click("dialog[open] .stay")
    expect(anna.locator("dialog[open]")).to_have_count(0)
    assert anna.evaluate(STATUS, hers) == 200, "she stayed"

    anna.click(LEAVE)
    anna.click("dialog[open] .now")
    expect(anna.locator("main")).to_contain_text("You are forgotten here")
    expect(anna.locator("main")).to_contain_text("your pictures, drawings and words were deleted")
    gone(studio, painter)
    assert anna.context.cookies() == []
    for path in (hers, *(path for path in asked if "/studio/" in path and "/page/" not in path)):
        assert anna.evaluate(STATUS, path) == 401, path

    assert (pictures(ben), pictures(owner)) == before
    assert ben.evaluate(STATUS, his) == 200
    assert owner.evaluate(STATUS, owners) == 200
    owner.click(".masthead .share .open")
    expect(owner.locator("dialog.sharing .present li b")).to_have_text(["Guest 2"])

    anna.goto(urlsplit(shared.url)._replace(query="").geturl())
    expect(anna.locator("main")).to_contain_text("opens with an invitation")
    anna.goto(shared.url)
    come_in(anna, shared)
    expect(anna.locator(".strip .nothing, .nothing").first).to_be_visible()
    assert '"pictures":[]' in pictures(anna)
    assert anna.evaluate("localStorage.getItem('inkstone-unkept')") is None
    assert anna.evaluate(STATUS, hers) == 404, "she is somebody new"


def gone(studio: Studio, painter: str) -> None:
    """Nothing on the disk has her name, and nothing is being painted for her."""
    assert not studio.gallery.pictures(painter)
    assert not studio.desk.status(painter)["groups"]
    data = studio.settings.data
    found = {*data.rglob(f"*{painter}*"), *data.rglob(f"{painter}/**/*")}
    [left] = [path for path in found if path.is_file()]
    assert json.loads(left.read_text("utf-8")) == {"role": "guest", "cookies": []}, "nobody's"
