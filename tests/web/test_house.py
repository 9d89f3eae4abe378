"""The settings page."""

from urllib.parse import unquote

import pytest
from halls import events, models_folder, owner_client, page_of, studio_at


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory):
    root = tmp_path_factory.mktemp("house")
    with studio_at(root / "data", models_folder(root / "models")) as studio:
        yield studio


@pytest.fixture(scope="module")
def owner(studio):
    with page_of(studio) as server:
        yield owner_client(server)


def test_files_are_called_as_she_likes(owner, studio):
    said = owner.put("/studio/settings", json={"pattern": "{prompt} ../{seed}"}).json()
    assert said["pattern"] == "{prompt} ../{seed}"
    assert said["example"] == "a-lone-boat-on-a-misty-lake-42-1a2b3c4d.png"
    asked = {"recipe": {"prompt": "秋山 <b>", "seed": 7, "steps": 1}}
    events(owner, owner.post("/studio/paint", json=asked).json()["group"])
    picture = owner.get("/studio/pictures").json()["pictures"][0]["id"]
    answer = owner.get(f"/studio/gallery/file/{picture}")
    assert unquote(answer.headers["content-disposition"]).endswith(f"秋山-b-7-{picture[:8]}.png")
    kept = studio.gallery.path(studio.painters.owner(), picture)
    assert kept.name.endswith(f"-秋山-b-7-{picture}.png"), "in the gallery the whole id ends the name"
    assert owner.put("/studio/settings", json={"pattern": "  "}).json()["pattern"].startswith("inkstone")


def test_the_memory_line_says_what_is_held_and_unload_lets_it_go(owner):
    held = owner.get("/studio/settings").json()["memory"]
    assert held["components"] == 2
    assert owner.post("/studio/settings/unload", json={}).json()["memory"]["components"] == 0


def test_the_folders_are_named(owner):
    assert set(owner.get("/studio/settings").json()["folders"]) >= {"data", "models", "presets"}
