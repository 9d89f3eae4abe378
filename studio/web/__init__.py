"""The HTTP front door: identity, our routes, and the page, on one port."""

from __future__ import annotations

from studio.web.server import Server, open_page, serve

__all__ = ["Server", "open_page", "serve"]
