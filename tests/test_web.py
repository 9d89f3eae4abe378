"""The front door: who comes in, what is hers, and what never passes."""

import json
import re
import socket
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from halls import events, models_folder, owner_client, studio_at
from starlette.datastructures import Headers
from starlette.routing import Route

from studio.studio import Studio
from studio.web import Server
from studio.web.guard import Door, closed, foreign, hosts_of
from studio.web.server import every_route
from studio.web.sharing import share_routes

QUICK = {"prompt": "a lake", "steps": 2}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory):
    root = tmp_path_factory.mktemp("web")
    with studio_at(root / "data", models_folder(root / "models")) as studio:
        yield studio


@pytest.fixture
def owner(server: Server):
    client = owner_client(server)
    yield client
    client.close()


@pytest.fixture
def stranger(server: Server):
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client:
        yield client


@pytest.fixture
def guest(studio: Studio, server: Server):
    """Somebody with a cookie of her own who is not the owner."""
    cookies = {f"inkstone-{server.port}": studio.painters.admit(studio.painters.join())}
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", cookies=cookies, timeout=30) as client:
        yield client


def painted(client: httpx.Client, count: int = 1) -> tuple[str, list[str]]:
    """Paints; returns the group and the pictures' ids."""
    answer = client.post("/studio/paint", json={"recipe": QUICK, "count": count})
    assert answer.status_code == 202, answer.text
    group = answer.json()["group"]
    told = [json.loads(line) for line in events(client, group)]
    return group, [event["picture"] for event in told if event.get("kind") == "done"]


# --- who comes in


def test_the_key_opens_the_page_once_and_the_browser_is_known_from_then_on(server: Server):
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client:
        first = client.get(f"/?key={server.key}")
        assert (first.status_code, first.headers["location"]) == (303, "./")
        cookie = first.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert client.get("/").status_code == 200
        assert client.get("/studio/state").status_code == 200
        assert server.key not in client.get("/").text


@pytest.mark.parametrize("path", ["/", "/?key=wrong", "/config", "/studio/state", "/gradio_api/queue/data"])
def test_without_key_and_cookie_nothing_opens(stranger: httpx.Client, path: str):
    answer = stranger.get(path)
    assert answer.status_code in (401, 404)
    assert "set-cookie" not in answer.headers


def test_addresses_open_nothing(server: Server):
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        answer = httpx.get(f"http://127.0.0.1:{server.port}/studio/state", headers={name: "127.0.0.1"})
        assert answer.status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil", "10.1.2.3"])
def test_under_a_foreign_name_the_studio_does_not_answer(owner: httpx.Client, host: str):
    assert owner.get("/studio/state", headers={"Host": host}).status_code in (400, 421)


def test_a_bare_address_is_a_name_only_when_the_studio_listens_to_the_network():
    def door(host: str, any_address: bool) -> Door:
        return Door(None, "k", "c", hosts_of(host), any_address, 1)  # type: ignore[arg-type]

    assert door("127.0.0.1", False).knows_host("127.0.0.1:7860")
    assert door("127.0.0.1", False).knows_host("[::1]:7860")
    assert not door("127.0.0.1", False).knows_host("192.168.1.7:7860")
    assert door("0.0.0.0", True).knows_host("192.168.1.7:7860")
    assert door("0.0.0.0", True).knows_host(f"{socket.gethostname()}:7860")
    assert not door("0.0.0.0", True).knows_host("evil.example")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"origin": "http://127.0.0.1:1"}, False),
        ({"origin": "https://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://127.0.0.1:2"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
        ({"sec-fetch-site": "same-origin"}, False),
        ({}, False),
    ],
)
def test_foreign_pages_are_told_from_our_own(headers: dict[str, str], expected: bool):
    given = Headers({"host": "127.0.0.1:1", **headers})
    assert foreign("POST", given) is expected


@pytest.mark.parametrize(
    "path", ["/studio/paint", "/studio/cancel", "/studio/upload", "/studio/trash", "/gradio_api/queue/join"]
)
def test_a_foreign_page_cannot_drive_the_studio(owner: httpx.Client, path: str):
    answer = owner.post(path, headers={"Origin": "https://evil.example"}, content=b"{}")
    assert answer.status_code == 403
    assert "site" in answer.json()["sentence"]


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/call/paint", "/gradio_api/api/paint", "/gradio_api/run/paint", "/gradio_api/info",
        "/openapi.json", "/gradio_api/file=/etc/passwd", "/gradio_api/file=https://example.org",
        "/gradio_api/upload", "/docs",
        "/gradio_api/proxy=http://x", "/gradio_api/deep_link", "/gradio_api/component_server",
        "/monitoring/summary", "/GRADIO_API/upload", "/gradio_api/runs", "/gradio_api/run-history/records",
    ],
)  # fmt: skip
def test_gradios_other_doors_are_closed(owner: httpx.Client, path: str):
    assert closed(path)
    assert owner.get(path).status_code == 404
    assert owner.post(path, content=b"{}").status_code == 404


def test_every_answer_carries_the_security_headers(owner: httpx.Client, stranger: httpx.Client):
    for answer in (owner.get("/"), owner.get("/studio/state"), stranger.get("/")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_every_route_of_ours_is_reviewed(studio: Studio, server: Server, stranger: httpx.Client):
    """A new route must be put into one of these lists by somebody who has thought about it."""
    public = {("GET", "/studio/page/{name}"), ("GET", "/studio/health")}
    hers = {
        ("POST", "/studio/paint"), ("POST", "/studio/cancel"), ("POST", "/studio/estimate"),
        ("GET", "/studio/events"), ("GET", "/studio/picture/{id}.png"), ("GET", "/studio/picture/{id}.json"),
        ("GET", "/studio/thumb/{id}.webp"), ("GET", "/studio/pictures"), ("POST", "/studio/trash"),
        ("POST", "/studio/untrash"), ("POST", "/studio/upload"), ("POST", "/studio/restore"),
        ("GET", "/studio/state"), ("PUT", "/studio/state"), ("GET", "/studio/input/{digest}"),
        ("GET", "/studio/drawing"), ("PUT", "/studio/drawing"), ("POST", "/studio/drawing/keep"),
        ("GET", "/studio/drawing/{digest}.json"),
        ("POST", "/studio/finish"), ("GET", "/studio/finish"),
        ("POST", "/studio/look"), ("GET", "/studio/look"),
        ("GET", "/studio/picture/{id}.svg"),
        ("POST", "/studio/live"), ("POST", "/studio/live/rest"), ("POST", "/studio/film"),
        ("POST", "/studio/words"), ("GET", "/studio/words/painters"), ("GET", "/studio/words/known"),
        ("GET", "/studio/history"), ("GET", "/studio/styles"), ("POST", "/studio/styles"),
        ("GET", "/studio/styles/{name}.webp"), ("POST", "/studio/explore"), ("GET", "/studio/explore"),
        ("POST", "/studio/travel"), ("POST", "/studio/outpaint"), ("POST", "/studio/scroll"),
        ("GET", "/studio/scroll"), ("POST", "/studio/scroll/stop"), ("GET", "/studio/scroll/{id}"),
        ("GET", "/studio/gallery"), ("GET", "/studio/gallery/summary"),
        ("GET", "/studio/gallery/about/{id}"), ("GET", "/studio/gallery/file/{id}"),
        ("POST", "/studio/gallery/zip"), ("POST", "/studio/gallery/star"),
        ("POST", "/studio/gallery/album"), ("POST", "/studio/gallery/rename"),
        ("POST", "/studio/gallery/dissolve"), ("POST", "/studio/gallery/trash"),
        ("POST", "/studio/gallery/restore"), ("POST", "/studio/gallery/empty"),
    }  # fmt: skip
    owners = {
        ("GET", "/studio/models/catalog"), ("GET", "/studio/models/downloads"),
        ("POST", "/studio/models/get"), ("GET", "/studio/settings"), ("PUT", "/studio/settings"),
        ("POST", "/studio/settings/unload"), ("GET", "/studio/share"), ("POST", "/studio/share/start"),
        ("POST", "/studio/share/stop"), ("POST", "/studio/share/models"), ("POST", "/studio/share/away"),
        ("POST", "/studio/share/give"),
        ("POST", "/studio/models/stop"), ("POST", "/studio/models/use"), ("POST", "/studio/models/forget"),
    }  # fmt: skip
    ours = [  # the live socket: tests/web/test_live.py
        r for r in (*every_route(studio), *share_routes(server.sharing)) if isinstance(r, Route)
    ]
    there = {(method, r.path) for r in ours for method in (r.methods or ()) if method != "HEAD"}
    assert there == public | hers | owners
    for method, path in hers | owners:
        assert stranger.request(method, re.sub(r"{\w+}", "a" * 64, path), content=b"{}").status_code == 401


def test_every_handler_of_the_page_is_reviewed(server: Server):
    named = {fn.api_name for fn in server.blocks.fns.values() if fn.fn is not None}
    assert named == {
        "opened",
        "language",
        "paint",
        "switch",
        "reset",
        "act",
        "restored",
        "strictness",
        "scroll",
        "style",
        "explore",
    }
    assert {fn.api_visibility for fn in server.blocks.fns.values()} == {"private"}


# --- painting through it


def test_a_picture_is_asked_for_watched_and_fetched(owner: httpx.Client):
    answer = owner.post("/studio/paint", json={"recipe": QUICK, "count": 2})
    assert answer.status_code == 202
    told = [json.loads(line) for line in events(owner, answer.json()["group"])]
    kinds = [event.get("kind") for event in told]
    assert kinds.count("done") == 2
    assert "step" in kinds
    assert told[-1] == {}, "the stream says that it is over"
    for event in told:
        if event.get("kind") == "done":
            png = owner.get(f"/studio/picture/{event['picture']}.png")
            assert (png.headers["content-type"], png.content[:4]) == ("image/png", b"\x89PNG")
            assert "private" in png.headers["cache-control"]
            assert owner.get(f"/studio/thumb/{event['picture']}.webp").content[8:12] == b"WEBP"


def test_a_stream_can_be_taken_up_where_it_was_left(owner: httpx.Client):
    group, _ = painted(owner)
    told = [json.loads(line) for line in events(owner, group)]
    done = next(event for event in told if event.get("kind") == "done")
    assert events(owner, group, since=done["n"]) == ["{}"]


def test_stop_ends_the_group(owner: httpx.Client):
    slow = {"prompt": "ms=200", "steps": 100}
    group = owner.post("/studio/paint", json={"recipe": slow, "count": 3}).json()["group"]
    assert owner.post("/studio/cancel", json={"group": group}).status_code == 200
    told = [json.loads(line) for line in events(owner, group)]
    assert [event["kind"] for event in told if "kind" in event].count("cancelled") == 3


def test_the_state_tells_what_runs_and_what_is_there(owner: httpx.Client):
    _, pictures = painted(owner)
    slow = {"prompt": "ms=200", "steps": 100}
    group = owner.post("/studio/paint", json={"recipe": slow}).json()["group"]
    state = owner.get("/studio/state").json()
    owner.post("/studio/cancel", json={"group": group})
    assert [one["group"] for one in state["groups"]] == [group]
    assert pictures[0] in [one["id"] for one in state["pictures"]]


def test_the_unfinished_form_is_kept(owner: httpx.Client):
    form = {"prompt": "半句", "steps": 7, "post.clahe": True}
    assert owner.put("/studio/state", json={"tab": "txt2img", "form": form}).status_code == 200
    assert owner.get("/studio/state", params={"tab": "txt2img"}).json()["form"] == form


def test_a_dropped_picture_gives_back_its_settings_with_the_seed_as_text(owner: httpx.Client):
    asked = {**QUICK, "seed": "18446744073709551615"}
    group = owner.post("/studio/paint", json={"recipe": asked}).json()["group"]
    told = [json.loads(line) for line in events(owner, group)]
    picture = next(event["picture"] for event in told if event.get("kind") == "done")
    png = owner.get(f"/studio/picture/{picture}.png").content
    found = owner.post("/studio/restore", content=png).json()
    assert (found["recipe"]["prompt"], found["recipe"]["seed"]) == ("a lake", "18446744073709551615")
    assert owner.post("/studio/upload", content=png).json()["width"] == 64


def test_a_deleted_picture_comes_back(owner: httpx.Client):
    _, (picture,) = painted(owner)
    owner.post("/studio/trash", json={"picture": picture})
    assert picture not in [one["id"] for one in owner.get("/studio/pictures").json()["pictures"]]
    owner.post("/studio/untrash", json={"picture": picture})
    assert picture in [one["id"] for one in owner.get("/studio/pictures").json()["pictures"]]


# --- what is hers


def test_what_belongs_to_another_painter_is_not_there(studio: Studio, owner: httpx.Client):
    """The owner's page admits the owner only, so somebody else's things are put there by the facade."""
    other = studio.painters.join()
    submitted = studio.submit(QUICK, other)
    (picture,) = [e.picture for e in studio.desk.events(submitted.group, other) if e.kind == "done"]
    for path in (f"picture/{picture}.png", f"picture/{picture}.json", f"thumb/{picture}.webp"):
        assert owner.get(f"/studio/{path}").status_code == 404
    assert owner.get("/studio/events", params={"group": submitted.group}).status_code == 404
    assert owner.post("/studio/cancel", json={"group": submitted.group}).status_code == 404
    for path in ("/studio/trash", "/studio/untrash"):
        assert owner.post(path, json={"picture": picture}).status_code == 404
    assert picture
    assert owner.get("/studio/pictures", params={"before": picture}).status_code == 404
    assert picture not in owner.get("/studio/state").text


def test_a_cookie_of_somebody_else_does_not_open_the_owners_page(guest: httpx.Client):
    assert guest.get("/").status_code == 401
    assert guest.get("/studio/state").status_code == 401
    assert guest.post("/studio/paint", json={"recipe": QUICK}).status_code == 401


@pytest.mark.parametrize("name", ["../../owner", "..%2f..%2fstudio", "a" * 65, "%00", "x.png/../y"])
def test_a_pictures_name_is_never_a_path(owner: httpx.Client, name: str):
    assert owner.get(f"/studio/picture/{name}.png").status_code == 404


# --- what never passes


@pytest.mark.parametrize(
    ("sent", "status", "word"),
    [
        (b"{", 400, "JSON"),
        (b"[1]", 400, "object"),
        (b'{"recipe": {"steps": NaN}}', 400, "steps"),
        (b'{"recipe": {"sampler": "x"}}', 400, "DPM++"),
        (b'{"recipe": {}, "count": true}', 400, "fields"),
        (b'{"recipe": {}, "count": 1000}', 400, "64"),
        (b'{"recipe": {}, "painter": "x"}', 400, "fields"),
        (json.dumps({"recipe": {"prompt": "x" * 10**6}}).encode(), 400, "prompt"),
        (b"[" * 100_000, 400, "JSON"),
    ],
)
def test_bad_requests_get_a_sentence(owner: httpx.Client, sent: bytes, status: int, word: str):
    answer = owner.post("/studio/paint", content=sent)
    assert answer.status_code == status
    assert word in answer.json()["sentence"]


def test_a_large_body_is_refused_before_it_is_read(server: Server, owner: httpx.Client):
    cookie = "; ".join(f"{name}={value}" for name, value in owner.cookies.items())
    request = (
        f"POST /studio/paint HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nCookie: {cookie}\r\n"
        f"Content-Length: {3 * 2**20}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        line.sendall(request.encode())
        assert b" 413 " in line.recv(4096).split(b"\r\n")[0], "answered although no body was sent"


def test_a_body_without_a_length_is_counted(owner: httpx.Client):
    def endless():
        for _ in range(80):
            yield b"x" * 65536

    with suppress(httpx.TransportError):  # the server may hang up while the rest is still being sent
        assert owner.post("/studio/paint", content=endless()).status_code == 413
    assert owner.get("/studio/health").status_code == 200


def test_a_bomb_and_a_text_are_no_pictures(owner: httpx.Client):
    bomb = bytes.fromhex("89504e470d0a1a0a0000000d494844520000c3500000c35008060000006c6a2a33")
    for sent in (bomb, b"hello"):
        for path in ("/studio/upload", "/studio/restore"):
            answer = owner.post(path, content=sent)
            assert answer.status_code == 400
            assert answer.json()["sentence"].endswith(".")


def test_the_programs_own_files_are_served_and_nothing_else(owner: httpx.Client):
    script = owner.get("/studio/page/inkstone.js")
    assert script.headers["content-type"].startswith("text/javascript")
    for name in ("__init__.py", "..%2fapp.py", "nothing.js"):
        assert owner.get(f"/studio/page/{name}").status_code == 404


def test_a_taken_port_gives_way_to_the_next(studio: Studio, server: Server, tmp_path: Path):
    from studio.web.server import free_port

    assert free_port("127.0.0.1", server.port) != server.port
