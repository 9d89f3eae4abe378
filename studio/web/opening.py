"""Opens a page on a port: Gradio's launch with everything closed that our pages do not need."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware

from studio.errors import StudioError
from studio.settings import Settings
from studio.web.guard import Door, Guard
from studio.web.plain import PlainEvents

if TYPE_CHECKING:
    import gradio as gr

TRIES = 20
HEADER_SECONDS = 20.0
CONNECTIONS = 512


def launch(
    blocks: gr.Blocks, host: str, port: int, door: Door, ours: list[Any], looks: dict[str, Any]
) -> None:
    """Serve these blocks, behind this door, with our own routes. Raises `StudioError` when it cannot be."""
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
    steady(blocks)


def steady(blocks: gr.Blocks) -> None:
    """Bounds what idle and slow connections can hold: Gradio's uvicorn has no bound for either."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Punctual(H11Protocol):
        """A connection that is cut when its first request does not arrive whole in time."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.loop.call_later(HEADER_SECONDS, self.expect)

        def expect(self) -> None:
            """Cut the connection if nothing was asked yet; one that became a WebSocket is its own."""
            # None until the first request's headers have come whole, whatever uvicorn's types say
            began = bool(getattr(self, "cycle", None))
            if not began and self in self.connections and not self.transport.is_closing():
                self.transport.abort()

    config: Any = blocks.server.config
    # Both are read for every new connection.
    config.http_protocol_class = Punctual
    config.limit_concurrency = CONNECTIONS


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
