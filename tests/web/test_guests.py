"""Guests: tickets that let one friend in, and what is left of one who wants to be forgotten."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from halls import events, models_folder, owner_client, studio_at
from starlette.routing import Route
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from studio.errors import BadInput, LimitReached, NotFound
from studio.identity import Painters
from studio.studio import Studio
from studio.web import Server
from studio.web.forgetting import FORGOTTEN, look_after
from studio.web.guests import RATES, TICKET_SECONDS, Guests
from studio.web.sharing import Shared


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guests(tmp_path: Path, clock: Clock) -> Guests:
    return Guests(Painters(tmp_path), "open sesame", 50, clock)


# --- tickets


def test_a_ticket_stands_for_the_password_once(guests: Guests):
    ticket = guests.ticket()
    assert len(ticket) >= 43, "256 bits"
    assert guests.find(guests.enter(guests.key, "", None, ticket)) is not None
    with pytest.raises(BadInput, match="before"):
        guests.enter(guests.key, "", None, ticket)
    assert len(guests.inside()) == 1


def test_another_ticket_is_shown_once_one_was_used_and_the_same_until_then(guests: Guests):
    first = guests.ticket()
    assert guests.ticket() == first
    guests.enter(guests.key, "", None, first)
    second = guests.ticket()
    assert second != first
    assert guests.enter(guests.key, "", None, second)


def test_a_ticket_that_was_given_away_stays_good_beside_the_next(guests: Guests):
    annas = guests.ticket()
    guests.give_away()
    bens = guests.ticket()
    assert annas != bens
    assert guests.enter(guests.key, "", None, annas)
    assert guests.ticket() == bens
    assert guests.enter(guests.key, "", None, bens)


def test_a_ticket_is_void_after_a_day_and_an_old_one_is_not_shown(guests: Guests, clock: Clock):
    old = guests.ticket()
    clock.now = TICKET_SECONDS / 2 + 1
    assert guests.ticket() != old
    clock.now = TICKET_SECONDS
    with pytest.raises(BadInput, match="too old"):
        guests.enter(guests.key, "", None, old)
    assert guests.enter(guests.key, "", None, guests.ticket())


def test_a_ticket_needs_its_own_links_key_and_dies_with_the_link(tmp_path: Path):
    painters = Painters(tmp_path)
    first, second = Guests(painters, "one", 5), Guests(painters, "two", 5)
    for key in ("", "x", second.key):
        with pytest.raises(NotFound):
            first.enter(key, "", None, first.ticket())
    with pytest.raises(BadInput):
        second.enter(second.key, "", None, first.ticket())


def test_tickets_are_not_tried_without_end_and_share_their_tries_with_passwords(guests: Guests, clock: Clock):
    right = guests.ticket()
    tries = int(RATES["wrong"][0]) - 1
    for n in range(tries):
        with pytest.raises(BadInput):
            guests.enter(guests.key, *(("x", None, "") if n % 2 else ("", None, f"{right[:-1]}\ud800")))
    for ticket in ("x", right):
        with pytest.raises(LimitReached):
            guests.enter(guests.key, "", None, ticket)
    clock.now += 120
    assert guests.enter(guests.key, "", None, right), "and the right one was not used up meanwhile"


def test_of_many_who_bring_one_ticket_at_the_same_time_one_comes_in(tmp_path: Path):
    guests = Guests(Painters(tmp_path), "open sesame", 50, clock=lambda: 0.0)
    ticket, came, refused = guests.ticket(), list[str | None](), list[Exception]()
    ready = threading.Barrier(8)

    def come() -> None:
        ready.wait()
        try:
            came.append(guests.enter(guests.key, "", None, ticket))
        except (BadInput, LimitReached) as error:
            refused.append(error)

    crowd = [threading.Thread(target=come) for _ in range(8)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert (len(came), len(refused), len(guests.inside())) == (1, 7, 1)


def test_who_finds_the_studio_full_or_is_inside_already_keeps_the_ticket(tmp_path: Path):
    guests = Guests(Painters(tmp_path), "open sesame", 1)
    cookie = guests.enter(guests.key, "open sesame", None)
    ticket = guests.ticket()
    with pytest.raises(LimitReached, match="full"):
        guests.enter(guests.key, "", None, ticket)
    assert guests.enter(guests.key, "", cookie, ticket) is None
    guests.send_away(1)
    assert guests.enter(guests.key, "", None, ticket)


# --- by the page


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("guests")
    with studio_at(root / "data", models_folder(root / "models"), guest_port=0) as studio:
        yield studio


@pytest.fixture(scope="module")
def shared(server: Server) -> Shared:
    return server.sharing.start(link=False, password="open sesame")


def nobody(shared: Shared) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{shared.port}", follow_redirects=True, timeout=60)


def test_the_owners_code_lets_one_friend_in_and_the_dialog_then_shows_another(server: Server, shared: Shared):
    with (
        closing(owner_client(server)) as owner,
        closing(nobody(shared)) as anna,
        closing(nobody(shared)) as ben,
    ):
        told = owner.get("/studio/share").json()
        link = urlsplit(told["once"])
        assert told["once"].startswith(f"{told['url']}#")
        assert len(told["code"]) == len(told["code"][0])
        said = {"key": shared.guests.key, "ticket": link.fragment}
        assert anna.post("/studio/enter", data=said).status_code == 200
        assert anna.get("/studio/state").status_code == 200
        again = ben.post("/studio/enter", data=said)
        assert again.status_code == 401
        assert "type the password" in again.text
        assert ben.get("/studio/state").status_code == 401
        assert owner.get("/studio/share").json()["once"] != told["once"]
        shown = owner.get("/studio/share").json()
        given = owner.post("/studio/share/give", json={}).json()
        assert given["once"] != shown["once"]
        assert given["code"] != shown["code"]


def test_a_ticket_is_in_no_address_that_a_server_is_sent(server: Server, shared: Shared):
    ticket = shared.guests.ticket()
    with closing(nobody(shared)) as anna:
        page = anna.get(f"/?key={shared.guests.key}")
        assert "location.hash" in page.text
        assert page.headers["referrer-policy"] in ("same-origin", "no-referrer")
        assert anna.get(f"/?key={shared.guests.key}&ticket={ticket}").status_code == 200
        assert anna.get("/studio/state").status_code == 401, "an address alone lets nobody in"
        anna.post("/studio/enter", data={"key": shared.guests.key, "ticket": ticket})
        known = anna.get(f"/?key={shared.guests.key}", follow_redirects=False)
        assert known.headers["location"] == "./#", "no fragment is carried on"


# --- forgetting


MARK = "PRIVATE"


def come_in(shared: Shared) -> httpx.Client:
    client = nobody(shared)
    said = {"key": shared.guests.key, "password": shared.guests.password}
    assert client.post("/studio/enter", data=said).status_code == 200
    return client


def cookie_of(client: httpx.Client, shared: Shared) -> str:
    return next(f"{one.name}={one.value}" for one in client.cookies.jar if str(shared.port) in one.name)


def lived(client: httpx.Client, name: str) -> str:
    """A guest paints, keeps an album, a form, a style and a scroll; returns the picture."""
    asked = {"recipe": {"prompt": f"a lake {name}", "steps": 2}}
    group = client.post("/studio/paint", json=asked).json()["group"]
    told = [json.loads(line) for line in events(client, group)]
    (picture,) = [one["picture"] for one in told if one.get("kind") == "done"]
    png = client.get(f"/studio/picture/{picture}.png").content
    for answer in (
        client.post("/studio/upload", content=png),
        client.post("/studio/gallery/album", json={"pictures": [picture], "album": name}),
        client.put("/studio/state", json={"tab": "txt2img", "form": {"prompt": name}}),
        client.post("/studio/styles", content=f"name,prompt,negative_prompt\n{name},{name},\n".encode()),
        client.post(
            "/studio/scroll",
            json={"scroll": {"recipe": {"prompt": f"{name} ms=50", "steps": 50}, "length": 512}},
        ),
        client.post("/studio/paint", json={"recipe": {"prompt": f"{name} ms=50", "steps": 60}}),
    ):
        assert answer.status_code < 300, answer.text
    return picture


def written(studio: Studio, painter: str, word: str) -> list[str]:
    """Where anything of a painter's stands on disk: files of hers, and rows that have the word."""
    data = studio.settings.data
    folders = (data / "gallery" / painter, data / "inputs" / painter)
    kept = [str(path) for folder in folders for path in folder.rglob("*") if path.is_file()]
    for base in data.rglob("*.db"):
        with closing(sqlite3.connect(base)) as tables:
            names = [one for (one,) in tables.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in names:
                rows = tables.execute(f'SELECT * FROM "{name}"').fetchall()
                kept += [f"{base.name}/{name}" for row in rows if word in str(row)]
    return [one for one in kept if not one.endswith("owner.json")]


def test_who_asks_to_be_forgotten_leaves_nothing_and_her_cookie_opens_nothing(studio: Studio, shared: Shared):
    with closing(come_in(shared)) as anna, closing(come_in(shared)) as ben:
        before = set(studio.painters.guests())
        annas, bens = list(shared.guests.inside())[-2:]
        assert {annas, bens} <= before
        cookie = cookie_of(anna, shared)
        lived(anna, MARK)
        hers = lived(ben, "kept")
        assert written(studio, annas, MARK)
        assert studio.desk.status(annas)["groups"]
        answer = anna.post("/studio/forget")
        assert answer.status_code == 200
        assert "forgotten" in answer.text
        assert "max-age=0" in answer.headers["set-cookie"].lower()
        assert "storage" in answer.headers["clear-site-data"]
        assert written(studio, annas, MARK) == []
        assert studio.desk.status(annas)["groups"] == []
        assert annas not in shared.guests.inside()
        for path in ("/studio/state", "/studio/pictures", "/config"):
            assert httpx.get(f"{anna.base_url}{path}", headers={"Cookie": cookie}).status_code == 401
        assert ben.get(f"/studio/picture/{hers}.png").status_code == 200, "who stays keeps everything"
        assert ben.get("/studio/state", params={"tab": "txt2img"}).json()["form"] == {"prompt": "kept"}
        assert studio.desk.status(bens)["groups"]
        for one in ben.get("/studio/state").json()["groups"]:
            ben.post("/studio/cancel", json={"group": one["group"]})


def test_with_her_old_cookie_and_a_new_invitation_she_is_somebody_new(studio: Studio, shared: Shared):
    with closing(come_in(shared)) as anna, closing(nobody(shared)) as again:
        first, cookie = list(shared.guests.inside())[-1], cookie_of(anna, shared)
        anna.post("/studio/forget")
        said = {"key": shared.guests.key, "password": shared.guests.password}
        assert again.post("/studio/enter", data=said, headers={"Cookie": cookie}).status_code == 200
        assert list(shared.guests.inside())[-1] != first


def test_what_a_late_request_left_behind_is_deleted_by_the_next_tidying(studio: Studio, shared: Shared):
    with closing(come_in(shared)) as anna:
        annas = list(shared.guests.inside())[-1]
        anna.post("/studio/forget")
        studio.inputs.put(annas, b"late")
        studio.habits.keep_form(annas, "txt2img", {"prompt": MARK})
        look_after(studio)
        assert written(studio, annas, MARK) == []
        assert studio.jobs.setting(FORGOTTEN) is None


@pytest.mark.parametrize("goes", ["forgotten", "shown out"])
def test_an_open_socket_ends_when_its_guest_goes(server: Server, shared: Shared, goes: str):
    with closing(come_in(shared)) as anna:
        headers = {"Cookie": cookie_of(anna, shared)}
        url = f"ws://127.0.0.1:{shared.port}/studio/live"
        with connect(url, additional_headers=headers, open_timeout=30) as socket:
            socket.send(json.dumps({"echo": 1}))
            assert json.loads(socket.recv(30)) == {"echo": 1}
            if goes == "forgotten":
                anna.post("/studio/forget")
            else:
                server.sharing.send_away(max(shared.guests.inside().values()))
            socket.send(json.dumps({"echo": 2}))
            with pytest.raises(ConnectionClosed):
                socket.recv(30)


def test_the_owners_page_cannot_forget_its_owner(server: Server):
    app = server.blocks.app
    assert "/studio/forget" not in [route.path for route in app.routes if isinstance(route, Route)]
    with closing(owner_client(server)) as owner:
        assert owner.post("/studio/forget").status_code in (404, 405)
        page = owner.get("/config").text
        assert "ink-forget" not in page
        assert "ink-share" in page


def test_another_sites_page_cannot_have_a_guest_forgotten(shared: Shared):
    with closing(come_in(shared)) as anna:
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            assert anna.post("/studio/forget", headers=headers).status_code == 403
        assert anna.get("/studio/state").status_code == 200
