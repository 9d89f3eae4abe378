"""The bench starts the real studio, page and worker; once is enough here."""

import subprocess
import sys

import pytest

from studio.bench import start
from studio.errors import StudioError


def test_the_page_answers_before_the_first_picture_is_there(settings):
    page, picture = start.once(settings)
    assert 0 < page < picture


def test_a_studio_that_does_not_start_is_said():
    with (
        subprocess.Popen([sys.executable, "-c", "print('no')"], stdout=subprocess.PIPE, text=True) as process,
        pytest.raises(StudioError, match="did not start"),
    ):
        start.address(process)
