"""The studio that already runs on a data folder, asked over its own page's routes."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

from studio.errors import FolderInUse, StudioError

FILE = "server.json"


@contextmanager
def announced(data: Path, url: str) -> Generator[None]:
    """While the page is open, its address with the owner's key lies in the data folder, for her eyes only."""
    path = data / FILE
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"url": url}, file)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


class Running:
    """A client of the running studio, let in by the owner's key."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._base = f"{parts.scheme}://{parts.netloc}"
        # The key goes with each request, so that the studio has no browser of this command to remember; and
        # never through a proxy of the environment, which would get to see it.
        self._key = urllib.parse.parse_qs(parts.query)["key"][0]
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with self._ask("/studio/state"):
            pass

    @classmethod
    def of(cls, data: Path) -> Running:
        """The studio on this data folder. Raises `FolderInUse` when it cannot be reached."""
        try:
            return cls(json.loads((data / FILE).read_text("utf-8"))["url"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise FolderInUse(
                f"Another program works on {data} and does not answer. Close it, or choose another --data."
            ) from error

    def submit(self, partial: Mapping[str, Any], count: int) -> str:
        """Put the pictures in line; returns their group."""
        with self._ask("/studio/paint", {"recipe": dict(partial), "count": count}) as answer:
            return str(json.load(answer)["group"])

    def events(self, group: str) -> Iterator[dict[str, Any]]:
        """What happens, as plain values, until the group has ended."""
        with self._ask(f"/studio/events?group={urllib.parse.quote(group)}") as stream:
            try:
                for line in stream:
                    if line.startswith(b"event: end"):
                        return
                    if line.startswith(b"data: "):
                        yield json.loads(line[6:])
            except (OSError, HTTPException) as error:
                raise StudioError(
                    "The running studio was closed meanwhile; it paints the rest when it is started again."
                ) from error

    def cancel(self, group: str) -> None:
        """End what of the group is not over."""
        with self._ask("/studio/cancel", {"group": group}):
            pass

    def unroll(self, scroll: Mapping[str, Any]) -> str:
        """Begin a handscroll; returns its name."""
        with self._ask("/studio/scroll", {"scroll": dict(scroll)}) as answer:
            return str(json.load(answer)["scroll"])

    def unrolled(self, name: str) -> dict[str, Any]:
        """How far a handscroll is."""
        with self._ask(f"/studio/scroll/{urllib.parse.quote(name)}") as answer:
            return json.load(answer)

    def stop_scroll(self, name: str) -> None:
        """Unroll a handscroll no further."""
        with self._ask("/studio/scroll/stop", {"scroll": name}):
            pass

    def pictures(self, search: str) -> Iterator[dict[str, Any]]:
        """The gallery, newest first: id, prompt and model of each picture."""
        before, more = "", True
        while more:
            query = urllib.parse.urlencode({"search": search, "before": before})
            with self._ask(f"/studio/pictures?{query}") as answer:
                page = json.load(answer)
            yield from page["pictures"]
            more = page["more"]
            before = page["pictures"][-1]["id"] if page["pictures"] else ""

    def picture(self, name: str) -> tuple[str, bytes]:
        """A finished picture's file name and bytes."""
        with self._ask(f"/studio/picture/{urllib.parse.quote(name)}.png") as answer:
            return f"{name}.png", answer.read()

    def _ask(self, path: str, said: Mapping[str, Any] | None = None) -> Any:
        data = None if said is None else json.dumps(said).encode()
        headers = {"Authorization": f"Bearer {self._key}"}
        if data:
            headers |= {"Content-Type": "application/json", "Origin": self._base}
        request = urllib.request.Request(self._base + path, data, headers)  # noqa: S310
        try:
            return self._opener.open(request, timeout=600)
        except urllib.error.HTTPError as error:
            raise StudioError(sentence(error.read())) from error


def sentence(body: bytes) -> str:
    """The sentence of a refusal."""
    try:
        return str(json.loads(body)["sentence"])
    except (ValueError, LookupError, TypeError):
        return "The running studio refused, without saying why."
