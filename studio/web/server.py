"""Opens the studio's page on a port: Gradio's launch with our guard and our routes inside it."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware

from studio.errors import StudioError
from studio.settings import Settings
from studio.studio import Studio
from studio.web.downloads import downloading
from studio.web.finishing import finishing
from studio.web.gallery import gallery_routes
from studio.web.guard import Door, Guard, hosts_of, is_loopback
from studio.web.live import live_routes
from studio.web.plain import PlainEvents
from studio.web.prompting import guessed, prompting
from studio.web.routes import routes

if TYPE_CHECKING:
    import gradio as gr

TRIES = 20


@dataclass(frozen=True, slots=True)
class Server:
    """A page that is being served. `url` carries the owner's key."""

    url: str
    port: int
    key: str
    blocks: gr.Blocks
    _closed: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Returns when the page is closed; Ctrl+C raises `KeyboardInterrupt` here."""
        while not self._closed.wait(0.5):
            pass

    def close(self) -> None:
        """Stops serving. The studio itself stays open."""
        self._closed.set()
        self.blocks.close(verbose=False)


def open_page(studio: Studio, settings: Settings) -> Server:
    """Serve the owner's page on `settings.host` and `settings.port` (0: a free one; taken: the next free).

    Returns at once, the page answering. Raises `StudioError` when no port is free.
    """
    quiet_environment(settings)
    from studio.ui.app import build, look

    port = free_port(settings.host, settings.port)
    door = Door(
        painters=studio.painters,
        key=secrets.token_urlsafe(24),
        cookie=f"inkstone-{port}",
        hosts=hosts_of(settings.host),
        any_address=not is_loopback(settings.host),
        upload_bytes=settings.limits.upload_bytes,
    )
    blocks = build(studio)
    blocks.queue(max_size=256, default_concurrency_limit=16, api_open=False)
    launch(
        blocks,
        settings.host,
        port,
        door,
        [
            *routes(studio),
            *gallery_routes(studio),
            *downloading(studio.downloads, studio.painters, partial(guessed, studio)),
            *prompting(studio),
            *live_routes(studio),
            *finishing(studio),
        ],
        look(),
    )
    return Server(f"http://{address(settings.host)}:{port}/?key={door.key}", port, door.key, blocks)


def launch(
    blocks: gr.Blocks, host: str, port: int, door: Door, ours: list[Any], looks: dict[str, Any]
) -> None:
    """Gradio's launch with everything closed that the page does not need."""
    try:
        blocks.launch(
            **looks,
            server_name=host,
            server_port=port,
            prevent_thread_lock=True,
            inbrowser=False,
            quiet=True,
            share=False,
            show_error=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            run_history=False,
            enable_monitoring=False,
            strict_cors=True,
            allowed_paths=[],
            max_file_size=1,
            state_session_capacity=500,
            footer_links=[],
            app_kwargs={
                "routes": ours,
                "middleware": [Middleware(Guard, door=door), Middleware(PlainEvents)],
                "openapi_url": None,
                "docs_url": None,
                "redoc_url": None,
            },
        )
    except OSError as error:
        raise StudioError(f"The page could not be opened on {host}, port {port}: {error}.") from error


def quiet_environment(settings: Settings) -> None:
    """Gradio asks nobody about updates and keeps its temporary files in our own folder. Before its import."""
    folder = settings.data / "tmp" / "page"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ["GRADIO_TEMP_DIR"] = str(folder)


def address(host: str) -> str:
    """What to write into a browser for a server bound to `host`."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - a comparison
        return "127.0.0.1"
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def free_port(host: str, wanted: int) -> int:
    """`wanted` if nobody listens there, else one of the next; 0 takes any. Raises `StudioError`."""
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    for port in [0] if wanted == 0 else range(wanted, min(wanted + TRIES, 65536)):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name != "nt":  # on Windows this option would let two servers share a port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((bare, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StudioError(
        f"Every port from {wanted} to {wanted + TRIES - 1} is taken on {host}; choose one with --port."
    )
