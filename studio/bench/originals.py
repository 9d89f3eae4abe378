"""Real-ESRGAN's and GFPGAN's own code, run for comparison in an environment of its own.

`.venv-originals` lies beside `.venv` and is never the artist's: their dependency basicsr has an unfixed
advisory (CVE-2024-27763). It sees the packages of the environment that made it through a `.pth` file, so
that torch is there once. A shim gives basicsr the torchvision module that was renamed since.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import StudioError
from studio.settings import PROJECT

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = PROJECT / ".venv-originals"
PACKAGES = ("realesrgan==0.3.0", "gfpgan==1.3.8", "basicsr==1.4.2", "facexlib==0.3.0")
BUILDER = "setuptools>=77"  # older ones, as Python 3.11 brings, build no wheel without help
NEWEST = (3, 13)  # from here on basicsr's setup.py no longer works
_SECONDS = 900
_MARK = "inkstone.txt"
_SHIM = """import importlib.abc, importlib.util, sys
class Renamed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name == "torchvision.transforms.functional_tensor":
            return importlib.util.spec_from_loader(name, self)
    def create_module(self, spec):
        return importlib.import_module("torchvision.transforms._functional_tensor")
    def exec_module(self, module):
        pass
sys.meta_path.append(Renamed())
"""
_RUN = """import sys, numpy
given = dict(numpy.load(sys.argv[2], allow_pickle=False))
made = {}
names = {"given": given, "made": made, "__name__": "original"}
exec(compile(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1], "exec"), names)
numpy.savez(sys.argv[3], **made)
"""


class NoOriginals(StudioError):
    """The originals cannot be had here; the sentence says why."""


def prepared(folder: Path = FOLDER) -> Path:
    """The Python of the environment, which is made if need be (needs the network, once; about 10 s).

    Raises `NoOriginals`.
    """
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    mark = folder / _MARK
    said = "\n".join((*PACKAGES, sysconfig.get_path("purelib"), sys.version))
    if python.exists() and mark.is_file() and mark.read_text("utf-8") == said:
        return python
    if sys.version_info >= NEWEST:
        raise NoOriginals("The originals need a Python older than 3.13: basicsr cannot be built on this one.")
    _call([sys.executable, "-m", "venv", "--clear", str(folder)])
    inside = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (inside / "inkstone.pth").write_text(
        f"{sysconfig.get_path('purelib')}\nimport inkstone_originals\n", "utf-8"
    )
    (inside / "inkstone_originals.py").write_text(_SHIM, "utf-8")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _call([*pip, BUILDER])
    _call([*pip, "--no-deps", "--no-build-isolation", *PACKAGES])
    mark.write_text(said, "utf-8")
    return python


def run(script: str, given: Mapping[str, NDArray[Any]], folder: Path = FOLDER) -> dict[str, NDArray[Any]]:
    """Runs Python code among the originals; returns the arrays that it put into `made`.

    The code finds `given` as a dict of arrays; it works in an empty folder that is removed afterwards.
    Raises `NoOriginals`, with the end of what it said, when it fails.
    """
    import numpy as np

    python = prepared(folder)
    with tempfile.TemporaryDirectory() as place:
        here = Path(place)
        (here / "script.py").write_text(script, "utf-8")
        (here / "run.py").write_text(_RUN, "utf-8")
        arrays: dict[str, Any] = dict(given)
        np.savez(here / "given.npz", **arrays)
        _call([str(python), "run.py", "script.py", "given.npz", "made.npz"], here)
        with np.load(here / "made.npz", allow_pickle=False) as made:
            return {name: made[name] for name in made.files}


def _call(command: list[str], here: Path | None = None) -> None:
    try:
        subprocess.run(
            command, cwd=here, check=True, timeout=_SECONDS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except subprocess.SubprocessError as error:
        output = getattr(error, "output", None) or b""
        told = output[-2000:].decode("utf-8", "replace").strip()
        raise NoOriginals(f"The originals could not be run ({' '.join(command[1:4])}): {told}") from error


def sample(height: int = 45, width: int = 63, seed: int = 0) -> NDArray[Any]:
    """A smooth picture with noise and transparency, uint8 (H, W, 4)."""
    import numpy as np

    drawn = np.random.default_rng(seed)
    down, across = np.mgrid[0:1:height * 1j, 0:1:width * 1j]  # fmt: skip
    smooth = 255 * np.stack([down, across, 1 - (down + across) / 2, 0.5 + down / 2], axis=-1)
    return (smooth + drawn.normal(0, 12, smooth.shape)).clip(0, 255).astype(np.uint8)


def row(name: str, made: NDArray[Any], theirs: dict[str, NDArray[Any]], spent: float) -> tuple[Any, ...]:
    """A line of the report."""
    import numpy as np

    apart = np.abs(made.astype(np.int64) - theirs[name])
    return name, int((apart > 0).sum()), int(apart.max()), spent, float(theirs[f"seconds.{name}"])
