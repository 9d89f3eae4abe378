"""Studios for tests: a real one over a temporary folder, with a tiny starter and the fake worker."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tiny import starter_folder

from studio.settings import Settings
from studio.studio import Studio
from studio.web import Server, open_page
from studio.web.sharing import Shared

FAKE_WORKER = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))


def models_folder(path: Path) -> Path:
    """A models folder with a tiny starter in it."""
    starter_folder(path / "starter")
    return path


@contextmanager
def studio_at(data: Path, models: Path, **changes: object) -> Iterator[Studio]:
    settings = Settings(data=data, models=models, port=0, browser=False).but(**changes)
    with Studio(settings, FAKE_WORKER) as studio:
        yield studio


@contextmanager
def page_of(studio: Studio, port: int = 0) -> Iterator[Server]:
    server = open_page(studio, studio.settings.but(port=port))
    try:
        yield server
    finally:
        server.close()


def owner_client(server: Server) -> httpx.Client:
    """A client that came in by the owner's address, as her browser would."""
    client = httpx.Client(base_url=f"http://127.0.0.1:{server.port}", follow_redirects=True, timeout=30)
    assert client.get(server.url).status_code == 200
    return client


def events(client: httpx.Client, group: str, since: int = 0) -> list[str]:
    """Every data line of a group's event stream, to its end."""
    with client.stream("GET", "/studio/events", params={"group": group, "since": since}) as answer:
        assert answer.status_code == 200, answer.read()
        return re.findall(r"^data: (.+)$", "".join(answer.iter_text()), re.MULTILINE)


def visitor(shared: Shared) -> httpx.Client:
    """Somebody who came in by the invitation, as a browser does."""
    client = httpx.Client(base_url=f"http://127.0.0.1:{shared.port}", follow_redirects=True, timeout=60)
    said = {"key": shared.guests.key, "password": shared.guests.password}
    assert client.post("/studio/enter", data=said).status_code == 200
    return client
