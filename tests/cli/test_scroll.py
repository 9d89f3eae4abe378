"""`studio scroll`: the command line becomes a scroll, and the scroll a file."""

import argparse
from pathlib import Path

import pytest
from halls import models_folder, studio_at
from PIL import Image

from studio.cli import scroll
from studio.errors import BadInput, StudioError


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    scroll.arguments(parser)
    return parser.parse_args(words)


def test_the_command_line_says_a_scroll():
    said = scroll.asked(
        parsed("a lake", "--length", "512", "--turn", "0.5=snow, pines", "--left", "--set", "steps=4")
    )
    assert said == {
        "recipe": {"prompt": "a lake", "steps": 4},
        "length": 512,
        "turns": [{"at": 0.5, "prompt": "snow, pines"}],
        "direction": "left",
        "picture": "",
    }
    with pytest.raises(BadInput, match="no turn"):
        scroll.asked(parsed("a lake", "--turn", "snow"))


def test_a_scroll_is_unrolled_and_copied_and_what_fails_says_why(tmp_path: Path):
    small = ["--set", "width=64", "--set", "height=64", "--length", "128", "--out", str(tmp_path / "out")]
    with studio_at(tmp_path / "data", models_folder(tmp_path / "models")) as studio:
        place = scroll.Here(studio)
        args = parsed("a lake", *small)
        assert scroll.unroll(args, place, scroll.asked(args)) == 0
        (file,) = (tmp_path / "out").iterdir()
        assert Image.open(file).size == (128, 64)
        args = parsed("oom=1", *small)
        with pytest.raises(StudioError, match="no room"):
            scroll.unroll(args, place, scroll.asked(args))
