"""What may be said to the page's routes: plain values in sound text, and never a file or an address."""

import json

import httpx
import pytest
from halls import events, models_folder, owner_client, page_of, studio_at
from starlette.datastructures import Headers

from studio.errors import BadInput
from studio.web.guard import Door, foreign, hosts_of
from studio.web.plain import parse, scalar

FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
HALF = "\\ud83d"  # half of an emoji, as a browser spells it in JSON


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    root = tmp_path_factory.mktemp("plain")
    with studio_at(root / "data", models_folder(root / "models")) as studio, page_of(studio) as server:
        yield server


@pytest.fixture
def owner(server):
    client = owner_client(server)
    yield client
    client.close()


def opened(server, owner: httpx.Client) -> dict:
    """The page's own first event, as its script would ask for it."""
    (index,) = (i for i, fn in server.blocks.fns.items() if fn.api_name == "opened")
    said = {"data": [], "fn_index": index, "session_hash": "plain"}
    assert owner.post("/gradio_api/queue/join", json=said).status_code == 200
    with owner.stream("GET", "/gradio_api/queue/data", params={"session_hash": "plain"}) as answer:
        told = (json.loads(line[5:]) for line in answer.iter_lines() if line.startswith("data:"))
        return next(one for one in told if one["msg"] in ("process_completed", "unexpected_error"))


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": "\\ud800"}',
        b'{"\\udc00": 1}',
        b"\xff\xfe{\x00}\x00",
        b'{"a": "\xed\xa0\x80"}',
        b"[" * 10**5,
        b"[]",
    ],
)
def test_what_cannot_be_written_down_again_is_no_request(text: bytes):
    with pytest.raises(BadInput):
        parse(text)
    assert parse('{"a": "墨 🎨 \\ud83c\\udfa8"}'.encode()) == {"a": "墨 🎨 🎨"}


def test_scalars_are_texts_switches_and_numbers_anybody_can_hold():
    assert all(map(scalar, ["", None, True, 0, -1.5, 2**64]))
    assert not any(map(scalar, [[], {}, float("nan"), float("inf"), 10**400]))


@pytest.mark.parametrize(
    "form",
    [f'{{"prompt": "{HALF}"}}', '{"steps": NaN}', '{"model": ["x"]}', f'{{"a": {"[" * 900 + "]" * 900}}}'],
)
def test_no_unfinished_form_keeps_the_page_from_opening(server, owner: httpx.Client, form: str):
    answer = owner.put("/studio/state", content=f'{{"tab": "txt2img", "form": {form}}}'.encode())
    assert answer.status_code == 400
    assert owner.get("/studio/state", params={"tab": "txt2img"}).status_code == 200
    assert opened(server, owner)["success"] is True


@pytest.mark.parametrize("path", ["paint", "estimate", "cancel", "trash"])
def test_half_a_character_is_refused_with_a_sentence(owner: httpx.Client, path: str):
    said = {"paint": "recipe", "estimate": "recipe", "cancel": "group", "trash": "picture"}[path]
    value = f'{{"model": "{HALF}"}}' if said == "recipe" else f'"{HALF}"'
    answer = owner.post(f"/studio/{path}", content=f'{{"{said}": {value}}}'.encode())
    assert (answer.status_code, answer.json()["sentence"]) == (400, "The request is not JSON.")


@pytest.mark.parametrize(
    "value",
    [FILE, {**FILE, "url": "https://example.org/x", "path": "https://example.org/x"}, [FILE], float("nan")],
)
def test_an_event_names_no_file_and_no_address(owner: httpx.Client, value: object):
    said = json.dumps({"data": [value], "fn_index": 0, "session_hash": "s"})
    headers = {"Content-Type": "application/json"}
    answer = owner.post("/gradio_api/queue/join", content=said, headers=headers)
    assert (answer.status_code, "numbers" in answer.json()["sentence"]) == (400, True)


def test_a_stream_begins_at_once_though_nothing_happens(owner: httpx.Client):
    slow = {"prompt": "ms=3000", "steps": 2}
    asked = owner.post("/studio/paint", json={"recipe": slow, "count": 2}).json()
    with owner.stream("GET", "/studio/events", params={"group": asked["group"]}) as answer:
        assert next(answer.iter_text()).startswith(":")
    owner.post("/studio/cancel", json={"group": asked["group"]})
    assert events(owner, asked["group"])[-1] == "{}"


# --- whose page asks


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),
        ({"origin": "http://127.0.0.1:1"}, False),
        ({"origin": "http://127.0.0.1:2"}, True),
        ({"origin": "http://localhost:1"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://["}, True),
        ({"origin": "http://x@127.0.0.1:1"}, True),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, True),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}, True),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, False),
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, False),
    ],
)
def test_another_ports_page_cannot_even_read(headers: dict[str, str], expected: bool):
    assert foreign("GET", Headers({"host": "127.0.0.1:1", **headers})) is expected


def test_what_another_port_asks_for_is_refused(owner: httpx.Client):
    for path in ("/studio/state", "/config", "/studio/pictures"):
        assert owner.get(path, headers={"Origin": "http://127.0.0.1:9"}).status_code == 403


@pytest.mark.parametrize(
    "host", ["[::1", "[xyz]", "a@localhost", "localhost/x", "localhost:1:2", "localhost#", " "]
)
def test_a_host_that_is_none_is_not_known(host: str):
    door = Door(None, "k", "c", hosts_of("127.0.0.1"), False, 1)  # type: ignore[arg-type]
    assert not door.knows_host(host)
    assert all(map(door.knows_host, ["localhost.", "LOCALHOST:7860", "[::1]:7860", "127.0.0.1"]))
