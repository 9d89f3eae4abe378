"""Handscrolls in a real Chromium, and what can be made of a result where it hangs."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
from halls import models_folder, studio_at
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from studio.studio import Studio
from studio.web import Server

PROMPT = "#field-prompt textarea"
WAIT = 30_000
TAKE = """async ([color, w, h]) => {
  const sheet = Object.assign(document.createElement("canvas"), { width: w, height: h });
  const pen = sheet.getContext("2d");
  pen.fillStyle = color;
  pen.fillRect(0, 0, w, h);
  inkstone.canvas.clear();
  inkstone.canvas.resize(w, h);
  await inkstone.canvas.take(await new Promise((done) => sheet.toBlob(done, "image/png")));
}"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("scroll")
    with studio_at(root / "data", models_folder(root / "models")) as studio:
        yield studio


@pytest.fixture(scope="module")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.set_default_timeout(WAIT)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, server: Server) -> Iterator[Page]:
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(server.url)
    ready(page)
    yield page
    page.close()
    assert faults == []


def ready(page: Page) -> None:
    page.wait_for_selector("body.ready")
    page.wait_for_function("inkstone.ready === true && inkstone.canvas.size")


def begin(page: Page, prompt: str, length: int, turns: str = "") -> None:
    page.evaluate("inkstone.tab('img2img')")
    page.fill(PROMPT, prompt)
    for side in ("width", "height"):
        page.fill(f"#field-{side} input[type=number]", "64")
        page.locator(f"#field-{side} input[type=number]").blur()
    page.evaluate("document.querySelector('details.scroll').open = true")
    page.fill(".scroll .length", str(length))
    page.fill(".scroll .turns", turns)
    page.click(".scroll .go")


def ended(page: Page) -> None:
    page.wait_for_function("!inkstone.scroll.going() && document.querySelector('.tile[data-kind=done]')")


def large(page: Page) -> None:
    expect(page.locator("dialog.large[open]")).to_be_visible()
    page.wait_for_function("document.querySelector('.large .room img').complete")


def test_a_scroll_grows_in_the_stage_and_opens_when_it_is_done(page: Page, studio: Studio):
    begin(page, "ms=40 a lake", 640, "ms=40 pines\nms=40 snow")
    expect(page.locator(".stage .line")).to_have_text(re.compile(r"\d+ of 640 pixels"))
    expect(page.locator(".stage .tiles")).to_be_hidden()
    lefts = page.wait_for_function(
        "() => { const all = [...document.querySelectorAll('.scroll-paper img')];"
        " return all.length > 1 && all.map(i => i.getBoundingClientRect().left); }"
    ).json_value()
    assert lefts == sorted(lefts), "it unrolls to the right"
    ended(page)
    large(page)
    assert page.evaluate(
        "(i => [i.naturalWidth, i.naturalHeight])(document.querySelector('.large .room img'))"
    ) == [640, 64]
    [whole, *_] = studio.gallery.pictures(studio.painters.owner())
    asked = studio.scrolls.get(whole.id, studio.painters.owner()).asked
    assert [(round(turn["at"], 2), turn["prompt"]) for turn in asked["turns"]] == [
        (0.33, "ms=40 pines"),
        (0.67, "ms=40 snow"),
    ]


def test_a_long_picture_is_drawn_past_the_eye(page: Page):
    page.wait_for_selector(".tile[data-kind=done]")
    page.wait_for_function("document.querySelector('.tiles').dataset.wide === 'true'")
    page.click(".tile .face")
    large(page)
    frame = page.locator(".large .frame").bounding_box()
    assert frame
    page.mouse.move(frame["x"] + frame["width"] * 0.8, frame["y"] + frame["height"] / 2)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] * 0.3, frame["y"] + frame["height"] / 2, steps=4)
    page.mouse.up()
    assert page.evaluate("document.querySelector('.large .frame').scrollLeft") > frame["width"] * 0.3
    page.keyboard.press("Escape")


def test_stop_keeps_what_is_painted_and_a_reload_finds_it_growing(page: Page, studio: Studio):
    begin(page, "ms=60 a river", 2048)
    page.wait_for_selector(".scroll-paper img[data-part]:nth-child(2)")
    page.reload()
    ready(page)
    page.wait_for_selector("body.painting .scroll-paper img[data-part]:nth-child(2)")
    page.keyboard.press("Escape")
    ended(page)
    [whole, *_] = studio.gallery.pictures(studio.painters.owner())
    assert studio.scrolls.get(whole.id, studio.painters.owner()).state == "stopped"
    assert 64 <= whole.width < 2048
    expect(page.locator(f".tile[data-picture='{whole.id}'] img")).to_be_visible()


def test_what_cannot_be_unrolled_is_said(page: Page):
    page.evaluate("document.querySelector('details.scroll').open = true")
    begin(page, "ms=1", 32_768)
    expect(page.locator(".unrolling")).to_be_visible()
    begin(page, "ms=1", 512)
    expect(page.locator(".toast.fault")).to_contain_text("still unrolling")
    page.keyboard.press("Escape")
    ended(page)


def test_each_result_says_what_can_be_made_of_it(page: Page, studio: Studio):
    page.evaluate("inkstone.tab('txt2img')")
    page.fill(PROMPT, "ms=1 a hill")
    page.fill("#count input[type=number]", "1")
    page.locator("#count input[type=number]").blur()
    page.click("#paint")
    page.wait_for_function("document.querySelector('.tile[data-kind=done] img')?.naturalWidth === 64")
    page.hover(".tile")
    acts = page.locator(".tile-acts button")
    assert [one.get_attribute("data-act") for one in acts.all()] == [
        "vary-subtle", "vary-strong", "upscale", "img2img", "sketch", "unroll",
    ]  # fmt: skip
    assert all(one.get_attribute("aria-label") for one in acts.all())
    parent = page.get_attribute(".tile", "data-picture")
    page.click(".tile-acts [data-act=vary-strong]")
    page.wait_for_function(
        "p => document.querySelector('.tile[data-kind=done]')?.dataset.picture !== p", arg=parent
    )
    [newest, *_] = studio.gallery.pictures(studio.painters.owner())
    made = studio.palette.restore(studio.gallery.read(newest.painter, newest.id), newest.painter)
    assert made.values["source"]["strength"] == 0.65


def test_a_picture_is_unrolled_further(page: Page, studio: Studio):
    page.wait_for_selector(".tile[data-kind=done]")
    owner = studio.painters.owner()
    first = page.locator(".tile").first.get_attribute("data-picture") or ""
    before = studio.gallery.get(owner, first).width
    page.hover(".tile")
    page.locator(".tile-acts [data-act=unroll]").first.click()
    page.wait_for_function(
        "document.body.dataset.tab === 'img2img' && !document.querySelector('.scroll .start').hidden"
    )
    page.fill(".scroll .length", str(before + 64))
    page.click(".scroll .way[data-way=left]")
    page.click(".scroll .go")
    page.wait_for_function(
        "p => !inkstone.scroll.going()"
        " && document.querySelector('.tile[data-kind=done]').dataset.picture !== p",
        arg=first,
    )
    [whole, *_] = studio.gallery.pictures(owner)
    asked = studio.scrolls.get(whole.id, owner).asked
    assert (asked["picture"], asked["direction"], whole.width) == (first, "left", before + 64)
    assert studio.gallery.get(owner, first).width == before, "it is still there"


def test_a_grown_sheet_gives_its_new_ground_the_colours_around_it(page: Page, studio: Studio):
    page.evaluate("inkstone.tab('img2img')")
    page.evaluate(TAKE, ["#2c6e70", 64, 64])
    page.evaluate("inkstone.canvas.resize(128, 128)")
    page.evaluate("inkstone.canvas.grow(0, 0, 64, 0)")
    expect(page.locator("#field-source-strength input[type=number]")).to_have_value("1")
    page.fill(PROMPT, "ms=1 further")
    old = page.evaluate("document.querySelector('.tile[data-kind=done]')?.dataset.picture ?? ''")
    page.click("#paint")
    page.wait_for_function(
        "o => (p => p && p !== o)(document.querySelector('.tile[data-kind=done]')?.dataset.picture)", arg=old
    )
    [newest, *_] = studio.gallery.pictures(studio.painters.owner())
    recipe = studio.palette.restore(studio.gallery.read(newest.painter, newest.id), newest.painter)
    values = recipe.values
    assert (values["mask"]["blur"], values["source"]["strength"]) == (32, 1)
    source = Image.open(io.BytesIO(studio.inputs.read(studio.painters.owner(), values["source"]["image"])))
    mask = Image.open(io.BytesIO(studio.inputs.read(studio.painters.owner(), values["mask"]["image"])))
    assert source.size == mask.size == (192, 128)
    assert [mask.convert("L").getpixel((x, 64)) for x in (80, 110, 180)] == [0, 255, 255]
    for x in (40, 110, 180):
        red, green, blue = source.convert("RGB").getpixel((x, 64))
        assert max(abs(red - 0x2C), abs(green - 0x6E), abs(blue - 0x70)) <= 3, x


def test_lines_of_a_picture_become_a_layer_of_their_own_size(page: Page):
    page.evaluate("inkstone.tab('sketch')")
    page.evaluate("inkstone.canvas.clear()")
    page.evaluate("inkstone.canvas.resize(128, 128)")
    page.click(".trace")
    photo = io.BytesIO()
    Image.new("RGB", (300, 150), "white").save(photo, "PNG")
    page.set_input_files(
        ".tracing input", {"name": "a.png", "mimeType": "image/png", "buffer": photo.getvalue()}
    )
    page.wait_for_selector(".tracing .onto:not([disabled])")
    missing = page.locator(".tracing [data-kind=hed]")
    assert missing.get_attribute("aria-disabled") == "true"
    missing.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".tracing .said")).to_contain_text("models get")
    page.click(".tracing [data-kind=canny]")
    page.wait_for_selector(".tracing [data-kind=canny][aria-checked=true]")
    page.wait_for_selector(".tracing .onto:not([disabled])")
    page.click(".tracing .onto")
    expect(page.locator(".tracing")).to_be_hidden()
    page.wait_for_function("inkstone.canvas.drawing().layers.some(l => l.picture?.image)")
    drawing = page.evaluate("inkstone.canvas.drawing()")
    assert drawing["width"] / drawing["height"] == pytest.approx(2, abs=0.1)
    [layer] = [one for one in drawing["layers"] if one["picture"]]
    assert layer["kind"] == "lines"
    assert (layer["picture"]["width"], layer["picture"]["height"]) == (drawing["width"], drawing["height"])
