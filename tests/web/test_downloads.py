"""The owner's routes for models, as an application of their own in front of a real server of files."""

from pathlib import Path

import pytest
import tiny
from faulty import FILE, SHA256, Faults, serving
from halls import models_folder, owner_client, page_of, studio_at
from starlette.applications import Starlette
from starlette.testclient import TestClient

from studio.families import FAMILIES
from studio.identity import SCOPE, Painters
from studio.models.catalog import Entry
from studio.models.downloads import Downloads
from studio.models.fetch import Policy
from studio.models.library import Library
from studio.web import prompting
from studio.web.downloads import downloading
from studio.web.prompting import guessed

HERE = Policy(hosts=("127.0.0.1",), schemes=("http",), ports=(), private_ok=True, patience=5.0)


@pytest.fixture
def clients(tmp_path: Path):
    """The owner's and a guest's client."""
    painters = Painters(tmp_path / "gallery")
    with serving(Faults()) as url:
        said = {"id": "net", "title": "Net", "kind": "upscaler", "file": "net.pth", "licence": "MIT"}
        entry = Entry.model_validate(said | {"url": url, "sha256": SHA256})
        downloads = Downloads(Library(tmp_path / "models"), {"net": entry}, HERE)
        app = Starlette(routes=downloading(downloads, painters, lambda entry: None))

        def coming_as(painter: str) -> TestClient:
            async def known(scope, receive, send):
                await app({**scope, SCOPE: painter}, receive, send)

            return TestClient(known)

        yield coming_as(painters.owner()), coming_as(painters.join())
        downloads.close()


def test_a_model_is_fetched_with_one_press_after_its_licence(clients, tmp_path: Path):
    owner, _ = clients
    (entry,) = owner.get("/studio/models/catalog").json()["entries"]
    assert (entry["licence"], entry["installed"]) == ("MIT", False)
    assert "net.pth" in entry["by_hand"]
    refused = owner.post("/studio/models/get", json={"id": "net", "licences": []})
    assert refused.status_code == 400
    assert "agree" in refused.json()["sentence"]
    pressed = owner.post("/studio/models/get", json={"id": "net", "licences": [entry["licence"]]})
    assert (pressed.status_code, pressed.json()) == (202, {"coming": ["net"]})
    stream = owner.get("/studio/models/downloads").text
    assert '"state":"done"' in stream
    assert stream.endswith("event: end\ndata: {}\n\n")
    assert (tmp_path / "models" / "upscalers" / "net.pth").read_bytes() == FILE
    assert owner.get("/studio/models/catalog").json()["entries"][0]["installed"]
    assert owner.post("/studio/models/stop", json={"id": "net"}).status_code == 200


def test_another_programs_folder_is_taken_in_and_left_again(clients, tmp_path: Path):
    owner, _ = clients
    folder = tmp_path / "ComfyUI"
    tiny.kohya_lora(folder / "models" / "loras" / "ink.safetensors")
    said = owner.post("/studio/models/use", json={"folder": str(folder)}).json()
    assert said == {"program": "", "folder": str(folder.resolve()), "models": 1}
    assert owner.get("/studio/models/catalog").json()["folders"] == [str(folder.resolve())]
    assert owner.post("/studio/models/forget", json={"folder": str(folder)}).status_code == 200
    assert owner.get("/studio/models/catalog").json()["folders"] == []


@pytest.mark.parametrize(
    "folder",
    ["", "ComfyUI", "..", "/no/such\0thing", "/" + "x" * 5000, "/nowhere at all", "~nobody-of-that-name/x"],
)
def test_a_folder_that_makes_no_sense_is_a_sentence(clients, folder: str):
    assert clients[0].post("/studio/models/forget", json={"folder": folder}).status_code == 400
    answer = clients[0].post("/studio/models/use", json={"folder": folder})
    assert answer.status_code == 400
    assert answer.json()["sentence"]


def test_for_a_guest_none_of_this_is_there(clients):
    _, guest = clients
    for path in ("catalog", "downloads"):
        assert guest.get(f"/studio/models/{path}").status_code == 404
    for path in ("get", "stop", "use", "forget"):
        assert guest.post(f"/studio/models/{path}", json={"id": "net", "folder": "/"}).status_code == 404


@pytest.fixture
def studio(tmp_path: Path):
    """A studio on a processor, of whose speed something is known: 100 · 10⁹ multiply-adds a second."""
    models_folder(tmp_path / "models")
    with studio_at(tmp_path / "data", tmp_path / "models") as studio:
        yield studio


@pytest.fixture
def known(studio, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(prompting, "pace", lambda folder, device: 100.0)
    return studio


def test_before_anything_was_painted_seconds_are_guessed_from_what_this_machine_multiplies(known):
    catalog = known.downloads.catalog
    for name, work in {
        "realesrgan-x4plus": 17927 * 512**2 / 1e6,
        "gfpgan-1.4": 198,
        "sd-1.5": prompting.usual("sd15") * FAMILIES["sd15"].work,
    }.items():
        assert guessed(known, catalog[name]) == pytest.approx(work / 100)
    for name in ("taesd", "lcm-lora-sd15", "annotator-hed", "yunet"):
        assert guessed(known, catalog[name]) is None


def test_what_the_starter_really_took_counts_more_than_what_is_guessed(known):
    pictures = prompting.usual("starter")
    known.jobs.learn("starter", pictures, 3.0)
    work = pictures * FAMILIES["starter"].work
    for name in ("realesrgan-x4plus", "gfpgan-1.4", "sd-1.5"):
        entry = known.downloads.catalog[name]
        assert guessed(known, entry) == pytest.approx(3.0 * prompting.working(entry) / work)


def test_where_a_graphics_card_has_not_painted_yet_no_seconds_are_said(studio, monkeypatch):
    monkeypatch.setattr(prompting, "pace", lambda folder, device: None)
    assert guessed(studio, studio.downloads.catalog["sd-1.5"]) is None


def test_the_page_is_told_the_seconds_of_painters_upscalers_and_faces(known):
    with page_of(known) as server:
        client = owner_client(server)
        entries = client.get("/studio/models/catalog").json()["entries"]
        offers = client.get("/studio/words/painters").json()["painters"]
        client.close()
    said = {one["id"]: one["seconds"] for one in entries}
    assert said == {one.id: guessed(known, one) for one in known.downloads.catalog.values()}
    assert said["gfpgan-1.4"] > 0
    assert offers[0]["seconds"] == said["dreamshaper-8"]
