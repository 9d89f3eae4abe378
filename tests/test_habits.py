"""Habits: what a painter chose and wrote is there when she comes back."""

from pathlib import Path

import pytest
from halls import models_folder, studio_at

from studio.studio import Studio


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models_folder(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, models: Path):
    """One for all: every test brings painters of its own."""
    with studio_at(tmp_path_factory.mktemp("data"), models) as studio:
        yield studio


@pytest.fixture
def anna(studio: Studio) -> str:
    return studio.painters.join()


def test_last_settings_that_no_longer_hold_are_forgotten(studio: Studio, anna: str):
    studio.jobs.keep_draft(anna, "last:starter", {"steps": 7, "width": 100})
    assert studio.palette.recipe({}, anna).steps == 20


def test_forms_language_and_settings_are_there_after_a_restart(tmp_path: Path, models: Path):
    with studio_at(tmp_path / "data", models) as studio:
        owner = studio.painters.owner()
        studio.habits.keep_form(owner, "txt2img", {"prompt": "half a sent"})
        studio.habits.speak(owner, "zh-CN")
    with studio_at(tmp_path / "data", models) as studio:
        owner = studio.painters.owner()
        assert studio.habits.form(owner, "txt2img") == {"prompt": "half a sent"}
        assert studio.habits.language(owner) == "zh-CN"


def test_her_prompts_are_remembered_newest_first_and_each_once(studio: Studio, anna: str):
    for prompt in ("a lake", "mist", "a lake", " "):
        studio.submit({"prompt": prompt, "negative": "fog", "steps": 1}, anna)
    assert [one["prompt"] for one in studio.habits.history(anna)] == ["a lake", "mist"]
    assert studio.habits.history(studio.painters.join()) == []
