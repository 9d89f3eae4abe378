"""Start Inkstone: `python launch.py`. Test it: `python launch.py test`.

Needs nothing but Python 3.11 or newer. The first start makes `.venv` beside this file and installs
what the studio needs, saying first what it fetches and how large that is; later starts open at once.

    python launch.py                 paint
    python launch.py --share         paint, and give friends a link
    python launch.py demo            watch a recorded sketch being painted; --film FILE films the page
    python launch.py test            the whole test suite
    python launch.py check           formatting, linting, types, tests
    python launch.py WORD …          the `studio` command: paint, replay, gallery, models, bench, …
"""

from __future__ import annotations  # so that an old Python gets to the sentence that it is too old

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
NEEDED = (3, 11)
INTERRUPTED = 130  # as shells say Ctrl+C
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CUDA_INDEX = "https://download.pytorch.org/whl/cu130"
TOOL_EXTRAS = {"test": ("test",), "check": ("test", "dev"), "train": ("school",)}


@dataclass(frozen=True)
class TorchBuild:
    """Which build of torch and torchvision fits this machine, where it comes from, and its download in GB."""

    name: str
    index: str | None
    gigabytes: float


PYPI_CUDA = TorchBuild("PyPI's build with CUDA", None, 2.8)
PYPI_SMALL = TorchBuild("PyPI's build", None, 0.4)


def torch_build(system: str, has_nvidia: bool, index_answers: bool) -> TorchBuild:
    """Choose the build. `system` is `platform.system()`; `index_answers`: PyTorch's own index can be reached.

    Windows with NVIDIA needs PyTorch's CUDA index (PyPI has only the CPU build there); Linux without NVIDIA
    takes the CPU index, ten times smaller; macOS's build on PyPI paints on the Apple GPU (MPS).
    """
    wanted = {
        ("Windows", True): TorchBuild("PyTorch with CUDA", CUDA_INDEX, 2.6),
        ("Linux", False): TorchBuild("PyTorch for the CPU", CPU_INDEX, 0.3),
    }.get((system, has_nvidia))
    if wanted and index_answers:
        return wanted
    return PYPI_CUDA if system == "Linux" else PYPI_SMALL


def index_for(system: str, has_nvidia: bool) -> str | None:
    """PyTorch's index that `torch_build` would take if it answers."""
    return torch_build(system, has_nvidia, index_answers=True).index


def answers(url: str, seconds: float = 5.0) -> bool:
    """Whether `url` answers within one short probe."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=seconds):  # noqa: S310
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except (OSError, ValueError):
        return False


def venv_python(venv: Path, system: str) -> Path:
    """The interpreter inside a virtual environment."""
    return venv / "Scripts" / "python.exe" if system == "Windows" else venv / "bin" / "python"


def wanted_mark(pyproject: bytes, extras: Sequence[str]) -> dict[str, object]:
    """What a finished installation leaves behind, to be compared at the next start."""
    return {"pyproject": hashlib.sha256(pyproject).hexdigest(), "extras": sorted(extras)}


def is_installed(mark: Path, pyproject: bytes, extras: Sequence[str]) -> bool:
    """Whether the environment holds everything that this pyproject and these extras ask for."""
    try:
        found = json.loads(mark.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    wanted = wanted_mark(pyproject, extras)
    return (
        isinstance(found, dict)
        and found.get("pyproject") == wanted["pyproject"]
        and set(extras) <= set(found.get("extras", ()))
    )


def run(command: Sequence[str | Path]) -> None:
    """Run a command in the project's folder, its output shown. Raises `CalledProcessError` when it fails."""
    subprocess.run([str(part) for part in command], check=True, cwd=HERE)


def locked(file: IO[str]) -> bool:
    """Try to lock an open file for this process, which ends with it. Where a folder cannot lock, so be it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True


@contextmanager
def alone(venv: Path) -> Generator[None]:
    """Keep the environment to this start: two that install into it (a second double click) spoil it."""
    venv.mkdir(exist_ok=True)
    with (venv / "installing.lock").open("w", encoding="utf-8") as lock:
        if not locked(lock):
            print("Another start is installing already; this one goes on when that is done.", flush=True)
            while not locked(lock):
                time.sleep(0.5)
        yield


def install(extras: Sequence[str]) -> Path:
    """Make sure `.venv` holds the packages; returns its Python."""
    venv = HERE / ".venv"
    python, mark = venv_python(venv, platform.system()), venv / "inkstone.json"
    pyproject = (HERE / "pyproject.toml").read_bytes()
    if not (python.exists() and is_installed(mark, pyproject, extras)):
        with alone(venv):
            every = sorted({*extras, *installed_extras(mark)})
            if not (python.exists() and is_installed(mark, pyproject, extras)):
                fill(venv, python, every)
                mark.write_text(json.dumps(wanted_mark(pyproject, every)), "utf-8")
    return python


def fill(venv: Path, python: Path, extras: Sequence[str]) -> None:
    """Make the environment if need be, and install into it, saying first what that fetches."""
    has_nvidia = shutil.which("nvidia-smi") is not None
    index = index_for(platform.system(), has_nvidia)
    build = torch_build(platform.system(), has_nvidia, index is not None and answers(index))
    print(
        f"Inkstone installs what it needs into {venv.name}, once: {build.name}, about {build.gigabytes} GB, "
        "and about 0.4 GB of other packages. The painter itself is already here. This takes a few minutes.",
        flush=True,
    )
    if not python.exists():
        run([sys.executable, "-m", "venv", venv])
    run([python, "-m", "pip", "install", "--quiet", "--upgrade", "pip"])
    source = ["--index-url", build.index] if build.index else []
    run([python, "-m", "pip", "install", "torch>=2.13", "torchvision>=0.28", *source])
    run([python, "-m", "pip", "install", "--editable", f".[{','.join(extras)}]" if extras else "."])


def call(command: Sequence[str | Path], environment: Mapping[str, str]) -> int:
    """Run a command in the project's folder to its end; returns its exit status, 130 after Ctrl+C.

    Ctrl+C reaches the command by itself. `subprocess.call` would kill it a quarter of a second later, in the
    middle of closing.
    """
    interrupted = False
    with subprocess.Popen([str(part) for part in command], env=dict(environment), cwd=HERE) as process:
        while True:
            try:
                status = process.wait()
                return INTERRUPTED if interrupted else status
            except KeyboardInterrupt:
                interrupted = True


def installed_extras(mark: Path) -> list[str]:
    """The extras that an earlier installation brought, so that none is lost."""
    try:
        return [str(extra) for extra in json.loads(mark.read_text("utf-8")).get("extras", [])]
    except (OSError, ValueError, AttributeError):
        return []


def extras_for(words: Sequence[str]) -> tuple[str, ...]:
    """The extras that these words need. A demonstration needs none, but a camera when it is filmed."""
    first = words[0] if words else ""
    if first == "demo" and any(word.partition("=")[0] == "--film" for word in words):
        return ("test",)
    return TOOL_EXTRAS.get(first, ())


def commands(words: Sequence[str]) -> list[list[str]]:
    """What to run with the environment's Python for these words, in order."""
    first, rest = (words[0], list(words[1:])) if words else ("serve", [])
    pytest = ["-m", "pytest", *rest]
    table = {
        "test": [pytest],
        "check": [
            ["-m", "ruff", "format", "--check", "."],
            ["-m", "ruff", "check", "."],
            ["-m", "pyright"],
            pytest,
        ],
    }
    if first.startswith("-") and first not in ("-h", "--help", "--version"):
        first, rest = "serve", list(words)
    return table.get(first) or [["-m", "studio.cli", first, *rest]]


def main(words: Sequence[str]) -> int:
    """Install if need be, then do what the words say; returns the exit status."""
    if sys.version_info < NEEDED:
        print(
            f"Inkstone needs Python {NEEDED[0]}.{NEEDED[1]} or newer; this is {platform.python_version()}. "
            "Get a newer one from https://www.python.org/downloads/ and start launch.py with it."
        )
        return 1
    try:
        python = install(extras_for(words))
    except (subprocess.CalledProcessError, OSError) as error:
        print(
            f"The installation did not finish: {error}. Check the network and the free disk space (8 GB), "
            "then start launch.py again; it goes on where it stopped."
        )
        return 1
    # The project's folder itself, so that a moved or copied checkout runs its own code.
    environment = {**os.environ, "PYTHONPATH": str(HERE), "PYTHONUTF8": "1"}
    for command in commands(words):
        status = call([python, *command], environment)
        if status:
            return status
    return 0


def hold_window(status: int) -> None:
    """A window that was opened by a double click would close before its sentence is read."""
    if (
        status not in (0, INTERRUPTED)
        and platform.system() == "Windows"
        and sys.stdin is not None
        and sys.stdin.isatty()
    ):
        input("Press Enter to close this window.")


if __name__ == "__main__":
    exit_status = main(sys.argv[1:])
    hold_window(exit_status)
    sys.exit(exit_status)
