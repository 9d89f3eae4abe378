"""The words of the command line, what it loads, and how it ends."""

import subprocess
import sys

import pytest

from studio import cli
from studio.cli.command import Command
from studio.errors import BadInput, Stopped

HEAVY = (
    "torch",
    "diffusers",
    "transformers",
    "gradio",
    "pydantic",
    "numpy",
    "PIL",
    "cv2",
    "numba",
    "starlette",
)


def loaded(code):
    script = f"import sys\n{code}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_studio_loads_nothing_heavy():
    assert loaded("import studio").split() == []


def test_help_loads_nothing_heavy_and_names_every_word():
    said = loaded("from studio.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass")
    words = ("serve", "paint", "replay", "travel", "gallery", "models", "train", "bench")
    assert all(word in said for word in words)
    assert said.splitlines()[-1] == ""


@pytest.mark.parametrize("word", list(cli.COMMANDS))
def test_every_word_explains_itself(word, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([word, "--help"])
    assert end.value.code == 0
    assert cli.COMMANDS[word].about in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("trouble", "status", "said"),
    [
        (BadInput("Take less."), 2, "Take less."),
        (PermissionError(13, "Permission denied", "/somewhere"), 2, "/somewhere"),
        (Stopped("Stopped."), 130, ""),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_trouble_is_one_sentence_and_a_status(trouble, status, said, monkeypatch, capsys):
    def fail(_):
        raise trouble

    monkeypatch.setitem(cli.COMMANDS, "paint", Command("fails", cli.paint.arguments, fail))
    assert cli.main(["paint", "a lake"]) == status
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


def test_an_unknown_word_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        cli.main(["pant"])
    assert "paint" in capsys.readouterr().err
