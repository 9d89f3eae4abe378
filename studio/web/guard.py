"""The front door: every request passes here before Gradio or our own routes see it.

In order: the host it was sent to (against DNS rebinding), where a state-changing request comes from (against
foreign pages), which of Gradio's routes exist at all, the key or the cookie that says who paints, and how
large a body may be. No right depends on an address: tunnels and proxies all look like 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import secrets
import socket
from collections.abc import MutableMapping
from collections.abc import Set as AbstractSet
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
    from studio.web.guests import Asking, Guests

JSON_BYTES = 2 * 2**20
BODY_SECONDS = 120.0
BUSY = "This is more than one guest may ask at once; please wait a moment."
LIVE = "/studio/live"
ENTER = "/studio/enter"
A_YEAR = 365 * 24 * 3600
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:@/?#\[\]]+?)\.?(?::\d{0,5})?")
ORIGIN = re.compile(r"https?://([^\s@/?#]+)")
# Gradio's routes that its page needs; everything else under its prefix answers 404.
GRADIO = "/gradio_api/"
GRADIO_OPEN = ("queue/join", "queue/data", "heartbeat/", "startup-events", "app_id")
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
PICTURES = ("/studio/upload", "/studio/film", "/studio/restore", "/studio/drawing", "/studio/drawing/keep")
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
    hosts: AbstractSet[str]
    any_address: bool
    upload_bytes: int
    public_host: str = ""
    guests: Guests | None = None  # on their page: whom the invitation let in

    def knows_host(self, host: str) -> bool:
        """Whether a Host header names this machine. A bare address cannot be rebound by DNS; a name can."""
        found = HOST.fullmatch(host)
        name = found[1].strip("[]").lower() if found else ""
        return name in self.hosts or (self.any_address and is_address(name))

    def is_proxied(self, origin: str) -> bool:
        """Whether this is our page under the name that a reverse proxy shows it by, having changed Host."""
        found = ORIGIN.fullmatch(origin)
        return bool(found and self.public_host and found[1].lower() == self.public_host)


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


class TooSlow(Exception):
    """A body did not arrive whole in time."""


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
        guests, painter = self.door.guests, scope.get(SCOPE)
        if guests is None or painter is None:
            await self.hand_on(scope, receive, sender)
        elif guests.begin(painter):
            try:
                await self.hand_on(scope, receive, sender)
            finally:
                guests.end(painter)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4429})
        else:
            await refusal(429, BUSY)(scope, receive, sender)

    async def hand_on(self, scope: Scope, receive: Receive, sender: Send) -> None:
        """Lets a request through, its body bounded in bytes and in time."""
        given = bounded(receive, self.most_bytes(str(scope["path"])))
        if self.door.guests is not None and SCOPE in scope:
            given = while_inside(given, self.door.guests, scope)
        try:
            await self.app(scope, in_time(given) if scope["type"] == "http" else given, sender)
        except TooLarge:
            await refusal(413, "This is larger than the studio takes.")(scope, receive, sender)
        except TooSlow:
            await refusal(408, "This took too long to arrive; please send it again.")(scope, receive, sender)

    def answer(self, scope: MutableMapping[str, Any]) -> Response | None:
        """The refusal (or redirection) this request gets, or None when it may pass."""
        headers, path = Headers(scope=scope), str(scope["path"])
        method = str(scope.get("method", "GET"))
        if not self.door.knows_host(headers.get("host", "")):
            return refusal(421, "The studio is not known under this name; open it by the address it printed.")
        if scope["type"] == "websocket":
            method = "POST"  # a foreign page may open one without asking
        if foreign(method, headers) and not self.door.is_proxied(headers.get("origin", "")):
            return refusal(403, "Another site's page sent this; open the studio itself.")
        if closed(path):
            return refusal(404, "There is nothing here.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.most_bytes(path):
            return refusal(413, "This is larger than the studio takes.")
        if path.startswith((*PUBLIC, *PUBLIC_ALSO)) or (path == ENTER and self.door.guests is not None):
            return None
        return self.enter(scope, headers, path)

    def enter(self, scope: MutableMapping[str, Any], headers: Headers, path: str) -> Response | None:
        """Lets a known browser pass, admits one that brings the key, and turns away the rest."""
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("key", [""])[0]
        cookie = cookie_parser(headers.get("cookie", "")).get(self.door.cookie)
        if self.door.guests is not None:
            return self.welcome(scope, self.door.guests, cookie, given if path == "/" else "")
        painter = self.door.painters.find(cookie)
        if painter is not None and self.door.painters.role(painter) == "owner":
            scope[SCOPE] = painter
            return RedirectResponse("./", status_code=303) if given and path == "/" else None
        if self.is_key(headers.get("authorization", "").removeprefix("Bearer ")):
            scope[SCOPE] = self.door.painters.owner()  # a program of hers, which keeps no cookie
            return None
        if path == "/" and self.is_key(given):
            return with_cookie(self.door, self.door.painters.admit(self.door.painters.owner()), secure=False)
        if path == "/":
            return HTMLResponse(LOCKED, status_code=401)
        return refusal(401, "This browser is not known here; open the studio by the address it printed.")

    def is_key(self, given: str) -> bool:
        """Whether this is the owner's key."""
        return bool(given) and secrets.compare_digest(given.encode(), self.door.key.encode())

    def welcome(
        self, scope: MutableMapping[str, Any], guests: Guests, cookie: str | None, key: str
    ) -> Response | None:
        """Lets a guest pass within what she may ask, and shows the way in to one with the invitation."""
        painter = guests.find(cookie)
        if painter is not None:
            if not guests.may_ask(painter, asking(scope)):
                return refusal(429, BUSY)
            scope[SCOPE] = painter
            # "#": browsers would carry the fragment, an unused ticket, on to the page
            return RedirectResponse("./#", status_code=303) if key else None
        if scope["path"] == "/":
            known = bool(key) and guests.knows_key(key)
            page = entrance(guests.key, bool(guests.password)) if known else UNINVITED
            return HTMLResponse(page, 200 if known else 401, {"Cache-Control": "no-store"})
        return refusal(401, "This browser was not invited, or the invitation has ended; ask for a new link.")

    def most_bytes(self, path: str) -> int:
        """How large a body this path takes."""
        return self.door.upload_bytes if path in PICTURES else JSON_BYTES


def while_inside(receive: Receive, guests: Guests, scope: Scope) -> Receive:
    """`receive` that hangs up on a guest who has left, or was shown out: a socket outlives her cookie."""

    async def heard() -> Message:
        message = await receive()
        if scope[SCOPE] in guests.inside():
            return message
        return {"type": f"{scope['type']}.disconnect", "code": 4401}

    return heard


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


def in_time(receive: Receive) -> Receive:
    """`receive` that raises `TooSlow` when the body has not come whole after `BODY_SECONDS`.

    What comes after the body is the end of the connection, for which event streams wait as long as they last.
    """
    whole, until = False, 0.0

    async def timed() -> Message:
        nonlocal whole, until
        if whole:
            return await receive()
        now = asyncio.get_running_loop().time()
        until = until or now + BODY_SECONDS
        try:
            message = await asyncio.wait_for(receive(), max(0.01, until - now))
        except TimeoutError as error:
            raise TooSlow from error
        whole = not message.get("more_body", False)
        return message

    return timed


def hardened(send: Send) -> Send:
    """`send` that adds the security headers to every answer."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)  # a route may be stricter with what it sends
        await send(message)

    return with_headers


def asking(scope: MutableMapping[str, Any]) -> Asking:
    """What kind of request this is, for the bounds of one guest."""
    if scope["path"] == LIVE:
        return "live"
    return "look" if scope["type"] == "websocket" or scope["method"] in SAFE else "change"


def with_cookie(door: Door, cookie: str | None, secure: bool, to: str = "./") -> Response:
    """The way to the page, with the cookie by which this browser is known."""
    response = RedirectResponse(to, status_code=303)
    if cookie is not None:
        response.set_cookie(
            door.cookie, cookie, max_age=A_YEAR, path="/", httponly=True, samesite="lax", secure=secure
        )
    return response


LOCKED = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Inkstone</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<style>body{font:18px/1.6 Georgia,"Noto Serif CJK SC",serif;background:#f6f1e7;color:#1d1b18;display:grid;
place-items:center;min-height:100vh;margin:0}main{max-width:30em;padding:2em}b{color:#b3261e}</style>
<main><p><b>Inkstone</b></p><p>This studio opens with the full address that was printed where it was started;
it ends in <code>?key=…</code>. This browser is remembered from then on.</p>
<p lang="zh-CN">请用启动画室时显示的完整网址打开（以 <code>?key=…</code> 结尾），
之后这个浏览器会被记住。</p></main></html>"""


STYLE = LOCKED[LOCKED.index("<style>") : LOCKED.index("</style>")]
UNINVITED = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Inkstone</title>
<meta name="viewport" content="width=device-width,initial-scale=1">{STYLE}</style>
<main><p><b>Inkstone</b></p><p>This studio opens with an invitation, and this one is not valid, or has ended.
Ask whoever sent it for a new link.</p>
<p lang="zh-CN">进入这间画室需要邀请链接；此链接无效或已结束，请向发送者索取新的链接。</p></main></html>"""


TICKET = """const ticket = location.hash.slice(1), asked = document.getElementById("asked");
if (ticket) { document.getElementsByName("ticket")[0].value = ticket; asked.hidden = true;
asked.querySelector("input").required = false; }"""


def entrance(key: str, locked: bool, said: str = "") -> str:
    """The page on which a guest comes in. `key` is ours, of letters that mean nothing to HTML; `said` too.

    It takes a press, so that the previews which messengers make of a link do not become guests. A ticket is
    in the address' fragment, which never reaches a server by itself; with one no password is asked for.
    """
    asked = (
        '<p id="asked"><label>Password · 密码<br><input type="password" name="password" maxlength="200" '
        'required autofocus autocomplete="off"></label></p><input type="hidden" name="ticket">'
        f"<script>{TICKET}</script>"
    )
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Inkstone</title>
<meta name="viewport" content="width=device-width,initial-scale=1">{STYLE}
input,button{{font:inherit;padding:.5em .8em;min-height:44px;box-sizing:border-box;border:1px solid #b9ae9a;
border-radius:6px;background:#fcf9f2;color:inherit}}button{{background:#1d1b18;color:#f6f1e7;cursor:pointer}}
:focus-visible{{outline:2px solid #2c6e70;outline-offset:2px}}</style>
<main><p><b>Inkstone</b></p><p>You are invited to paint here. What you paint and upload is yours alone to see
on this page; the studio's owner keeps the machine it lies on.</p>
<p lang="zh-CN">邀请你来作画。你的作品和上传的图片在这里只有你能看到；它们存放在画室主人的电脑上。</p>
<form method="post" action="studio/enter"><input type="hidden" name="key" value="{key}">
{asked if locked else ""}
<p role="alert"><b>{said}</b></p><p><button type="submit">Come in · 进入</button></p></form></main></html>"""
