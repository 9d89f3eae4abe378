"""The owner and two guests, each in a browser of her own: nobody reaches what is another's.

What one browser asked for is asked for by the others; tests/web/test_ownership.py asks every route so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from urllib.parse import urlsplit

import pytest
from easel import picture
from halls import models_folder, studio_at
from PIL import Image
from playwright.sync_api import Browser, Page, Request, expect

from studio import images
from studio.settings import GUESTS
from studio.studio import Studio
from studio.web import Server
from studio.web.sharing import Shared

WAIT = 60_000
PROMPT = "#field-prompt textarea"
NAMES = {"owner": "teal", "anna": "crimson", "ben": "gold"}
PAIRS = list(permutations(NAMES, 2))
THING = re.compile(r"[0-9A-Za-z_-]{20,}")  # a picture, a request or a digest, in an address
KINDS = {"events", "picture", "thumb", "gallery", "input", "drawing"}
FETCH = """async ([path, json]) => {
  const stop = new AbortController(), said = { method: "POST", body: JSON.stringify(json) };
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(path, { signal: stop.signal, headers, cache: "no-store", ...(json && said) });
  const endless = answer.headers.get("Content-Type").startsWith("text/event-stream");
  const text = endless ? "" : await answer.text();
  stop.abort();
  return [answer.status, text];
}"""
LIVE = """(n) => {
  const line = new WebSocket(new URL("studio/live", document.baseURI.replace(/^http/, "ws")));
  const recipe = { prompt: "a lake", steps: 1, width: 64, height: 64 };
  const canvas = new DataView(new ArrayBuffer(8));
  line.binaryType = "arraybuffer";
  canvas.setUint32(0, n);
  window.frames_heard = [];
  line.onmessage = ({ data }) => {
    const binary = data instanceof ArrayBuffer;
    window.frames_heard.push(binary ? new DataView(data).getUint32(0) : JSON.parse(data).n);
    if (binary) line.send(JSON.stringify({ echo: n }));
  };
  line.onopen = () => { line.send(JSON.stringify({ recipe, strength: 0.5 })); line.send(canvas.buffer); };
}"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("three")
    generous = GUESTS.but(waiting=50, waiting_all=500)
    with studio_at(root / "data", models_folder(root / "models"), guest_port=0, guests=generous) as studio:
        yield studio


@pytest.fixture(scope="module")
def shared(server: Server) -> Shared:
    return server.sharing.start(link=False, password="")


@dataclass
class Visitor:
    """Somebody at a browser of her own, and the addresses that her pages asked for."""

    name: str
    page: Page
    asked: set[str] = field(default_factory=set[str])

    def heard(self, request: Request) -> None:
        if request.method == "GET":
            self.hear(request.url)

    def hear(self, address: str) -> None:
        url = urlsplit(address)
        if url.path.startswith("/studio/") and "/page/" not in url.path:
            self.asked.add(f"{url.path}?{url.query}" if url.query else url.path)

    @property
    def things(self) -> set[str]:
        """What her addresses name."""
        return {found for path in self.asked for found in THING.findall(path)}

    def fetch(self, path: str, said: Mapping[str, object] | None = None) -> tuple[int, str]:
        status, text = self.page.evaluate(FETCH, [path, said])
        return status, text

    def has(self) -> str:
        """Everything of hers, and what is still being painted."""
        places = ("gallery", "gallery?trashed=1", "gallery/summary")
        kept = [self.fetch(f"/studio/{place}")[1] for place in places]
        groups = json.loads(self.fetch("/studio/state")[1])["groups"]
        return json.dumps([kept, sorted(one["group"] for one in groups)])


@pytest.fixture(scope="module")
def three(chromium: Browser, server: Server, shared: Shared) -> Iterator[Mapping[str, Visitor]]:
    found: dict[str, Visitor] = {}
    for name in NAMES:
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
        context.set_default_timeout(WAIT)
        visitor = found[name] = Visitor(name, context.new_page())
        context.on("request", visitor.heard)
        visitor.page.goto(server.url if name == "owner" else shared.url)
        if name != "owner":
            visitor.page.click("button")
        visitor.page.wait_for_selector("body.ready")
        visitor.page.wait_for_function("inkstone.form && inkstone.canvas.size().length === 2")
    for visitor in found.values():
        live_through_it(visitor)
        visitor.page.context.remove_listener("request", visitor.heard)  # what follows is asked by the tests
    yield found
    for visitor in found.values():
        visitor.page.context.close()


def live_through_it(visitor: Visitor) -> None:
    """She paints from words and over a picture of hers, looks at what came, and takes it further."""
    page = visitor.page
    page.evaluate("inkstone.tab('txt2img')")
    page.locator("#count input[type=number]").fill("1")
    page.locator("#count input[type=number]").blur()
    painted(page, f"a lake of {visitor.name}", 1)
    page.locator(".shelf .thumb").first.click()
    page.click(".large .svg")
    for button in ("dialog.slip .strong", ".large .download"):
        with page.expect_download() as download:
            page.click(button)
        visitor.hear(download.value.url)
    page.keyboard.press("Escape")
    page.evaluate("inkstone.tab('img2img')")
    picture(page, images.encode_png(Image.new("RGB", (64, 64), NAMES[visitor.name])), "drop")
    page.wait_for_function("inkstone.canvas.drawing().layers.some((layer) => layer.picture?.image)")
    painted(page, f"a pond of {visitor.name}", 2)
    page.locator(".shelf .thumb").first.click()
    with page.expect_request("**/studio/drawing/*.json"):
        page.click(".large [data-act=reuse]")
    page.locator(".shelf .thumb").first.click()
    page.click(".large [data-act=finish]")
    page.wait_for_selector(".well .row img")
    page.evaluate("inkstone.tab('gallery')")
    expect(page.locator(".wall .leaf img[src]")).to_have_count(2)


def painted(page: Page, prompt: str, count: int) -> None:
    page.evaluate("document.querySelector('dialog[open]')?.close()")
    page.fill(PROMPT, prompt)
    page.click("#paint")
    expect(page.locator(".shelf .thumb")).to_have_count(count)
    page.wait_for_function("!document.body.matches('.painting, .sending, .gathering')")


@pytest.fixture(autouse=True)
def unhurried(shared: Shared) -> None:
    shared.guests._buckets.clear()  # pyright: ignore[reportPrivateUsage] - nobody is as quick as a test


@pytest.mark.parametrize(("whose", "who"), PAIRS)
def test_what_one_browser_asked_for_the_others_do_not_get(three: Mapping[str, Visitor], whose: str, who: str):
    hers, other = three[whose], three[who]
    named = sorted(path for path in hers.asked if THING.search(path))
    assert {path.split("/")[2].partition("?")[0] for path in named} >= KINDS
    assert any(".svg" in path for path in named)
    for path in named:
        assert hers.fetch(path)[0] == 200, f"{path}: it is there, for her"
        status, text = other.fetch(path)
        assert status == 404, path
        assert f"of {whose}" not in text, path
    for path in sorted(hers.asked - {*named}):
        text = other.fetch(path)[1]
        assert f"of {whose}" not in text, path
        assert not [thing for thing in hers.things if thing in text], path


@pytest.mark.parametrize(("whose", "who"), PAIRS)
def test_what_one_does_with_the_others_things_changes_nothing(
    three: Mapping[str, Visitor], whose: str, who: str
):
    hers, other = three[whose], three[who]
    [one, *rest] = [leaf["id"] for leaf in json.loads(hers.fetch("/studio/pictures")[1])["pictures"]]
    group = begun(hers)
    before = hers.has()
    acts = doing(one, [one, *rest], group)
    for path, said in acts:
        assert other.fetch(path, said)[0] == 404, path
        assert hers.has() == before, path
    for path, said in acts:
        assert hers.fetch(path, said)[0] == 200, f"{path}: she herself may"
    assert hers.has() != before
    hers.fetch("/studio/gallery/restore", {"pictures": [one, *rest]})


def begun(visitor: Visitor) -> str:
    """Something of hers that is painted for a long time."""
    slow = {"prompt": f"a lake of {visitor.name} ms=1000", "steps": 60, "width": 64, "height": 64}
    return json.loads(visitor.fetch("/studio/paint", {"recipe": slow})[1])["group"]


def doing(one: str, all_of_hers: Sequence[str], group: str) -> list[tuple[str, Mapping[str, object]]]:
    """Everything that can be done to somebody's things, in an order in which each can be done by herself."""
    many = {"pictures": [*all_of_hers]}
    return [
        ("/studio/gallery/star", many),
        ("/studio/gallery/album", {**many, "album": "taken"}),
        ("/studio/trash", {"picture": one}),
        ("/studio/untrash", {"picture": one}),
        ("/studio/gallery/trash", many),
        ("/studio/cancel", {"group": group}),
    ]


def test_stop_ends_what_is_painted_on_the_page_where_it_is_pressed(three: Mapping[str, Visitor]):
    for one in three.values():
        one.page.evaluate("inkstone.tab('txt2img')")
        one.page.fill(PROMPT, f"a river of {one.name} ms=2000")
        one.page.click("#paint")
    for one in three.values():
        expect(one.page.locator(".tile[data-kind=done]")).to_have_count(0)
        expect(one.page.locator("body.painting")).to_have_count(1)
    left = list(three.values())
    while left:
        first = left.pop(0)
        first.page.click("#stop")
        expect(first.page.locator("body.painting")).to_have_count(0)
        for other in left:
            assert json.loads(other.fetch("/studio/state")[1])["groups"], "hers goes on"
            assert other.page.locator("body.painting").count() == 1


def test_frames_that_are_painted_live_reach_the_page_they_are_for(three: Mapping[str, Visitor]):
    numbers = dict(zip(three, (11, 22, 33), strict=True))
    for name, one in three.items():
        one.page.evaluate(LIVE, numbers[name])
    for name, one in three.items():
        one.page.wait_for_function("frames_heard.length >= 3")  # of it, the frame, and the echo
        assert one.page.evaluate("frames_heard").count(numbers[name]) == 2
        assert {*one.page.evaluate("frames_heard")} <= {numbers[name], None}
