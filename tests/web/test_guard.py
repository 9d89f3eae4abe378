"""The guard under attack: guessed names, forged headers, hostile texts, foreign pages, and idle crowds."""

from __future__ import annotations

import json
import random
import re
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from typing import Any

import httpx
import pytest
from halls import events, models_folder, owner_client, studio_at, visitor
from starlette.routing import Route

from studio.drawing import Drawing
from studio.errors import StudioError
from studio.gallery import Wanted
from studio.gallery_export import file_name
from studio.gallery_index import Picture
from studio.presets import from_csv
from studio.prompt.grammar import extract_networks, parse_attention
from studio.prompt.wildcards import resolve
from studio.recipe import Recipe
from studio.settings import GUESTS
from studio.studio import Studio
from studio.web import Server
from studio.web.gallery import chosen, form, wanted
from studio.web.plain import parse
from studio.web.server import every_route
from studio.web.sharing import Shared, share_routes

QUICK = {"prompt": "a lake", "steps": 2}
SLOW = {"prompt": "ms=300", "steps": 60}
STREAMS, UPLOADS, EACH = 300, 50, 40


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("guard")
    generous = GUESTS.but(waiting=50, waiting_all=500)
    with studio_at(root / "data", models_folder(root / "models"), guest_port=0, guests=generous) as studio:
        yield studio


@pytest.fixture(scope="module")
def shared(server: Server) -> Shared:
    return server.sharing.start(link=False, password="")


@pytest.fixture
def guest(shared: Shared) -> Iterator[httpx.Client]:
    with closing(forgiven(shared)) as client:
        yield client


def forgiven(shared: Shared) -> httpx.Client:
    forgive(shared)
    return visitor(shared)


def forgive(shared: Shared) -> None:
    """What a guest asked so far is not counted any more: these tests are about other bounds."""
    shared.guests._buckets.clear()  # pyright: ignore[reportPrivateUsage]


# --- guessing


def near(name: str, dice: random.Random) -> str:
    """A name that differs from a real one in one digit."""
    at = dice.randrange(len(name))
    return name[:at] + dice.choice("0123456789abcdef".replace(name[at], "")) + name[at + 1 :]


def test_two_thousand_guesses_find_nothing(studio: Studio, shared: Shared, guest: httpx.Client):
    owner, dice = studio.painters.owner(), random.Random(1)
    done = studio.submit(QUICK, owner)
    list(studio.desk.events(done.group, owner))
    picture, group, digest = done.jobs[0], done.group, studio.inputs.put(owner, b"a picture")
    assert studio.gallery.has(owner, picture)
    places = [
        *((f"/studio/{place}", picture) for place in ("picture/{}.png", "picture/{}.json", "picture/{}.svg")),
        *((f"/studio/gallery/{place}", picture) for place in ("about/{}", "file/{}")),
        ("/studio/thumb/{}.webp", picture), ("/studio/events?group={}", group), ("/studio/scroll/{}", group),
        ("/studio/input/{}", digest), ("/studio/drawing/{}.json", digest),
    ]  # fmt: skip
    found: list[str] = []
    for n in range(2_000):
        place, real = places[n % len(places)]
        name = near(real, dice) if n % 3 else secrets.token_hex(len(real) // 2)
        if n % 400 == 0:
            forgive(shared)
        if guest.get(place.format(name)).status_code != 404:
            found.append(place.format(name))
    assert found == []


# --- forged headers

CLAIMS = (
    "X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host", "X-Forwarded-User", "True-Client-IP",
    "X-Original-Host", "X-Forwarded-Proto",
)  # fmt: skip
SAID = ("127.0.0.1", "for=[::1];host=localhost;proto=https", "localhost")


def test_no_header_changes_who_somebody_is(server: Server, shared: Shared, guest: httpx.Client):
    spoofs = [{claim: said} for claim in CLAIMS for said in SAID]
    assert len(spoofs) == 24
    with closing(owner_client(server)) as owner, closing(httpx.Client(timeout=60)) as stranger:
        for port, known in ((server.port, owner), (shared.port, guest)):
            for path in ("/studio/state", "/studio/share"):
                plain = known.get(path).status_code
                for n, spoof in enumerate(spoofs):
                    headers = {**spoof, "Host": f"{('localhost', '127.0.0.1')[n % 2]}:{port}"}
                    url = f"http://127.0.0.1:{port}{path}"
                    assert stranger.get(url, headers=headers).status_code == 401, (path, headers)
                    assert known.get(url, headers=headers).status_code == plain, (path, headers)


# --- hostile texts

PIECES = (
    "..", "/", "\\", "\0", "%2e%2e", "~", "C:", "\u202e", "\ufeff", "é", "e\u0301", "山", "\ud800",
    *"()[]{}|>#,%_*=;+.'\"\n\r\t ", "::", "<lora:", ":1.5", "AND", "BREAK", "__", "$$", "nan", "inf", "-1",
    "1e999", "9" * 40, "CON", "aux.txt", "a" * 300, "'; DROP TABLE", "[date]", "[prompt]", "&amp;",
    "<b>", "\x1b[0m",
)  # fmt: skip
SHOWN = Picture(id="1a2b3c4d", painter="", name="", created=0.0, bytes=0, width=8, height=8,
                model="starter", prompt="a", seed=1)  # fmt: skip


def texts(count: int, seed: int) -> list[str]:
    """Texts that mean something to somebody: paths, grammars, tables, halves of letters."""
    dice = random.Random(seed)
    return ["".join(dice.choices(PIECES, k=dice.randint(1, 12))) for _ in range(count)]


def whole(text: str) -> str:
    """The text as an address brings it: without halves of letters."""
    return text.encode("utf-8", "replace").decode()


def layer(name: str) -> dict[str, Any]:
    one = {"id": "a", "kind": "lines", "name": name, "opacity": 1, "hidden": False, "locked": False}
    return {"version": 1, "width": 64, "height": 64, "layers": [{**one, "picture": None, "strokes": []}]}


def readers(studio: Studio) -> Mapping[str, Callable[[str], object]]:
    """Every text field by what reads it first."""
    owner = studio.painters.owner()
    return {
        **{name: lambda t, name=name: Recipe.of({name: t}) for name in
           ("prompt", "negative", "model", "vae", "sampler", "schedule", "seed", "steps", "width")},
        "lora": lambda t: Recipe.of({"loras": [{"name": t, "weight": t}]}),
        "source": lambda t: Recipe.of({"source": {"image": t}}),
        "networks": extract_networks,
        "attention": parse_attention,
        "wildcards": lambda t: resolve(t, 1, {"a": ("b",)}),
        "styles": lambda t: from_csv("name,prompt,negative_prompt\n" + ",".join([whole(t)] * 3)),
        "layer": lambda t: Drawing.of(layer(t)),
        "form": lambda t: form(t.encode("utf-8", "surrogatepass")),
        "json": lambda t: parse(json.dumps({"a": t}).encode()),
        "pictures": lambda t: chosen({"pictures": [t]}),
        "time": lambda t: wanted({"since": t, "until": t}),
        "checkpoint": lambda t: studio.library.find("checkpoint", t),
        "input": lambda t: studio.inputs.read(owner, t),
        "painter": lambda t: studio.inputs.read(t, "a" * 64),
        "picture": lambda t: studio.gallery.path(owner, whole(t)),
        "search": lambda t: studio.gallery.pictures(owner, Wanted(search=whole(t))),
    }  # fmt: skip


def test_ten_thousand_texts_are_taken_or_refused_with_a_sentence_by_every_field(studio: Studio):
    reading, silent = tuple(readers(studio).items()), list[tuple[str, str]]()
    for n, text in enumerate(texts(10_000, 6)):
        for name, read in (reading[n % len(reading)], reading[(n * 7 + 3) % len(reading)]):
            try:
                read(text)
            except StudioError as refused:
                silent += [] if str(refused) else [(name, text)]
    assert silent == []


def test_no_pattern_of_file_names_leaves_its_folder():
    for text in texts(10_000, 7):
        name = file_name(SHOWN, "png", text)
        assert not re.search(r'[/\\:\0-\x1f<>"|?*]', name), (text, name)
        assert name.endswith(".png"), text
        assert not name.startswith("."), text
        assert len(name.encode("utf-8")) <= 255, text


def test_two_hundred_texts_through_http_are_never_an_error_of_ours(shared: Shared, guest: httpx.Client):
    for n, text in enumerate(texts(200, 8)):
        if n % 20 == 0:
            forgive(shared)
        asked = (
            ("PUT", "/studio/state", {"tab": "txt2img", "form": {"prompt": text}}),
            ("PUT", "/studio/state", {"tab": text, "form": {}}),
            ("POST", "/studio/estimate", {"recipe": {"model": text, "prompt": text}}),
            ("POST", "/studio/words", {"prompt": text, "model": "starter"}),
            ("POST", "/studio/gallery/rename", {"album": text, "name": text}),
            ("PUT", "/studio/drawing", {"tab": "sketch", "drawing": layer(text)}),
        )
        method, path, said = asked[n % len(asked)]
        answer = guest.request(method, path, content=json.dumps(said).encode())
        assert answer.status_code in (200, 400, 404), (path, text, answer.text)
        assert answer.headers["content-type"] == "application/json"


# --- foreign pages

FOREIGN = (
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
)  # fmt: skip


def test_no_route_of_the_owners_that_changes_something_is_driven_by_a_foreign_page(
    studio: Studio, server: Server
):
    ours = [one for one in (*every_route(studio), *share_routes(server.sharing)) if isinstance(one, Route)]
    changing = [
        (method, one.path) for one in ours for method in (one.methods or ()) if method in ("POST", "PUT")
    ]
    assert len(changing) > 35
    with closing(owner_client(server)) as owner:
        for method, path in changing:
            for headers in FOREIGN:
                assert owner.request(method, path, headers=headers, content=b"{}").status_code == 403, path
    assert server.sharing.shared is not None, "nobody stopped sharing, for one"


# --- crowds


def line(port: int, cookie: str, request: str) -> socket.socket:
    """A connection that has asked for something, and then waits."""
    opened = socket.create_connection(("127.0.0.1", port), timeout=60)
    opened.sendall(f"{request}\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n".encode())
    return opened


def test_idle_streams_and_slow_uploads_leave_the_others_alone(studio: Studio, shared: Shared):
    with ExitStack() as crowd:
        cookies: list[tuple[str, str]] = []
        for _ in range((STREAMS + UPLOADS) // EACH + 1):
            client = crowd.enter_context(closing(forgiven(shared)))
            group = client.post("/studio/paint", json={"recipe": SLOW}).json()["group"]
            crowd.callback(client.post, "/studio/cancel", json={"group": group})
            name, value = next(iter(client.cookies.items()))
            cookies.append((f"{name}={value}", group))
        streams: list[socket.socket] = []
        for n in range(STREAMS):
            cookie, group = cookies[n // EACH]
            asked = f"GET /studio/events?group={group} HTTP/1.1"
            streams.append(crowd.enter_context(line(shared.port, cookie, asked)))
        assert sum(b" 200 " in one.recv(64) for one in streams) == STREAMS
        for n in range(UPLOADS):
            cookie, _ = cookies[(STREAMS + n) // EACH]
            asked = "POST /studio/upload HTTP/1.1\r\nContent-Length: 1000000"
            crowd.enter_context(line(shared.port, cookie, asked)).sendall(b"\x89PNG")
        with closing(forgiven(shared)) as other:
            codes = [other.get(path).status_code for path in ("/", "/studio/state", "/studio/gallery") * 10]
            codes.append(other.put("/studio/state", json={"tab": "txt2img", "form": {}}).status_code)
            assert set(codes) == {200}
    with closing(forgiven(shared)) as other:
        group = other.post("/studio/paint", json={"recipe": QUICK}).json()["group"]
        assert '"done"' in "".join(events(other, group)), "and after them everything is as before"
