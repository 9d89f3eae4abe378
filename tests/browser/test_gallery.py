"""The gallery in a real Chromium: hanging, choosing, marking, comparing, the trash, taking pictures out."""

from __future__ import annotations

import re
import secrets
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from halls import models_folder, studio_at
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from studio import metadata
from studio.gallery import Wanted
from studio.recipe import Recipe, Source
from studio.studio import Studio
from studio.web import Server

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
WAIT = 30_000
LEAVES = ".wall .leaf"
PICKED = ".wall .leaf[aria-selected=true]"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("walls")
    with studio_at(root / "data", models_folder(root / "models")) as studio:
        yield studio


@pytest.fixture(autouse=True)
def bare_walls(studio: Studio) -> None:
    her = studio.painters.owner()
    studio.gallery.trash(her, *(one.id for one in studio.gallery.pictures(her, limit=10_000)))
    studio.gallery.empty(her)


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport=DESK, locale="en-US", accept_downloads=True)
    context.set_default_timeout(WAIT)
    yield context
    context.close()


def hang(studio: Studio, *prompts: str, side: int = 64, **fields: object) -> list[str]:
    """Pictures of these prompts, the last one newest; their ids."""
    her, ids = studio.painters.owner(), []
    for n, prompt in enumerate(prompts):
        recipe = Recipe(prompt=prompt, seed=n, width=64, height=64).but(**fields)
        png = metadata.write_png(Image.new("RGB", (side, side), (40 + n % 200, 90, 120)), recipe, {})
        ids.append(studio.gallery.keep(her, secrets.token_hex(16), png).id)
    return ids


def opened(context: BrowserContext, server: Server, faults: list[str] | None = None) -> Page:
    page = context.new_page()
    if faults is not None:
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(server.url)
    page.wait_for_selector("body.ready")
    page.click("[role=tab][data-tab=gallery]")
    return page


def prompts(page: Page) -> list[str]:
    return page.eval_on_selector_all(LEAVES, "all => all.map(one => one.getAttribute('aria-label'))")


def test_she_finds_opens_and_goes_from_picture_to_picture(
    studio: Studio, context: BrowserContext, server: Server
):
    faults: list[str] = []
    hang(studio, "a boat", "山水", "a pine", "a second boat")
    page = opened(context, server, faults)
    expect(page.locator(LEAVES)).to_have_count(4)
    expect(page.locator(".wall .day")).to_have_text("Today")
    page.fill(".gallery .search", "boa")
    expect(page.locator(LEAVES)).to_have_count(2)
    assert prompts(page) == ["a second boat", "a boat"]
    page.fill(".gallery .search", "山")
    expect(page.locator(LEAVES)).to_have_count(1)
    page.fill(".gallery .search", "nothing like it")
    expect(page.locator(".bare-wall p")).to_have_text("No picture matches.")
    page.fill(".gallery .search", "")
    expect(page.locator(LEAVES)).to_have_count(4)
    page.locator(LEAVES).first.click()
    expect(page.locator(".large .prompt")).to_have_text("a second boat")
    expect(page.locator(".large .facts")).to_contain_text("Seed 3")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".large .prompt")).to_have_text("a pine")
    page.keyboard.press("s")
    expect(page.locator(".large .star")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.locator(f"{LEAVES}.star")).to_have_count(1)
    page.click("[data-which=star]")
    expect(page.locator(LEAVES)).to_have_count(1)
    assert prompts(page) == ["a pine"]
    assert faults == []


def test_the_keyboard_is_enough(studio: Studio, context: BrowserContext, server: Server):
    ids = hang(studio, *(f"picture {n}" for n in range(12)))
    her = studio.painters.owner()
    page = opened(context, server)
    expect(page.locator(LEAVES)).to_have_count(12)
    page.locator(LEAVES).first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    focused = "document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(focused) == "picture 10"
    page.keyboard.press("ArrowDown")
    below = page.evaluate(focused)
    page.keyboard.press("ArrowUp")
    assert (below != "picture 10", page.evaluate(focused)) == (True, "picture 10")
    page.keyboard.press(" ")
    expect(page.locator(".large .prompt")).to_have_text("picture 10")
    page.keyboard.press("Escape")
    expect(page.locator(".large")).to_be_hidden()
    page.keyboard.press("s")
    expect(page.locator(f"{LEAVES}.star")).to_have_count(1)
    assert [one.id for one in studio.gallery.pictures(her, Wanted(star=True))] == [ids[10]]
    page.keyboard.press("Delete")
    expect(page.locator(LEAVES)).to_have_count(11)
    page.click(".toast button.plain")
    expect(page.locator(LEAVES)).to_have_count(12)
    page.keyboard.press("Control+a")
    expect(page.locator(PICKED)).to_have_count(12)
    page.keyboard.press("Escape")
    expect(page.locator(PICKED)).to_have_count(0)


def test_many_are_put_into_an_album_and_the_album_gets_another_name(
    studio: Studio, context: BrowserContext, server: Server
):
    hang(studio, *(f"picture {n}" for n in range(8)))
    her = studio.painters.owner()
    page = opened(context, server)
    page.locator(LEAVES).nth(1).hover()
    page.locator(f"{LEAVES} .tick").nth(1).click()
    page.locator(LEAVES).nth(4).click(modifiers=["Shift"])
    expect(page.locator(".tray .chosen")).to_have_text("4 selected")
    page.locator(LEAVES).nth(6).click(modifiers=["Control"])
    expect(page.locator(PICKED)).to_have_count(5)
    page.click("[data-do=album]")
    page.fill(".slip input", "<b>湖</b>")
    page.keyboard.press("Enter")
    expect(page.locator(".tray")).to_be_hidden()
    assert studio.gallery.albums(her) == {"<b>湖</b>": 5}
    page.select_option(".gallery select.album", "<b>湖</b>")
    expect(page.locator(LEAVES)).to_have_count(5)
    page.click(".gallery .rename")
    page.fill(".slip input", "Lakes")
    page.keyboard.press("Enter")
    expect(page.locator(".gallery select.album")).to_have_value("Lakes")
    page.locator(LEAVES).first.click(modifiers=["Control"])
    page.click("[data-do=out]")
    expect(page.locator(LEAVES)).to_have_count(4)
    page.click(".gallery .dissolve")
    page.click(".slip .danger")
    expect(page.locator(LEAVES)).to_have_count(8)
    assert studio.gallery.albums(her) == {}


def test_the_trash_is_emptied_only_when_she_says_so(studio: Studio, context: BrowserContext, server: Server):
    ids = hang(studio, "1", "2", "3")
    her = studio.painters.owner()
    page = opened(context, server)
    expect(page.locator(LEAVES)).to_have_count(3)
    page.locator(LEAVES).first.focus()
    page.keyboard.press("Control+a")
    page.click("[data-do=trash]")
    expect(page.locator(".bare-wall")).to_be_visible()
    page.click("[data-which=trashed]")
    expect(page.locator(LEAVES)).to_have_count(3)
    page.locator(LEAVES).last.click(modifiers=["Control"])
    page.click("[data-do=restore]")
    expect(page.locator(LEAVES)).to_have_count(2)
    page.click(".empty-trash")
    page.click(".slip .buttons .plain:not(.strong)")
    assert len(studio.gallery.pictures(her, Wanted(trashed=True))) == 2
    page.click(".empty-trash")
    page.click(".slip .danger")
    expect(page.locator(LEAVES)).to_have_count(0)
    expect(page.locator(".bare-wall")).to_be_visible()
    expect(page.locator(".bare-wall p")).to_have_text("The trash is empty.")
    assert [one.id for one in studio.gallery.pictures(her)] == ids[:1]
    assert studio.gallery.pictures(her, Wanted(trashed=True)) == ()


def test_two_are_compared_under_a_line_and_zoomed_as_one(
    studio: Studio, context: BrowserContext, server: Server
):
    hang(studio, "a boat", "a ship")
    page = opened(context, server)
    page.locator(LEAVES).nth(0).click(modifiers=["Control"])
    page.locator(LEAVES).nth(1).click(modifiers=["Control"])
    page.keyboard.press("f")
    expect(page.locator(".compare")).to_have_attribute("data-mode", "slider")
    expect(page.locator(".compare .differ")).to_contain_text("a ship→a boat")
    line = page.locator(".compare .line")
    line.focus()
    page.keyboard.press("ArrowRight")
    expect(line).to_have_attribute("aria-valuenow", "52")
    box = page.locator(".compare .pair").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + 200)
    page.mouse.wheel(0, -600)
    moved = page.eval_on_selector_all(".compare .room", "all => all.map(one => one.style.transform)")
    assert moved[0] == moved[1]
    assert float(re.search(r"scale\(([\d.]+)\)", moved[0])[1]) > 1.5
    page.click("[data-mode=side]")
    expect(line).to_be_hidden()
    left, right = (page.locator(".compare .view").nth(n).bounding_box() for n in (0, 1))
    assert left["x"] + left["width"] <= right["x"]


@pytest.mark.parametrize("many", [False, True])
def test_pictures_leave_without_their_settings_when_she_says_so(
    studio: Studio, context: BrowserContext, server: Server, tmp_path: Path, many: bool
):
    faults: list[str] = []
    hang(studio, "a secret", "another secret")
    page = opened(context, server, faults)
    page.locator(LEAVES).first.click(modifiers=["Control"])
    if many:
        page.keyboard.press("Control+a")
        expect(page.locator(PICKED)).to_have_count(2)
    page.click("[data-do=download]")
    page.check(".slip input[value=webp]")
    page.uncheck(".slip input[type=checkbox]")
    with page.expect_download() as coming:
        page.click(".slip .strong")
    coming.value.save_as(tmp_path / "out")
    if many:
        file = zipfile.ZipFile(tmp_path / "out")
        files = [file.read(name) for name in file.namelist()]
    else:
        files = [(tmp_path / "out").read_bytes()]
    assert len(files) == (2 if many else 1)
    assert all(data[8:12] == b"WEBP" and b"secret" not in data for data in files)
    expect(page.locator(".toast")).to_have_count(0)
    assert faults == []


def test_a_picture_leads_to_those_it_came_from_and_became(
    studio: Studio, context: BrowserContext, server: Server
):
    (first,) = hang(studio, "the first")
    her = studio.painters.owner()
    digest = studio.inputs.put(her, studio.gallery.bare(her, first))
    hang(studio, "the second", source=Source(image=digest))
    page = opened(context, server)
    page.locator(LEAVES).first.click()
    page.click(".large .relatives .thumb[title='the first']")
    expect(page.locator(".large .prompt")).to_have_text("the first")
    page.click(".large .relatives .thumb[title='the second']")
    expect(page.locator(".large .prompt")).to_have_text("the second")
    page.click(".large [data-act=reuse-prompt]")
    expect(page.locator("#field-prompt textarea")).to_have_value("the second")
    expect(page.locator(".large")).to_be_hidden()


def test_thousands_scroll_with_few_nodes(studio: Studio, context: BrowserContext, server: Server):
    her = studio.painters.owner()
    hang(studio, "the last of all")
    old = studio.gallery.path(her, studio.gallery.pictures(her)[0].id)
    data, folder = old.read_bytes(), old.parent.parent / "2020-01"
    folder.mkdir()
    for n in range(1500):
        (folder / f"202001{1 + n // 50:02}T{n:09}-{n:032x}.png").write_bytes(data)
    studio.gallery.reindex()
    page = opened(context, server)
    expect(page.locator(".gallery .count")).to_have_text("1,501 pictures")
    seen: set[str] = set()
    page.evaluate("window.most = 0")
    for _ in range(400):
        seen |= set(page.eval_on_selector_all(LEAVES, "all => all.map(one => one.dataset.id)"))
        count = page.evaluate("most = Math.max(most, document.querySelectorAll('.wall .leaf').length)")
        assert count < 260
        if len(seen) == 1501:
            break
        page.evaluate("scrollBy(0, 700)")
        page.wait_for_timeout(30)
    assert len(seen) == 1501
    shutil.rmtree(folder)
    studio.gallery.reindex()


def test_on_a_phone_a_long_press_selects_and_a_swipe_turns_the_page(
    studio: Studio, chromium: Browser, server: Server
):
    hang(studio, "1", "2", "3")
    context = chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True, locale="zh-CN")
    context.set_default_timeout(WAIT)
    page = opened(context, server)
    leaf = page.locator(LEAVES).nth(1)
    box = leaf.bounding_box()
    touch = context.new_cdp_session(page)

    def finger(kind: str, x: float, y: float) -> None:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    finger("touchStart", box["x"] + 20, box["y"] + 20)
    expect(page.locator(PICKED)).to_have_count(1)
    finger("touchEnd", 0, 0)
    expect(page.locator(".tray .chosen")).to_have_text("已选 1 张")
    page.click("[data-do=clear]")
    page.locator(LEAVES).first.tap()
    expect(page.locator(".large .prompt")).to_have_text("3")
    finger("touchStart", 300, 300)
    for x in (260, 200, 120):
        finger("touchMove", x, 302)
    finger("touchEnd", 0, 0)
    expect(page.locator(".large .prompt")).to_have_text("2")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing hangs over the edge"
    context.close()


def test_the_strip_leads_to_the_gallery_and_new_pictures_hang_in_it(
    studio: Studio, context: BrowserContext, server: Server
):
    hang(studio, "old")
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_selector("body.ready")
    page.click("[role=tab][data-tab=txt2img]")
    page.click(".strip .all")
    expect(page.locator(LEAVES)).to_have_count(1)
    page.click("[role=tab][data-tab=txt2img]")
    page.fill("#field-prompt textarea", "new")
    page.fill("#count input[type=number]", "1")
    page.locator("#count input[type=number]").blur()
    page.click("#paint")
    page.wait_for_selector(".tile[data-kind=done]")
    page.click("[role=tab][data-tab=gallery]")
    expect(page.locator(LEAVES)).to_have_count(2)
    assert prompts(page)[0] == "new"
