"""Who paints here: painters, and the browsers they are known by.

A painter is a random 128-bit name. A browser proves whose it is with a 256-bit cookie, of which only the
SHA-256 is kept, beside the painter's pictures (`gallery/<painter>/owner.json`), so that a gallery that is
copied elsewhere, or whose tables are lost, still says whose it is.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from studio import images
from studio.part import Part

SCOPE = "inkstone.painter"  # where the front door leaves the name in a request's scope
Role = Literal["owner", "guest"]
NAME = re.compile(r"[0-9a-f]{32}")
BROWSERS = 64


class Owner(Part):
    """`owner.json`: the role of a painter, and the SHA-256 of each of her browsers' cookies."""

    role: Role = "guest"
    cookies: tuple[str, ...] = Field((), max_length=BROWSERS)


class Painters:
    """Everybody who paints here. Safe to use from any thread; the folder's lock keeps other studios out."""

    def __init__(self, gallery: Path) -> None:
        self._folder = gallery
        self._lock = threading.RLock()
        self._owners: dict[str, Owner] = {}
        self._cookies: dict[str, str] = {}
        for path in sorted(gallery.glob("*/owner.json")):
            if NAME.fullmatch(path.parent.name):
                self._know(path.parent.name, read_owner(path))

    def owner(self) -> str:
        """The painter this studio belongs to; made on the first call, the same ever after."""
        with self._lock:
            found = sorted(name for name, one in self._owners.items() if one.role == "owner")
            return found[0] if found else self.join("owner")

    def join(self, role: Role = "guest") -> str:
        """A new painter. Raises `DiskFull`."""
        with self._lock:
            name = secrets.token_hex(16)
            self._keep(name, Owner(role=role, cookies=()))
            return name

    def admit(self, painter: str) -> str:
        """A new cookie for one more browser of hers; beyond 64 the oldest is forgotten. Raises `DiskFull`."""
        with self._lock:
            cookie = secrets.token_urlsafe(32)
            known = self._owners[painter]
            kept = (*known.cookies, fingerprint(cookie))
            for old in kept[:-BROWSERS]:
                self._cookies.pop(old, None)
            self._keep(painter, known.but(cookies=kept[-BROWSERS:]))
            return cookie

    def find(self, cookie: str | None) -> str | None:
        """The painter whose browser carries this cookie."""
        return self._cookies.get(fingerprint(cookie)) if cookie else None

    def role(self, painter: str) -> Role:
        """Whether this painter owns the studio or is a guest."""
        return self._owners[painter].role

    def forget(self, painter: str) -> None:
        """No browser is known as this painter's any more; her pictures stay. Raises `DiskFull`."""
        with self._lock:
            for cookie in self._owners[painter].cookies:
                self._cookies.pop(cookie, None)
            self._keep(painter, self._owners[painter].but(cookies=()))

    def guests(self) -> tuple[str, ...]:
        """Everybody who ever came by an invitation."""
        with self._lock:
            return tuple(name for name, one in self._owners.items() if one.role == "guest")

    def is_guest(self, painter: str) -> bool:
        """Whether this is somebody who came by an invitation."""
        known = self._owners.get(painter)
        return known is not None and known.role == "guest"

    def _know(self, name: str, owner: Owner) -> None:
        self._owners[name] = owner
        self._cookies.update(dict.fromkeys(owner.cookies, name))

    def _keep(self, name: str, owner: Owner) -> None:
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        images.write_file(folder / "owner.json", owner.model_dump_json().encode())
        self._know(name, owner)


def fingerprint(cookie: str) -> str:
    """The SHA-256 by which a cookie is known; the cookie itself is never kept."""
    return hashlib.sha256(cookie.encode("utf-8", "surrogatepass")).hexdigest()


def read_owner(path: Path) -> Owner:
    """The file's content; a spoilt one is put aside as `owner.bad` and nobody is known by it any more."""
    try:
        return Owner.model_validate_json(path.read_bytes())
    except ValidationError:
        path.replace(path.with_suffix(".bad"))
        return Owner(role="guest", cookies=())
