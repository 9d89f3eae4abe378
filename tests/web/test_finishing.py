"""Exports beside the PNG."""

import io
import xml.etree.ElementTree as ET

import pytest
from halls import events, models_folder, owner_client, page_of, studio_at
from PIL import Image


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory):
    root = tmp_path_factory.mktemp("finishing")
    with studio_at(root / "data", models_folder(root / "models")) as studio, page_of(studio) as server:
        client = owner_client(server)
        group = client.post("/studio/paint", json={"recipe": {"prompt": "a lake", "steps": 1}}).json()[
            "group"
        ]
        events(client, group)
        yield client


def red() -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(held, "PNG")
    return held.getvalue()


def newest(client) -> str:
    return client.get("/studio/pictures").json()["pictures"][0]["id"]


def test_a_picture_comes_as_svg_that_no_browser_runs(owner):
    answer = owner.get(f"/studio/picture/{newest(owner)}.svg?colours=4&detail=3")
    assert answer.status_code == 200
    assert ET.fromstring(answer.text).tag.endswith("svg")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox")


@pytest.mark.parametrize("query", ["colours=1", "detail=99", "colours=-4", "colours=4.5", "detail=x"])
def test_what_is_out_of_bounds_is_a_sentence(owner, query: str):
    answer = owner.get(f"/studio/picture/{newest(owner)}.svg?{query}")
    assert answer.status_code == 400
    assert "detail" in answer.json()["sentence"]


def test_nobody_elses_picture_is_there(owner):
    assert owner.get(f"/studio/picture/{'0' * 32}.svg").status_code == 404


def test_many_pictures_go_through_the_same_chain(owner):
    mine = owner.get(f"/studio/picture/{newest(owner)}.png").content
    digests = [owner.post("/studio/upload", content=png).json()["image"] for png in (mine, red(), mine)]
    before = len(owner.get("/studio/pictures").json()["pictures"])
    asked = {"recipe": {"post": [{"kind": "tone", "exposure": 1}]}, "images": digests}
    answer = owner.post("/studio/finish", json=asked)
    assert answer.status_code == 202
    events(owner, answer.json()["group"])
    assert len(owner.get("/studio/pictures").json()["pictures"]) == before + 2, "the same picture once"
    assert owner.post("/studio/finish", json={"recipe": {}, "images": []}).status_code == 400
    assert owner.post("/studio/finish", json={"recipe": {}, "images": ["../x"]}).status_code in (400, 404)
