"""Sharing: a guest, another guest and nobody try everything; nothing of anybody's comes out."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from halls import events, models_folder, owner_client, page_of, studio_at, visitor
from tiny import starter_folder

from studio import images
from studio.errors import BadInput, LimitReached, NotFound, StudioError
from studio.identity import Painters
from studio.metadata import read_file, write_png
from studio.recipe import Recipe
from studio.settings import GUESTS
from studio.studio import Studio
from studio.ui.tabs.acts import ACTS
from studio.web import Server, opening
from studio.web.guests import Guests
from studio.web.public import HANDLERS, ROUTES, spelled
from studio.web.server import every_route
from studio.web.sharing import ENDED, Shared, Sharing
from studio.web.tunnel import drop_foreign_program

QUICK = {"prompt": "a lake", "steps": 2}
MARK = "PRIVATE"
PAYLOADS = [
    f"{before}{act}{after}"
    for before, after in (("", ""), ('">', ""), ("'>", ""), ("</textarea>", ""), ("${", "}"), ("{{", "}}"),
                          ("]]>", ""), ("-->", ""))
    for act in ("<script>document.title='x'</script>", "<img src=x onerror=document.title='x'>",
                "<svg/onload=document.title='x'>", "javascript:alert(1)", "<iframe srcdoc=x>")
]  # fmt: skip


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("sharing")
    generous = GUESTS.but(waiting=50, waiting_all=500, pictures=10)
    with studio_at(root / "data", models_folder(root / "models"), guest_port=0, guests=generous) as studio:
        yield studio


@pytest.fixture(scope="module")
def shared(server: Server) -> Shared:
    return server.sharing.start(link=False, password="open sesame")


@pytest.fixture(scope="module")
def owner(server: Server) -> Iterator[httpx.Client]:
    with closing(owner_client(server)) as client:
        yield client


def nobody(shared: Shared) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{shared.port}", timeout=30)


def painted(client: httpx.Client, prompt: str, count: int = 1) -> tuple[str, list[str]]:
    answer = client.post("/studio/paint", json={"recipe": {**QUICK, "prompt": prompt}, "count": count})
    assert answer.status_code == 202, answer.text
    group = answer.json()["group"]
    told = [json.loads(line) for line in events(client, group)]
    return group, [event["picture"] for event in told if event.get("kind") == "done"]


def filled(path: str, tell: dict[str, Any]) -> str:
    """A route's path with somebody's names in it."""
    return re.sub(r"{(\w+)}", lambda found: str(tell.get(found[1], "x")), path)


# --- what is there at all


def test_guests_have_exactly_the_routes_and_handlers_of_the_list(studio: Studio, shared: Shared):
    every = {one for route in every_route(studio) for one in spelled(route)}
    assert every >= ROUTES, "the list names routes that are not there"
    app: Any = shared.blocks.app
    theirs = {
        one
        for route in app.routes
        if str(getattr(route, "path", "")).startswith("/studio")
        for one in spelled(route)
    }
    assert theirs == ROUTES | {("POST", "/studio/enter"), ("POST", "/studio/forget")}
    assert not [path for _, path in theirs if path.startswith(("/studio/models", "/studio/share"))]
    assert {fn.api_name for fn in shared.blocks.fns.values() if fn.fn is not None} == HANDLERS
    assert {fn.api_visibility for fn in shared.blocks.fns.values()} == {"private"}


def test_every_other_route_is_absent_for_a_guest(studio: Studio, server: Server, shared: Shared):
    kept = {one for route in every_route(studio) for one in spelled(route)} - ROUTES
    kept |= {("GET", "/studio/share")} | {
        ("POST", f"/studio/share/{n}") for n in ("start", "stop", "models", "away", "give")
    }
    with closing(visitor(shared)) as guest:
        for method, path in kept:
            assert guest.request(method, re.sub(r"{\w+}", "a" * 32, path)).status_code in (404, 405), path
        for path in ("/gradio_api/info", "/gradio_api/file=/etc/passwd", "/monitoring", "/gradio_api/upload"):
            assert guest.get(path).status_code == 404


def test_a_guests_page_names_nothing_of_the_owners(shared: Shared):
    with closing(visitor(shared)) as guest:
        page = guest.get("/").text + guest.get("/config").text
    assert "ink-models" not in page
    assert "ink-share" not in page


# --- nobody's things come out


def test_no_route_lets_anybody_at_another_painters_things(shared: Shared, owner: httpx.Client):
    anna, ben = visitor(shared), visitor(shared)
    mine = f"a lake {MARK}"
    for hers in (anna, owner):
        group, (picture,) = painted(hers, mine)
        png = hers.get(f"/studio/picture/{picture}.png").content
        digest = hers.post("/studio/upload", content=png).json()["image"]
        hers.put("/studio/state", json={"tab": "txt2img", "form": {"prompt": mine}})
        hers.post("/studio/gallery/album", json={"pictures": [picture], "album": MARK})
        tell = {
            "id": picture, "picture": picture, "pictures": [picture], "group": group, "digest": digest,
            "images": [digest], "image": digest, "album": MARK, "name": "x", "on": 1, "tab": "txt2img",
            "recipe": {"source": {"image": digest, "strength": 0.5}, "steps": 2}, "parent": picture,
        }  # fmt: skip
        before = hers.get("/studio/gallery").text
        stranger = nobody(shared)
        for method, path in sorted(ROUTES - {("WS", "/studio/live"), ("GET", "/studio/page/{name}")}):
            where = filled(path, tell)
            for said in ({}, *({name: value} for name, value in tell.items())):
                query = {name: str(value) for name, value in said.items()} if method == "GET" else None
                data = None if method == "GET" else json.dumps(said).encode()
                if path != "/studio/health" and not said:
                    assert stranger.request(method, where, content=data).status_code == 401, where
                if path in ("/studio/paint", "/studio/events") and not ({"recipe", "group"} & said.keys()):
                    continue
                try:
                    answer = ben.request(method, where, params=query, content=data)
                except httpx.ReadTimeout:
                    raise AssertionError(f"{where} {said} hangs") from None
                assert answer.status_code < 500 or answer.status_code == 507, (where, said, answer.text)
                assert MARK not in answer.text, (where, said)
                assert picture not in answer.text, (where, said)
                if "{id}" in path or "{digest}" in path:
                    assert answer.status_code == 404, (where, said)
                if answer.status_code == 429:
                    ben = visitor(shared)
        assert hers.get("/studio/gallery").text == before, "and nothing of hers was changed"
        assert ben.post("/studio/paint", json={"recipe": tell["recipe"]}).status_code == 404
        stranger.close()
    anna.close()
    ben.close()


def heard(client: httpx.Client, session: str) -> list[dict[str, Any]]:
    """What Gradio says in a session, until an event is over or there is nothing."""
    told: list[dict[str, Any]] = []
    try:
        with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as answer:
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    told.append(json.loads(line[5:]))
                if told and told[-1]["msg"] in ("process_completed", "unexpected_error", "close_stream"):
                    break
    except httpx.RemoteProtocolError:  # Gradio knows no such session
        pass
    return told


def send(client: httpx.Client, shared: Shared, name: str, session: str, event: Any) -> httpx.Response:
    """One of the page's events, its fields as the page first has them."""
    index, fn = next((i, fn) for i, fn in shared.blocks.fns.items() if fn.api_name == name and fn.fn)
    data = [getattr(block, "value", None) for block in fn.inputs]
    plain = [value if isinstance(value, str | int | float) else None for value in data]
    said = {"data": plain, "fn_index": index, "session_hash": session, "event_data": event}
    return client.post("/gradio_api/queue/join", json=said)


def test_what_gradio_says_to_one_guest_is_not_said_to_another_who_names_her_session(shared: Shared):
    with closing(visitor(shared)) as anna, closing(visitor(shared)) as ben:
        anna.put("/studio/state", json={"tab": "paint", "form": {"prompt": f"a lake {MARK}"}})
        assert send(anna, shared, "opened", "annas", None).status_code == 200
        assert MARK not in str(heard(ben, "annas"))
        with ben.stream("GET", "/gradio_api/heartbeat/annas") as answer:
            assert answer.status_code == 200, "it is a session of his own that he leaves"
        assert send(ben, shared, "language", "annas", {"language": "en"}).status_code == 200
        assert MARK in str(heard(anna, "annas")), "and hers goes on"
        assert MARK not in str(heard(ben, "annas"))
        for session in ("", "x" * 65, "../annas", None, 7, {"a": 1}):
            assert send(ben, shared, "opened", session, None).status_code == 400  # type: ignore[arg-type]
        for path in ("/gradio_api/cancel", "/gradio_api/reset", "/gradio_api/call/opened"):
            assert (
                ben.post(path, json={"session_hash": "annas", "fn_index": 0, "event_id": "x"}).status_code
                == 404
            )


def test_no_handler_lets_a_guest_at_another_painters_things(shared: Shared, owner: httpx.Client):
    with closing(visitor(shared)) as anna, closing(visitor(shared)) as ben:
        for hers in (anna, owner):
            group, (picture,) = painted(hers, f"a lake {MARK}")
            png = hers.get(f"/studio/picture/{picture}.png").content
            digest = hers.post("/studio/upload", content=png).json()["image"]
            before = hers.get("/studio/gallery").text
            source = {"image": digest, "strength": 0.5}
            for name in sorted(HANDLERS):
                acts = (*ACTS, "x") if name == "act" else ("",)
                for act in acts:
                    event = {
                        "act": act, "id": picture, "group": group, "image": digest, "language": "en",
                        "recipe": {"source": source, "steps": 2}, "name": "x", "axes": [],
                        "picture": picture, "start": picture, "end": picture, "frames": 2,
                    }  # fmt: skip
                    shared.guests._buckets.clear()
                    if send(ben, shared, name, "bens", event).status_code == 200:
                        said = json.dumps(heard(ben, "bens"))
                        assert MARK not in said, (name, act)
                        assert f'"{group}"' not in said, (name, act)
            assert hers.get("/studio/gallery").text == before
        assert MARK not in ben.get("/studio/gallery").text


def test_a_cookie_of_another_link_of_the_owners_or_made_up_opens_nothing(
    studio: Studio, shared: Shared, owner: httpx.Client
):
    outsider = studio.painters.admit(studio.painters.join())
    owners = next(iter(owner.cookies.values()))
    name = f"inkstone-guest-{shared.port}"
    for cookie in (outsider, owners, "x" * 43, ""):
        with nobody(shared) as client:
            answer = client.get("/studio/state", headers={"Cookie": f"{name}={cookie}"})
            assert answer.status_code == 401
    with nobody(shared) as client:
        for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host", "X-Forwarded-User"):
            assert client.get("/studio/state", headers={header: "127.0.0.1"}).status_code == 401


# --- coming in


def test_the_invitation_needs_the_key_and_the_password_and_gives_a_strict_cookie(shared: Shared):
    with nobody(shared) as client:
        assert client.get("/").status_code == 401
        assert client.get("/?key=wrong").status_code == 401
        opened = client.get(f"/?key={shared.guests.key}")
        assert opened.status_code == 200
        assert "set-cookie" not in opened.headers, "a messenger's preview is not a guest"
        assert 'type="password"' in opened.text
        for said in (
            {"key": "wrong", "password": "open sesame"},
            {"key": shared.guests.key, "password": "x"},
            {},
        ):
            answer = client.post("/studio/enter", data=said)
            assert answer.status_code == 401
            assert "set-cookie" not in answer.headers
        right = {"key": shared.guests.key, "password": "open sesame"}
        foreign = client.post("/studio/enter", data=right, headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
        answer = client.post("/studio/enter", data=right, headers={"X-Forwarded-Proto": "https"})
        cookie = answer.headers["set-cookie"].lower()
        assert all(word in cookie for word in ("httponly", "samesite=lax", "secure", "path=/"))
        assert len(cookie.split("=")[1].split(";")[0]) >= 43, "256 bits"


@pytest.mark.parametrize("path", sorted(path for method, path in ROUTES if method in ("POST", "PUT")))
def test_another_sites_page_cannot_act_for_a_guest(shared: Shared, path: str):
    with nobody(shared) as client:
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            assert client.post(path, headers=headers, content=b"{}").status_code == 403


def test_the_key_dies_with_its_link_and_who_returns_finds_her_gallery(tmp_path: Path):
    painters = Painters(tmp_path)
    first = Guests(painters, "", 2)
    cookie = first.enter(first.key, "", None)
    anna = first.find(cookie)
    second = Guests(painters, "", 2)
    assert anna is not None
    assert second.find(cookie) is None
    with pytest.raises(NotFound):
        second.enter(first.key, "", cookie)
    assert second.enter(second.key, "", cookie) is None
    assert second.find(cookie) == anna
    assert second.find(second.enter(second.key, "", None)) != anna
    with pytest.raises(LimitReached, match="full"):
        second.enter(second.key, "", None)
    second.send_away(1)
    assert second.find(cookie) is None


def test_passwords_are_not_tried_without_end(tmp_path: Path):
    now = [0.0]
    guests = Guests(Painters(tmp_path), "right", 5, clock=lambda: now[0])
    for _ in range(9):
        with pytest.raises(BadInput):
            guests.enter(guests.key, "wrong", None)
    for _ in range(3):
        with pytest.raises(LimitReached):
            guests.enter(guests.key, "right" if _ else "wrong", None)
    now[0] += 120
    assert guests.enter(guests.key, "right", None)


def test_one_guests_flood_is_hers_alone(tmp_path: Path):
    guests = Guests(Painters(tmp_path), "", 5, clock=lambda: 0.0)
    assert sum(guests.may_ask("a", "change") for _ in range(10_000)) < 1_000
    assert guests.may_ask("b", "change")
    assert sum(guests.begin("a") for _ in range(1_000)) < 100
    assert guests.begin("b")


# --- bounds, by the bare API


@pytest.mark.parametrize(
    ("recipe", "count", "word"),
    [
        ({"steps": 61}, 1, "steps"),
        ({"width": 4096, "height": 512}, 1, "side"),
        ({"width": 2048, "height": 2048, "steps": 60}, 1, "megapixel-steps"),
        ({"prompt": "x" * 4_001}, 1, "characters"),
        ({}, 11, "pictures"),
    ],
)
def test_a_guests_bounds_hold_by_the_bare_api(shared: Shared, recipe: dict[str, Any], count: int, word: str):
    with closing(visitor(shared)) as guest:
        answer = guest.post("/studio/paint", json={"recipe": {**QUICK, **recipe}, "count": count})
        assert answer.status_code in (400, 429)
        assert word in answer.json()["sentence"]


def test_uploads_kept_pictures_and_the_hour_have_an_end(tmp_path: Path):
    small = GUESTS.but(inputs=2, hourly=1.0, kept=3, waiting=3)
    with studio_at(tmp_path / "data", models_folder(tmp_path / "models"), guests=small) as studio:
        anna, owner = studio.painters.join(), studio.painters.owner()
        pictures = [write_png(_plain(n), Recipe(), {}, {}) for n in range(3)]
        for data in pictures[:2] * 2:
            studio.inputs.put(anna, data)
        with pytest.raises(LimitReached, match="given"):
            studio.inputs.put(anna, pictures[2])
        studio.inputs.put(owner, pictures[2])
        with pytest.raises(LimitReached, match="an hour"):
            studio.submit({**QUICK, "width": 1024, "height": 1024}, anna)
        assert studio.submit({**QUICK, "width": 1024, "height": 1024}, owner).jobs
        with pytest.raises(LimitReached, match="wait"):
            studio.submit({**QUICK, "width": 64, "height": 64}, anna, 4)
        for _ in range(3):
            done = studio.submit({**QUICK, "width": 64, "height": 64}, anna)
            list(studio.desk.events(done.group, anna))
        with pytest.raises(LimitReached, match="trash"):
            studio.submit({**QUICK, "width": 64, "height": 64}, anna)


def _plain(n: int) -> Any:
    from PIL import Image

    return Image.new("RGB", (64, 64), (n, n, n))


def test_finished_pictures_scrolls_and_live_painting_are_bounded_too(tmp_path: Path):
    small = GUESTS.but(megapixels=0.02, parts=3, hourly_live=0.005)
    with studio_at(tmp_path / "data", models_folder(tmp_path / "models"), guests=small) as studio:
        anna, owner = studio.painters.join(), studio.painters.owner()
        given = images.encode_png(_plain(1))
        asked = {"post": [{"kind": "upscale", "model": "lanczos", "scale": 4}], "width": 64, "height": 64}
        for painter in (anna, owner):
            studio.inputs.put(painter, given)
        with pytest.raises(LimitReached, match="megapixels"):
            studio.finish(asked, anna, [images.digest(given)])
        assert studio.finish(asked, owner, [images.digest(given)]).jobs
        part = {"recipe": {**QUICK, "width": 64, "height": 64}, "length": 256}
        with pytest.raises(LimitReached, match="parts"):
            studio.scroll(part, anna)
        with pytest.raises(LimitReached, match="megapixels"):
            studio.scroll({**part, "length": 512}, anna)
        frame = Recipe(width=64, height=64, steps=2)
        assert studio.desk.live(frame, anna).result(60)
        with pytest.raises(LimitReached, match="live"):
            studio.desk.live(frame, anna)
        assert studio.desk.live(frame, owner).result(60)


def test_what_guests_left_is_deleted_once_nobody_was_invited_for_long_enough(tmp_path: Path):
    folder = models_folder(tmp_path / "models")
    studio_there = studio_at(tmp_path / "data", folder, guest_port=0, guest_days=30)
    with studio_there as studio, page_of(studio) as server:
        sharing = server.sharing
        assert sharing.state()["days"] == 30
        shared = sharing.start(link=False, password="")
        with closing(visitor(shared)) as guest:
            painted(guest, "a lake")
            guest.put("/studio/state", json={"tab": "paint", "form": {"prompt": "a lake"}})
        (anna,) = studio.painters.guests()
        owner = studio.painters.owner()
        mine = studio.submit({**QUICK}, owner)
        list(studio.desk.events(mine.group, owner))
        sharing.expire()
        assert studio.gallery.usage(anna)[0] == 1, "the page is open"
        sharing.stop()
        sharing.expire()
        assert studio.gallery.usage(anna)[0] == 1, "it ended just now"
        studio.jobs.set(ENDED, time.time() - 31 * 86_400)
        sharing.expire()
        assert studio.gallery.usage(anna) == (0, 0)
        assert not studio.jobs.drafts(anna)
        assert studio.gallery.usage(owner)[0] == 1


def test_the_safety_checker_sees_whom_the_owner_says_and_the_dialog_tells(tmp_path: Path):
    folder = models_folder(tmp_path / "models")
    for safety, who, told in (
        ("guests", {"guest"}, "missing"), ("everybody", {"guest", "owner"}, "missing"), ("off", set(), "off"),
    ):  # fmt: skip
        with studio_at(tmp_path / safety, folder, safety=safety) as studio:
            for role in ("guest", "owner"):
                painter = studio.painters.join(role)  # type: ignore[arg-type]
                asked = studio.submit({**QUICK}, painter)
                list(studio.desk.events(asked.group, painter))
                png = studio.gallery.read(painter, asked.jobs[0])
                assert ("Checked." in read_file(png).facts["warnings"]) == (role in who)
                frame = studio.desk.live(Recipe(width=64, height=64, steps=1), painter).result(60)
                assert frame is not None
                assert frame.veiled == (role in who), "a live frame is a picture, too"
            sharing = Sharing(studio, studio.settings, [])
            assert sharing.state()["safety"] == told
    checker = folder / "annotators" / "safety_checker"
    checker.mkdir(parents=True)
    (checker / "config.json").write_text("{}")
    (checker / "model.safetensors").write_bytes(b"")
    with studio_at(tmp_path / "more", folder) as studio:
        assert Sharing(studio, studio.settings, []).state()["safety"] == "on"


def test_guests_paint_with_the_models_that_the_owner_shares(
    studio: Studio, owner: httpx.Client, shared: Shared
):
    assert owner.post("/studio/share/models", json={"models": []}).status_code == 400
    assert owner.post("/studio/share/models", json={"models": ["nothing"]}).status_code == 400
    studio.jobs.set("shared_models", ["another"])
    try:
        with closing(visitor(shared)) as guest:
            answer = guest.post("/studio/paint", json={"recipe": QUICK})
            assert answer.status_code == 400
            assert "owner" in answer.json()["sentence"]
        assert owner.post("/studio/estimate", json={"recipe": QUICK}).status_code == 200
    finally:
        assert owner.post("/studio/share/models", json={}).json()["models"][0]["on"]


def test_guests_are_shown_what_they_may_use(tmp_path: Path):
    folder = models_folder(tmp_path / "models")
    starter_folder(folder / "checkpoints" / MARK)
    with studio_at(tmp_path / "data", folder, guest_port=0) as studio, page_of(studio) as server:
        studio.palette.share_models(["starter"])
        shared = server.sharing.start(link=False, password="")
        with closing(visitor(shared)) as guest, closing(owner_client(server)) as hers:
            guest.put("/studio/state", json={"tab": "paint", "form": {"model": MARK, "count": 16}})
            assert send(guest, shared, "opened", "s", None).status_code == 200
            said = heard(guest, "s")
            assert said[-1]["success"], "a model that is kept back meanwhile closes the page to nobody"
            assert MARK not in guest.get("/").text + guest.get("/config").text + str(said)
            assert MARK in hers.get("/config").text
            shown = [one["props"] for one in shared.blocks.config["components"]]
            (most,) = [props["maximum"] for props in shown if props.get("elem_id") == "count"]
            assert most == studio.settings.guests.pictures
            for path, asked in (
                ("/studio/paint", {"recipe": {"model": "no such"}}),
                ("/studio/estimate", {"recipe": {"model": "no such"}}),
                ("/studio/words", {"model": "no such", "prompt": "a"}),
            ):
                answer = guest.post(path, json=asked)
                assert answer.status_code == 400, path
                assert MARK not in answer.text, "what is kept back is not even named"
                assert MARK in hers.post(path, json=asked).text
            assert guest.post("/studio/words", json={"model": MARK, "prompt": "a"}).status_code == 400


# --- many at once


def test_twenty_visitors_with_ten_pictures_each_get_their_own_and_lose_none(shared: Shared):
    shared.guests._buckets.clear()  # so many at once would be asked to wait at the door
    guests = [visitor(shared) for _ in range(20)]
    got: dict[int, list[str]] = {}

    def ask(n: int) -> None:
        got[n] = painted(guests[n], f"of visitor {n} ms=0", 10)[1]

    crowd = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert [len(set(got[n])) for n in range(20)] == [10] * 20
    assert len({picture for pictures in got.values() for picture in pictures}) == 200
    for n, guest in enumerate(guests):
        shown = guest.get("/studio/pictures").json()["pictures"]
        assert {one["id"] for one in shown} == set(got[n])
        assert {one["prompt"] for one in shown} == {f"of visitor {n} ms=0"}
        assert guest.get(f"/studio/picture/{got[(n + 1) % 20][0]}.png").status_code == 404
        guest.close()


def test_a_hog_delays_each_of_nine_others_by_at_most_two_pictures(studio: Studio):
    hog, others = studio.painters.join(), [studio.painters.join() for _ in range(9)]
    slow = {**QUICK, "prompt": "ms=15"}
    hogged = [studio.submit(slow, hog, 10) for _ in range(5)]
    asked = {painter: studio.submit(slow, painter) for painter in others}
    for painter in others:
        list(studio.desk.events(asked[painter].group, painter))
    for one in hogged:
        list(studio.desk.events(one.group, hog))
    jobs = [*studio.jobs.recent(hog, 50), *(studio.jobs.recent(painter, 1)[0] for painter in others)]
    assert all(job.state == "done" for job in jobs)
    came = max(job.created for job in jobs if job.painter != hog)
    late = [
        job.painter for job in sorted(jobs, key=lambda job: job.started or 0) if (job.started or 0) > came
    ]
    last = max(i for i, painter in enumerate(late) if painter != hog)
    assert late[:last].count(hog) <= 2
    assert len(jobs) == 59


# --- text stays text


def test_forty_payloads_come_back_as_json_text_only(shared: Shared):
    assert len(PAYLOADS) == 40
    with closing(visitor(shared)) as guest:
        shared.guests._buckets.clear()
        _, (picture,) = painted(guest, "a lake")
        for payload in PAYLOADS:
            answers = [
                guest.put("/studio/state", json={"tab": "txt2img", "form": {"prompt": payload}}),
                guest.get("/studio/state", params={"tab": "txt2img"}),
                guest.post("/studio/gallery/album", json={"pictures": [picture], "album": payload[:100]}),
                guest.get("/studio/gallery/summary"),
                guest.post("/studio/paint", json={"recipe": {**QUICK, "model": payload}}),
            ]
            for answer in answers:
                assert answer.headers["content-type"].startswith("application/json"), payload
                assert answer.headers["x-content-type-options"] == "nosniff"
            shared.guests._buckets.clear()
        page = guest.get("/").text + guest.get("/config").text
        assert not any(payload in page for payload in PAYLOADS if "<" in payload)


def test_who_does_not_finish_her_request_is_cut_off(shared: Shared, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(opening, "HEADER_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", shared.port), timeout=30) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: 127")
        assert line.recv(10) == b""


# --- the link


def test_the_link_is_made_shown_and_ended(studio: Studio, server: Server):
    class Line:
        url, host, ended = "https://abc.gradio.live", "abc.gradio.live", False

        def alive(self) -> bool:
            return not self.ended

        def close(self) -> None:
            self.ended = True

    line = Line()
    sharing = Sharing(studio, studio.settings, every_route(studio), lambda host, port: line)  # type: ignore[arg-type]
    assert sharing.state()["open"] is False
    shared = sharing.start(link=True)
    assert len(shared.guests.password) >= 10
    state = sharing.state()
    assert state["url"].startswith("https://abc.gradio.live/?key=")
    assert len({len(row) for row in state["code"]}) == 1
    with nobody(shared) as client:
        key = f"/?key={shared.guests.key}"
        assert client.get(key, headers={"Host": "abc.gradio.live"}).status_code == 200
        assert client.get(key, headers={"Host": "abd.gradio.live"}).status_code == 421
    sharing.stop()
    sharing.stop()
    assert line.ended
    with nobody(shared) as client, pytest.raises(httpx.TransportError):
        client.get("/")


def test_a_link_that_cannot_be_made_leaves_nothing_open(studio: Studio, server: Server):
    def fails(host: str, port: int) -> Any:
        raise StudioError("no network")

    sharing = Sharing(studio, studio.settings, every_route(studio), fails)
    with pytest.raises(StudioError):
        sharing.start(link=True)
    assert sharing.shared is None


def test_the_tunnels_program_is_deleted_when_it_is_not_the_one_that_gradio_names(tmp_path: Path):
    program = tmp_path / "frpc"
    program.write_bytes(b"something else")
    drop_foreign_program(program, "0" * 64)
    assert not program.exists()


def test_the_owners_programs_come_in_by_the_key_and_leave_no_cookie(studio: Studio, server: Server):
    known = len(studio.painters._cookies)
    base = f"http://127.0.0.1:{server.port}"
    answer = httpx.get(f"{base}/studio/state", headers={"Authorization": f"Bearer {server.key}"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    assert httpx.get(f"{base}/studio/state", headers={"Authorization": "Bearer x"}).status_code == 401
    assert len(studio.painters._cookies) == known
