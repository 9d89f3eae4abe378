import ast
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import launch
from studio.cli import parser


def test_each_machine_gets_the_torch_that_fits_it():
    assert launch.torch_build("Windows", True, True).index == launch.CUDA_INDEX
    assert launch.torch_build("Linux", False, True).index == launch.CPU_INDEX
    for system, nvidia in (("Windows", False), ("Linux", True), ("Darwin", False)):
        assert launch.torch_build(system, nvidia, True).index is None


def test_an_index_that_does_not_answer_falls_back_to_pypi():
    for system, nvidia in (("Windows", True), ("Linux", False)):
        assert launch.torch_build(system, nvidia, False).index is None


def test_an_unreachable_index_is_noticed_without_an_exception():
    assert not launch.answers("http://127.0.0.1:9/nothing", seconds=1)


def test_a_word_that_launch_does_not_know_goes_to_the_studio_command():
    assert launch.commands([]) == [["-m", "studio.cli", "serve"]]
    assert launch.commands(["--port", "9000"]) == [["-m", "studio.cli", "serve", "--port", "9000"]]
    assert launch.commands(["paint", "a lake"]) == [["-m", "studio.cli", "paint", "a lake"]]
    assert launch.commands(["test", "-x"]) == [["-m", "pytest", "-x"]]
    assert launch.commands(["check"])[-1] == ["-m", "pytest"]


@pytest.mark.parametrize(
    "words", [["--share"], ["demo"], ["demo", "--film", "film.webp"], ["serve", "--public"]]
)
def test_what_launch_hands_on_the_studio_command_understands(words: list[str]):
    ((python, name, *said),) = launch.commands(words)
    assert (python, name) == ("-m", "studio.cli")
    args = parser().parse_args(said)
    assert args.word == ("demo" if words[0] == "demo" else "serve")
    assert bool(getattr(args, "share", None)) == ("--share" in words)


def test_only_tools_bring_packages_beyond_the_studios_own():
    assert launch.extras_for([]) == launch.extras_for(["--share"]) == launch.extras_for(["demo"]) == ()
    assert launch.extras_for(["test", "-x"]) == ("test",)
    assert launch.extras_for(["demo", "--film", "film.webp"]) == ("test",)
    assert launch.extras_for(["demo", "--film=film.webp"]) == ("test",)


def test_a_finished_installation_is_recognised_and_a_changed_one_is_not(tmp_path: Path):
    mark = tmp_path / "inkstone.json"
    assert not launch.is_installed(mark, b"one", ())
    mark.write_text(json.dumps(launch.wanted_mark(b"one", ("test",))))
    assert launch.is_installed(mark, b"one", ())
    assert launch.is_installed(mark, b"one", ("test",))
    assert not launch.is_installed(mark, b"one", ("test", "dev"))
    assert not launch.is_installed(mark, b"two", ())
    mark.write_text("[]")
    assert not launch.is_installed(mark, b"one", ())


def test_the_python_inside_the_environment_is_found_on_every_system():
    venv = Path("somewhere")
    assert launch.venv_python(venv, "Windows") == venv / "Scripts" / "python.exe"
    assert launch.venv_python(venv, "Darwin") == venv / "bin" / "python"


def test_an_old_python_gets_a_sentence(capsys, monkeypatch):
    monkeypatch.setattr(launch, "NEEDED", (99, 0))
    assert launch.main([]) == 1
    assert "needs Python 99.0 or newer" in capsys.readouterr().out


def test_launching_needs_the_standard_library_only():
    code = "import sys; sys.path.insert(0, '.'); import launch; print(launch.__name__)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, cwd=launch.HERE)
    assert done.stdout.strip() == "launch", done.stderr


def test_every_python_that_can_read_the_file_gets_as_far_as_the_sentence():
    source = (launch.HERE / "launch.py").read_text("utf-8")
    tree = ast.parse(source, feature_version=(3, 7))
    first = next(node for node in tree.body if isinstance(node, ast.ImportFrom))
    assert first.module == "__future__", "annotations such as `str | None` would stop it before its sentence"


class Interrupted:
    """A process that is told Ctrl+C twice and then ends in order."""

    presses = 2

    def __init__(self, *_, **__):
        self.waited = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def wait(self):
        self.waited += 1
        if self.waited <= self.presses:
            raise KeyboardInterrupt
        return 0


def test_ctrl_c_waits_until_the_studio_has_closed(monkeypatch):
    monkeypatch.setattr(launch.subprocess, "Popen", Interrupted)
    assert launch.call(["studio"], {}) == launch.INTERRUPTED


def test_a_commands_status_is_passed_on():
    assert launch.call([sys.executable, "-c", "import sys; sys.exit(7)"], os.environ) == 7


def test_two_starts_at_once_install_once_and_the_second_says_what_it_waits_for(tmp_path, monkeypatch, capsys):
    (tmp_path / "pyproject.toml").write_text("", "utf-8")
    monkeypatch.setattr(launch, "HERE", tmp_path)
    begun, go_on, filled = threading.Event(), threading.Event(), []

    def fill(_venv: Path, python: Path, extras: Sequence[str]) -> None:
        filled.append(list(extras))
        begun.set()
        assert go_on.wait(30)
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()

    monkeypatch.setattr(launch, "fill", fill)
    monkeypatch.setattr(launch.time, "sleep", lambda _seconds: go_on.set())
    with ThreadPoolExecutor() as starts:
        first = starts.submit(launch.install, ("test",))
        assert begun.wait(30)
        second = starts.submit(launch.install, ("test",))
        assert first.result() == second.result()
    assert filled == [["test"]]
    assert capsys.readouterr().out.count("Another start is installing") == 1
    assert launch.install(("dev",)).exists()
    assert filled == [["test"], ["dev", "test"]], "no extra is lost"
    first.result().unlink()
    assert launch.install(("dev",)).exists(), "a Python that went away is made anew"
