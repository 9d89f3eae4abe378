"""The prompt in a real Chromium: what is known and unknown of it, and what helps to write it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from halls import models_folder, studio_at
from playwright.sync_api import Browser, Page, expect

from studio.settings import PROJECT
from studio.studio import Studio
from studio.web import Server

PROMPT = "#field-prompt textarea"
WAIT = 30_000


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("words")
    models = models_folder(root / "models")
    shutil.copy(PROJECT / "models" / "starter" / "words.json", models / "starter")
    with studio_at(root / "data", models) as studio:
        yield studio


@pytest.fixture(scope="module")
def opened(chromium: Browser, server: Server) -> Iterator[Page]:
    """One page for all: opening it is what takes long."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.faults = []  # pyright: ignore[reportAttributeAccessIssue]
    page.on("pageerror", lambda error: page.faults.append(str(error)))  # pyright: ignore[reportAttributeAccessIssue]
    page.goto(server.url)
    page.wait_for_function("window.inkstone && inkstone.ready === true && inkstone.promptNow()")
    yield page
    context.close()


@pytest.fixture
def page(opened: Page) -> Iterator[Page]:
    opened.evaluate("inkstone.tab('txt2img')")
    opened.fill(PROMPT, "")
    yield opened
    assert opened.faults == []  # pyright: ignore[reportAttributeAccessIssue]


def write(page: Page, text: str, caret: int | None = None) -> None:
    page.fill(PROMPT, text)
    place = len(text) if caret is None else caret
    page.focus(PROMPT)
    page.evaluate("([sel, at]) => document.querySelector(sel).setSelectionRange(at, at)", [PROMPT, place])


def pictures(page: Page) -> int:
    return page.locator(".tile").count()


def test_tokens_are_counted_by_windows_of_75(page: Page):
    page.fill(PROMPT, "a lake BREAK mist")
    expect(page.locator(".wordbar .tokens")).to_have_text(re.compile(r"^\d+ \+ \d+ / 75$"))


def test_words_that_are_not_known_are_underlined_where_they_stand(page: Page):
    page.fill(PROMPT, "🐈 a cat by a lake, 大象")
    expect(page.locator(".mirror u")).to_have_text(["cat", "大象"])
    expect(page.locator(".doubt")).to_have_text("Not known to the starter: cat, 大象")
    text, mirror = (page.locator(one).bounding_box() for one in (PROMPT, ".mirror"))
    assert text is not None
    assert mirror is not None
    shift = max(abs(text[side] - mirror[side]) for side in ("x", "y", "height"))
    assert shift < 1, "the mirror lies exactly over the text"
    page.fill(PROMPT, "a lake")
    expect(page.locator(".mirror u")).to_have_count(0)
    expect(page.locator(".doubt")).to_have_text("")


def test_paint_asks_before_it_leaves_something_out(page: Page):
    before = pictures(page)
    page.fill(PROMPT, "a cat by a lake, mist, pines")
    page.click("#paint")
    sheet = page.locator("dialog.honest")
    expect(sheet.locator(".sentence")).to_have_text(
        "The starter paints landscapes only. It does not know cat; it will paint the rest: lake, mist, pines."
    )
    expect(sheet.locator("[data-answer=get]")).to_contain_text("Get a painter that knows cat")
    expect(sheet.locator("[data-answer=have]")).to_have_text("I already have models…")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    assert pictures(page) == before, "nothing is painted before she answers"
    page.click("#paint")
    page.click("[data-answer=paint]")
    expect(page.locator(".tile")).not_to_have_count(before)
    page.wait_for_function("!document.body.matches('.painting, .sending, .gathering')")


def test_with_nothing_known_it_never_silently_paints_a_mountain(page: Page):
    page.fill(PROMPT, "photo of a dragon")
    page.click("#paint")
    expect(page.locator("dialog.honest .sentence")).to_have_text(
        "The starter paints landscapes only. "
        "It does not know photo, dragon, and there is nothing else to paint."
    )
    page.click("dialog.honest .close")
    expect(page.locator("dialog.honest")).to_have_count(0)
    assert not page.evaluate("document.body.classList.contains('painting')")


@pytest.mark.parametrize(
    ("text", "caret", "keys", "made"),
    [
        ("a red sun", 3, ["ArrowUp"], "a (red:1.1) sun"),
        ("a red sun", 3, ["ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown"], "a red sun"),
        ("a red sun", 3, ["ArrowDown"], "a (red:0.9) sun"),
        ("a (red sun:1.3)", 5, ["ArrowUp"], "a (red sun:1.4)"),
        ("snow <lora:ink:0.8>", 10, ["ArrowDown"], "snow <lora:ink:0.75>"),
        ("一颗青松,雾", 2, ["ArrowUp"], "(一颗青松:1.1),雾"),
    ],
)
def test_ctrl_and_arrows_weigh_the_word_at_the_cursor(
    page: Page, text: str, caret: int, keys: list[str], made: str
):
    write(page, text, caret)
    for key in keys:
        page.keyboard.press(f"Control+{key}")
    expect(page.locator(PROMPT)).to_have_value(made)


def test_words_lists_and_loras_complete_themselves(page: Page):
    write(page, "")
    page.keyboard.type("a wat")
    expect(page.locator(".completions li").first).to_have_text("water")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(PROMPT)).to_have_value("a waterfall")
    expect(page.locator(".completions")).to_be_hidden()
    page.keyboard.type(", __sea")
    expect(page.locator(".completions li").first).to_contain_text("season")
    page.keyboard.press("Tab")
    expect(page.locator(PROMPT)).to_have_value("a waterfall, __season__")
    page.keyboard.type(" 青山环")
    expect(page.locator(".completions li")).to_have_text(["青山环绕"])
    page.keyboard.press("Escape")
    expect(page.locator(".completions")).to_be_hidden()


def test_a_style_is_laid_over_her_words(page: Page):
    page.fill(PROMPT, "a lake")
    page.click("[data-tool=styles]")
    card = page.locator("[data-style=ink-mist]")
    expect(card).to_contain_text("Ink and mist")
    page.wait_for_function("document.querySelector('[data-style=ink-mist] img').naturalWidth > 0")
    expect(page.locator("[data-style=oil-painting]")).to_have_count(0)
    card.click()
    expect(page.locator(PROMPT)).to_have_value("a lake, ink wash, dense mist, day")


def test_earlier_prompts_come_back_with_the_arrow(page: Page):
    page.fill(PROMPT, "geese over snow ms=60")
    page.evaluate("inkstone.paintNow()")
    answer = page.locator("[data-answer=paint]")
    answer.click()
    page.wait_for_selector("body.painting")
    page.wait_for_function("!document.body.classList.contains('painting')")
    write(page, "")
    page.keyboard.press("ArrowUp")
    page.locator(".past-list button").first.click()
    expect(page.locator(PROMPT)).to_have_value("geese over snow ms=60")


def test_a_grid_is_painted_and_shown_with_its_labels(page: Page):
    page.fill(PROMPT, "a lake ms=5")
    page.evaluate("document.querySelector('.explore').open = true")
    page.locator(".explore .axis select").nth(0).select_option("steps")
    page.locator(".explore .axis textarea").nth(0).fill("1-3")
    page.locator(".explore .axis select").nth(1).select_option("replace")
    page.locator(".explore .axis textarea").nth(1).fill("lake, river")
    page.click(".explore .go")
    answer = page.locator("[data-answer=paint]")
    page.wait_for_selector(".tiles.gridded, [data-answer=paint]")
    if answer.count():
        answer.click()
    page.wait_for_selector(".tiles.gridded")
    page.wait_for_function("document.querySelectorAll('.gridded .tile[data-kind=done]').length === 6")
    labels = page.locator(".grid-label").all_text_contents()
    assert labels == ["Steps", "1", "2", "3", "lake", "river"]
    places = page.evaluate("[...document.querySelectorAll('.gridded .tile')].map(t => t.style.gridArea)")
    assert len(set(places)) == 6
    page.click(".explore .last")
    expect(page.locator(".lattice td img")).to_have_count(6)
    with page.expect_download() as download:
        page.click(".lattice button.plain")
    assert download.value.suggested_filename == "inkstone-grid.png"
    page.keyboard.press("Escape")
    page.fill(PROMPT, "a pine ms=5")
    page.evaluate("inkstone.paintNow()")
    page.wait_for_selector(".tiles:not(.gridded)")
    expect(page.locator(".grid-label")).to_have_count(0)
    page.wait_for_function("!document.body.classList.contains('painting')")


def test_the_way_between_two_pictures_is_painted(page: Page):
    page.evaluate("document.querySelector('.explore').open = true")
    page.evaluate("document.querySelector('.travel').open = true")
    alike = page.locator(".explore .end[title='a pine ms=5']")
    alike.nth(0).click()
    alike.nth(1).click()
    page.fill(".explore .frames", "3")
    page.click(".explore .leave")
    page.wait_for_function("document.querySelectorAll('.gridded .tile[data-kind=done]').length === 3")
    assert "50 %" in page.locator(".grid-label").all_text_contents()


def test_it_speaks_chinese(page: Page):
    page.select_option(".languages", "zh-CN")
    page.fill(PROMPT, "一只猫,湖、雾、松")
    expect(page.locator(".mirror u")).to_have_text(["猫"])
    page.click("#paint")
    expect(page.locator("dialog.honest .sentence")).to_have_text(
        "入门画师只会画山水，不认识「猫」；会照其余的词来画：湖、雾、松。"
    )
    page.keyboard.press("Escape")
    page.select_option(".languages", "en")
    expect(page.locator("#paint")).to_have_text("Paint")
