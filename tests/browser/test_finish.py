"""The Finish tab in a real Chromium: presets, a look beforehand, faces, before and after, SVG."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from halls import models_folder, studio_at
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from studio import metadata
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.web import Server

WAIT = 30_000
TONE = "#field-post-tone input"
EXPOSURE = "#field-post-tone-exposure input[type=number]"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("finish")
    few = Settings().limits.but(pictures=3)  # in one request
    with studio_at(root / "data", models_folder(root / "models"), limits=few) as studio:
        yield studio


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.set_default_timeout(WAIT)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, server: Server, tmp_path: Path) -> Iterator[Page]:
    """The Finish tab with a picture in its well."""
    faults: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(server.url)
    page.wait_for_selector("body.ready")
    page.wait_for_function("inkstone.ready === true && inkstone.form")
    page.click("[role=tab][data-tab=finish]")
    Image.new("RGB", (96, 64), (120, 150, 180)).save(tmp_path / "lake.png")
    page.set_input_files(".well input[type=file]", tmp_path / "lake.png")
    expect(page.locator(".well .row img")).to_have_count(1)
    yield page
    assert faults == []


def test_a_slider_at_rest_shows_what_it_does_and_keeps_nothing_until_she_paints(page: Page, studio: Studio):
    owner = studio.painters.owner()
    before = len(studio.gallery.pictures(owner))
    page.check(TONE)
    expect(page.locator(".proof .now")).to_be_visible()
    first = page.get_attribute(".proof .now", "src")
    page.fill(EXPOSURE, "0.5")
    page.locator(EXPOSURE).blur()
    expect(page.locator(".proof .now")).not_to_have_attribute("src", str(first))
    assert len(studio.gallery.pictures(owner)) == before
    page.click("#paint")
    page.wait_for_selector(".tile[data-kind=done]")
    expect(page.locator(".proof")).to_have_count(0)
    [picture, *rest] = studio.gallery.pictures(owner)
    assert len(rest) == before, "one picture is finished once"
    recipe = metadata.read_file(studio.gallery.read(owner, picture.id)).recipe
    assert recipe is not None
    assert [(step.kind, step.exposure) for step in recipe.post] == [("tone", 0.5)]
    line = page.locator(".tiles > .before .cutter")
    expect(line).to_be_visible()
    line.focus()
    page.keyboard.press("ArrowLeft")
    expect(line).to_have_attribute("aria-valuenow", "46")
    box = line.bounding_box()
    assert box
    page.mouse.move(box["x"] + 22, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 122, box["y"] + 20)
    page.mouse.up()
    assert int(str(line.get_attribute("aria-valuenow"))) > 60


def test_a_preset_switches_its_steps_on_in_the_form(page: Page):
    page.get_by_role("button", name="Clean ink").click()
    expect(page.locator(TONE)).to_be_checked()
    expect(page.locator("#field-post-sharpen input").first).to_be_checked()
    expect(page.locator("#field-post-faces input").first).not_to_be_checked()
    expect(page.locator(".proof .now")).to_be_visible()


def test_faces_are_framed_and_chosen_one_by_one(page: Page, studio: Studio):
    page.check("#field-post-faces input")
    expect(page.locator(".well .boxes i")).to_have_count(1)
    face = page.locator(".proofing li input[type=checkbox]")
    face.uncheck()
    expect(page.locator(".well .boxes i.off")).to_have_count(1)
    page.wait_for_function("Boolean(inkstone.chips.get()['post.faces'])")
    owner = studio.painters.owner()
    before = [one.id for one in studio.gallery.pictures(owner)]
    page.click("#paint")
    while [one.id for one in studio.gallery.pictures(owner)] == before:  # the test's own time limit ends it
        page.wait_for_timeout(50)
    [picture, *_] = studio.gallery.pictures(owner)
    recipe = metadata.read_file(studio.gallery.read(owner, picture.id)).recipe
    assert recipe is not None
    [step] = [step for step in recipe.post if step.kind == "faces"]
    assert [(box.left, box.strength) for box in step.only] == [(0.25, 0.0)]


def test_a_picture_is_saved_as_shapes(page: Page, studio: Studio):
    page.click("#paint")
    page.wait_for_selector(".tile[data-kind=done]")
    page.locator(".strip .thumb").first.click()
    page.click(".large .svg")
    page.locator(".slip label", has_text=re.compile("^8$")).first.click()
    with page.expect_download() as download:
        page.click(".slip .strong")
    assert download.value.suggested_filename.endswith(".svg")
    assert b"<svg" in Path(download.value.path()).read_bytes()[:400]


def folder_of(place: Path, pictures: int) -> Path:
    """A folder with so many different pictures, one of them a folder deeper, and two other files."""
    (place / "deep").mkdir(parents=True)
    for i in range(pictures):
        image = Image.new("RGB", (40, 32), (10 * i, 100, 200 - 10 * i))
        image.save((place / "deep" if i == 0 else place) / f"{i}.png")
    (place / "notes.txt").write_text("no picture", "utf-8")
    (place / "broken.png").write_bytes(b"no picture either")
    return place


def test_a_folder_becomes_a_zip_however_many_pictures_it_has(page: Page, studio: Studio, tmp_path: Path):
    folder = folder_of(tmp_path / "folder", 7)
    page.set_input_files(".well input[webkitdirectory]", folder)
    told = page.locator(".well .told")
    expect(told).to_have_text("7 pictures · other files passed over: 2")
    expect(page.locator(".well .row img")).to_have_count(7)
    expect(page.locator(".well .zip")).to_be_hidden()
    owner = studio.painters.owner()
    before = len(studio.gallery.pictures(owner))
    page.check(TONE)
    with page.expect_response("**/studio/finish") as first:
        page.click("#paint")
    assert len(first.value.json()["jobs"]) == 3
    expect(told).to_have_text("7 of 7 finished")
    made = studio.gallery.pictures(owner)
    assert len(made) == before + 7
    recipes = [metadata.read_file(studio.gallery.read(owner, one.id)).recipe for one in made[:7]]
    [steps] = {tuple(step.kind for step in one.post) for one in recipes if one}
    assert "tone" in steps, "with the steps as they were at the press"
    assert len({one.source.image for one in recipes if one and one.source}) == 7
    page.click(".well .zip")
    with page.expect_download() as download:
        page.click(".slip .strong")
    assert len(ZipFile(download.value.path()).namelist()) == 7


def test_stop_ends_a_folder_and_asks_for_no_more_of_it(page: Page, studio: Studio, tmp_path: Path):
    slow = Recipe(model="starter", prompt="ms=300", steps=20)
    for i in range(7):
        png = metadata.write_png(Image.new("RGB", (40, 32), (10 * i, 90, 90)), slow, {})
        (tmp_path / f"{i}.png").write_bytes(png)
    page.set_input_files(".well input:not([webkitdirectory])", sorted(tmp_path.glob("[0-9].png")))
    expect(page.locator(".well .told")).to_contain_text("7 pictures")
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if one.url.endswith("/studio/finish") else None)
    page.evaluate("inkstone.well.finish().then(() => inkstone.stop())")
    page.wait_for_selector(".tile[data-kind=cancelled]")
    expect(page.locator(".well .told")).to_contain_text("of 7 finished")
    assert len(asked) == 1


def test_a_dropped_folder_is_read_to_its_bottom(page: Page):
    """A page cannot drop a folder by itself, so the browser's entries are played."""
    page.evaluate(
        """() => {
          const file = (name, type) => ({ isFile: true,
            file: (done) => done(new File([bytes], name, { type })) });
          const folder = (...all) => ({ isDirectory: true,
            createReader: () => ({ readEntries: (done) => done(all.splice(0, 1)) }) });
          const canvas = document.createElement("canvas");
          canvas.width = canvas.height = 8;
          const bytes = Uint8Array.from(atob(canvas.toDataURL().split(",")[1]), (one) => one.charCodeAt(0));
          const deeper = folder(file("b.txt", "text/plain"), file("c", ""));
          const root = folder(file("a.png", "image/png"), deeper);
          return inkstone.well.drop({ items: [{ webkitGetAsEntry: () => root }], files: [] });
        }"""
    )
    expect(page.locator(".well .told")).to_have_text("other files passed over: 2")
    expect(page.locator(".well .row img")).to_have_count(1)
