"""Opens the studio's page on a port, and beside it, when the owner shares it, the guests' page."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from studio.settings import Settings
from studio.studio import Studio
from studio.web.downloads import downloading
from studio.web.drawings import drawings
from studio.web.finishing import finishing
from studio.web.gallery import gallery_routes
from studio.web.guard import Door, hosts_of, is_loopback
from studio.web.house import house
from studio.web.live import live_routes
from studio.web.looking import looking
from studio.web.opening import address, free_port, launch, quiet_environment
from studio.web.prompting import guessed, prompting
from studio.web.routes import routes
from studio.web.sharing import Sharing, share_routes
from studio.web.unrolling import unrolling

if TYPE_CHECKING:
    import gradio as gr

__all__ = ["Server", "every_route", "free_port", "open_page"]


@dataclass(frozen=True, slots=True)
class Server:
    """A page that is being served. `url` carries the owner's key; `sharing` has the guests' page."""

    url: str
    port: int
    key: str
    blocks: gr.Blocks
    sharing: Sharing
    _closed: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Returns when the page is closed; Ctrl+C raises `KeyboardInterrupt` here."""
        while not self._closed.wait(0.5):
            pass

    def close(self) -> None:
        """Stops serving, to guests first. The studio itself stays open."""
        self._closed.set()
        self.sharing.stop()
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
    ours = every_route(studio)
    sharing = Sharing(studio, settings, ours)
    launch(blocks, settings.host, port, door, [*ours, *share_routes(sharing)], look())
    url = f"http://{address(settings.host)}:{port}/?key={door.key}"
    return Server(url, port, door.key, blocks, sharing)


def every_route(studio: Studio) -> list[Any]:
    """Every route over one studio, but for those with which its owner shares it."""
    return [
        *routes(studio),
        *gallery_routes(studio),
        *downloading(studio.downloads, studio.painters, partial(guessed, studio)),
        *prompting(studio),
        *live_routes(studio),
        *finishing(studio),
        *drawings(studio),
        *unrolling(studio),
        *looking(studio),
        *house(studio),
    ]
