"""Looking at a picture over HTTP: hers, and nobody else's."""

import pytest
from halls import models_folder, owner_client, page_of, studio_at
from PIL import Image

from studio import images
from studio.control import HINTS


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    models = models_folder(tmp_path_factory.mktemp("models"))
    with studio_at(tmp_path_factory.mktemp("data"), models) as studio, page_of(studio) as server:
        client = owner_client(server)
        client.studio = studio
        yield client


@pytest.fixture(scope="module")
def digest(client):
    picture = images.encode_png(Image.new("RGB", (40, 24), "white"))
    return client.post("/studio/upload", content=picture).json()["image"]


def test_faces_are_json_and_a_hint_is_a_png_that_nobody_keeps(client, digest):
    told = client.post("/studio/look", json={"kind": "faces", "image": digest}, timeout=60).json()
    assert told["faces"][0]["score"] == 0.9
    hint = client.post("/studio/look", json={"kind": "hint:canny", "image": digest}, timeout=60)
    assert hint.headers["content-type"] == "image/png"
    assert "no-store" in hint.headers["cache-control"]
    assert images.read(hint.content).size == (40, 24)


def test_another_painter_s_picture_and_unknown_kinds_are_refused(client, digest):
    picture = images.encode_png(Image.new("RGB", (9, 9)))
    hers = client.studio.inputs.put("b" * 32, picture)
    assert client.post("/studio/look", json={"kind": "faces", "image": hers}).status_code == 404
    assert client.post("/studio/look", json={"kind": "faces", "image": "../x"}).status_code == 404
    refused = client.post("/studio/look", json={"kind": "souls", "image": digest})
    assert refused.status_code == 400
    assert "souls" in refused.json()["sentence"]


def test_every_way_of_finding_lines_is_told_with_what_it_needs(client):
    told = {one["name"]: one for one in client.get("/studio/look").json()["hints"]}
    assert set(told) == set(HINTS)
    assert told["canny"] == {"name": "canny", "lines": True, "ready": True, "sentence": ""}
    assert (told["hed"]["lines"], told["openpose"]["lines"]) == (True, False)
    assert all(one["ready"] != bool(one["sentence"]) for one in told.values())
    assert "studio models get" in told["hed"]["sentence"], "no annotator's weights are here"
