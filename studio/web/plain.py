"""Requests as plain JSON: read strictly, and what Gradio's own event route may carry.

Gradio takes any JSON as a component's value: a nested one may name a file to copy or an address to fetch,
and half of a surrogate pair makes its answer unsendable. Our components hold words, numbers and switches.

A page names its session itself, and Gradio answers whoever says the name. Here every painter's names are made
her own, so that what another painter calls her session leads to none of hers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from starlette.responses import JSONResponse

from studio.errors import BadInput
from studio.identity import SCOPE

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVENTS = "/gradio_api/queue/join"
STREAM = "/gradio_api/queue/data"
HEARTBEAT = "/gradio_api/heartbeat/"
SESSION = re.compile(r"[0-9A-Za-z_-]{1,64}")
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
    """The ASGI middleware that reads the page's events before Gradio does, and refuses what is not plain.

    It stands behind the guard, which has put the painter's name into the scope.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands on everything but events with nested values, and sessions without a name."""
        try:
            given = receive
            if scope["type"] == "http" and scope["path"] == EVENTS:
                given = again(_event(scope, await whole_body(receive)), receive)
            elif scope["type"] == "http":
                _rename(scope)
        except BadInput as error:
            await JSONResponse({"sentence": str(error)}, status_code=400)(scope, receive, send)
            return
        await self.app(scope, given, send)


def own(scope: MutableMapping[str, Any], session: Any) -> str:
    """What Gradio shall call a painter's session. Raises `BadInput` for what is no name."""
    if not isinstance(session, str) or not SESSION.fullmatch(session):
        raise BadInput("A session is named by up to 64 letters and digits.")
    return hashlib.sha256(f"{scope[SCOPE]} {session}".encode()).hexdigest()


def _event(scope: MutableMapping[str, Any], text: bytes) -> bytes:
    """An event of the page, in its painter's own session. Raises `BadInput`."""
    values = parse(text)
    data = values.get("data")
    if not isinstance(data, list) or not all(map(scalar, data)):
        raise BadInput("The page's fields hold words, numbers and switches only.")
    return json.dumps({**values, "session_hash": own(scope, values.get("session_hash"))}).encode()


def _rename(scope: MutableMapping[str, Any]) -> None:
    """Make the session in a stream's or a heartbeat's address its painter's own. Raises `BadInput`."""
    path = str(scope["path"])
    if path == STREAM:
        named = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("session_hash", "")
        scope["query_string"] = urlencode({"session_hash": own(scope, named)}).encode()
    elif path.startswith(HEARTBEAT):
        scope["path"] = HEARTBEAT + own(scope, path.removeprefix(HEARTBEAT))
        scope["raw_path"] = str(scope["path"]).encode()


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
