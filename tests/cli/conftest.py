"""A studio with a tiny starter and the fake worker, as the command line finds it."""

from pathlib import Path

import pytest
from halls import models_folder, studio_at


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models_folder(tmp_path_factory.mktemp("models"))


@pytest.fixture
def studio(tmp_path: Path, models: Path):
    with studio_at(tmp_path / "data", models) as studio:
        yield studio
