"""The first page in a real Chromium: painting, coming back, reusing, and what must not happen."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import pytest
from halls import models_folder, page_of, studio_at
from playwright.sync_api import Browser, BrowserContext, Page, expect

from studio.studio import Studio
from studio.web import Server

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PROMPT, SEED = "#field-prompt textarea", "#field-seed textarea, #field-seed input"
WAIT = 30_000
NEW_TILES = """old => [...document.querySelectorAll('.tile')].some(n => !old.includes(n.dataset.job))"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("browser")
    with studio_at(root / "data", models_folder(root / "models")) as studio:
        yield studio


@pytest.fixture
def faults() -> list[str]:
    """What the browser complained of; must stay empty."""
    return []


@pytest.fixture
def context(chromium: Browser, server: Server, faults: list[str]) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport=DESK, locale="en-US", accept_downloads=True)
    context.set_default_timeout(WAIT)
    foreign: list[str] = []
    context.on("request", lambda r: foreign.append(r.url) if not local(r.url, server) else None)
    yield context
    context.close()
    assert foreign == [], "the page asked somebody else"
    assert faults == []


def local(url: str, server: Server) -> bool:
    return url.startswith((f"http://127.0.0.1:{server.port}/", "data:", "blob:"))


@pytest.fixture
def page(context: BrowserContext, server: Server, faults: list[str]) -> Page:
    return opened(context, server, faults)


def opened(context: BrowserContext, server: Server, faults: list[str]) -> Page:
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(server.url)
    ready(page)
    page.evaluate("inkstone.tab('txt2img')")
    return page


def ready(page: Page) -> None:
    page.wait_for_selector("body.ready")
    expect(page.locator("#paint")).to_be_visible()
    page.wait_for_function("inkstone.ready === true")


def ask(page: Page, prompt: str, count: int = 1, seed: str = "-1") -> None:
    page.fill(PROMPT, prompt)
    page.fill(SEED, seed)
    page.fill("#count input[type=number]", str(count))
    page.locator("#count input[type=number]").blur()


def paint(page: Page, prompt: str, count: int = 1, seed: str = "-1") -> None:
    """Paints and waits until every picture is there."""
    ask(page, prompt, count, seed)
    old = page.evaluate("[...document.querySelectorAll('.tile')].map(n => n.dataset.job)")
    page.click("#paint")
    page.wait_for_function(NEW_TILES, arg=old)
    finished(page, count)


def finished(page: Page, count: int) -> None:
    page.wait_for_function(
        "n => !document.body.classList.contains('painting') && !document.body.classList.contains('sending')"
        " && document.querySelectorAll('.tile[data-kind=done]').length === n",
        arg=count,
    )


def number(page: Page, field: str) -> str:
    return page.input_value(f"#field-{field} input[type=number]")


def thumbs(page: Page) -> int:
    return page.locator(".thumb").count()


# --- painting


def test_she_writes_presses_paint_and_watches_the_picture_come(page: Page):
    before = thumbs(page)
    ask(page, "a lone boat on a misty lake ms=120", 2)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".tile img[src^='data:image/webp']")
    expect(page.locator(".stage .line")).to_have_text(re.compile(r"Step \d+ of 20 · picture 1 of 2"))
    page.wait_for_function("/^[1-9]\\d?% · Inkstone$/.test(document.title)")
    expect(page.locator("#stop")).to_be_visible()
    finished(page, 2)
    expect(page).to_have_title("Inkstone")
    expect(page.locator(".stage .line")).to_have_text(re.compile("Done"))
    page.wait_for_function("n => document.querySelectorAll('.thumb').length === n", arg=before + 2)
    assert page.evaluate("[...document.querySelectorAll('.tile img')].every(i => i.naturalWidth === 64)")
    expect(page.locator("#stop")).to_be_hidden()


def test_the_starter_is_called_by_its_name_and_offers_four_drafts(chromium: Browser, tmp_path):
    with (
        studio_at(tmp_path / "data", models_folder(tmp_path / "models")) as studio,
        page_of(studio) as server,
    ):
        context = chromium.new_context(viewport=DESK, locale="en-US")
        page = opened(context, server, [])
        assert page.input_value("#field-model input") == "Starter · landscapes (山水)"
        assert (number(page, "width"), number(page, "height")) == ("256", "256")
        assert page.input_value("#count input[type=number]") == "4"
        expect(page.locator(".empty")).to_be_visible()
        page.click(".card[data-example='0']")
        expect(page.locator(PROMPT)).to_have_value("一颗青松,青山环绕,云雾缭绕")
        context.close()


def test_the_first_visit_begins_by_drawing_and_later_ones_where_she_was(chromium: Browser, tmp_path):
    with (
        studio_at(tmp_path / "data", models_folder(tmp_path / "models")) as studio,
        page_of(studio) as server,
    ):
        context = chromium.new_context(viewport=DESK, locale="en-US")
        page = context.new_page()
        page.goto(server.url)
        ready(page)
        expect(page.locator("body")).to_have_attribute("data-tab", "sketch")
        expect(page.locator(".live-switch")).to_have_attribute("aria-pressed", "false")  # no few-step LoRA
        expect(page.locator(".c-invite")).to_be_visible()
        page.click("[role=tab][data-tab=img2img]")
        page.reload()
        ready(page)
        expect(page.locator("body")).to_have_attribute("data-tab", "img2img")
        context.close()


def test_stop_stops(page: Page):
    ask(page, "ms=400", 3)
    page.click("#paint")
    page.wait_for_selector("body.painting")
    page.keyboard.press("Escape")
    page.wait_for_function("!document.body.classList.contains('painting')")
    expect(page.locator(".stage .line")).to_have_text("Stopped")


def test_a_second_request_waits_behind_the_first(page: Page):
    ask(page, "ms=200", 1)
    page.click("#paint")
    page.wait_for_selector("body.painting")
    page.fill(PROMPT, "second ms=20")
    page.click("#paint")
    expect(page.locator(".stage .line")).to_have_text(re.compile("1 more in line"))
    page.wait_for_function("!document.body.classList.contains('painting')")
    page.click(".tile")
    expect(page.locator(".large .prompt")).to_have_text("second ms=20")


# --- coming back


def test_a_reload_in_the_middle_loses_nothing(page: Page):
    ask(page, "a tower in the clouds ms=300", 2)
    page.click("#paint")
    page.wait_for_selector(".tile img[src^='data:']")
    page.reload()
    ready(page)
    expect(page.locator(PROMPT)).to_have_value("a tower in the clouds ms=300")
    expect(page.locator(".stage .line")).to_have_text(re.compile(r"Step \d+ of 20"))
    finished(page, 2)


def test_what_was_typed_a_moment_before_the_reload_is_there(page: Page):
    page.fill(PROMPT, "half a sent")
    page.click("#size-3\\:2")
    page.fill(PROMPT, "half a sentence")
    page.reload()
    ready(page)
    expect(page.locator(PROMPT)).to_have_value("half a sentence")
    assert (number(page, "width"), number(page, "height")) == ("320", "208")
    page.click("#size-1\\:1")


def test_another_tab_sees_the_same_work(
    page: Page, context: BrowserContext, server: Server, faults: list[str]
):
    ask(page, "two windows ms=150")
    page.click("#paint")
    page.wait_for_selector("body.painting")
    other = opened(context, server, faults)
    finished(other, 1)
    finished(page, 1)
    other.close()


def test_a_lost_line_is_taken_up_again(page: Page, context: BrowserContext, faults: list[str]):
    ask(page, "over the hills ms=150")
    page.click("#paint")
    page.wait_for_selector(".tile img[src^='data:']")
    context.set_offline(True)
    page.wait_for_timeout(1500)
    context.set_offline(False)
    finished(page, 1)
    faults[:] = [fault for fault in faults if "ERR_INTERNET_DISCONNECTED" not in fault]


def test_a_restarted_studio_goes_on_in_the_same_page(chromium: Browser, tmp_path):
    models = models_folder(tmp_path / "models")
    context = chromium.new_context(viewport=DESK, locale="en-US")
    with studio_at(tmp_path / "data", models) as studio, page_of(studio) as server:
        page = opened(context, server, [])
        ask(page, "the tide returns ms=100", 2)
        page.click("#paint")
        page.wait_for_selector(".tile img[src^='data:']")
        port = server.port
    with studio_at(tmp_path / "data", models) as studio, page_of(studio, port):
        finished(page, 2)
        assert len(studio.gallery.pictures(studio.painters.owner())) == 2
        context.close()


# --- the form


def test_sizes_keep_their_area_swap_and_lock(page: Page):
    page.click("#size-1\\:1")
    expect(page.locator("#field-width input[type=number]")).to_have_value("256")
    page.click("#size-3\\:2")
    expect(page.locator("#field-height input[type=number]")).to_have_value("208")
    page.click("#size-swap")
    expect(page.locator("#field-width input[type=number]")).to_have_value("208")
    page.click("#size-lock")
    page.fill("#field-width input[type=number]", "416")
    expect(page.locator("#field-height input[type=number]")).to_have_value("640")
    page.click("#size-lock")
    page.click("#size-1\\:1")


def test_a_seed_keeps_all_its_digits_and_comes_back(page: Page):
    paint(page, "a seed", seed="18446744073709551615")
    page.click("#seed-dice")
    expect(page.locator(SEED)).to_have_value("-1")
    page.click("#seed-last_seed")
    expect(page.locator(SEED)).to_have_value("18446744073709551615")


def test_settings_come_back_from_the_gallery_and_from_a_dropped_file(page: Page, faults: list[str]):
    paint(page, "first words", seed="77")
    page.fill(PROMPT, "other words")
    page.click("#seed-dice")
    page.locator(".thumb[title='first words']").first.click()  # waits until the strip has the new picture
    with page.expect_download() as download:
        page.click(".large .download")
    png = base64.b64encode(download.value.path().read_bytes()).decode()
    page.click(".large .reuse")
    expect(page.locator(PROMPT)).to_have_value("first words")
    expect(page.locator(SEED)).to_have_value("77")
    page.fill(PROMPT, "other words")
    drop(page, png)
    expect(page.locator(PROMPT)).to_have_value("first words")
    drop(page, base64.b64encode(b"no picture").decode())
    expect(page.locator(".toast.fault")).to_be_visible()
    expect(page.locator(PROMPT)).to_have_value("first words")
    assert [fault for fault in faults if "400" in fault], "the refusal is an honest HTTP error"
    faults.clear()


def drop(page: Page, data: str) -> None:
    page.evaluate(
        """data => {
            const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
            const carried = new DataTransfer();
            carried.items.add(new File([bytes], "x.png", { type: "image/png" }));
            const how = { bubbles: true, cancelable: true, dataTransfer: carried };
            for (const kind of ["dragenter", "dragover", "drop"])
                document.body.dispatchEvent(new DragEvent(kind, how));
        }""",
        data,
    )


def test_the_models_own_settings_are_one_press_away(page: Page):
    page.click("#advanced .label-wrap")
    page.fill("#field-steps input[type=number]", "33")
    page.locator("#field-steps input[type=number]").blur()
    page.click("#reset")
    expect(page.locator("#field-steps input[type=number]")).to_have_value("20")


def test_the_page_speaks_her_language_and_remembers_it(page: Page):
    page.select_option(".languages", "zh-CN")
    expect(page.locator("#paint")).to_have_text("落笔")
    expect(page.locator(".strip h2")).to_have_text("我的画")
    page.reload()
    ready(page)
    expect(page.locator("#paint")).to_have_text("落笔")
    page.select_option(".languages", "en")
    expect(page.locator("#paint")).to_have_text("Paint")


# --- the gallery


def test_a_deleted_picture_can_be_taken_back(page: Page):
    paint(page, "to be deleted")
    page.wait_for_selector(".thumb[title='to be deleted']")
    page.click(".thumb[title='to be deleted']")
    page.click(".large .delete")
    expect(page.locator(".thumb[title='to be deleted']")).to_have_count(0)
    page.locator(".toast .plain").click()
    expect(page.locator(".thumb[title='to be deleted']")).to_have_count(1)
    page.keyboard.press("Escape")


# --- what must not happen


def test_a_fault_is_a_sentence_and_the_form_stays(page: Page):
    ask(page, "oom=2")
    page.click("#paint")
    expect(page.locator(".toast.fault")).to_have_text(re.compile("There was no room. Paint it smaller."))
    expect(page.locator(PROMPT)).to_have_value("oom=2")
    page.fill(SEED, "many")
    page.click("#paint")
    expect(page.locator(".toast.fault").last).to_have_text(re.compile("seed"))
    expect(page.locator(SEED)).to_have_value("many")


@pytest.mark.parametrize(
    "payload",
    [
        '<img src=x onerror="window.pwned=1"><svg onload=window.pwned=1>',
        "${window.pwned=1}${document.body.remove()} {{value}} {{{value}}}",
        '"><script>window.pwned=1</script> javascript:window.pwned=1',
    ],
)
def test_what_is_written_is_shown_as_it_is_and_never_run(page: Page, payload: str):
    paint(page, payload)
    page.click(".tile")
    expect(page.locator(".large .prompt")).to_have_text(payload)
    page.keyboard.press("Escape")
    page.reload()
    ready(page)
    expect(page.locator(PROMPT)).to_have_value(payload)
    assert page.evaluate("window.pwned") is None


# --- the phone


def test_on_a_phone_the_picture_is_first_and_paint_is_at_hand(
    chromium: Browser, server: Server, faults: list[str]
):
    context = chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True, locale="en-US")
    page = opened(context, server, faults)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out sideways"
    sheet, words = page.locator(".sheet").bounding_box(), page.locator(PROMPT).bounding_box()
    button = page.locator("#paint").bounding_box()
    assert sheet is not None
    assert words is not None
    assert button is not None
    assert sheet["y"] < words["y"]
    assert button["y"] + button["height"] <= PHONE["height"]
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, select')]
            .filter(n => n.offsetParent && n.getBoundingClientRect().height < 38 && !n.closest('.block'))
            .map(n => n.outerHTML.slice(0, 80))"""
    )
    assert small == [], "too small for a finger"
    ask(page, "on the road ms=50")
    page.tap("#paint")
    page.wait_for_selector("body.painting")
    finished(page, 1)
    page.tap(".tile >> nth=0")
    expect(page.locator(".large")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
    assert faults == []
