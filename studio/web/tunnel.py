"""The link: Gradio's tunnel from a public https address to a port of this machine.

The tunnel's operator (Gradio) ends the encryption and could see what passes; the page says so.
"""

from __future__ import annotations

import hashlib
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from studio.errors import StudioError


@dataclass(frozen=True, slots=True)
class Tunnel:
    """An open link. `url`: its https address, without the invitation."""

    url: str
    process: subprocess.Popen[bytes] | None

    @property
    def host(self) -> str:
        """The name under which guests call the studio."""
        return (urlsplit(self.url).hostname or "").lower()

    def alive(self) -> bool:
        """Whether the link still leads here."""
        return self.process is None or self.process.poll() is None

    def close(self) -> None:
        """Ends the link."""
        if self.process is not None:
            self.process.terminate()


def open_tunnel(host: str, port: int) -> Tunnel:
    """A link to a port of this machine; takes some seconds. Raises `StudioError` when it cannot be made."""
    import httpx
    from gradio import networking, tunneling
    from gradio.exceptions import ChecksumMismatchError, ShareCertificateWriteError

    drop_foreign_program(Path(tunneling.BINARY_PATH), tunneling.CHECKSUMS.get(tunneling.BINARY_URL, ""))
    try:
        url = networking.setup_tunnel(host, port, secrets.token_urlsafe(32), None, None)
    except (
        RuntimeError,
        OSError,
        ValueError,
        httpx.HTTPError,
        ChecksumMismatchError,
        ShareCertificateWriteError,
    ) as error:
        raise StudioError(
            "The link could not be made: Gradio's server for links was not reached. Check the network and "
            "any firewall and try again, or invite people of your own network only."
        ) from error
    found = [one for one in tunneling.CURRENT_TUNNELS if one.local_port == port and one.url == url]
    return Tunnel(url, found[-1].proc if found else None)


def drop_foreign_program(path: Path, digest: str) -> None:
    """Deletes the tunnel's program when it is not the one that Gradio names: Gradio checks only new ones."""
    if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        path.unlink()
