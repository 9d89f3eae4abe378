"""Requests as plain JSON: read strictly, and what Gradio's own event route may carry.

Gradio takes any JSON as a component's value: a nested one may name a file to copy or an address to fetch,
and half of a surrogate pair makes its answer unsendable. Our components hold words, numbers and switches.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from studio.errors import BadInput

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVENTS = "/gradio_api/queue/join"
MOST_NUMBER = 2**64


def parse(text: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8 whose texts can be written down again. Raises `BadInput`."""
    try:
        whole = text.decode("utf-8")
        values = json.loads(whole)
        if "\\u" in whole:  # only so can JSON spell half of a surrogate pair
            json.dumps(values, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise BadInput("The request is not JSON.") from error
    if not isinstance(values, dict):
        raise BadInput("The request must be a JSON object.")
    return values


def scalar(value: Any) -> bool:
    """Whether this is a text, a switch, nothing, or a number that any reader of JSON can hold."""
    if isinstance(value, int | float):
        return abs(value) <= MOST_NUMBER  # neither infinite nor NaN, for that is not less than anything
    return value is None or isinstance(value, str)


class PlainEvents:
    """The ASGI middleware that reads the page's events before Gradio does, and refuses what is not plain."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands on everything but events with nested values."""
        if scope["type"] != "http" or scope["path"] != EVENTS:
            await self.app(scope, receive, send)
            return
        text = await whole_body(receive)
        try:
            data = parse(text).get("data")
            if not isinstance(data, list) or not all(map(scalar, data)):
                raise BadInput("The page's fields hold words, numbers and switches only.")
        except BadInput as error:
            await JSONResponse({"sentence": str(error)}, status_code=400)(scope, receive, send)
            return
        await self.app(scope, again(text, receive), send)


async def whole_body(receive: Receive) -> bytes:
    """The request's body; the guard has bounded it."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def again(text: bytes, receive: Receive) -> Receive:
    """`receive` that begins with a body already read."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": text, "more_body": False}

    return replayed
