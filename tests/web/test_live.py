"""Live painting over a real socket: who may open one, what comes back, and that it is nobody else's."""

from __future__ import annotations

import base64
import json
import struct
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from fakes import read_code
from halls import models_folder, owner_client, page_of, studio_at
from PIL import Image
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from studio import films, images

SIDE = 64


@pytest.fixture(scope="module")
def hall(tmp_path_factory):
    models = models_folder(tmp_path_factory.mktemp("models"))
    with studio_at(tmp_path_factory.mktemp("data"), models) as studio, page_of(studio) as server:
        yield studio, server


def cookie_of(server):
    """The cookie header of the owner's browser."""
    client = owner_client(server)
    return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def opened(server, cookie, origin=None):
    return connect(
        f"ws://127.0.0.1:{server.port}/studio/live",
        origin=origin or f"http://127.0.0.1:{server.port}",
        additional_headers={"Cookie": cookie} if cookie else {},
        proxy=None,
        open_timeout=20,
    )


def said(prompt="", seed=5, **more):
    recipe = {"prompt": prompt, "seed": str(seed), "width": SIDE, "height": SIDE, "steps": 1, **more}
    return json.dumps({"recipe": recipe, "strength": 0.5})


def canvas(number, shade=0):
    lines = images.encode_png(Image.new("RGB", (SIDE, SIDE), (shade,) * 3))
    return struct.pack(">II", number, len(lines)) + lines


def answer(socket, number):
    """What is told of a canvas, and its frame if there is one."""
    while True:
        told = json.loads(socket.recv(20))
        if told.get("n") == number:
            return told, None if "same" not in told else socket.recv(20)
        if "same" in told:
            socket.recv(20)


def test_a_canvas_comes_back_as_a_numbered_picture(hall):
    with opened(hall[1], cookie_of(hall[1])) as socket:
        socket.send(said(seed=1234))
        for number in (1, 2):
            socket.send(canvas(number, number))
            told, frame = answer(socket, number)
            assert told["steps"] == 1
            assert struct.unpack(">I", frame[:4])[0] == number
            assert frame[4:6] == b"\xff\xd8", "a JPEG"
            assert read_code(frame[4:]) == 1234


@pytest.mark.parametrize("kind", ["no cookie", "foreign cookie", "foreign page"])
def test_who_is_not_known_or_comes_from_another_page_opens_nothing(hall, kind):
    known = cookie_of(hall[1])
    cookie = {"no cookie": "", "foreign cookie": known.split("=")[0] + "=guess"}.get(kind, known)
    origin = "http://evil.example" if kind == "foreign page" else None
    with pytest.raises(InvalidStatus) as refused, opened(hall[1], cookie, origin):
        pass
    assert refused.value.response.status_code == 403


def test_of_many_canvases_the_newest_is_painted_and_the_rest_are_overtaken(hall):
    with opened(hall[1], cookie_of(hall[1])) as socket:
        socket.send(said("ms=150"))
        for number in range(1, 9):
            socket.send(canvas(number, number))
        told = []
        while not told or told[-1]["n"] != 8:
            one = json.loads(socket.recv(20))
            told.append(one)
            if "same" in one:
                socket.recv(20)
    assert "same" in told[-1]
    assert sum("overtaken" in one for one in told) >= 5


@pytest.mark.parametrize(
    "message",
    [
        b"short",
        struct.pack(">II", 1, 2**31) + b"x",
        struct.pack(">II", 1, 4) + b"none",
        struct.pack(">II", 1, 0) + b"\0" * (5 * 2**20),
        '{"recipe": {"steps": 4}, "lines": 3}',
        '{"recipe": {"model": "../../etc/passwd"}}',
        '{"recipe": {"width": 1e99}}',
        "not JSON",
        "[]",
        '{"recipe": {}, "strength": NaN}',
        '{"recipe": {}, "lines": {"model": "../x"}}',
        '{"recipe": {}, "lines": {"weight": {}}}' + " " * 70_000,
    ],
)
def test_nonsense_is_answered_with_a_sentence_and_the_line_stays_open(hall, message):
    with opened(hall[1], cookie_of(hall[1])) as socket:
        socket.send(said())
        socket.send(message)
        assert json.loads(socket.recv(20))["sentence"]
        socket.send(said())
        socket.send(canvas(9))
        assert answer(socket, 9)[1]


def test_two_windows_never_show_each_others_frames(hall):
    server = hall[1]

    def paint(seed):
        with opened(server, cookie_of(server)) as socket:
            socket.send(said("ms=5", seed))
            seen = set()
            for number in range(1, 16):
                socket.send(canvas(number, number))
                frame = answer(socket, number)[1]
                seen |= {read_code(frame[4:])} if frame else set()
            return seen

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(paint, (11, 22))
    assert one <= {11}
    assert other <= {22}
    assert paint(33) == {33}, "and one window alone is painted in"


def test_a_mistake_while_painting_is_told_and_the_next_canvas_is_painted(hall):
    with opened(hall[1], cookie_of(hall[1])) as socket:
        socket.send(said("raise=1"))
        socket.send(canvas(1))
        assert "ZeroDivisionError" in answer(socket, 1)[0]["sentence"]
        socket.send(said("die=1"))
        socket.send(canvas(2))
        assert "replaced" in answer(socket, 2)[0]["sentence"]
        socket.send(said())
        socket.send(canvas(3))
        assert answer(socket, 3)[1]


def test_jobs_and_frames_take_turns(hall):
    server = hall[1]
    client = owner_client(server)
    with opened(server, cookie_of(server)) as socket:
        recipe = {"prompt": "ms=20", "steps": 5, "width": SIDE, "height": SIDE}
        asked = client.post("/studio/paint", json={"recipe": recipe, "count": 4}).json()
        socket.send(said("ms=10"))
        for number in range(1, 13):
            socket.send(canvas(number, number))
            assert answer(socket, number)[1]
        listed = client.get("/studio/events", params={"group": asked["group"]}).text
    assert listed.count('"kind":"done"') == 4


def test_a_page_without_sockets_posts_its_canvas(hall):
    client = owner_client(hall[1])
    body = {**json.loads(said(seed=77)), "canvas": base64.b64encode(canvas(4)).decode()}
    answered = client.post("/studio/live", json=body)
    assert answered.status_code == 200, answered.text
    assert answered.headers["x-number"] == "4"
    assert read_code(answered.content) == 77
    assert client.post("/studio/live", json={**body, "canvas": "%"}).status_code == 400
    assert client.post("/studio/live/rest", json={"seed": "7"}).status_code == 200


def test_the_older_of_two_windows_is_told_that_she_draws_in_the_other(hall):
    cookie = cookie_of(hall[1])
    with opened(hall[1], cookie) as older, opened(hall[1], cookie) as newer:
        for socket in (older, newer):
            socket.send(said())
            socket.send(canvas(1))
            assert answer(socket, 1)[1]
        older.send(canvas(2))
        assert "another window" in answer(older, 2)[0]["sentence"]
        newer.send('{"rest": true}')
        newer.send('{"echo": 1}')
        assert json.loads(newer.recv(20)) == {"echo": 1}
        older.send(canvas(3))
        assert answer(older, 3)[1]


def test_what_the_safety_checker_had_blurred_is_said_beside_the_frame(tmp_path):
    models = models_folder(tmp_path / "models")
    with studio_at(tmp_path / "data", models, safety="everybody") as studio, page_of(studio) as server:
        with opened(server, cookie_of(server)) as socket:
            socket.send(said())
            socket.send(canvas(1))
            told, frame = answer(socket, 1)
            assert "blurred" in told["sentence"]
            assert frame
        body = {**json.loads(said()), "canvas": base64.b64encode(canvas(2)).decode()}
        posted = owner_client(server).post("/studio/live", json=body)
        assert "blurred" in posted.headers["x-sentence"]


def test_frames_become_a_film(hall):
    client = owner_client(hall[1])
    shades = [images.encode_jpeg(Image.new("RGB", (SIDE, SIDE), (i * 40, 90, 0))) for i in range(5)]
    sent = b"".join(struct.pack(">II", 100, len(one)) + one for one in shades)
    film = client.post("/studio/film", content=sent)
    assert film.status_code == 200
    assert film.headers["content-type"] == "image/webp"
    with Image.open(BytesIO(film.content)) as moving:
        assert moving.n_frames == 5
        assert moving.size == (SIDE, SIDE)
    filmed = client.post("/studio/film", params={"kind": "mp4"}, content=sent)
    assert filmed.headers["content-type"] == "video/mp4"
    assert filmed.content[4:8] == b"ftyp"
    assert client.post("/studio/film", params={"kind": "gif"}, content=sent).status_code == 400
    too_many = struct.pack(">II", 100, 1) * (films.MOST_FRAMES + 2)
    for bad in (b"", b"abc", sent[:-3], struct.pack(">II", 100, 4) + b"none", too_many):
        refused = client.post("/studio/film", content=bad)
        assert refused.status_code == 400
        assert refused.json()["sentence"]


def test_the_line_answers_at_once_when_nothing_is_painted(hall):
    with opened(hall[1], cookie_of(hall[1])) as socket:
        socket.send('{"echo": 7}')
        assert json.loads(socket.recv(20)) == {"echo": 7}
