"""The Sketch tab in a real Chromium, with real worker and shipped starter: lines, colours, tracing."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from easel import drag, exported, fresh, layer, tool
from PIL import Image
from playwright.sync_api import Page, expect

from studio import images, metadata
from studio.control.hints import STRICTNESS
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio

WAIT = 120_000  # the first picture waits until the worker has loaded
MODELS = Path(__file__).parents[2] / "models"
WORDS = {"loosely": "loose", "strictly": "strict", "closely": "normal"}
RIDGE = ((50, 128), (100, 90), (150, 140), (200, 100))
TILES = "[...document.querySelectorAll('.tile')].map(tile => tile.dataset.job)"
FINISHED = """old => {
  const tiles = [...document.querySelectorAll('.tile')];
  return tiles.length && tiles.every(one => one.dataset.kind === 'done' && !old.includes(one.dataset.job))
    && !document.body.matches('.painting, .sending, .gathering');
}"""

Pixels = np.ndarray[Any, np.dtype[np.int16]]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    data = tmp_path_factory.mktemp("sketch")
    with Studio(Settings(data=data, models=MODELS, port=0, browser=False)) as studio:
        yield studio


@pytest.fixture(scope="module")
def opened(desk_page: Page) -> Page:
    desk_page.evaluate("inkstone.live.stop(); inkstone.tab('sketch')")
    for fold in ("advanced", "larger", "finishing", "guiding"):
        head = desk_page.locator(f"#{fold} > .label-wrap")
        if "open" not in str(head.get_attribute("class")):
            head.click()
    on = "path => /^(hires|post\\.[a-z]+)$/.test(path) && inkstone.form[path]"
    for part in desk_page.evaluate(f"Object.keys(inkstone.form).filter({on})"):
        desk_page.locator(f"#field-{part.replace('.', '-')} input[type=checkbox]").uncheck()
    for field, value in (("#field-steps", 3), ("#count", 1)):
        desk_page.fill(f"{field} input[type=number]", str(value))
        desk_page.locator(f"{field} input[type=number]").blur()
    desk_page.fill("#field-prompt textarea", "a lake, mountains, pine")
    desk_page.fill("#field-seed textarea, #field-seed input", "5")
    return desk_page


@pytest.fixture
def page(opened: Page) -> Page:
    """An empty sheet of 256² in the Sketch tab."""
    opened.evaluate("inkstone.tab('sketch')")
    opened.wait_for_selector(".c-sheet")
    fresh(opened)
    layer(opened, "lines")
    return opened


def painted(page: Page, studio: Studio, press: str = "#paint") -> tuple[Recipe, Pixels]:
    """Presses what paints one picture; its recipe, as its own file tells it, and its pixels."""
    old = page.evaluate(TILES)
    page.click(press)
    page.wait_for_function(FINISHED, arg=old)
    [found] = page.evaluate("[...document.querySelectorAll('.tile')].map(tile => tile.dataset.picture)")
    png = studio.gallery.read(studio.painters.owner(), found)
    recipe = metadata.read_file(png).recipe
    assert recipe, "the file carries its recipe"
    return recipe, pixels(png)


def pixels(png: bytes) -> Pixels:
    return np.asarray(images.read(png).convert("RGB")).astype(np.int16)


def given(studio: Studio, digest: str) -> Pixels:
    """An input that a recipe names."""
    return pixels(studio.inputs.read(studio.painters.owner(), digest))


# --- how lines and colours guide


def test_the_word_for_how_closely_lines_are_followed_is_what_is_painted(page: Page, studio: Studio):
    drag(page, *RIDGE)
    found: dict[str, Pixels] = {}
    for word, name in WORDS.items():
        page.locator("#strictness").get_by_label(word, exact=True).check()
        for field, value in zip(("weight", "start", "end"), STRICTNESS[name], strict=True):
            shown = page.locator(f"#field-controls-0-{field} input[type=number]")
            expect(shown).to_have_value(f"{value:g}")
        recipe, found[name] = painted(page, studio)
        [control] = recipe.controls
        assert (control.weight, control.start, control.end) == STRICTNESS[name]
        assert (control.model, control.hint) == ("starter", "none")
    assert abs(found["loose"] - found["strict"]).mean() > 1, "and it is seen"


def test_her_colours_are_painted_from_only_where_she_says_so(page: Page, studio: Studio):
    drag(page, *RIDGE)
    layer(page, "paint")
    page.evaluate("Object.assign(inkstone.canvas.settings, { color: '#2c6e70', size: 60 })")
    drag(page, (60, 200), (196, 200))
    wish = page.get_by_label("Paint from the colours too")
    expect(wish).not_to_be_checked()
    plain, without = painted(page, studio)
    assert plain.source is None
    wish.check()
    page.evaluate("inkstone.touch()")
    coloured, by_colour = painted(page, studio)
    wish.uncheck()
    assert coloured.source
    assert coloured.controls == plain.controls, "the lines guide as before"
    sheet = given(studio, coloured.source.image)
    assert sheet[200, 128].tolist() == [0x2C, 0x6E, 0x70]
    assert sheet[20, 20].tolist() == [255, 255, 255]
    assert abs(by_colour - without).mean() > 1


# --- lines out of a picture


@pytest.mark.parametrize("kind", ["canny", "scribble"])
def test_lines_traced_from_a_dropped_picture_are_a_layer_that_the_eraser_edits(
    page: Page, studio: Studio, kind: str
):
    page.click("button.trace")
    drop(page, halves())
    page.click(f".tracing [data-kind={kind}]")
    expect(page.locator(f".tracing [data-kind={kind}]")).to_have_attribute("aria-checked", "true")
    page.locator(".tracing .onto:not([disabled])").click()
    expect(page.locator(".tracing")).to_be_hidden()
    pictured = "inkstone.canvas.drawing().layers.filter(one => one.picture)"
    traced = f"{pictured}.map(one => [one.kind, one.strokes.length])"
    page.wait_for_function(f"{pictured}.length === 1")
    assert page.evaluate(traced) == [["lines", 0]]
    assert (line(page, 30), line(page, 128)) == (True, True)
    tool(page, "eraser")
    page.evaluate("inkstone.canvas.settings.size = 40")
    drag(page, (128, 100), (128, 156))
    assert page.evaluate(traced) == [["lines", 1]], "in the very layer that was traced"
    assert (line(page, 30), line(page, 128)) == (True, False)
    recipe, _ = painted(page, studio)
    sent = given(studio, recipe.controls[0].image)
    assert sent[30, 116:140].max() > 200
    assert sent[128, 116:140].max() == 0, "what she rubbed out does not guide"
    page.keyboard.press("Control+z")
    assert line(page, 128)


def halves() -> bytes:
    """A picture of two halves, whose one line is where they meet."""
    image = Image.new("RGB", (256, 256), "white")
    image.paste((20, 20, 20), (128, 0, 256, 256))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def line(page: Page, row: int) -> bool:
    """Whether the lines that would be sent have one near the middle of a row."""
    lines = exported(page, "lines")
    return lines is not None and int(np.asarray(lines)[row, 116:140].max()) > 200


def drop(page: Page, data: bytes) -> None:
    page.evaluate(
        """data => {
          const bytes = Uint8Array.from(atob(data), one => one.charCodeAt(0)), held = new DataTransfer();
          held.items.add(new File([bytes], "halves.png", { type: "image/png" }));
          document.querySelector(".tracing .look").dispatchEvent(
            new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: held }));
        }""",
        base64.b64encode(data).decode(),
    )
