"""Sharing: the guests' page beside the owner's, on a port and with a cookie of its own, and its invitation.

It is made of `public` routes only. The owner opens and ends it, sees who is here, and says which models
guests may use; guests have none of these routes.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request, cookie_parser
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from studio.errors import BadInput, LimitReached, NotFound, StudioError
from studio.painting.safety import checker_of
from studio.settings import Settings
from studio.studio import Studio
from studio.web.forgetting import erase, leaving, look_after
from studio.web.gallery import form
from studio.web.guard import ENTER, UNINVITED, Door, entrance, hosts_of, is_loopback, with_cookie
from studio.web.guests import Guests
from studio.web.opening import address, free_port, launch
from studio.web.public import public
from studio.web.routes import Handler, answered, body, painter_of
from studio.web.tunnel import Tunnel, open_tunnel

if TYPE_CHECKING:
    import gradio as gr

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that could be taken for another
PASSWORD_LETTERS = 10
ENDED = "guests_ended"  # the setting that says since when nobody is invited, in seconds since 1970
A_DAY = 86_400
FRESH = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Shared:
    """The guests' page while it is open. `url`: what to send to guests, with the invitation's key."""

    url: str
    port: int
    blocks: gr.Blocks
    guests: Guests
    tunnel: Tunnel | None


class Sharing:
    """Opens and ends the guests' page of one studio. Safe from any thread."""

    def __init__(
        self,
        studio: Studio,
        settings: Settings,
        ours: Sequence[Any],
        tunnel: Callable[[str, int], Tunnel] = open_tunnel,
    ) -> None:
        """`ours`: every route there is, of which guests get the public ones."""
        self.studio, self._settings, self._ours, self._tunnel = studio, settings, ours, tunnel
        self._lock = threading.Lock()
        self._shared: Shared | None = None
        if studio.jobs.setting(ENDED) is None:  # nobody was ever invited, or the studio fell over meanwhile
            studio.jobs.set(ENDED, time.time())
        studio.desk.chores.append(self.expire)

    @property
    def shared(self) -> Shared | None:
        """The guests' page, while it is open."""
        return self._shared

    def start(self, link: bool, password: str | None = None) -> Shared:
        """Open the guests' page; with a link, to the whole world. One that is open already is returned.

        `password` None: one is made; empty: none is asked for. Raises `StudioError`; nothing is open then.
        """
        with self._lock:
            if self._shared is None:
                self._expire()
                self._shared = self._open(link, made_password() if password is None else password)
                self.studio.jobs.set(ENDED, None)
            return self._shared

    def _open(self, link: bool, password: str) -> Shared:
        from studio.ui.app import build, look

        studio, settings = self.studio, self._settings
        port = free_port(settings.host, settings.guest_port)
        guests = Guests(studio.painters, password, settings.visitors)
        hosts = set(hosts_of(settings.host)) | ({settings.public_host.lower()} - {""})
        door = Door(
            painters=studio.painters,
            key="",
            cookie=f"inkstone-guest-{port}",
            hosts=hosts,
            any_address=not is_loopback(settings.host),
            upload_bytes=settings.guests.upload_bytes,
            public_host=settings.public_host.lower(),
            guests=guests,
        )
        blocks = build(studio, "guest")
        blocks.queue(max_size=256, default_concurrency_limit=16, api_open=False)
        launch(
            blocks,
            settings.host,
            port,
            door,
            [*public(self._ours), *entering(door, guests), *leaving(studio, door, guests)],
            look(),
        )
        base, tunnel = f"http://{address(settings.host)}:{port}", None
        if settings.public_host:
            base = f"https://{settings.public_host}"
        if link:
            try:
                tunnel = self._tunnel(address(settings.host).strip("[]"), port)
            except StudioError:
                blocks.close(verbose=False)
                raise
            hosts.add(tunnel.host)
            base = tunnel.url.rstrip("/")
        return Shared(f"{base}/?key={guests.key}", port, blocks, guests, tunnel)

    def stop(self) -> None:
        """End it: the link, the page, and what its guests still had in line. Twice is as good as once."""
        with self._lock:
            shared, self._shared = self._shared, None
            if shared is None:
                return
            if shared.tunnel is not None:
                shared.tunnel.close()
            shared.blocks.close(verbose=False)
            self.studio.jobs.set(ENDED, time.time())
        for painter in shared.guests.inside():
            self._cancel(painter)

    def expire(self) -> None:
        """Deletes what guests left, once nobody has been invited for as many days as the settings say."""
        look_after(self.studio)
        with self._lock:
            self._expire()

    def _expire(self) -> None:
        days, studio = self._settings.guest_days, self.studio
        ended: float | None = studio.jobs.setting(ENDED)
        if self._shared is not None or not days or ended is None or time.time() - ended < days * A_DAY:
            return
        for painter in studio.painters.guests():
            erase(studio, painter)

    def send_away(self, number: int) -> None:
        """Show one guest the door and end what she had in line. Raises `NotFound`."""
        shared = self._shared
        if shared is None:
            raise NotFound("Nobody is invited just now.")
        self._cancel(shared.guests.send_away(number))

    def give_away(self) -> None:
        """The link that was shown for one friend was given to her; another one is shown."""
        if self._shared is not None:
            self._shared.guests.give_away()

    def _cancel(self, painter: str) -> None:
        for group in self.studio.desk.status(painter)["groups"]:
            self.studio.desk.cancel(group["group"], painter)

    def state(self) -> dict[str, Any]:
        """What the owner's dialog shows."""
        shared, studio = self._shared, self.studio
        chosen = studio.palette.shared_models()
        models = [
            {"id": file.id, "title": file.title, "on": chosen is None or file.id in chosen}
            for file in studio.palette.checkpoints()
        ]
        kept = {"days": self._settings.guest_days, "safety": self.safety(), "models": models}
        if shared is None:
            return {"open": False, **kept}
        once = ticketed(shared)
        return {
            "open": True,
            "url": shared.url,
            "once": once,
            "link": shared.tunnel is not None,
            "lost": shared.tunnel is not None and not shared.tunnel.alive(),
            "password": shared.guests.password,
            "code": code(once),
            "guests": [self._guest(painter, n) for painter, n in shared.guests.inside().items()],
            **kept,
        }

    def safety(self) -> str:
        """Whether the safety checker sees guests' pictures: “on”, “off” by the settings, or “missing”."""
        if self._settings.safety == "off":
            return "off"
        chosen, library = self.studio.palette.shared_models(), self.studio.library
        used = [file for file in self.studio.palette.checkpoints() if chosen is None or file.id in chosen]
        return "on" if used and all(checker_of(library, file) for file in used) else "missing"

    def _guest(self, painter: str, number: int) -> dict[str, Any]:
        status = self.studio.desk.status(painter)
        pictures, _ = self.studio.gallery.usage(painter)
        return {
            "n": number,
            "running": status["running"],
            "waiting": status["waiting"],
            "eta": status["eta"],
            "pictures": pictures,
        }


def made_password() -> str:
    """A password that can be said over the telephone: ten of 31 letters and digits, 49 bits."""
    return "".join(secrets.choice(LETTERS) for _ in range(PASSWORD_LETTERS))


def ticketed(shared: Shared) -> str:
    """The link that lets one friend in without the password; where none is asked for, the plain one.

    The ticket is its fragment, which browsers keep to themselves: neither logs nor referrers have it.
    """
    return f"{shared.url}#{shared.guests.ticket()}" if shared.guests.password else shared.url


def code(text: str) -> list[str]:
    """A QR code as rows of 0 and 1, without its white border."""
    import segno

    return ["".join(str(int(bool(cell))) for cell in row) for row in segno.make(text, error="m").matrix]


def entering(door: Door, guests: Guests) -> list[Route]:
    """The guests' way in."""

    async def enter(request: Request) -> Response:
        try:
            said = form(await request.body())
        except BadInput:
            said = {}
        key, password, ticket = (said.get(name, "")[:200] for name in ("key", "password", "ticket"))
        had = cookie_parser(request.headers.get("cookie", "")).get(door.cookie)
        secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
        try:
            cookie = await run_in_threadpool(guests.enter, key, password, had, ticket)
        except NotFound:
            return HTMLResponse(UNINVITED, status_code=401, headers=FRESH)
        except (BadInput, LimitReached) as error:
            status = 429 if isinstance(error, LimitReached) else 401
            # From here the form's address is one step deeper than on the page it was first shown on.
            page = entrance(guests.key, bool(guests.password), str(error)).replace(
                '"studio/enter"', '"enter"'
            )
            return HTMLResponse(page, status_code=status, headers=FRESH)
        return with_cookie(door, cookie, secure, to="../")

    return [Route(ENTER, answered(enter), methods=["POST"])]


def share_routes(sharing: Sharing) -> list[Route]:
    """The owner's routes for sharing; for anybody else they are not there."""
    painters = sharing.studio.painters

    def owners(handler: Handler) -> Handler:
        async def asked(request: Request) -> Response:
            if painters.role(painter_of(request)) != "owner":
                raise NotFound("There is nothing here.")
            return await handler(request)

        return answered(asked)

    async def told() -> Response:
        return JSONResponse(await run_in_threadpool(sharing.state), headers=FRESH)

    async def state(_: Request) -> Response:
        return await told()

    async def start(request: Request) -> Response:
        said = await body(request, link=int, password=str, locked=int)
        password = said.get("password", "").strip()[:200] or None
        if not said.get("locked", 1):
            password = ""
        await run_in_threadpool(sharing.start, bool(said.get("link", 1)), password)
        return await told()

    async def stop(request: Request) -> Response:
        await body(request)
        await run_in_threadpool(sharing.stop)
        return await told()

    async def models(request: Request) -> Response:
        chosen = (await body(request, models=list)).get("models")
        names = None if chosen is None else [str(name)[:240] for name in chosen]
        await run_in_threadpool(sharing.studio.palette.share_models, names)
        return await told()

    async def away(request: Request) -> Response:
        number = (await body(request, guest=int)).get("guest", 0)
        await run_in_threadpool(sharing.send_away, number)
        return await told()

    async def give(request: Request) -> Response:
        await body(request)
        await run_in_threadpool(sharing.give_away)
        return await told()

    return [
        Route("/studio/share", owners(state), methods=["GET"]),
        Route("/studio/share/start", owners(start), methods=["POST"]),
        Route("/studio/share/stop", owners(stop), methods=["POST"]),
        Route("/studio/share/give", owners(give), methods=["POST"]),
        Route("/studio/share/models", owners(models), methods=["POST"]),
        Route("/studio/share/away", owners(away), methods=["POST"]),
    ]
