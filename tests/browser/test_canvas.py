"""The canvas in a real Chromium: pressure, undo, masks, exact exports, and what is there after a reload."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import pytest
from halls import models_folder, page_of, studio_at
from PIL import Image
from playwright.sync_api import Browser, Page

from studio.web import Server

PRESS = """([type, points]) => {
  const sheet = document.querySelector(".c-sheet"), frame = sheet.getBoundingClientRect();
  points.forEach(([x, y, pressure], i) => {
    const name = i === 0 ? "pointerdown" : i === points.length - 1 ? "pointerup" : "pointermove";
    sheet.dispatchEvent(new PointerEvent(name, {
      pointerId: 7, pointerType: type, pressure, clientX: frame.left + frame.width * x, isPrimary: true,
      clientY: frame.top + frame.height * y, bubbles: true, button: 0, buttons: 1,
    }));
  });
}"""
BLOB = """async ([what, w, h]) => {
  const blob = await inkstone.canvas[what](w, h);
  if (!blob) return "";
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return btoa(bytes.reduce((text, one) => text + String.fromCharCode(one), ""));
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("canvas")
    with studio_at(root / "data", models_folder(root / "models")) as studio, page_of(studio) as server:
        yield server


@pytest.fixture
def page(chromium: Browser, server: Server) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(server.url)
    shown(page)
    page.evaluate("inkstone.canvas.clear()")
    page.evaluate("inkstone.canvas.settings.steady = 0")
    yield page
    context.close()
    assert faults == []


def shown(page: Page) -> None:
    page.wait_for_selector("body.ready")
    page.wait_for_function("inkstone.canvas.size")
    page.evaluate("inkstone.tab('sketch')")
    page.wait_for_selector(".c-sheet")
    page.wait_for_timeout(300)


def draw(page: Page, *points: tuple[float, float, float], kind: str = "pen") -> None:
    page.evaluate(PRESS, [kind, [list(point) for point in points]])


def strokes(page: Page, layer: str = "lines") -> list[dict[str, Any]]:
    drawing = page.evaluate("inkstone.canvas.drawing()")
    return next((one["strokes"] for one in drawing["layers"] if one["id"] == layer), [])


def exported(page: Page, what: str, width: int, height: int) -> Image.Image | None:
    data = base64.b64decode(page.evaluate(BLOB, [what, width, height]))
    return Image.open(io.BytesIO(data)) if data else None


RIDGE = ((0.3, 0.5, 0.1), (0.4, 0.45, 0.4), (0.5, 0.5, 0.8), (0.6, 0.45, 1.0), (0.7, 0.5, 0.9))


def test_a_pens_pressure_is_kept_and_makes_the_line_wider(page: Page):
    draw(page, *RIDGE)
    points = strokes(page)[0]["points"]
    pressure = points[2::3]
    assert pressure[0] == 0.1
    assert max(pressure) == 1.0
    lines = exported(page, "lines", 384, 256)
    assert lines
    assert lines.size == (384, 256)
    thick = [sum(lines.convert("L").getpixel((x, y)) > 127 for y in range(256)) for x in (130, 240)]
    assert thick[1] > thick[0]


def test_undo_and_redo_go_across_tools(page: Page):
    draw(page, *RIDGE)
    page.keyboard.press("l")
    draw(page, (0.3, 0.6, 0.5), (0.5, 0.6, 0.5), (0.7, 0.6, 0.5))
    assert [one["mark"] for one in strokes(page)] == ["brush", "line"]
    page.keyboard.press("Control+z")
    assert len(strokes(page)) == 1
    page.keyboard.press("Control+z")
    assert page.evaluate("inkstone.canvas.isEmpty()")
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+Shift+z")
    assert len(strokes(page)) == 2


def test_the_mask_is_white_where_she_veiled_and_nothing_where_she_did_not(page: Page):
    assert exported(page, "mask", 64, 64) is None
    page.keyboard.press("m")
    page.evaluate("inkstone.canvas.settings.size = 60")
    draw(page, (0.45, 0.5, 0.5), (0.5, 0.5, 0.5), (0.55, 0.5, 0.5))
    mask = exported(page, "mask", 256, 256)
    assert mask
    assert mask.convert("L").getpixel((128, 128)) == 255
    assert mask.convert("L").getpixel((5, 5)) == 0
    assert exported(page, "lines", 64, 64) is None


def test_a_fill_stays_inside_of_the_lines(page: Page):
    page.keyboard.press("r")
    draw(page, (0.35, 0.4, 0.5), (0.5, 0.5, 0.5), (0.65, 0.6, 0.5))
    page.locator("[data-open=layers]").click()
    page.locator(".c-layer[data-id=paint] .c-name").click()
    page.evaluate("inkstone.canvas.settings.color = '#b3261e'")
    page.locator(".c-sheet").focus()
    page.locator("[data-tool=fill]").click()
    draw(page, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    colour = exported(page, "colour", 256, 256)
    assert colour
    assert colour.convert("RGB").getpixel((128, 128)) == (0xB3, 0x26, 0x1E)
    assert colour.convert("RGB").getpixel((4, 4)) == (255, 255, 255)


def test_symmetry_draws_every_turn(page: Page):
    page.evaluate("inkstone.canvas.settings.fold = 6")
    draw(page, *RIDGE)
    assert len(strokes(page)) == 6
    page.keyboard.press("Control+z")
    assert page.evaluate("inkstone.canvas.isEmpty()"), "one step for all of them"


def test_a_grown_sheet_tells_the_form(page: Page):
    before = page.evaluate("inkstone.canvas.size()")
    page.evaluate("inkstone.canvas.grow(0, 0, 64, 0)")
    assert page.evaluate("inkstone.canvas.size()") == [before[0] + 64, before[1]]
    page.wait_for_function(
        "w => document.querySelector('#field-width input[type=number]').value === w", arg=str(before[0] + 64)
    )


def test_the_drawing_is_there_again_after_a_reload(page: Page):
    draw(page, *RIDGE)
    page.evaluate("inkstone.canvas.keep()")
    before = page.evaluate("inkstone.canvas.drawing()")
    page.reload()
    shown(page)
    page.wait_for_function("!inkstone.canvas.isEmpty()")
    assert page.evaluate("inkstone.canvas.drawing()") == before


def test_two_fingers_zoom_and_draw_nothing(page: Page):
    before = page.evaluate("inkstone.canvas.view().scale")
    page.evaluate(
        """() => {
      const sheet = document.querySelector(".c-sheet"), frame = sheet.getBoundingClientRect();
      const put = (name, id, x) => sheet.dispatchEvent(new PointerEvent(name, {
        pointerId: id, pointerType: "touch", bubbles: true, pressure: 0.5,
        clientX: frame.left + frame.width * x, clientY: frame.top + frame.height / 2,
      }));
      put("pointerdown", 1, 0.45); put("pointerdown", 2, 0.55);
      put("pointermove", 1, 0.35); put("pointermove", 2, 0.65);
      put("pointerup", 1, 0.35); put("pointerup", 2, 0.65);
    }"""
    )
    assert page.evaluate("inkstone.canvas.view().scale") > 2.5 * before
    assert page.evaluate("inkstone.canvas.isEmpty()")
