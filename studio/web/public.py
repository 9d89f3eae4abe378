"""What the guests' page has: every route and every handler, by name. What is not listed here is not there.

A route that a room adds is for the owner alone until somebody who has thought about guests puts it here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

ROUTES = frozenset({
    ("GET", "/studio/page/{name}"), ("GET", "/studio/health"),
    ("POST", "/studio/paint"), ("POST", "/studio/cancel"), ("POST", "/studio/estimate"),
    ("GET", "/studio/events"), ("GET", "/studio/picture/{id}.png"), ("GET", "/studio/picture/{id}.json"),
    ("GET", "/studio/picture/{id}.svg"), ("GET", "/studio/thumb/{id}.webp"), ("GET", "/studio/pictures"),
    ("POST", "/studio/trash"), ("POST", "/studio/untrash"), ("POST", "/studio/upload"),
    ("POST", "/studio/restore"), ("GET", "/studio/state"), ("PUT", "/studio/state"),
    ("GET", "/studio/drawing"), ("PUT", "/studio/drawing"), ("POST", "/studio/drawing/keep"),
    ("GET", "/studio/drawing/{digest}.json"),
    ("GET", "/studio/input/{digest}"), ("POST", "/studio/finish"), ("GET", "/studio/finish"),
    ("POST", "/studio/words"), ("GET", "/studio/words/known"), ("GET", "/studio/history"),
    ("GET", "/studio/styles"), ("POST", "/studio/styles"), ("GET", "/studio/styles/{name}.webp"),
    ("POST", "/studio/look"), ("GET", "/studio/look"),
    ("POST", "/studio/explore"), ("GET", "/studio/explore"),
    ("POST", "/studio/travel"), ("POST", "/studio/outpaint"), ("GET", "/studio/scroll"),
    ("POST", "/studio/scroll"), ("POST", "/studio/scroll/stop"), ("GET", "/studio/scroll/{id}"),
    ("GET", "/studio/gallery"), ("GET", "/studio/gallery/summary"),
    ("GET", "/studio/gallery/about/{id}"), ("GET", "/studio/gallery/file/{id}"),
    ("POST", "/studio/gallery/zip"), ("POST", "/studio/gallery/star"), ("POST", "/studio/gallery/album"),
    ("POST", "/studio/gallery/rename"), ("POST", "/studio/gallery/dissolve"),
    ("WS", "/studio/live"), ("POST", "/studio/live"), ("POST", "/studio/live/rest"), ("POST", "/studio/film"),
    ("POST", "/studio/gallery/trash"), ("POST", "/studio/gallery/restore"), ("POST", "/studio/gallery/empty"),
})  # fmt: skip

HANDLERS = frozenset(
    {
        "opened", "language", "paint", "switch", "reset", "act", "restored", "strictness", "style", "explore",
        "scroll",
    }
)  # fmt: skip


def spelled(route: Any) -> set[tuple[str, str]]:
    """A route's methods and path; WS stands for a WebSocket."""
    return {(method, route.path) for method in getattr(route, "methods", None) or {"WS"} if method != "HEAD"}


def public(routes: Iterable[Any]) -> list[Any]:
    """Those of our routes that guests have."""
    return [route for route in routes if spelled(route) <= ROUTES]
