"""Watch it paint, in a real Chromium: recorded strokes become the drawing, and the painter may stop them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from halls import models_folder, page_of, studio_at
from playwright.sync_api import Browser, Page, expect

from studio.cli.demo import REPLAY
from studio.web import Server

READY = "() => window.inkstone?.ready && inkstone.form && document.querySelector('.demo-watch')"
STROKES = "() => inkstone.canvas.drawing().layers.find((one) => one.id === 'lines').strokes"
FASTER = """() => {
  const clock = performance.now.bind(performance), frame = window.requestAnimationFrame.bind(window);
  performance.now = () => clock() * 8;
  window.requestAnimationFrame = (act) => frame((at) => act(at * 8));
}"""

WAIT = 60_000  # ms; a whole replay is long


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("demo")
    with studio_at(root / "data", models_folder(root / "models")) as studio, page_of(studio) as server:
        yield server


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.set_default_timeout(60_000)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []


def begun(page: Page, server: Server) -> None:
    """The demonstration is playing on an empty sheet; the fake worker's faults are not the point here."""
    page.goto(server.url)
    page.wait_for_function(READY)
    page.evaluate("() => { inkstone.tab('sketch'); inkstone.canvas.clear(); inkstone.paintNow = undefined; }")
    page.locator(".demo-watch").click()
    page.wait_for_function("() => document.querySelector('.demo-brush')")
    page.wait_for_function("() => !inkstone.canvas.isEmpty()")


def test_the_recorded_strokes_become_a_drawing_with_pressure(page: Page, server: Server):
    page.add_init_script(f"({FASTER})()")
    begun(page, server)
    page.wait_for_function("() => !inkstone.demo.isOn()")
    recorded = page.evaluate("async () => (await inkstone.ask('page/demo.json')).strokes")
    drawn = page.evaluate(STROKES)
    assert len(drawn) == len(recorded)
    size = page.evaluate("() => inkstone.canvas.size()")
    for one, there in zip(drawn, recorded, strict=True):
        assert one["points"][0] == pytest.approx(there["points"][0] * size[0] / 1000, abs=1)
        assert one["points"][1] == pytest.approx(there["points"][1] * size[1] / 1000, abs=1)
        assert one["points"][2] == pytest.approx(there["points"][2] / 100, abs=0.011)
        assert len({*one["points"][2::3]}) > 1
    expect(page.locator(".demo-brush")).to_have_count(0)
    assert page.evaluate("() => inkstone.form.prompt") == page.evaluate("() => inkstone.say('demo.prompt')")
    assert page.evaluate("() => inkstone.live.isOn()")
    expect(page.locator(".demo-watch")).to_be_hidden()


def test_escape_stops_it_and_leaves_what_was_drawn(page: Page, server: Server):
    begun(page, server)
    held = page.evaluate("() => ({ ...inkstone.canvas.settings })")
    page.keyboard.press("Escape")
    assert not page.evaluate("() => inkstone.demo.isOn()")
    drawn = page.evaluate(STROKES)
    assert drawn
    page.wait_for_timeout(300)
    assert page.evaluate(STROKES) == drawn
    assert page.evaluate("() => inkstone.canvas.settings.steady") != held["steady"], "her own brush is back"


def test_her_own_pen_takes_over(page: Page, server: Server):
    begun(page, server)
    box = page.locator(".c-sheet").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.8)
    page.mouse.down()
    for i in range(1, 6):
        page.mouse.move(box["x"] + box["width"] * (0.5 + 0.02 * i), box["y"] + box["height"] * 0.8)
    page.mouse.up()
    assert not page.evaluate("() => inkstone.demo.isOn()")
    drawn = page.evaluate(STROKES)
    hers = page.evaluate("() => inkstone.canvas.settings.size")
    assert drawn[-1]["size"] == hers
    assert all(one["size"] != hers for one in drawn[:-1]), "each with a brush of its own"
    page.wait_for_timeout(300)
    assert page.evaluate(STROKES) == drawn


def test_an_address_begins_it_by_itself(page: Page, server: Server):
    page.goto(server.url + REPLAY)
    page.wait_for_function("() => document.querySelector('.demo-brush')")
    assert "#" not in page.url, "a reload does not begin it again"
    page.wait_for_function("() => !inkstone.canvas.isEmpty()")
    page.keyboard.press("Escape")
