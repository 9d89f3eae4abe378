"""From the start of the process to the page, and to the first picture."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.error

from studio.bench.report import Report, median
from studio.cli.running import Running
from studio.errors import StudioError
from studio.settings import PROJECT, Settings

PROMPT = "a lone boat on a misty lake, blue-green mountains"
PATIENCE = 180.0  # seconds


def run(settings: Settings, rounds: int = 3) -> Report:
    """Start the studio on an empty data folder, `rounds` times after one that fills the system's caches."""
    times = [once(settings) for _ in range(rounds + 1)][1:]
    page, picture = (median([t[i] for t in times]) for i in (0, 1))
    rows = tuple((i, a, b) for i, (a, b) in enumerate(times, 1))
    figures = {"page_seconds": page, "first_picture_seconds": picture}
    return Report("start", ("start", "page answers, s", "first picture, s"), rows, figures)


def once(settings: Settings) -> tuple[float, float]:
    """Seconds from process start to the answering page and to the first finished picture."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = [sys.executable, "-m", "studio.cli", "serve", "--no-browser", "--port", "0"]
        process = subprocess.Popen(
            [*command, "--data", folder, "--models", str(settings.models)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            url = address(process)
            place = wait_for(url)
            page = time.perf_counter() - began
            group = place.submit({"prompt": PROMPT, "seed": 1}, 1)
            ends = [event for event in place.events(group) if event["kind"] in ("done", "failed")]
            if not ends or ends[-1]["kind"] != "done":
                raise StudioError("The first picture was not painted.")
            return page, time.perf_counter() - began
        finally:
            process.terminate()
            process.wait(30)


def address(process: subprocess.Popen[str]) -> str:
    """The page's address, from what `studio serve` says."""
    for line in process.stdout or ():
        for word in line.split():
            if word.startswith("http"):
                return word
    raise StudioError("The studio did not start.")


def wait_for(url: str) -> Running:
    """The page, when it answers. Raises `StudioError` after three minutes."""
    end = time.perf_counter() + PATIENCE
    while time.perf_counter() < end:
        try:
            return Running(url)
        except urllib.error.URLError:
            time.sleep(0.02)
    raise StudioError("The page did not answer.")
