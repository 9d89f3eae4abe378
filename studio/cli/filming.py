"""Films the page in Chromium while it replays the recorded strokes: every frame is what the browser drew."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from studio.cli.browsing import browser
from studio.errors import StudioError
from studio.films import Shown, animate

WIDTH, HEIGHT = 1280, 800  # of the page
LONGEST = 960  # of the film
GAP_MS = 125  # at most eight frames a second
MOST_FRAMES = 240  # all of them are in memory at once
MOST_BYTES = 2 * 2**20
EVERY_NTH = 7  # of the browser's sixty frames a second: each costs the processor that paints
QUALITIES = (78, 68, 58, 48, 38, 28)
READY_MS, PAINTED_MS = 300_000, 300_000
LINGER_MS = 2500  # the finished picture stays in sight
READY = "() => window.inkstone?.ready && inkstone.demo && inkstone.canvas?.view && inkstone.form"
PLAY = "() => inkstone.demo.play()"
PAINTING = "() => document.body.classList.contains('painting')"
RESTED = """() => !document.body.classList.contains("painting")
  && document.querySelector(".stage").dataset.state === "done"
  && !document.querySelector(".live-frame:not([hidden])")"""
FRESH = """() => {
  inkstone.canvas.clear();
  scrollTo(0, 0);
  document.querySelectorAll(".toast").forEach((one) => one.remove());
}"""


def record(url: str) -> bytes:
    """The film of one replay, an animated WebP of at most 2 MB.

    The strokes are played once before, so that models are loaded and kernels warm. Raises `StudioError`
    where Playwright or a browser is missing, or nothing was painted in five minutes.
    """
    with browser() as opened:
        from playwright.sync_api import Error

        page = opened.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="en-US")
        try:
            page.goto(url)
            page.wait_for_function(READY, timeout=READY_MS)
            page.locator("#count input[type=number]").fill("1")
            played(page)
            page.evaluate(FRESH)
            page.wait_for_timeout(1000)
            seen = watched(page)
        except Error as error:
            raise StudioError(f"The page could not be filmed: {error.message.splitlines()[0]}") from error
    return fitted(timed(seen))


def played(page: Any) -> None:
    """One replay, to the picture that is painted in full when the pen rests."""
    page.evaluate(PLAY)
    page.wait_for_function(PAINTING, timeout=PAINTED_MS)
    page.wait_for_function(RESTED, timeout=PAINTED_MS)


def watched(page: Any) -> list[tuple[float, bytes]]:
    """One replay: when each frame was drawn, in seconds, and its JPEG."""
    seen: list[tuple[float, bytes]] = []
    session = page.context.new_cdp_session(page)

    def frame(event: dict[str, Any]) -> None:
        seen.append((float(event["metadata"]["timestamp"]), base64.b64decode(event["data"])))
        session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    session.on("Page.screencastFrame", frame)
    session.send("Page.startScreencast", {"format": "jpeg", "quality": 92, "everyNthFrame": EVERY_NTH})
    played(page)
    page.wait_for_timeout(LINGER_MS)
    session.send("Page.stopScreencast")
    session.remove_listener("Page.screencastFrame", frame)  # a frame on its way is not answered any more
    if not seen:
        raise StudioError("The browser drew nothing.")
    return seen


def timed(seen: Sequence[tuple[float, bytes]], gap_ms: int = GAP_MS) -> list[Shown]:
    """Frames at least `gap_ms` apart, each with how long it is shown; fewer of them when the film is long."""
    kept: list[tuple[float, bytes]] = []
    for at, picture in seen[:-1]:
        if not kept or (at - kept[-1][0]) * 1000 >= gap_ms:
            kept.append((at, picture))
    kept.append(seen[-1])  # the finished picture
    if len(kept) > MOST_FRAMES:
        return timed(seen, gap_ms * 2)
    times = [round((b[0] - a[0]) * 1000) for a, b in pairwise(kept)]
    return [
        Shown(picture, max(20, time)) for (_, picture), time in zip(kept, [*times, LINGER_MS], strict=True)
    ]


def fitted(frames: Sequence[Shown]) -> bytes:
    """The film in the best quality that fits into 2 MB. Raises `StudioError` when none does."""
    for quality in QUALITIES:
        made = animate(frames, quality, LONGEST)
        if len(made) <= MOST_BYTES:
            return made
    raise StudioError(f"The film would be larger than {MOST_BYTES // 2**20} MB.")
