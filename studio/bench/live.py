"""Live painting in a real browser: how soon the picture follows the pen, how smooth the page stays."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from studio.bench.report import Report, median
from studio.bench.serving import Served, served
from studio.cli.browsing import browser
from studio.errors import StudioError
from studio.settings import Settings

PROMPT = "misty mountains, a lake, pine trees"
SIDE = 256
POINTS, POINT_SECONDS = 24, 0.016  # a stroke: as often as a mouse tells where it is
ECHOES = 40
READY_MS = 180_000
SETTLING_STROKES = 60  # before memory is first looked at: models, kernels and caches are there then
# Counts the page's own frames, its live pictures, and when the pen left the paper; its strokes are real ones.
WATCH = """
() => {
  const seen = (window.benched = { ups: [], frames: [], paints: [], on: true });
  document.addEventListener("ink-frame", (event) => seen.frames.push({ ...event.detail }));
  addEventListener("pointerup", () => seen.ups.push(performance.now()), true);
  const tick = (at) => { seen.paints.push(at); if (seen.on) requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
  inkstone.paintNow = undefined; // what is measured is the live picture, not the one painted after it
}
"""
ECHO = """
(count) => new Promise((done, fail) => {
  const socket = new WebSocket(inkstone.url("live").replace(/^http/, "ws")), times = [];
  let began = 0;
  const ask = () => { began = performance.now(); socket.send(JSON.stringify({ echo: times.length })); };
  socket.onopen = ask;
  socket.onerror = () => fail(new Error("no socket"));
  socket.onmessage = () => {
    times.push(performance.now() - began);
    if (times.length < count) ask(); else { socket.close(); done(times); }
  };
})
"""


def run(settings: Settings, rounds: int = 30, minutes: float = 0.0) -> Report:
    """Draw `rounds` strokes with the starter at 256² in Chromium, then scribble on for `minutes`.

    Raises `StudioError` where Playwright or a browser is missing, or no picture follows the pen.
    """
    with served(settings) as studio, browser() as opened:
        page = opened.new_page(viewport={"width": 1280, "height": 900})
        begin(page, studio.url)
        echoes: list[float] = page.evaluate(ECHO, ECHOES)
        page.evaluate("() => { benched.ups = []; benched.frames = []; benched.paints = []; }")
        for i in range(rounds):
            stroke(page, i)
            answered(page)
        seen = page.evaluate("() => { benched.on = false; return benched; }")
        held = scribbled(page, studio, minutes) if minutes else {}
    lags = [lag for up in seen["ups"] if (lag := after_pen(up, seen["frames"])) is not None]
    if not lags:
        raise StudioError("No picture followed the pen.")
    gaps = [b - a for a, b in zip(seen["paints"], seen["paints"][1:], strict=False)]
    figures = {
        "p50_ms": median(lags),
        "p95_ms": quantile(lags, 0.95),
        "canvas_fps": 1000.0 / (sum(gaps) / len(gaps)),
        "longest_gap_ms": max(gaps),
        "round_trip_ms": median(echoes),
        "round_trip_p95_ms": quantile(echoes, 0.95),
        "steps": median([frame["steps"] for frame in seen["frames"] if frame.get("steps")]),
        "worker_ms": 1000 * median([frame["seconds"] for frame in seen["frames"] if frame.get("seconds")]),
        "strokes": len(lags),
        **({"minutes": minutes} if minutes else {}),
        **{f"{what}_first_mb": first for what, (first, _) in held.items()},
        **{f"{what}_last_mb": last for what, (_, last) in held.items()},
    }
    rows: list[tuple[str, float, str]] = [
        ("pen up to picture, p50, ms", figures["p50_ms"], "at most 350"),
        ("pen up to picture, p95, ms", figures["p95_ms"], "at most 700"),
        ("canvas while painting, frames/s", figures["canvas_fps"], "at least 30"),
        ("round trip without model, ms", figures["round_trip_ms"], "at most 60"),
        ("steps a picture", figures["steps"], "1 to 4"),
    ]
    for what, (first, last) in held.items():
        rows.append((f"{what} before scribbling, MB", first, ""))
        rows.append((f"{what} after {minutes:g} min, MB", last, "flat"))
    return Report("live", ("what", "measured", "wanted"), tuple(rows), figures)


def begin(page: Any, url: str) -> None:
    """Open the sketch tab at 256² with live painting on, and draw until the first picture is there."""
    page.goto(url)
    ready = "() => window.inkstone && inkstone.ready && inkstone.canvas && inkstone.canvas.size"
    page.wait_for_function(ready, timeout=READY_MS)
    page.evaluate(WATCH)
    page.evaluate("(prompt) => { inkstone.tab('sketch'); inkstone.type('prompt', prompt); }", PROMPT)
    page.evaluate("(side) => { inkstone.canvas.resize(side, side); inkstone.live.start(); }", SIDE)
    page.wait_for_timeout(1000)
    for i in range(3):
        stroke(page, i)
        answered(page)


def stroke(page: Any, i: int) -> None:
    """One stroke over the canvas, another for each `i`."""
    box = page.locator("#ink-canvas canvas").first.bounding_box()
    if box is None:
        raise StudioError("There is no canvas on the page.")
    low, high = 0.35 + 0.3 * ((i * 7) % 10) / 10, 0.1 + 0.25 * ((i * 3) % 10) / 10
    at = [
        (
            box["x"] + box["width"] * (0.15 + 0.7 * j / POINTS),
            box["y"] + box["height"] * (low - high * math.sin(math.pi * j / POINTS * (1 + i % 3))),
        )
        for j in range(POINTS + 1)
    ]
    page.mouse.move(*at[0])
    page.mouse.down()
    for x, y in at[1:]:
        page.mouse.move(x, y)
        time.sleep(POINT_SECONDS)
    page.mouse.up()


def answered(page: Any) -> None:
    """Wait for the picture of everything drawn so far."""
    page.wait_for_function(
        "() => benched.frames.some((one) => one.sent >= (benched.ups.at(-1) || 0))", timeout=READY_MS
    )


def after_pen(up: float, frames: Sequence[dict[str, Any]]) -> float | None:
    """Milliseconds from a pen-up to the first picture of a canvas that was sent after it."""
    return next((frame["at"] - up for frame in frames if frame["sent"] >= up), None)


def scribbled(page: Any, studio: Served, minutes: float) -> dict[str, tuple[float, float]]:
    """Scribble for some minutes; what page, server and worker hold before and after it, in MB."""
    for i in range(SETTLING_STROKES):
        scrawl(page, i)
    before = held_by(page, studio)
    until, i = time.monotonic() + minutes * 60, 0
    while time.monotonic() < until:
        scrawl(page, i)
        i += 1
    after = held_by(page, studio)
    return {what: (before[what], after[what]) for what in before}


def held_by(page: Any, studio: Served) -> dict[str, float]:
    """Megabytes of the page's scripts, of the server and of its worker."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.detach()
    heap = page.evaluate("() => performance.memory.usedJSHeapSize")
    return {what: size / 2**20 for what, size in {"page": heap, **studio.memory()}.items()}


def scrawl(page: Any, i: int) -> None:
    """A stroke, and every twentieth time a fresh sheet: what is drawn must not itself be what grows."""
    stroke(page, i)
    if i % 20 == 19:
        page.evaluate("() => { inkstone.canvas.clear(); benched.ups = []; benched.frames = []; }")


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]
