"""What the prompt's routes say while words are typed."""

import shutil
from pathlib import Path

import httpx
import pytest
from halls import models_folder, owner_client, studio_at

from studio.settings import PROJECT
from studio.studio import Studio
from studio.web import Server
from studio.web.prompting import offered


def knowing(models: Path) -> Path:
    """The tiny starter with the real one's vocabulary."""
    shutil.copy(PROJECT / "models" / "starter" / "words.json", models_folder(models) / "starter")
    return models


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory):
    root = tmp_path_factory.mktemp("prompting")
    with studio_at(root / "data", knowing(root / "models")) as studio:
        yield studio


@pytest.fixture
def owner(server: Server):
    client = owner_client(server)
    yield client
    client.close()


def test_the_words_are_counted_and_judged(owner: httpx.Client):
    said = owner.post("/studio/words", json={"prompt": "a 🐈 cat by a lake", "model": "starter"}).json()
    assert said["window"] == 75
    assert sum(said["tokens"]) > 3
    assert said["verdict"] == "some"
    assert said["unknown"] == [[4, 7, "cat"]]
    assert said["known"] == ["lake"]


def test_a_prompt_that_is_too_long_or_a_model_that_is_not_there_is_refused(owner: httpx.Client):
    assert owner.post("/studio/words", json={"prompt": "a" * 10_001}).status_code == 400
    assert "starter" in owner.post("/studio/words", json={"model": "no"}).json()["sentence"]
    assert owner.post("/studio/words", json={"prompt": 3}).status_code == 400


def test_only_the_owner_is_offered_other_painters_with_what_they_cost_here(
    studio: Studio, owner: httpx.Client
):
    first = owner.get("/studio/words/painters").json()["painters"]
    assert [one["id"] for one in first] == ["dreamshaper-8"]
    assert first[0]["seconds"] > 0, "guessed from the machine while nothing was painted here yet"
    studio.jobs.learn("starter", 1.3, 2.0)
    seconds = owner.get("/studio/words/painters").json()["painters"][0]["seconds"]
    assert seconds > 100 * 2.0, "a hundred times the work"
    assert offered(studio, studio.painters.join()) == []


def test_styles_suit_the_model_and_those_she_brings_are_hers_alone(owner: httpx.Client, studio: Studio):
    found = owner.get("/studio/styles", params={"model": "starter"}).json()["styles"]
    named = {one["name"]: one for one in found}
    assert "oil-painting" not in named
    assert named["ink-mist"]["picture"]
    assert named["ink-mist"]["translations"]["zh-CN"]["title"] == "水墨云烟"
    assert owner.get("/studio/styles/ink-mist.webp").content[8:12] == b"WEBP"
    for name in ("quick", "..%2f..%2fmodels%2fstarter%2fsheet", "nothing"):
        assert owner.get(f"/studio/styles/{name}.webp").status_code == 404
    table = "name,prompt,negative_prompt\nFog,{prompt} in fog,sun\n"
    assert owner.post("/studio/styles", content=table.encode()).json() == {"count": 1}
    assert owner.get("/studio/styles").json()["styles"][-1]["name"] == "own/Fog"
    assert "own/Fog" not in studio.habits.styles(studio.painters.join())
    assert owner.post("/studio/styles", content=b"no table").status_code == 400
    assert owner.post("/studio/styles", content=b"x" * (2**20 + 1)).status_code == 400


def test_words_lists_and_loras_are_offered_and_her_prompts_come_back(owner: httpx.Client):
    known = owner.get("/studio/words/known").json()
    assert {"lake", "青松"} <= set(known["words"])
    assert "season" in known["wildcards"]
    assert owner.get("/studio/history").json() == {"prompts": []}
    owner.post("/studio/paint", json={"recipe": {"prompt": "a lake", "steps": 1}})
    assert owner.get("/studio/history").json()["prompts"] == [{"prompt": "a lake", "negative": ""}]


def test_a_grid_and_a_travel_are_asked_for_as_plain_values(owner: httpx.Client):
    axes = [{"field": "steps", "values": "1, 2"}]
    answer = owner.post("/studio/explore", json={"recipe": {"prompt": "a lake"}, "axes": axes})
    assert answer.status_code == 202
    assert len(answer.json()["jobs"]) == 2
    assert owner.get("/studio/explore").json() == answer.json()
    for wrong in (
        ["steps"],
        [{"field": "steps"}],
        [{"field": "no", "values": "1"}],
        [{"x": 1}],
        [axes[0]] * 4,
    ):
        assert owner.post("/studio/explore", json={"axes": wrong}).status_code == 400
    assert owner.post("/studio/travel", json={"start": "a", "end": "b", "frames": 4}).status_code == 404
