"""Live painting in a real Chromium: frames follow the pen, the full picture its rest, a film is kept."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from halls import models_folder, studio_at
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from studio.studio import Studio
from studio.web import Server

WAIT = 60_000


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("live")
    with studio_at(root / "data", models_folder(root / "models")) as studio:
        yield studio


@pytest.fixture
def page(chromium: Browser, server: Server) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.set_default_timeout(WAIT)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(server.url)
    page.wait_for_function("() => window.inkstone?.ready && inkstone.canvas?.size && inkstone.form")
    page.evaluate("() => { inkstone.tab('img2img'); inkstone.type('prompt', 'a lake'); }")
    page.evaluate(
        "() => { window.frames_seen = [];"
        " document.addEventListener('ink-frame', (event) => frames_seen.push(event.detail)); }"
    )
    yield page
    context.close()
    assert faults == []


def stroke(page: Page, share: float = 0.5) -> None:
    box = page.locator("#ink-canvas canvas").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * share)
    page.mouse.down()
    for i in range(1, 9):
        page.mouse.move(
            box["x"] + box["width"] * (0.2 + 0.07 * i), box["y"] + box["height"] * (share - 0.03 * (i % 3))
        )
    page.mouse.up()


def frames_reach(page: Page, count: int) -> None:
    page.wait_for_function(f"() => frames_seen.length >= {count}")


def test_a_picture_follows_the_pen_and_the_full_one_its_rest(page: Page, studio: Studio):
    page.locator(".live-switch").click()
    expect(page.locator(".live-switch")).to_have_attribute("aria-pressed", "true")
    stroke(page)
    frames_reach(page, 1)
    expect(page.locator(".live-frame img")).to_be_visible()
    expect(page.locator(".stage")).to_have_attribute("data-state", "done")
    expect(page.locator(".live-frame")).to_be_hidden()
    expect(page.locator(".tile[data-kind=done] img").first).to_be_visible()
    kept = studio.gallery.pictures(studio.painters.owner())
    assert kept, "what was painted in full is in the gallery"
    assert kept[0].kinds, "painted from the drawing"


def test_switched_off_nothing_is_sent(page: Page):
    page.evaluate("() => inkstone.live.stop()")
    stroke(page, 0.4)
    page.wait_for_timeout(1500)
    assert page.evaluate("() => frames_seen.length") == 0
    assert page.locator(".live-frame:visible").count() == 0


def test_without_sockets_frames_come_by_request(page: Page):
    page.evaluate(
        "() => { window.WebSocket = class { constructor() { setTimeout(() => this.onclose?.(), 5); }"
        " close() {} static get OPEN() { return 1; } };"
        " inkstone.paintNow = undefined; inkstone.live.start(); }"
    )
    stroke(page, 0.6)
    frames_reach(page, 1)
    expect(page.locator(".live-frame img")).to_be_visible()
    page.evaluate("() => inkstone.live.stop()")


def test_strokes_and_their_pictures_become_a_film(page: Page):
    page.evaluate("() => { inkstone.paintNow = undefined; inkstone.live.start(); }")
    page.locator(".live-record").click()
    for i in range(4):
        seen = page.evaluate("() => frames_seen.length")
        stroke(page, 0.3 + 0.1 * i)
        frames_reach(page, seen + 1)
        page.wait_for_timeout(100)
    with page.expect_download() as saved:
        page.locator(".live-record").click()
    with Image.open(io.BytesIO(saved.value.path().read_bytes())) as film:
        assert film.format == "WEBP"
        assert film.n_frames >= 3
        assert film.size[0] == 512
    page.evaluate("() => inkstone.live.stop()")


def test_a_film_is_kept_as_mp4_where_she_chose_so(page: Page):
    page.evaluate("() => { inkstone.paintNow = undefined; inkstone.live.start(); }")
    page.locator(".live-kind").select_option("mp4")
    page.locator(".live-record").click()
    stroke(page)
    frames_reach(page, 1)
    with page.expect_download() as saved:
        page.locator(".live-record").click()
    assert saved.value.suggested_filename == "inkstone-live.mp4"
    assert saved.value.path().read_bytes()[4:8] == b"ftyp"
    page.reload()
    page.wait_for_function("() => window.inkstone?.ready")
    expect(page.locator(".live-kind")).to_have_value("mp4")
    page.evaluate("() => inkstone.live.stop()")


def test_a_mistake_is_said_once_and_drawing_goes_on(page: Page):
    page.evaluate("() => { inkstone.paintNow = undefined; inkstone.type('prompt', 'raise=1'); }")
    page.wait_for_function("() => inkstone.form.prompt === 'raise=1'")
    page.evaluate("() => inkstone.live.start()")
    stroke(page)
    stroke(page, 0.7)
    expect(page.locator(".toast.fault")).to_have_count(1)
    page.evaluate("() => inkstone.type('prompt', 'a lake')")
    page.wait_for_function("() => inkstone.form.prompt === 'a lake'")
    stroke(page, 0.3)
    frames_reach(page, 1)
    page.evaluate("() => inkstone.live.stop()")
