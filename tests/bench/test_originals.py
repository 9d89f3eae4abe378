"""The environment of the originals: made once, said when it cannot be had."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from studio.bench import originals


@pytest.fixture
def said(monkeypatch, tmp_path):
    """The commands that would be run; `venv` makes what it promises."""
    commands = []

    def call(command, **_):
        commands.append(command)
        if "venv" in command:
            for name in ("bin", "Scripts"):
                (tmp_path / "there" / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / "there" / "bin" / "python").touch()
            (tmp_path / "there" / "Scripts" / "python.exe").touch()
            inside(tmp_path / "there").mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(originals.subprocess, "run", call)
    return commands


def inside(folder):
    return Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))


@pytest.mark.skipif(sys.version_info >= originals.NEWEST, reason="basicsr cannot be built on this Python")
def test_it_is_made_once_with_a_builder_that_makes_wheels_before_basicsr(said, tmp_path):
    python = originals.prepared(tmp_path / "there")
    installs = [command[command.index("install") :] for command in said if "install" in command]
    assert any(word.startswith("setuptools>=") for word in installs[0])
    assert set(originals.PACKAGES) <= set(installs[1])
    assert "--no-deps" in installs[1], "no second torch"
    seen = (inside(tmp_path / "there") / "inkstone.pth").read_text("utf-8")
    assert sysconfig.get_path("purelib") in seen
    before = len(said)
    assert originals.prepared(tmp_path / "there") == python
    assert len(said) == before


def test_what_went_wrong_is_in_the_sentence(monkeypatch, tmp_path):
    def fails(command, **_):
        raise subprocess.CalledProcessError(1, command, output=b"no room left")

    monkeypatch.setattr(originals.subprocess, "run", fails)
    monkeypatch.setattr(originals, "NEWEST", (99,))
    with pytest.raises(originals.NoOriginals, match="no room left"):
        originals.prepared(tmp_path / "there")


def test_on_a_newer_python_it_is_said_why_there_are_none(monkeypatch, tmp_path):
    monkeypatch.setattr(originals, "NEWEST", (3, 0))
    with pytest.raises(originals.NoOriginals, match=r"older than 3\.13"):
        originals.prepared(tmp_path / "there")
