"""Hands on the canvas: fingers, a pen among them, and the keyboard alone; on a desktop and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from easel import drag, drawing, easel_at, fresh, pen, pixels, put, said, same, strokes, tool, where
from halls import models_folder, page_of, studio_at
from playwright.sync_api import Browser, Page

from studio.web import Server

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("hands")
    with studio_at(root / "data", models_folder(root / "models")) as studio, page_of(studio) as server:
        yield server


@pytest.fixture(scope="module")
def desk(chromium: Browser, server: Server) -> Iterator[Page]:
    with easel_at(chromium, server) as page:
        yield page


@pytest.fixture(scope="module")
def phone(chromium: Browser, server: Server) -> Iterator[Page]:
    with easel_at(chromium, server, phone=True) as page:
        yield page


@pytest.fixture
def page(desk: Page) -> Page:
    fresh(desk)
    return desk


@pytest.fixture
def hand(phone: Page) -> Page:
    """The page on a phone that no pen has touched yet."""
    fresh(phone)
    return phone


def fingers(page: Page, *ways: list[tuple[float, float]], lift: bool = True) -> None:
    """Real touches: each finger goes its way, all at once, in pixels of the sheet."""
    devtools = page.context.new_cdp_session(page)
    there = [where(page, *way) for way in ways]

    def send(kind: str, at: int) -> None:
        points = [{"x": way[at][0], "y": way[at][1], "id": n} for n, way in enumerate(there)]
        devtools.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [] if kind == "touchEnd" else points}
        )

    send("touchStart", 0)
    for at in range(1, len(there[0])):
        send("touchMove", at)
    if lift:
        send("touchEnd", 0)
    devtools.detach()


def path(*points: tuple[float, float], steps: int = 5) -> list[tuple[float, float]]:
    found = [points[0]]
    for (x0, y0), (x1, y1) in pairwise(points):
        found += [(x0 + (x1 - x0) * n / steps, y0 + (y1 - y0) * n / steps) for n in range(1, steps + 1)]
    return found


# --- fingers


def test_one_finger_draws_on_a_phone(hand: Page):
    fingers(hand, path((60, 60), (200, 160)))
    assert len(strokes(hand)) == 1
    assert pixels(hand, "lines", (130, 110)) == [(255, 255, 255)]


def test_two_fingers_zoom_turn_and_move_the_sheet_and_draw_nothing(hand: Page):
    before = hand.evaluate("inkstone.canvas.view()")
    fingers(hand, path((110, 128), (60, 100)), path((146, 128), (196, 156)))
    after = hand.evaluate("inkstone.canvas.view()")
    assert after["scale"] > 2 * before["scale"]
    assert after["angle"] == pytest.approx(0.39, abs=0.1)
    assert hand.evaluate("inkstone.canvas.isEmpty()")
    fingers(hand, path((110, 128), (160, 128)), path((146, 128), (196, 128)))
    assert hand.evaluate("inkstone.canvas.view().x") > after["x"] + 20


def test_a_tap_of_two_fingers_takes_back_and_of_three_brings_again(hand: Page):
    fingers(hand, path((60, 60), (200, 60)))
    fingers(hand, path((60, 90), (200, 90)))
    fingers(hand, [(100, 128)], [(140, 128)])
    assert len(strokes(hand)) == 1
    fingers(hand, [(100, 128)], [(140, 128)], [(170, 128)])
    assert len(strokes(hand)) == 2


def test_two_fingers_that_stay_take_nothing_back(hand: Page):
    fingers(hand, path((60, 60), (200, 60)))
    fingers(hand, [(100, 128)], [(140, 128)], lift=False)
    hand.wait_for_timeout(500)
    fingers(hand, [(100, 128)], [(140, 128)])
    assert len(strokes(hand)) == 1


def test_a_second_finger_does_not_take_back_a_stroke_that_is_well_under_way(hand: Page):
    put(hand, "down", 1, "touch", (40, 40))
    for n in range(30):
        put(hand, "move", 1, "touch", (40 + 4 * n, 40 + 3 * n))
    hand.wait_for_timeout(450)
    put(hand, "down", 2, "touch", (220, 220))
    put(hand, "move", 1, "touch", (200, 160))
    put(hand, "up", 2, "touch", (220, 220))
    put(hand, "up", 1, "touch", (200, 160))
    assert len(strokes(hand)) == 1
    assert strokes(hand)[0]["points"][-3:-1] == pytest.approx([200, 160], abs=2)


# --- a pen and the hand that holds it


def test_a_palm_beside_the_pen_neither_draws_nor_ends_its_stroke_nor_moves_the_sheet(page: Page):
    view = page.evaluate("inkstone.canvas.view()")
    pen(page, (40, 40, 0.5), (80, 60, 0.6), lift=False)
    for palm in (21, 22, 23):
        put(page, "down", palm, "touch", (150 + 5 * palm % 30, 200))
        put(page, "move", palm, "touch", (160 + 5 * palm % 30, 205))
    put(page, "move", 7, "pen", (120, 80), 0.7)
    put(page, "up", 7, "pen", (120, 80), 0)
    for palm in (21, 22, 23):
        put(page, "up", palm, "touch", (160, 205))
    assert len(strokes(page)) == 1, "neither undone by the tap of a palm nor broken off"
    assert strokes(page)[0]["points"][-3:-1] == pytest.approx([120, 80], abs=2)
    assert page.evaluate("inkstone.canvas.view()") == view


def test_a_palm_that_comes_before_the_pen_leaves_no_mark(page: Page):
    put(page, "down", 31, "touch", (200, 200))
    put(page, "move", 31, "touch", (205, 203))
    pen(page, (40, 40, 0.5), (80, 60, 0.6))
    put(page, "up", 31, "touch", (205, 203))
    assert len(strokes(page)) == 1
    assert strokes(page)[0]["points"][0] == pytest.approx(40, abs=1)


def test_beside_a_pen_a_single_finger_moves_the_sheet(page: Page):
    pen(page, (40, 40, 0.5), (80, 60, 0.6))
    page.wait_for_timeout(550)
    before = page.evaluate("inkstone.canvas.view().x")
    put(page, "down", 41, "touch", (100, 100))
    put(page, "move", 41, "touch", (130, 100))
    put(page, "up", 41, "touch", (130, 100))
    assert page.evaluate("inkstone.canvas.view().x") > before + 10
    assert len(strokes(page)) == 1


def test_a_pens_stroke_that_the_system_breaks_off_is_kept_and_the_next_pen_draws(page: Page):
    pen(page, (40, 40, 0.5), (80, 60, 0.6), (120, 40, 0.6), lift=False)
    put(page, "cancel", 7, "pen", (0, 0), 0)
    assert len(strokes(page)) == 1
    pen(page, (40, 140, 0.5), (80, 160, 0.6), pointer=8, lift=False)
    put(page, "move", 8, "pen", (110, 160), 0.6)
    page.locator(".c-sheet").dispatch_event("lostpointercapture", {"pointerId": 8, "pointerType": "pen"})
    pen(page, (40, 200, 0.5), (80, 210, 0.6), pointer=9)
    assert len(strokes(page)) == 3


def test_a_second_finger_puts_back_what_the_first_began_to_move(hand: Page):
    hand.evaluate(
        """async () => {
      const sheet = document.createElement("canvas");
      [sheet.width, sheet.height] = [256, 256];
      sheet.getContext("2d").fillRect(0, 0, 256, 256);
      await inkstone.canvas.take(await new Promise((done) => sheet.toBlob(done)));
    }"""
    )
    hand.wait_for_function("inkstone.canvas.drawing().layers.some((one) => one.picture)")
    tool(hand, "move")
    before = drawing(hand)
    put(hand, "down", 1, "touch", (100, 100))
    put(hand, "move", 1, "touch", (150, 150))
    put(hand, "down", 2, "touch", (180, 180))
    put(hand, "up", 1, "touch", (150, 150))
    put(hand, "up", 2, "touch", (180, 180))
    hand.evaluate("inkstone.canvas.redo()")
    assert same(hand, before)


# --- the keyboard alone


def focused(page: Page) -> dict[str, Any]:
    return page.evaluate(
        """() => {
      const one = document.activeElement, style = getComputedStyle(one), label = one.closest("label");
      const { tool = "", act = "", open = "", part = "" } = one.dataset;
      return {
        tool, act, open, part,
        name: one.getAttribute("aria-label") || (label ?? one).textContent.trim(),
        ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1,
      };
    }"""
    )


def test_every_control_is_reached_by_tab_has_a_name_and_shows_where_the_keyboard_is(page: Page):
    page.locator(".c-tools [data-tool=brush]").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    found = [focused(page)]
    assert found[0]["tool"] == "brush", "one stop for all tools: the one in her hand"
    while page.evaluate("document.activeElement.closest('.canvas') !== null") and len(found) < 40:
        found.append(focused(page))
        page.keyboard.press("Tab")
    assert all(one["name"] for one in found), found
    assert all(one["ring"] for one in found), [one for one in found if not one["ring"]]
    reached = {one["act"] or one["open"] for one in found}
    assert {
        "mask",
        "color",
        "more",
        "redo",
        "in",
        "out",
        "fit",
        "mirror",
        "picture",
        "grow",
        "clear",
        "export",
        "full",
        "layers",
    } - {"redo"} <= reached


def test_arrows_go_through_the_tools_and_space_takes_one(page: Page):
    page.locator(".c-tools [data-tool=brush]").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    assert focused(page)["tool"] == "ellipse"
    page.keyboard.press(" ")
    assert page.evaluate("inkstone.canvas.settings.tool") == "ellipse"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.evaluate("inkstone.canvas.settings.tool") == "rectangle"
    drag(page, (60, 60), (200, 200))
    assert len(strokes(page)) == 1


def test_layers_are_worked_without_a_mouse(page: Page):
    drag(page, (60, 60), (200, 60))
    page.locator(".c-sheet").focus()
    page.keyboard.press("Tab")
    while focused(page)["open"] != "layers":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert focused(page)["part"] == "name", "the keyboard goes on in what has opened"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert focused(page)["part"] == "seen", "and stays where it was when the list is made anew"
    assert next(one["hidden"] for one in drawing(page)["layers"] if one["id"] == "lines")
    page.locator(".c-layer[data-id=lines] .c-opacity").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert focused(page)["part"] == "opacity"
    assert next(one["opacity"] for one in drawing(page)["layers"] if one["id"] == "lines") == pytest.approx(
        0.97
    )
    page.keyboard.press("Escape")
    assert focused(page)["open"] == "layers"
    assert page.locator("[data-pop=layers]").is_hidden()
    page.keyboard.press("Control+z")
    assert next(one["opacity"] for one in drawing(page)["layers"] if one["id"] == "lines") == pytest.approx(
        0.98
    )


def test_grow_is_told_by_keyboard_what_it_lacks(page: Page):
    page.locator("[data-open=grow]").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.locator("[data-edge=right]").press("Enter")
    page.locator("[data-act=grow]").press("Enter")
    assert "Choose at least one side" in said(page)[-1]
    page.locator("[data-edge=right]").press("Enter")
    page.keyboard.press("Escape")
    assert focused(page)["open"] == "grow"


# --- a phone


def test_on_a_phone_what_she_needs_most_is_in_sight_and_large_enough(hand: Page):
    hand.evaluate("scrollTo(0, 0)")
    for one in (
        "[data-tool=brush]",
        "[data-act=mask]",
        "[data-open=color]",
        "[data-act=undo]",
        "[data-open=layers]",
    ):
        spot = hand.locator(f".canvas {one}").first.bounding_box()
        assert spot, one
        assert min(spot["width"], spot["height"]) >= 38, one
        at = [spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2]
        assert hand.evaluate(
            "([x, y, one]) => document.elementFromPoint(x, y)?.closest(one) !== null", [*at, f".canvas {one}"]
        ), f"{one} is covered or out of sight"


def test_on_a_phone_sliders_say_what_they_are_for(hand: Page):
    assert hand.get_by_label("Size").first.is_visible()
    assert hand.get_by_label("Opacity").first.is_visible()
