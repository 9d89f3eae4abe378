"""The order of the finishing steps in a real Chromium, with the real worker: it is painted as it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Request, expect

from studio import images, metadata
from studio.models.library import Library
from studio.models.manager import Models
from studio.post import Grain, Step, Tone, Tools
from studio.post.tools import applied
from studio.settings import Settings
from studio.studio import Studio

WAIT = 120_000  # the first picture waits until the worker has loaded
MODELS = Path(__file__).parents[2] / "models"
STEPS = {  # in the usual order
    "Upscale": "upscale",
    "Faces": "faces",
    "Colours of the source": "match",
    "Local contrast (CLAHE)": "clahe",
    "Light and colour": "tone",
    "Sharpen": "sharpen",
    "Paper grain": "grain",
}
DONE = """old => [...document.querySelectorAll('.tile[data-kind=done]')]
  .some(tile => !old.includes(tile.dataset.job))"""
PRESET = {"title": "Rubbing", "recipe": {"post": [{"kind": "sharpen"}, {"kind": "clahe"}]}}
TONE, GRAIN = Tone(contrast=0.8), Grain(amount=1, size=2)

Pixels = np.ndarray[Any, np.dtype[np.int16]]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("chain")
    (root / "presets").mkdir()
    (root / "presets" / "rubbing.json").write_text(json.dumps(PRESET), "utf-8")
    settings = Settings(data=root / "data", models=MODELS, presets=root / "presets", port=0, browser=False)
    with Studio(settings) as studio:
        yield studio


@pytest.fixture
def page(desk_page: Page, tmp_path: Path) -> Page:
    """The Finish tab with a picture in its well, in which light and grain are on, in the usual order."""
    desk_page.evaluate("inkstone.tab('finish')")
    lake().save(tmp_path / "lake.png")
    desk_page.set_input_files(".well input:not([webkitdirectory])", tmp_path / "lake.png")
    if desk_page.locator(".chain .usual").is_visible():
        desk_page.click(".chain .usual")
    for name in STEPS:
        box(desk_page, name).set_checked(name in ("Light and colour", "Paper grain"))
    for step in (TONE, GRAIN):
        for field, value in step.model_dump(exclude={"kind", "seed"}).items():
            shown = desk_page.locator(f"#field-post-{step.kind}-{field} input[type=number]")
            shown.fill(f"{value:g}")
            shown.blur()
    chain_is(desk_page, "Light and colour", "Paper grain")
    return desk_page


def lake() -> Image.Image:
    """Grey water that grows lighter."""
    row = np.linspace(60, 190, 96).astype(np.uint8)
    return Image.fromarray(np.repeat(np.tile(row, (64, 1))[..., None], 3, axis=2))


def box(page: Page, name: str) -> Locator:
    return page.locator("#finishing").get_by_role("checkbox", name=name, exact=True)


def arrow(page: Page, name: str, way: str) -> Locator:
    return page.get_by_role("button", name=f"{name}: {way}")


def chain_is(page: Page, *names: str) -> None:
    """The steps that are on stand in this order, with their numbers, and the form holds it."""
    shown = page.locator("#finishing .chain-head:has(input:checked)")
    expect(shown).to_contain_text([f"{name} {i + 1}" for i, name in enumerate(names)], use_inner_text=True)
    wanted = ",".join(STEPS[name] for name in names)
    page.wait_for_function("wanted => inkstone.chain.of(inkstone.form).join() === wanted", arg=wanted)


def finished(page: Page, studio: Studio) -> tuple[tuple[Step, ...], Pixels]:
    """Presses Paint; the steps that the picture's own file tells, and its pixels."""
    owner = studio.painters.owner()
    old = page.evaluate("[...document.querySelectorAll('.tile')].map(tile => tile.dataset.job)")
    page.click("#paint")
    page.wait_for_function(DONE, arg=old)
    png = studio.gallery.read(owner, studio.gallery.pictures(owner)[0].id)
    recipe = metadata.read_file(png).recipe
    assert recipe
    return recipe.post, pixels(images.read(png))


def pixels(image: Image.Image) -> Pixels:
    return np.asarray(image.convert("RGB")).astype(np.int16)


def by_hand(studio: Studio, *steps: Step) -> Pixels:
    """The lake after these steps, one after the other."""
    tools = Tools(Library(studio.settings.models), Models("cpu"), check=lambda: None)
    image: Any = lake()
    for step in steps:
        image = applied(step, image, tools)
    return pixels(image)


def test_a_picture_is_finished_in_the_order_that_she_gave_its_steps(page: Page, studio: Studio):
    steps, usual = finished(page, studio)
    assert steps == (TONE, GRAIN)
    arrow(page, "Paper grain", "earlier").click()
    chain_is(page, "Paper grain", "Light and colour")
    steps, turned = finished(page, studio)
    assert steps == (GRAIN, TONE)
    assert (usual == by_hand(studio, TONE, GRAIN)).all()
    assert (turned == by_hand(studio, GRAIN, TONE)).all()
    assert abs(turned - usual).max() > 10, "the contrast spreads the grain that is there before it"


def test_the_look_beforehand_has_the_same_order(page: Page):
    def turned(asked: Request) -> bool:
        steps = (asked.post_data_json or {}).get("steps", ()) if asked.url.endswith("/look") else ()
        return [step["kind"] for step in steps] == ["grain", "tone"]

    amount = page.locator("#field-post-grain-amount input[type=number]")
    with page.expect_request(turned):
        amount.fill("0.5")  # what was looked at already is not asked for again
        amount.blur()
        arrow(page, "Light and colour", "later").click()


def test_the_order_stays_in_other_tabs_and_comes_back_with_a_picture_and_with_the_page(
    page: Page, studio: Studio
):
    arrow(page, "Paper grain", "earlier").click()
    page.evaluate("inkstone.tab('txt2img')")
    page.evaluate("inkstone.tab('finish')")
    chain_is(page, "Paper grain", "Light and colour")
    box(page, "Sharpen").check()
    chain_is(page, "Paper grain", "Light and colour", "Sharpen")
    finished(page, studio)
    [turned, *_] = studio.gallery.pictures(studio.painters.owner())
    page.click(".chain .usual")
    chain_is(page, "Light and colour", "Sharpen", "Paper grain")
    page.click(f".strip .thumb:has(img[src*='{turned.id}'])")
    page.click(".large .reuse")
    chain_is(page, "Paper grain", "Light and colour", "Sharpen")
    with page.expect_response("**/studio/state"):
        box(page, "Sharpen").uncheck()
    page.reload()
    page.wait_for_function("window.inkstone?.ready && inkstone.form")
    chain_is(page, "Paper grain", "Light and colour")


def test_a_preset_brings_its_own_order_and_the_usual_one_is_a_press_away(page: Page):
    expect(page.locator(".chain .usual")).to_be_hidden()
    page.get_by_role("button", name="Rubbing").click()
    chain_is(page, "Sharpen", "Local contrast (CLAHE)")
    page.get_by_role("button", name="Back to the usual order").click()
    chain_is(page, "Local contrast (CLAHE)", "Sharpen")
    expect(page.locator(".chain .usual")).to_be_hidden()


def test_steps_are_moved_from_the_keyboard_and_the_place_is_told(page: Page):
    box(page, "Sharpen").check()
    chain_is(page, "Light and colour", "Sharpen", "Paper grain")
    expect(arrow(page, "Light and colour", "earlier")).to_be_disabled()
    expect(arrow(page, "Paper grain", "later")).to_be_disabled()
    box(page, "Paper grain").focus()
    page.keyboard.press("Alt+ArrowUp")
    chain_is(page, "Light and colour", "Paper grain", "Sharpen")
    expect(page.locator(".chain [role=status]")).to_have_text("Paper grain: 2 of 3")
    expect(box(page, "Paper grain")).to_be_focused()
    page.keyboard.press("Tab")
    expect(arrow(page, "Paper grain", "earlier")).to_be_focused()
    page.keyboard.press("Enter")
    chain_is(page, "Paper grain", "Light and colour", "Sharpen")
    expect(arrow(page, "Paper grain", "later")).to_be_focused()  # the first place has no earlier one
    box(page, "Paper grain").focus()
    page.keyboard.press("Alt+ArrowUp")
    chain_is(page, "Paper grain", "Light and colour", "Sharpen")


def test_on_a_phone_the_arrows_are_a_thumb_wide_and_within_the_page(page: Page):
    page.set_viewport_size({"width": 390, "height": 844})
    for way in ("earlier", "later"):
        found = arrow(page, "Paper grain", way).bounding_box()
        assert found
        assert found["width"] >= 40
        assert found["height"] >= 40
        assert found["x"] + found["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    arrow(page, "Paper grain", "earlier").click()
    chain_is(page, "Paper grain", "Light and colour")
    page.set_viewport_size({"width": 1280, "height": 900})
