"""The HTTP front door: identity, our routes, and the page, on one port."""

from __future__ import annotations

from studio.web.server import Server, open_page

__all__ = ["Server", "open_page"]
