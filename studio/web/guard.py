"""The front door: every request passes here before Gradio or our own routes see it.

In order: the host it was sent to (against DNS rebinding), where a state-changing request comes from (against
foreign pages), which of Gradio's routes exist at all, the key or the cookie that says who paints, and how
large a body may be. No right depends on an address: tunnels and proxies all look like 127.0.0.1.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from studio.identity import SCOPE

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from studio.identity import Painters

JSON_BYTES = 2 * 2**20
A_YEAR = 365 * 24 * 3600
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:@/?#\[\]]+?)\.?(?::\d{0,5})?")
ORIGIN = re.compile(r"https?://([^\s@/?#]+)")
# Gradio's routes that its page needs; everything else under its prefix answers 404.
GRADIO = "/gradio_api/"
GRADIO_OPEN = ("queue/join", "queue/data", "heartbeat/", "startup-events", "app_id", "cancel", "reset")
CLOSED = (
    "/monitoring",
    "/openapi.json",
    "/docs",
    "/redoc",
    "/login",
    "/logout",
    "/file",
    "/svelte/",
    "/pwa_icon",
)
# Files of the program, the same for everybody; browsers ask for some of them without a cookie.
PUBLIC = ("/assets/", "/static/", "/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt")
PUBLIC_ALSO = ("/studio/health", "/studio/page/", "/gradio_api/startup-events", "/gradio_api/app_id")
PICTURES = ("/studio/upload", "/studio/film", "/studio/restore")
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    # Gradio compiles its templates in the page, hence 'unsafe-eval'; nothing may be loaded from elsewhere.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
}


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in: the key in the owner's address, the cookie's name, and the names of this machine."""

    painters: Painters
    key: str
    cookie: str
    hosts: frozenset[str]
    any_address: bool
    upload_bytes: int

    def knows_host(self, host: str) -> bool:
        """Whether a Host header names this machine. A bare address cannot be rebound by DNS; a name can."""
        found = HOST.fullmatch(host)
        name = found[1].strip("[]").lower() if found else ""
        return name in self.hosts or (self.any_address and is_address(name))


def hosts_of(bound: str) -> frozenset[str]:
    """The names under which a server bound to this address may be called."""
    names = {"localhost", "127.0.0.1", "::1", bound.strip("[]").lower()}
    if not is_loopback(bound):
        own = socket.gethostname().lower()
        names |= {own, f"{own}.local"}
    return frozenset(names - {"", "0.0.0.0", "::"})  # noqa: S104 - not bound here


def is_address(name: str) -> bool:
    """Whether this is an IP address rather than a name."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def is_loopback(bound: str) -> bool:
    """Whether only this machine reaches what is bound here."""
    name = bound.strip("[]")
    return name == "localhost" or (is_address(name) and ipaddress.ip_address(name).is_loopback)


def foreign(method: str, headers: Headers) -> bool:
    """Whether a browser sent this on behalf of another site's page, to change something or to read it.

    Reading counts too: cookies know no ports, and Gradio lets pages of this machine's other ports read its
    answers. A link that leads here is followed; browsers then name no origin.
    """
    origin = headers.get("origin")
    if origin is not None:
        found = ORIGIN.fullmatch(origin)
        return found is None or found[1].lower() != headers.get("host", "").lower()
    followed = method in SAFE and headers.get("sec-fetch-mode") == "navigate"
    return headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") and not followed


def closed(path: str) -> bool:
    """Whether this is one of Gradio's routes that the page does not need."""
    lower = path.lower()
    if lower.startswith(GRADIO):
        return not lower.removeprefix(GRADIO).startswith(GRADIO_OPEN)
    return lower.startswith(CLOSED)


def refusal(status: int, sentence: str) -> Response:
    """An answer that says in one sentence what is wrong."""
    return JSONResponse({"sentence": sentence}, status_code=status)


class TooLarge(Exception):
    """A body grew over its bound while it was read."""


class Guard:
    """The ASGI middleware; see the module's docstring."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app, self.door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers what must not pass, and hands on the rest with the painter's name in the scope."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        answer = self.answer(scope)
        if scope["type"] == "websocket" and answer is not None:
            await send({"type": "websocket.close", "code": 4403})
            return
        sender = hardened(send)
        if answer is not None:
            await answer(scope, receive, sender)
            return
        try:
            await self.app(scope, bounded(receive, self.most_bytes(str(scope["path"]))), sender)
        except TooLarge:
            await refusal(413, "This is larger than the studio takes.")(scope, receive, sender)

    def answer(self, scope: MutableMapping[str, Any]) -> Response | None:
        """The refusal (or redirection) this request gets, or None when it may pass."""
        headers, path = Headers(scope=scope), str(scope["path"])
        method = str(scope.get("method", "GET"))
        if not self.door.knows_host(headers.get("host", "")):
            return refusal(421, "The studio is not known under this name; open it by the address it printed.")
        if scope["type"] == "websocket":
            method = "POST"  # a foreign page may open one without asking
        if foreign(method, headers):
            return refusal(403, "Another site's page sent this; open the studio itself.")
        if closed(path):
            return refusal(404, "There is nothing here.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.most_bytes(path):
            return refusal(413, "This is larger than the studio takes.")
        if path.startswith((*PUBLIC, *PUBLIC_ALSO)):
            return None
        return self.enter(scope, headers, path)

    def enter(self, scope: MutableMapping[str, Any], headers: Headers, path: str) -> Response | None:
        """Lets a known browser pass, admits one that brings the key, and turns away the rest."""
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("key", [""])[0]
        painter = self.door.painters.find(cookie_parser(headers.get("cookie", "")).get(self.door.cookie))
        if painter is not None and self.door.painters.role(painter) == "owner":
            scope[SCOPE] = painter
            return RedirectResponse("./", status_code=303) if given and path == "/" else None
        if path == "/" and given and secrets.compare_digest(given.encode(), self.door.key.encode()):
            cookie = self.door.painters.admit(self.door.painters.owner())
            response = RedirectResponse("./", status_code=303)
            response.set_cookie(
                self.door.cookie, cookie, max_age=A_YEAR, path="/", httponly=True, samesite="lax"
            )
            return response
        if path == "/":
            return HTMLResponse(LOCKED, status_code=401)
        return refusal(401, "This browser is not known here; open the studio by the address it printed.")

    def most_bytes(self, path: str) -> int:
        """How large a body this path takes."""
        return self.door.upload_bytes if path in PICTURES else JSON_BYTES


def bounded(receive: Receive, most: int) -> Receive:
    """`receive` that raises `TooLarge` once more than `most` bytes came."""
    came = 0

    async def counted() -> Message:
        nonlocal came
        message = await receive()
        came += len(message.get("body", b""))
        if came > most:
            raise TooLarge
        return message

    return counted


def hardened(send: Send) -> Send:
    """`send` that adds the security headers to every answer."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)  # a route may be stricter with what it sends
        await send(message)

    return with_headers


LOCKED = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Inkstone</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<style>body{font:18px/1.6 Georgia,"Noto Serif CJK SC",serif;background:#f6f1e7;color:#1d1b18;display:grid;
place-items:center;min-height:100vh;margin:0}main{max-width:30em;padding:2em}b{color:#b3261e}</style>
<main><p><b>Inkstone</b></p><p>This studio opens with the full address that was printed where it was started;
it ends in <code>?key=…</code>. This browser is remembered from then on.</p>
<p lang="zh-CN">请用启动画室时显示的完整网址打开（以 <code>?key=…</code> 结尾），
之后这个浏览器会被记住。</p></main></html>"""
