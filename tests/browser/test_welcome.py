"""The first visit in a real Chromium, with the real worker and the starter: it opens live, paints along, and
says beforehand what a picture will take and which words it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from halls import page_of
from playwright.sync_api import Browser, Page, expect

from studio import metadata
from studio.settings import Settings
from studio.studio import Studio

MODELS = Path(__file__).parents[2] / "models"
WAIT = 60_000  # ms; the first frame waits until the worker has loaded
LISTEN = """() => {
  window.frames_seen = 0;
  document.addEventListener("ink-frame", () => { frames_seen += 1; });
  window.told = [];
  const show = inkstone.showEstimate;
  inkstone.showEstimate = (seconds, others) => { told.push(seconds); show(seconds, others); };
}"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    data = tmp_path_factory.mktemp("welcome")
    with Studio(Settings(data=data, models=MODELS, port=0, browser=False)) as studio:
        yield studio


@pytest.fixture(scope="module")
def page(chromium: Browser, studio: Studio) -> Iterator[Page]:
    with page_of(studio) as server:
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
        context.set_default_timeout(WAIT)
        page = context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(server.url)
        page.wait_for_function("window.inkstone?.ready && inkstone.canvas?.size && inkstone.form")
        page.evaluate(LISTEN)
        yield page
        context.close()
        assert faults == []


def drawn(page: Page, *points: tuple[float, float]) -> None:
    box = page.locator(".c-sheet").bounding_box()
    assert box
    for i, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        if i == 0:
            page.mouse.down()
    page.mouse.up()


def told(page: Page) -> float:
    """What is said of the form as it is now, in seconds."""
    page.evaluate("() => { told.length = 0; inkstone.estimateAgain(); }")
    page.wait_for_function("() => told.length > 0 && told[0] > 0")
    return float(page.evaluate("() => told[0]"))


def switched(page: Page, path: str, on: bool) -> None:
    page.evaluate(
        "path => { const head = document.getElementById(path === 'hires' ? 'larger' : 'finishing')"
        ".querySelector('.label-wrap'); if (!head.classList.contains('open')) head.click(); }",
        path,
    )
    page.locator(f"#field-{path.replace('.', '-')} input[type=checkbox]").set_checked(on)
    page.wait_for_function("([path, on]) => inkstone.form[path] === on", arg=[path, on])


def test_a_newcomer_draws_one_line_and_the_starter_paints_along(page: Page, studio: Studio):
    expect(page.locator("body")).to_have_attribute("data-tab", "sketch")
    expect(page.locator(".live-switch")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".c-invite")).to_be_visible()
    drawn(page, (0.3, 0.55), (0.4, 0.45), (0.5, 0.4), (0.6, 0.48), (0.7, 0.55))
    page.wait_for_function("() => frames_seen > 0")
    assert page.evaluate("() => inkstone.form.seed") == "-1"
    assert page.evaluate("() => inkstone.form.count") > 1, "drafts are for words"
    expect(page.locator(".tile[data-kind=done] img").first).to_be_visible()
    expect(page.locator(".live-frame")).to_be_hidden()
    owner = studio.painters.owner()
    [kept] = studio.gallery.pictures(owner)
    recipe = metadata.read_file(studio.gallery.read(owner, kept.id)).recipe
    assert recipe
    assert recipe.controls, "painted after her line"
    assert recipe.steps > 4, "and in full, not in the few steps of a frame"
    drawn(page, (0.2, 0.75), (0.5, 0.7), (0.8, 0.75))
    page.wait_for_function("() => document.body.classList.contains('painting')")
    expect(page.locator(".stage")).to_have_attribute("data-state", "done")
    newest = studio.gallery.pictures(owner)[0]
    again = metadata.read_file(studio.gallery.read(owner, newest.id)).recipe
    assert again
    assert again.drawing != recipe.drawing
    assert again.seed == recipe.seed, "the same noise as its frames: she adds to what she sees"


def test_what_is_told_before_paint_counts_the_second_pass_and_the_finish(page: Page):
    page.evaluate("() => { inkstone.live.stop(); inkstone.tab('txt2img'); }")
    switched(page, "post.upscale", False)
    plain = told(page)
    switched(page, "hires", True)
    larger = told(page)
    assert larger > 1.2 * plain
    switched(page, "post.upscale", True)
    assert told(page) > larger
    page.evaluate("() => inkstone.tab('img2img')")
    page.evaluate("() => inkstone.tab('txt2img')")
    assert told(page) > larger, "the tabs share their switches"


def test_words_that_it_does_not_know_are_asked_about_in_the_second_prompt_too(page: Page):
    page.evaluate("() => { inkstone.tab('txt2img'); inkstone.type('prompt', 'a lake'); }")
    switched(page, "hires", True)
    second = page.locator("#field-hires-prompt textarea")
    second.fill("a lake with a zebra")
    page.wait_for_function("() => inkstone.form['hires.prompt'].includes('zebra')")
    page.locator("#paint").click()
    dialog = page.locator("dialog.honest")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("zebra")
    dialog.locator(".close").click()
    expect(page.locator("#stop")).to_be_hidden()
    second.fill("")
