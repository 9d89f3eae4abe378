"""The page's canvas for tests: mouse, pen and finger in pixels of the sheet, and what came of them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page

from studio.web import Server

# Where a pixel of the sheet lies in the window, as the sheet is looked at now.
WHERE = """(points) => {
  const view = inkstone.canvas.view(), [w, h] = inkstone.canvas.size();
  const frame = document.querySelector(".c-sheet").getBoundingClientRect();
  const cos = Math.cos(view.angle) * view.scale, sin = Math.sin(view.angle) * view.scale;
  const flip = view.mirror ? -1 : 1;
  return points.map(([x, y]) => {
    const [dx, dy] = [(x - w / 2) * flip, y - h / 2];
    return [frame.left + view.x + cos * dx - sin * dy, frame.top + view.y + sin * dx + cos * dy];
  });
}"""
PUT = """(events) => {
  const sheet = document.querySelector(".c-sheet");
  for (const [name, pointerId, pointerType, clientX, clientY, pressure] of events) {
    const at = { clientX, clientY, pressure, bubbles: true, buttons: 1, isPrimary: true };
    sheet.dispatchEvent(new PointerEvent(`pointer${name}`, { pointerId, pointerType, ...at }));
  }
}"""
BLOB = """async ([what, w, h]) => {
  const blob = await inkstone.canvas[what](w, h);
  if (!blob) return "";
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return btoa(bytes.reduce((text, one) => text + String.fromCharCode(one), ""));
}"""
FRESH = {
    "size": 8,
    "softness": 0,
    "opacity": 1,
    "color": "#b3261e",
    "steady": 0,
    "filled": False,
    "fold": 1,
    "wrap": False,
}

Point = tuple[float, float]


@contextmanager
def easel_at(chromium: Browser, server: Server, phone: bool = False) -> Generator[Page]:
    """A page in the sketch tab. Whatever its scripts failed with fails the test."""
    context = chromium.new_context(
        viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 900},
        device_scale_factor=2 if phone else 1,
        has_touch=phone,
        is_mobile=phone,
        locale="en-US",
    )
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(server.url)
    shown(page)
    yield page
    context.close()
    assert faults == []


def shown(page: Page) -> None:
    page.wait_for_selector("body.ready")
    page.wait_for_function("inkstone.canvas.size")
    page.evaluate("inkstone.tab('sketch')")
    page.wait_for_selector(".c-sheet")
    page.wait_for_timeout(300)


def fresh(page: Page, **settings: object) -> None:
    """An empty sheet, a brush, everything else as it is at first."""
    page.mouse.move(1, 1)
    page.evaluate("settings => Object.assign(inkstone.canvas.settings, settings)", FRESH | settings)
    page.evaluate("document.body.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }))")
    page.evaluate("inkstone.canvas.clear()")
    tool(page, "brush")
    page.locator("[data-act=fit]").click()


def tool(page: Page, name: str) -> None:
    page.locator(f".c-tools [data-tool={name}]").click()


def layer(page: Page, name: str) -> None:
    """Choose a layer by its id, in the list."""
    page.locator("[data-open=layers]").click()
    page.locator(f".c-layer[data-id={name}] .c-name").click()
    page.locator("[data-open=layers]").click()


def where(page: Page, *points: Point) -> list[Point]:
    return [(x, y) for x, y in page.evaluate(WHERE, [list(point) for point in points])]


def drag(page: Page, *points: Point, steps: int = 6) -> None:
    """The mouse's button held from the first point to the last, in pixels of the sheet."""
    first, *rest = where(page, *points)
    page.mouse.move(*first)
    page.mouse.down()
    for point in rest:
        page.mouse.move(*point, steps=steps)
    page.mouse.up()


def press(page: Page, point: Point) -> None:
    page.mouse.click(*where(page, point)[0])


def put(page: Page, name: str, pointer: int, kind: str, point: Point, pressure: float = 0.5) -> None:
    """One pointer event, for what no mouse can do: a pen among fingers."""
    page.evaluate(PUT, [[name, pointer, kind, *where(page, point)[0], pressure]])


def pen(page: Page, *points: tuple[float, float, float], pointer: int = 7, lift: bool = True) -> None:
    """A pen's stroke: x, y and pressure of each point."""
    names = ["down", *["move"] * (len(points) - 1), *["up"] * lift]
    there = zip(where(page, *[one[:2] for one in points]), [one[2] for one in points], strict=True)
    events = [*there, *[(where(page, points[-1][:2])[0], 0)] * lift]
    page.evaluate(
        PUT, [[name, pointer, "pen", *at, force] for name, (at, force) in zip(names, events, strict=True)]
    )


def drawing(page: Page) -> dict[str, Any]:
    return page.evaluate("inkstone.canvas.drawing()")


def strokes(page: Page, layer: str = "lines") -> list[dict[str, Any]]:
    return next((one["strokes"] for one in drawing(page)["layers"] if one["id"] == layer), [])


def exported(page: Page, what: str, width: int = 256, height: int = 256) -> Image.Image | None:
    data = base64.b64decode(page.evaluate(BLOB, [what, width, height]))
    return Image.open(io.BytesIO(data)).convert("RGB") if data else None


def pixels(page: Page, what: str, *points: Point) -> list[tuple[int, int, int]]:
    """The colours of an export at points of the sheet."""
    image = exported(page, what, *page.evaluate("inkstone.canvas.size()"))
    assert image
    return [colour(image, point) for point in points]


def seen(page: Page, *points: Point) -> list[tuple[int, int, int]]:
    """The colours on the screen at points of the sheet."""
    page.mouse.move(1, 1)
    page.wait_for_timeout(60)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return [colour(shot, point) for point in where(page, *points)]


def colour(image: Image.Image, point: Point) -> tuple[int, int, int]:
    found = image.getpixel((round(point[0]), round(point[1])))
    assert isinstance(found, tuple)
    return found[0], found[1], found[2]


def said(page: Page) -> Sequence[str]:
    return page.locator(".toast span").all_inner_texts()


def picture(page: Page, data: bytes, how: str) -> None:
    """A PNG pasted onto the page, or dropped onto the middle of the sheet."""
    target = "document.activeElement" if how == "paste" else "document.querySelector('.c-sheet')"
    made = (
        "ClipboardEvent('paste', { clipboardData: held,"
        if how == "paste"
        else "DragEvent('drop', { dataTransfer: held,"
    )
    page.evaluate(
        f"""(data) => {{
      const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0)), held = new DataTransfer();
      held.items.add(new File([bytes], "picture.png", {{ type: "image/png" }}));
      const frame = document.querySelector(".c-sheet").getBoundingClientRect();
      {target}.dispatchEvent(new {made} bubbles: true, cancelable: true,
        clientX: frame.left + frame.width / 2, clientY: frame.top + frame.height / 2 }}));
    }}""",
        base64.b64encode(data).decode(),
    )


def same(page: Page, before: dict[str, Any]) -> bool:
    return json.dumps(drawing(page), sort_keys=True) == json.dumps(before, sort_keys=True)
