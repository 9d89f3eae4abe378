"""Whose things are whose: every route that guests have is asked, by a good request, for another's things.

The same request is taken from whom the things belong to, so that a refusal is for whose they are and nothing
else. A route without an entry in `ASKED` fails.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from halls import events, models_folder, owner_client, studio_at, visitor
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from studio.settings import GUESTS
from studio.studio import Studio
from studio.web import Server
from studio.web.public import ROUTES
from studio.web.sharing import Shared

TINY = {"prompt": "a lake", "steps": 2, "width": 64, "height": 64}
Tell = Mapping[str, Any]
Route = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A good request: what it says of somebody's things, and whether it names them at all.

    `names`: it names a thing of hers, so to anybody else there is no such thing.
    """

    says: Callable[[Tell], Any] = lambda _: {}
    names: bool = True


def marked(mark: str) -> dict[str, Any]:
    return {**TINY, "prompt": f"a lake {mark}"}


def recipe(tell: Tell, strength: float = 0.5) -> dict[str, Any]:
    return {**marked(tell["mark"]), "source": {"image": tell["digest"], "strength": strength}}


def sheet(tell: Tell) -> dict[str, Any]:
    placed = {"image": tell["digest"], "x": 0, "y": 0, "width": 64, "height": 64}
    layer = {
        "id": "a", "kind": "picture", "name": tell["mark"], "opacity": 1, "hidden": False, "locked": False,
        "picture": placed, "strokes": [],
    }  # fmt: skip
    return {"version": 1, "width": 64, "height": 64, "layers": [layer]}


OWN = Asked(names=False)  # it says only whose asks, and gets what is hers
ONE = Asked(lambda tell: {"picture": tell["picture"]})
MANY = Asked(lambda tell: {"pictures": [tell["picture"]]})
ASKED: dict[Route, Asked] = {  # in an order in which each can be done by whose they are
    ("GET", "/studio/events"): Asked(lambda tell: {"group": tell["group"]}),
    ("POST", "/studio/scroll/stop"): Asked(lambda tell: {"scroll": tell["scroll"]}),
    ("POST", "/studio/cancel"): Asked(lambda tell: {"group": tell["group"]}),
    ("GET", "/studio/health"): OWN,
    ("GET", "/studio/page/{name}"): OWN,
    ("GET", "/studio/pictures"): OWN,
    ("GET", "/studio/state"): OWN,
    ("GET", "/studio/drawing"): Asked(lambda _: {"tab": "sketch"}, names=False),
    ("GET", "/studio/finish"): OWN,
    ("GET", "/studio/words/known"): OWN,
    ("GET", "/studio/history"): OWN,
    ("GET", "/studio/styles"): OWN,
    ("GET", "/studio/styles/{name}.webp"): OWN,
    ("GET", "/studio/look"): OWN,
    ("GET", "/studio/explore"): OWN,
    ("GET", "/studio/scroll"): OWN,
    ("GET", "/studio/gallery"): OWN,
    ("GET", "/studio/gallery/summary"): OWN,
    ("GET", "/studio/picture/{id}.png"): Asked(),
    ("GET", "/studio/picture/{id}.json"): Asked(),
    ("GET", "/studio/picture/{id}.svg"): Asked(),
    ("GET", "/studio/thumb/{id}.webp"): Asked(),
    ("GET", "/studio/gallery/about/{id}"): Asked(),
    ("GET", "/studio/gallery/file/{id}"): Asked(),
    ("GET", "/studio/input/{digest}"): Asked(),
    ("GET", "/studio/drawing/{digest}.json"): Asked(lambda _: {}),
    ("GET", "/studio/scroll/{id}"): Asked(),
    ("POST", "/studio/paint"): Asked(lambda tell: {"recipe": recipe(tell)}),
    ("POST", "/studio/estimate"): Asked(lambda tell: {"recipe": recipe(tell, 0)}),
    ("POST", "/studio/finish"): Asked(
        lambda tell: {"recipe": {"post": [{"kind": "clahe"}]}, "images": [tell["digest"]]}
    ),
    ("POST", "/studio/look"): Asked(lambda tell: {"kind": "hint:canny", "image": tell["digest"]}),
    ("POST", "/studio/explore"): Asked(
        lambda tell: {"recipe": recipe(tell), "axes": [{"field": "steps", "values": "2, 3"}]}
    ),
    ("POST", "/studio/travel"): Asked(
        lambda tell: {"start": tell["picture"], "end": tell["second"], "frames": 3}
    ),
    ("POST", "/studio/outpaint"): Asked(
        lambda tell: {"picture": tell["picture"], "edges": {"right": 64}, "recipe": TINY}
    ),
    ("POST", "/studio/scroll"): Asked(
        lambda tell: {"scroll": {"recipe": TINY, "length": 128, "picture": tell["picture"]}}
    ),
    ("POST", "/studio/drawing/keep"): Asked(lambda tell: {"drawing": sheet(tell)}),
    ("PUT", "/studio/drawing"): Asked(lambda tell: {"tab": "sketch", "drawing": sheet(tell)}),
    ("PUT", "/studio/state"): Asked(lambda _: {"tab": "txt2img", "form": {"steps": 3}}, names=False),
    ("POST", "/studio/words"): Asked(lambda _: {"prompt": "a lake"}, names=False),
    ("POST", "/studio/styles"): Asked(lambda _: b"name,prompt,negative_prompt\na,b,\n", names=False),
    ("POST", "/studio/upload"): Asked(lambda tell: tell["png"], names=False),
    ("POST", "/studio/restore"): Asked(lambda tell: tell["other_png"], names=False),
    ("POST", "/studio/live"): Asked(
        lambda _: {
            "recipe": {**TINY, "prompt": ""},
            "canvas": base64.b64encode(struct.pack(">II", 1, 0)).decode(),
        },
        names=False,
    ),
    ("POST", "/studio/live/rest"): OWN,
    ("POST", "/studio/film"): Asked(
        lambda tell: struct.pack(">II", 40, len(tell["other_png"])) + tell["other_png"], names=False
    ),
    ("POST", "/studio/gallery/star"): MANY,
    ("POST", "/studio/gallery/album"): Asked(lambda tell: {"pictures": [tell["picture"]], "album": "b"}),
    ("POST", "/studio/gallery/zip"): Asked(lambda tell: f"pictures={tell['picture']}".encode()),
    ("POST", "/studio/trash"): ONE,
    ("POST", "/studio/untrash"): ONE,
    ("POST", "/studio/gallery/trash"): MANY,
    ("POST", "/studio/gallery/restore"): MANY,
    # Albums are named by each for herself: the same name is another album, and there is nothing in it.
    ("POST", "/studio/gallery/rename"): Asked(
        lambda tell: {"album": tell["mark"], "name": f"{tell['mark']}2"}, names=False
    ),
    ("POST", "/studio/gallery/dissolve"): Asked(lambda tell: {"album": f"{tell['mark']}2"}, names=False),
    ("POST", "/studio/gallery/empty"): OWN,
}
CHANGES = {  # what of hers must look different once she has done it herself
    *(f"/studio/gallery/{act}" for act in ("star", "album", "trash", "restore", "rename", "dissolve")),
    "/studio/gallery/empty",
    "/studio/trash", "/studio/untrash", "/studio/cancel", "/studio/scroll/stop",
}  # fmt: skip


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("ownership")
    generous = GUESTS.but(waiting=50, waiting_all=500, pictures=10)
    with studio_at(root / "data", models_folder(root / "models"), guest_port=0, guests=generous) as studio:
        yield studio


@pytest.fixture(scope="module")
def shared(server: Server) -> Shared:
    return server.sharing.start(link=False, password="")


def painted(client: httpx.Client, asked: Mapping[str, Any], count: int = 1) -> tuple[str, list[str]]:
    answer = client.post("/studio/paint", json={"recipe": asked, "count": count})
    assert answer.status_code == 202, answer.text
    group = answer.json()["group"]
    told = [json.loads(line) for line in events(client, group)]
    return group, [one["picture"] for one in told if one.get("kind") == "done"]


def things_of(client: httpx.Client, other: httpx.Client, mark: str) -> dict[str, Any]:
    """Somebody's things, each of which is then asked for by somebody else."""
    _, (picture, second, binned) = painted(client, marked(mark), 3)
    _, (theirs,) = painted(other, {**TINY, "prompt": "a pond"})
    png = client.get(f"/studio/picture/{picture}.png").content
    digest = client.post("/studio/upload", content=png).json()["image"]
    tell: dict[str, Any] = {
        "mark": mark, "picture": picture, "second": second, "digest": digest, "png": png,
        "other_png": other.get(f"/studio/picture/{theirs}.png").content,
    }  # fmt: skip
    tell["drawing"] = client.post("/studio/drawing/keep", json={"drawing": sheet(tell)}).json()["drawing"]
    slow = {**TINY, "prompt": f"{mark} ms=300", "steps": 60}
    for answer in (
        client.post("/studio/gallery/album", json={"pictures": [picture], "album": mark}),
        client.post("/studio/trash", json={"picture": binned}),
        client.put("/studio/state", json={"tab": "txt2img", "form": {"prompt": mark}}),
        client.put("/studio/drawing", json={"tab": "sketch", "drawing": sheet(tell)}),
    ):
        assert answer.status_code == 200, answer.text
    tell["group"] = client.post("/studio/paint", json={"recipe": slow}).json()["group"]
    scroll = client.post("/studio/scroll", json={"scroll": {"recipe": slow, "length": 512}})
    return {**tell, "scroll": scroll.json()["scroll"], "id": picture}


def seen(client: httpx.Client, tell: Tell) -> str:
    """All that somebody has, but for how far what runs has come."""
    state = client.get("/studio/state", params={"tab": "txt2img"}).json()
    scroll = client.get(f"/studio/scroll/{tell['scroll']}").json()
    places = ("gallery", "gallery?trashed=1", "gallery/summary", "drawing?tab=sketch")
    kept = [client.get(f"/studio/{place}").text for place in places]
    going = sorted({one["group"] for one in state["groups"]} & {tell["group"]})
    return json.dumps([kept, state["form"], going, scroll["state"]])


def ask(client: httpx.Client, route: Route, tell: Tell) -> httpx.Response:
    method, path = route
    names = {"id": tell["scroll" if "scroll" in path else "picture"], "name": "inkstone.js",
             "digest": tell["drawing" if "drawing" in path else "digest"]}  # fmt: skip
    if "styles" in path:
        names["name"] = "ink-mist"
    said = ASKED[route].says(tell)
    where = path.format(**names)
    if method == "GET":
        return client.get(where, params=said)
    return client.request(
        method, where, content=said if isinstance(said, bytes) else json.dumps(said).encode()
    )


def settle(client: httpx.Client, answer: httpx.Response, path: str) -> None:
    """Waits until what was begun is over, so that nothing changes by itself."""
    if "group" in (answer.json() if answer.status_code == 202 else {}):
        events(client, answer.json()["group"])
    for one in client.get("/studio/scroll").json()["scrolls"]:
        while one["state"] == "painting" and path.startswith("/studio/scroll"):
            if one["group"]:  # none between two parts
                events(client, one["group"])
            one = client.get(f"/studio/scroll/{one['id']}").json()


def test_every_route_of_guests_is_asked_for():
    assert set(ASKED) | {("WS", "/studio/live")} == ROUTES


@pytest.mark.parametrize(("whose", "who"), [("guest", "guest"), ("owner", "guest"), ("guest", "owner")])
def test_a_good_request_for_anothers_things_is_refused_and_hers_is_taken(
    server: Server, shared: Shared, whose: str, who: str
):
    def come(role: str) -> httpx.Client:
        return owner_client(server) if role == "owner" else visitor(shared)

    with (
        closing(come(whose)) as hers,
        closing(come(who)) as other,
        closing(httpx.Client(base_url=hers.base_url, timeout=60)) as stranger,
    ):
        tell = things_of(hers, other, f"PRIVATE-{whose}-{who}-")
        public = {"/studio/health", "/studio/page/{name}"}
        for route, asked in ASKED.items():
            path = route[1]
            shared.guests._buckets.clear()  # pyright: ignore[reportPrivateUsage]
            before = seen(hers, tell)
            if path not in public:
                assert ask(stranger, route, tell).status_code == 401, route
            answer = ask(other, route, tell)
            refused = answer.status_code == 404
            assert refused == asked.names, (route, answer.status_code, answer.text[:200])
            assert tell["mark"] not in answer.text, route
            assert tell["picture"] not in answer.text, route
            assert tell["group"] not in answer.text, route
            assert seen(hers, tell) == before, f"{route}: nothing of hers was changed"
            if path == "/studio/events":  # it lasts as long as the picture
                with hers.stream("GET", path, params={"group": tell["group"]}) as stream:
                    assert stream.status_code == 200
                continue
            answer = ask(hers, route, tell)
            assert answer.status_code < 300, (route, answer.text)
            settle(hers, answer, path)
            if path in CHANGES:
                assert seen(hers, tell) != before, f"{route}: by her it would have been"


# --- the socket


def socket(port: int, cookie: str) -> ClientConnection:
    headers = {"Cookie": cookie} if cookie else {}
    url = f"ws://127.0.0.1:{port}/studio/live"
    return connect(url, additional_headers=headers, proxy=None, open_timeout=30)


def cookie_of(client: httpx.Client) -> str:
    return "; ".join(f"{one.name}={one.value}" for one in client.cookies.jar)


def test_a_socket_opens_for_whom_the_page_knows_only(server: Server, shared: Shared):
    with closing(visitor(shared)) as anna, closing(owner_client(server)) as owner:
        for port, cookie in (
            (shared.port, ""), (shared.port, f"inkstone-guest-{shared.port}={'x' * 43}"),
            (shared.port, cookie_of(owner)), (server.port, ""), (server.port, cookie_of(anna)),
        ):  # fmt: skip
            with pytest.raises(InvalidStatus):
                socket(port, cookie)


def test_what_is_painted_live_for_one_is_told_to_her_alone(shared: Shared):
    with closing(visitor(shared)) as anna, closing(visitor(shared)) as ben:
        lines = [socket(shared.port, cookie_of(one)) for one in (anna, ben)]
        with lines[0] as hers, lines[1] as his:
            for one, number in ((hers, 11), (his, 22)):
                one.send(json.dumps({"recipe": {**TINY, "steps": 1}, "strength": 0.5}))
                one.send(struct.pack(">II", number, 0))
            for one, number in ((hers, 11), (his, 22)):
                assert json.loads(one.recv(60))["n"] == number
                assert struct.unpack_from(">I", bytes(one.recv(60)))[0] == number  # type: ignore[arg-type]
                one.send(json.dumps({"echo": number}))
                assert json.loads(one.recv(60)) == {"echo": number}, "and nothing came between"
