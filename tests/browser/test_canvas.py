"""The canvas in a real Chromium: pressure, undo, masks, exact exports, and what is there after a reload."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from easel import drawing, easel_at, exported, fresh, layer, pen, shown, strokes, tool
from halls import models_folder, page_of, studio_at
from playwright.sync_api import Browser, Page, Route

from studio.web import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("canvas")
    with studio_at(root / "data", models_folder(root / "models")) as studio, page_of(studio) as server:
        yield server


@pytest.fixture(scope="module")
def easel(chromium: Browser, server: Server) -> Iterator[Page]:
    with easel_at(chromium, server) as page:
        yield page


@pytest.fixture
def page(easel: Page) -> Page:
    fresh(easel)
    return easel


RIDGE = ((60, 128, 0.1), (95, 116, 0.4), (128, 128, 0.8), (160, 116, 1.0), (195, 128, 0.9))


def test_a_pens_pressure_is_kept_and_makes_the_line_wider(page: Page):
    pen(page, *RIDGE)
    pressure = strokes(page)[0]["points"][2::3]
    assert pressure[0] == 0.1
    assert max(pressure) == 1.0
    lines = exported(page, "lines", 384, 256)
    assert lines
    assert lines.size == (384, 256)
    thick = [sum(lines.convert("L").getpixel((x, y)) > 127 for y in range(256)) for x in (102, 282)]  # type: ignore[operator]
    assert thick[1] > thick[0]


def test_undo_and_redo_go_across_tools(page: Page):
    pen(page, *RIDGE)
    page.keyboard.press("l")
    pen(page, (60, 150, 0.5), (128, 150, 0.5), (195, 150, 0.5))
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
    pen(page, (110, 128, 0.5), (128, 128, 0.5), (145, 128, 0.5))
    mask = exported(page, "mask", 256, 256)
    assert mask
    assert mask.getpixel((128, 128)) == (255, 255, 255)
    assert mask.getpixel((5, 5)) == (0, 0, 0)
    assert exported(page, "lines", 64, 64) is None


def test_a_fill_stays_inside_of_the_lines(page: Page):
    page.keyboard.press("r")
    pen(page, (77, 100, 0.5), (128, 128, 0.5), (179, 156, 0.5))
    layer(page, "paint")
    tool(page, "fill")
    pen(page, (128, 128, 0.5), (128, 128, 0.5))
    colour = exported(page, "colour", 256, 256)
    assert colour
    assert colour.getpixel((128, 128)) == (0xB3, 0x26, 0x1E)
    assert colour.getpixel((4, 4)) == (255, 255, 255)


def test_symmetry_draws_every_turn(page: Page):
    page.evaluate("inkstone.canvas.settings.fold = 6")
    pen(page, *RIDGE)
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
    page.keyboard.press("Control+z")


def test_the_drawing_is_there_again_after_a_reload(page: Page):
    pen(page, *RIDGE)
    page.evaluate("inkstone.canvas.keep()")
    before = drawing(page)
    page.reload()
    shown(page)
    page.wait_for_function("!inkstone.canvas.isEmpty()")
    assert drawing(page) == before


def test_a_large_drawing_loses_nothing_when_the_page_is_left_at_once(page: Page):
    page.evaluate("inkstone.canvas.settings.tool = 'brush'")
    page.evaluate("inkstone.canvas.settings.fold = 8")
    for n in range(20):
        pen(page, *[(60 + 2 * (n + m) % 136, 60 + (5 * n + 3 * m) % 136, 0.5 + m / 100) for m in range(50)])
    before = drawing(page)
    assert sum(len(one["points"]) for one in strokes(page)) > 20_000, (
        "more than a page may send while it is left"
    )
    page.reload()
    shown(page)
    page.wait_for_function("!inkstone.canvas.isEmpty()")
    assert drawing(page) == before


def test_what_is_drawn_before_the_kept_drawing_arrives_lies_over_it(page: Page):
    pen(page, *RIDGE)
    page.evaluate("inkstone.canvas.keep()")
    slow: list[Route] = []
    page.route(re.compile("/studio/drawing.tab="), lambda route: slow.append(route))
    page.reload()
    shown(page)
    pen(page, (60, 200, 0.5), (128, 200, 0.5), (195, 200, 0.5))
    assert len(strokes(page)) == 1
    page.wait_for_timeout(1300)
    slow[0].continue_()
    page.wait_for_function("inkstone.canvas.drawing().layers.some((one) => one.strokes.length === 2)")
    assert [one["points"][1] for one in strokes(page)] == pytest.approx([128, 200], abs=1)
    page.unroute_all()


def test_in_img2img_a_drawing_comes_back_with_paint_in_her_hand(page: Page):
    page.evaluate("inkstone.tab('img2img')")
    pen(page, *RIDGE)
    page.evaluate("inkstone.canvas.keep()")
    page.reload()
    page.wait_for_selector("body.ready")
    page.wait_for_function("inkstone.canvas.size && !inkstone.canvas.isEmpty()")
    assert page.evaluate("inkstone.tab.now()") == "img2img"
    pen(page, (60, 200, 0.5), (128, 200, 0.5))
    assert len(strokes(page, "paint")) == 2
    page.evaluate("inkstone.tab('sketch')")
