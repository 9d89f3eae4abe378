import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from studio.settings import Settings


def test_settings_come_from_the_environment(tmp_path: Path):
    read = Settings.read({"INKSTONE_DATA": str(tmp_path), "INKSTONE_PORT": "9000", "HOME": "/"})
    assert read.data == tmp_path
    assert read.port == 9000


def test_a_setting_that_makes_no_sense_is_refused():
    with pytest.raises(ValidationError):
        Settings.read({"INKSTONE_PORT": "eighty"})
    with pytest.raises(ValidationError):
        Settings.read({"INKSTONE_DEVICE": "abacus"})


def test_more_model_folders_are_listed_as_paths_are(tmp_path: Path):
    folders = [tmp_path / "one", tmp_path / "two"]
    read = Settings.read({"INKSTONE_EXTRA_MODELS": os.pathsep.join(map(str, folders))})
    assert read.extra_models == tuple(folders)
    assert Settings.read({"INKSTONE_EXTRA_MODELS": ""}).extra_models == ()
