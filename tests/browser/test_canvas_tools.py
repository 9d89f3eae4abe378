"""Every tool of the canvas in a painter's hand, in a real Chromium: what then lies on the sheet."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import Any

import pytest
from easel import (
    PUT,
    drag,
    drawing,
    easel_at,
    exported,
    fresh,
    layer,
    pen,
    picture,
    pixels,
    press,
    said,
    same,
    seen,
    strokes,
    tool,
    where,
)
from halls import models_folder, page_of, studio_at
from PIL import Image
from playwright.sync_api import Browser, Page

BLACK, WHITE, RED, BLUE = (0, 0, 0), (255, 255, 255), (0xB3, 0x26, 0x1E), (20, 60, 200)
UNDO = "Control+z"


@pytest.fixture(scope="module")
def easel(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One page for all of these tests; each begins with a fresh sheet."""
    root = tmp_path_factory.mktemp("tools")
    with (
        studio_at(root / "data", models_folder(root / "models")) as studio,
        page_of(studio) as server,
        easel_at(chromium, server) as page,
    ):
        yield page


@pytest.fixture
def page(easel: Page) -> Page:
    fresh(easel)
    easel.evaluate("document.querySelectorAll('.toast').forEach((one) => one.remove())")
    return easel


def png(width: int, height: int, color: tuple[int, int, int] = BLUE) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), color).save(out, "PNG")
    return out.getvalue()


def placed(page: Page) -> dict[str, Any]:
    """Where the picture on the sheet lies, once it is kept."""
    page.wait_for_function("inkstone.canvas.drawing().layers.some((one) => one.picture)")
    return next(one["picture"] for one in drawing(page)["layers"] if one["picture"])


# --- shapes


def test_a_filled_ellipse_is_round_and_an_empty_one_hollow(page: Page):
    tool(page, "ellipse")
    page.keyboard.down("Shift")
    drag(page, (64, 64), (192, 180))
    page.keyboard.up("Shift")
    assert pixels(page, "lines", (128, 64), (64, 128), (192, 128), (128, 192), (128, 128), (66, 66)) == [
        *([WHITE] * 4),
        BLACK,
        BLACK,
    ]
    page.keyboard.press(UNDO)
    page.evaluate("inkstone.canvas.settings.filled = true")
    drag(page, (64, 96), (192, 160))
    area = sum(one > 127 for one in exported(page, "lines").convert("L").getdata())  # type: ignore[union-attr]
    assert area == pytest.approx(math.pi * 64 * 32, rel=0.02)


def test_a_rectangle_and_a_line_lie_where_they_were_drawn(page: Page):
    tool(page, "rectangle")
    drag(page, (40, 60), (120, 100))
    tool(page, "line")
    page.keyboard.down("Shift")
    drag(page, (40, 200), (200, 207))
    page.keyboard.up("Shift")
    assert pixels(
        page, "lines", (40, 80), (120, 80), (80, 60), (80, 100), (80, 80), (120, 200), (198, 200), (198, 207)
    ) == [
        *([WHITE] * 4),
        BLACK,
        WHITE,
        WHITE,
        BLACK,
    ]


def test_the_lasso_fills_what_it_goes_around_and_alt_cuts_out(page: Page):
    layer(page, "paint")
    tool(page, "lasso")
    drag(page, (60, 60), (200, 60), (200, 200), (60, 200))
    page.keyboard.down("Alt")
    drag(page, (100, 100), (160, 100), (160, 160), (100, 160))
    page.keyboard.up("Alt")
    assert pixels(page, "colour", (80, 80), (190, 190), (130, 130), (30, 30)) == [RED, RED, WHITE, WHITE]
    page.keyboard.press(UNDO)
    assert pixels(page, "colour", (130, 130)) == [RED]


def test_a_press_without_a_way_leaves_nothing_but_the_brushs_dot(page: Page):
    for name in ("lasso", "line", "rectangle", "ellipse"):
        tool(page, name)
        press(page, (128, 128))
    assert page.evaluate("inkstone.canvas.isEmpty()")
    tool(page, "brush")
    press(page, (128, 128))
    assert pixels(page, "lines", (128, 128)) == [WHITE]


def test_what_lies_wholly_beside_the_sheet_is_no_stroke(page: Page):
    drag(page, (40, -30), (120, -20))
    assert page.evaluate("inkstone.canvas.isEmpty()")
    drag(page, (40, -30), (120, 20))
    assert len(strokes(page)) == 1


# --- the hand


def test_the_brushs_softness_fades_towards_its_rim_and_its_opacity_lets_paper_through(page: Page):
    layer(page, "paint")
    page.evaluate("Object.assign(inkstone.canvas.settings, { size: 60, softness: 1 })")
    pen(page, (40, 128, 1), (128, 128, 1), (216, 128, 1))
    middle, half, rim = (one[1] for one in pixels(page, "colour", (128, 128), (128, 148), (128, 166)))
    assert middle < half < rim <= 255
    fresh(page, opacity=0.5, size=40)
    layer(page, "paint")
    drag(page, (40, 128), (216, 128))
    assert pixels(page, "colour", (128, 128))[0] == pytest.approx([(one + 255) / 2 for one in RED], abs=2)


def test_the_eraser_takes_away_what_is_on_its_own_layer_only(page: Page):
    page.evaluate("inkstone.canvas.settings.size = 30")
    drag(page, (40, 128), (216, 128))
    layer(page, "paint")
    drag(page, (40, 128), (216, 128))
    tool(page, "eraser")
    drag(page, (128, 80), (128, 180))
    assert pixels(page, "colour", (128, 128), (60, 128)) == [WHITE, RED]
    assert pixels(page, "lines", (128, 128)) == [WHITE], "the lines above it are as they were"


def test_a_steady_hand_draws_a_straighter_line_that_ends_where_the_hand_did(page: Page):
    shaky = [(40 + 4 * n, 128 + (9 if n % 2 else -9)) for n in range(45)]

    def wobble() -> float:
        points = strokes(page)[0]["points"]
        heights = points[1::3][10:-5]
        return max(heights) - min(heights)

    drag(page, *shaky, steps=1)
    loose = wobble()
    fresh(page, steady=0.85)
    drag(page, *shaky, steps=1)
    assert wobble() < loose / 3
    assert strokes(page)[0]["points"][-3:-1] == pytest.approx(shaky[-1], abs=1.5)


def test_the_picker_takes_the_colour_that_is_seen_and_gives_the_tool_back(page: Page):
    layer(page, "paint")
    tool(page, "rectangle")
    page.evaluate("inkstone.canvas.settings.filled = true")
    drag(page, (40, 40), (120, 120))
    page.evaluate("inkstone.canvas.settings.color = '#000000'")
    tool(page, "pick")
    press(page, (80, 80))
    assert page.evaluate("inkstone.canvas.settings.color") == "#b3261e"
    assert page.locator(".c-tools [data-tool=rectangle]").get_attribute("aria-pressed") == "true"
    tool(page, "brush")
    page.keyboard.down("Alt")
    press(page, (200, 200))
    page.keyboard.up("Alt")
    assert page.evaluate("inkstone.canvas.settings.color") == "#ffffff"
    assert len(strokes(page, "paint")) == 1, "picking draws nothing"


@pytest.mark.parametrize("masked", [False, True])
def test_a_colour_taken_in_hand_paints_wherever_it_was_chosen(page: Page, masked: bool):
    if masked:
        page.locator("[data-act=mask]").click()
    page.locator("[data-open=color]").click()
    page.locator(".c-color").fill("#2f5d8a")
    page.evaluate("inkstone.canvas.settings.size = 40")
    drag(page, (40, 128), (216, 128))
    assert pixels(page, "colour", (128, 128)) == [(0x2F, 0x5D, 0x8A)]


# --- copies


def test_seamless_tile_lets_a_stroke_that_leaves_come_in_at_the_other_side(page: Page):
    page.locator("[data-open=more]").click()
    page.locator("[data-act=wrap]").click()
    page.locator("[data-open=more]").click()
    page.evaluate("inkstone.canvas.settings.size = 24")
    drag(page, (240, 100), (262, 100))
    drag(page, (100, 250), (140, 258))
    lines = exported(page, "lines")
    assert lines
    assert lines.getpixel((2, 100)) == lines.getpixel((253, 100)) == WHITE
    assert lines.getpixel((135, 2)) == lines.getpixel((135, 253)) == WHITE
    across = [lines.getpixel((255, y))[0] - lines.getpixel((0, y))[0] for y in range(256)]  # type: ignore[index]
    assert max(map(abs, across)) < 200, "no seam: the columns at both edges are neighbours"
    page.keyboard.press(UNDO)
    page.keyboard.press(UNDO)
    assert page.evaluate("inkstone.canvas.isEmpty()"), "a stroke and its copies are one step"


def test_mirrored_symmetry_draws_both_halves(page: Page):
    page.locator("[data-open=more]").click()
    page.locator(".c-fold").select_option("2")
    page.locator("[data-open=more]").click()
    drag(page, (60, 60), (60, 200))
    assert pixels(page, "lines", (60, 128), (196, 128), (128, 128)) == [WHITE, WHITE, BLACK]


# --- the view


def test_what_is_drawn_lies_under_the_pen_mirrored_turned_and_zoomed(page: Page):
    page.locator("[data-act=mirror]").click()
    page.mouse.move(*where(page, (128, 128))[0])
    page.keyboard.down("Shift")
    page.mouse.wheel(0, 400)
    page.keyboard.up("Shift")
    page.mouse.wheel(0, -150)
    view = page.evaluate("inkstone.canvas.view()")
    assert view["mirror"]
    assert abs(view["angle"]) > 0.3
    drag(page, (100, 100), (150, 140))
    points = strokes(page)[0]["points"]
    assert [*points[:2], *points[-3:-1]] == pytest.approx([100, 100, 150, 140], abs=1.5)
    assert max(seen(page, (125, 120))[0]) < 90, "and is seen there"
    page.locator("[data-act=fit]").click()
    now = page.evaluate("inkstone.canvas.view()")
    assert (now["angle"], now["mirror"]) == (0, True)
    page.locator("[data-act=mirror]").click()


@pytest.mark.parametrize("turned", [0, 400])
def test_a_stroke_over_dark_ground_leaves_no_pale_rim_around_itself(page: Page, turned: int):
    page.evaluate("inkstone.canvas.settings.size = 200")
    pen(page, (20, 128, 1), (236, 128, 1))
    page.mouse.move(*where(page, (128, 128))[0])
    page.keyboard.down("Shift")
    page.mouse.wheel(0, turned)
    page.keyboard.up("Shift")
    page.evaluate("inkstone.canvas.settings.size = 6")
    for n in range(5):
        drag(page, (90 + n * 7.3, 90 + n * 5.7), (150 + n * 3.1, 130 + n * 4.3))
    grid = [(x, y) for x in range(80, 185, 1) for y in range(80, 165, 1)]
    assert max(max(one) for one in seen(page, *grid)) <= 0x1D + 2


def test_space_and_the_hand_move_the_sheet_and_leave_it_clean(page: Page):
    drag(page, (20, 20), (60, 20))
    page.locator("[data-act=fit]").click()
    before = page.evaluate("inkstone.canvas.view()")
    page.keyboard.down(" ")
    drag(page, (100, 100), (120, 130))
    page.keyboard.up(" ")
    middle = page.evaluate("inkstone.canvas.view()")
    assert middle["x"] == pytest.approx(before["x"] + 20 * before["scale"], abs=1)
    tool(page, "pan")
    drag(page, (120, 130), (100, 100))
    after = page.evaluate("inkstone.canvas.view()")
    assert [after["x"], after["y"]] == pytest.approx([before["x"], before["y"]], abs=1)
    assert len(strokes(page)) == 1


def test_full_screen_fills_the_window_still_draws_and_still_speaks(page: Page):
    page.locator("[data-act=full]").click()
    page.wait_for_function("document.querySelector('.canvas').getBoundingClientRect().top === 0")
    box = page.locator(".canvas").bounding_box()
    assert box
    assert [box["width"], box["height"]] == page.evaluate("[innerWidth, innerHeight]")
    drag(page, (40, 40), (200, 200))
    assert len(strokes(page)) == 1
    tool(page, "move")
    press(page, (128, 128))
    toast = page.locator(".toast").last
    assert "picture" in toast.inner_text()
    toast.get_by_role("button").click(timeout=3000)
    assert toast.count() == 0, "it lay before the sheet, not behind it"
    page.locator("[data-act=full]").click()
    page.wait_for_function("document.querySelector('.canvas').getBoundingClientRect().top > 0")


# --- pictures


def test_a_pasted_picture_brings_its_proportions_to_an_empty_sheet(page: Page):
    page.locator(".c-sheet").focus()
    picture(page, png(120, 60), "paste")
    assert placed(page)["image"]
    width, height = page.evaluate("inkstone.canvas.size()")
    assert width / height == pytest.approx(2, rel=0.05)
    assert set(pixels(page, "colour", (5, 5), (width - 5, height - 5))) == {BLUE}
    page.keyboard.press(UNDO)
    assert page.evaluate("inkstone.canvas.size()") == [256, 256]


def test_a_dropped_picture_is_moved_and_scaled_and_each_is_one_step(page: Page):
    drag(page, (20, 20), (60, 20))
    picture(page, png(128, 128), "drop")
    start = placed(page)
    assert (start["x"], start["y"], start["width"]) == (0, 0, 256)
    tool(page, "move")
    drag(page, (128, 128), (168, 158))
    assert (placed(page)["x"], placed(page)["y"]) == pytest.approx((40, 30), abs=1)
    assert pixels(page, "colour", (20, 128), (200, 200)) == [WHITE, BLUE]
    drag(page, (40, 30), (168, 158))
    assert placed(page)["width"] == pytest.approx(128, abs=2), "its low right corner stayed where it was"
    assert pixels(page, "colour", (150, 150), (200, 200)) == [WHITE, BLUE]
    press(page, (220, 220))
    page.keyboard.press(UNDO)
    assert placed(page)["width"] == 256, "a press without a way is no step"
    page.keyboard.press(UNDO)
    assert placed(page)["x"] == 0


def test_lines_that_were_found_in_a_picture_can_be_moved_too(page: Page):
    page.evaluate(
        """async () => {
      const sheet = document.createElement("canvas");
      [sheet.width, sheet.height] = [256, 256];
      const ink = sheet.getContext("2d");
      ink.fillRect(0, 0, 256, 256);
      ink.fillStyle = "#fff";
      ink.fillRect(100, 100, 20, 20);
      await inkstone.canvas.take(await new Promise((done) => sheet.toBlob(done)), "lines");
    }"""
    )
    placed(page)
    assert pixels(page, "lines", (110, 110)) == [WHITE]
    tool(page, "move")
    drag(page, (128, 128), (178, 128))
    assert pixels(page, "lines", (110, 110), (160, 110)) == [BLACK, WHITE]


def test_a_locked_picture_stays_and_says_why(page: Page):
    drag(page, (20, 20), (60, 20))
    picture(page, png(128, 128), "drop")
    placed(page)
    page.locator("[data-open=layers]").click()
    page.locator(".c-layer[data-id=picture] .c-lock").click()
    page.locator("[data-open=layers]").click()
    tool(page, "move")
    before = drawing(page)
    drag(page, (128, 128), (168, 158))
    assert same(page, before)
    assert any("locked" in one for one in said(page))


# --- layers


def test_layers_lie_in_their_order_with_their_opacity(page: Page):
    layer(page, "paint")
    page.evaluate("inkstone.canvas.settings.size = 60")
    drag(page, (40, 128), (216, 128))
    page.locator("[data-open=layers]").click()
    page.locator("[data-act=add-paint]").click()
    page.evaluate("inkstone.canvas.settings.color = '#143cc8'")
    page.locator("[data-open=layers]").click()
    drag(page, (128, 40), (128, 216))
    assert pixels(page, "colour", (128, 128)) == [BLUE]
    page.locator("[data-open=layers]").click()
    page.locator(".c-layer[data-id=paint2] .c-down").click()
    assert pixels(page, "colour", (128, 128)) == [RED]
    page.locator(".c-layer[data-id=paint2] .c-up").click()
    page.locator(".c-layer[data-id=paint2] .c-opacity").fill("50")
    mixed = [(red + blue) / 2 for red, blue in zip(RED, BLUE, strict=True)]
    assert pixels(page, "colour", (128, 128))[0] == pytest.approx(mixed, abs=3)
    page.locator(".c-layer[data-id=paint2] .c-hide").click()
    assert pixels(page, "colour", (128, 128), (128, 60)) == [RED, WHITE]
    for _ in range(4):
        page.keyboard.press(UNDO)
    assert pixels(page, "colour", (128, 128)) == [BLUE]


def test_lines_that_are_faded_look_so_in_the_exported_drawing_and_guide_in_full(page: Page):
    page.evaluate("inkstone.canvas.settings.size = 60")
    drag(page, (40, 128), (216, 128))
    page.locator("[data-open=layers]").click()
    page.locator(".c-layer[data-id=lines] .c-opacity").fill("40")
    assert pixels(page, "lines", (128, 128)) == [WHITE]
    assert pixels(page, "export", (128, 128))[0] == pytest.approx(seen(page, (60, 128))[0], abs=3)


def test_a_locked_layer_takes_no_stroke_and_says_so(page: Page):
    page.locator("[data-open=layers]").click()
    page.locator(".c-layer[data-id=lines] .c-lock").click()
    page.locator("[data-open=layers]").click()
    drag(page, (40, 40), (200, 40))
    assert page.evaluate("inkstone.canvas.isEmpty()")
    assert any("locked" in one for one in said(page))
    page.locator("[data-open=layers]").click()
    page.locator(".c-layer[data-id=lines] .c-unlock").click()
    page.locator("[data-open=layers]").click()
    drag(page, (40, 40), (200, 40))
    assert len(strokes(page)) == 1


def test_when_the_chosen_layer_goes_another_of_its_kind_takes_the_next_stroke(page: Page):
    page.locator("[data-open=layers]").click()
    page.locator("[data-act=add-lines]").click()
    page.locator(".c-layer[data-id=lines2] .c-delete").click()
    page.locator("[data-open=layers]").click()
    drag(page, (40, 40), (200, 40))
    assert len(strokes(page, "lines")) == 1
    page.keyboard.press(UNDO)
    page.keyboard.press(UNDO)
    page.keyboard.press(UNDO)
    drag(page, (40, 80), (200, 80))
    assert len(strokes(page, "lines")) == 1, "not the mask, because its layer was undone"


def test_a_layer_is_chosen_by_a_click_and_named_by_another(page: Page):
    page.locator("[data-open=layers]").click()
    name = page.locator(".c-layer[data-id=paint] .c-name")
    name.click()
    assert name.evaluate("(one) => one.readOnly"), "a phone's keyboard stays away"
    name.click()
    page.keyboard.type("Far hills")
    page.keyboard.press("Enter")
    assert next(one["name"] for one in drawing(page)["layers"] if one["id"] == "paint") == "Far hills"
    assert page.locator(".c-now").inner_text() == "Far hills"


# --- history


def test_two_hundred_steps_of_many_tools_go_back_to_the_same_pixels_and_forth(page: Page):
    layer(page, "paint")
    kinds = ["brush", "eraser", "line", "rectangle", "ellipse", "lasso"]
    work = []
    for n in range(200):
        x, y = 20 + (n * 37) % 200, 20 + (n * 61) % 200
        work.append([kinds[n % 6], [(x, y), (x + 15, y + 4), (x + 6, y + 14)]])
    there = iter(where(page, *[point for _, points in work for point in points]))
    work = [[name, [next(there) for _ in points]] for name, points in work]

    def draw(part: list[list[Any]]) -> bytes:
        page.evaluate(
            f"""work => work.forEach(([tool, [a, b, c]]) => {{
          inkstone.canvas.settings.tool = tool;
          const way = [["down", a, 0.6], ["move", b, 0.8], ["move", c, 0.5], ["up", c, 0]];
          ({PUT})(way.map(([name, at, pressure]) => [name, 7, "pen", ...at, pressure]));
        }})""",
            part,
        )
        return painted()

    def painted() -> bytes:
        colour = exported(page, "colour")
        assert colour
        return colour.tobytes()

    early, late = draw(work[:63]), draw(work[63:])
    assert len(strokes(page, "paint")) == 200
    back, forth = (
        f"n => {{ for (let i = 0; i < n; i += 1) inkstone.canvas.{one}(); }}" for one in ("undo", "redo")
    )
    page.evaluate(back, 137)
    assert painted() == early
    page.evaluate(back, 63)
    assert page.evaluate("inkstone.canvas.isEmpty()")
    page.evaluate(forth, 200)
    assert painted() == late


# --- growing


def test_growing_without_an_edge_says_what_to_do(page: Page):
    page.locator("[data-open=grow]").click()
    page.locator("[data-edge=right]").click()
    page.locator("[data-act=grow]").click()
    assert said(page) == ["Choose at least one side first: left, top, right or bottom."]
    assert page.evaluate("inkstone.canvas.size()") == [256, 256]
    page.locator("[data-edge=right]").click()
    page.locator("[data-edge=top]").click()
    page.locator(".c-by").select_option("64")
    page.locator("[data-act=grow]").click()
    assert page.evaluate("inkstone.canvas.size()") == [320, 320]
    page.locator("[data-edge=top]").click()
    page.keyboard.press("Escape")
    page.keyboard.press(UNDO)


def test_a_fresh_sheet_keeps_her_at_what_the_tab_is_for(page: Page):
    page.evaluate("inkstone.tab('img2img')")
    page.evaluate("inkstone.canvas.settings.size = 60")
    drag(page, (40, 128), (216, 128))
    page.locator("[data-act=clear]").click()
    drag(page, (40, 128), (216, 128))
    assert pixels(page, "colour", (128, 128)) == [RED]
    page.evaluate("inkstone.tab('sketch')")
    drag(page, (40, 60), (216, 60))
    assert pixels(page, "lines", (128, 60)) == [WHITE]
