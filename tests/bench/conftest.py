"""A models folder for the benches: the starter's shape at a few channels, its ControlNet included."""

import pytest
import tiny
import torch

from studio.settings import Settings


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny.starter_folder(folder / "starter")
    tiny.controlnet_folder(folder / "starter" / "controlnet", "starter")
    return folder


@pytest.fixture
def settings(models, tmp_path):
    return Settings(data=tmp_path, models=models)


@pytest.fixture
def threads():
    """A bench may set the threads, but gives them back."""
    before = torch.get_num_threads()
    yield
    assert torch.get_num_threads() == before
