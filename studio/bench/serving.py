"""A studio of its own for a benchmark, in a folder that goes afterwards."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress

import psutil

from studio.bench.start import address, wait_for
from studio.settings import PROJECT, Settings

_ENDING_SECONDS = 30.0


class Served:
    """A running studio: its address, and the memory of its processes."""

    def __init__(self, url: str, process: psutil.Process) -> None:
        self.url, self._process = url, process

    def memory(self) -> dict[str, int]:
        """Resident bytes of the server and of its worker."""
        held = {"server": self._process.memory_info().rss, "worker": 0}
        for child in self._process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it has just been replaced
                held["worker"] += child.memory_info().rss
        return held


@contextmanager
def served(settings: Settings) -> Generator[Served]:
    """A studio over an empty data folder and these models, from a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "studio.cli", "serve", "--no-browser", "--port", "0"]
        process = subprocess.Popen(
            [*command, "--data", folder, "--models", str(settings.models)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            url = address(process)
            wait_for(url)
            yield Served(url, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(_ENDING_SECONDS)
