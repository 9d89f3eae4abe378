"""Our own routes under /studio/: plain JSON in and out, errors as {"sentence": …} with the right status.

Every route that touches a job or a picture asks the room that owns it with the painter's name; what is not
hers is not there (404). Blocking work runs in threads; a seed travels as text (browsers keep 53 bits).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from studio import errors, images
from studio.desk.limits import check_disk
from studio.gallery import Picture, Wanted
from studio.habits import FORM_BYTES
from studio.identity import SCOPE
from studio.studio import Studio
from studio.ui.bundle import bundles
from studio.web import plain
from studio.web.guard import refusal

Handler = Callable[[Request], Awaitable[Response]]
STATUS: Mapping[type[errors.StudioError], int] = {
    errors.NotFound: 404,
    errors.LimitReached: 429,
    errors.DiskFull: 507,
    errors.BadInput: 400,
}
ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
PAGE = 60
HEARTBEAT_SECONDS = 15.0
MEDIA = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
}
PRIVATE = {"Cache-Control": "private, max-age=31536000, immutable"}


def status_of(error: errors.StudioError) -> int:
    """The HTTP status that fits an error of our tree."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def answered(handler: Handler) -> Handler:
    """A handler whose errors become sentences."""

    async def safe(request: Request) -> Response:
        try:
            return await handler(request)
        except errors.StudioError as error:
            return refusal(status_of(error), str(error))
        except ClientDisconnect:
            return refusal(400, "The connection was cut while sending.")

    return safe


def painter_of(request: Request) -> str:
    """Who asks; the guard has let nobody else in."""
    return str(request.scope[SCOPE])


async def body(request: Request, **kinds: type) -> dict[str, Any]:
    """The request's JSON object; `kinds` are the fields it may have. Raises `BadInput`."""
    values = plain.parse(await request.body())
    for name, value in values.items():
        if name not in kinds or not isinstance(value, kinds[name]) or isinstance(value, bool):
            raise errors.BadInput(f"The request may have these fields only: {', '.join(kinds)}.")
    return values


def spelled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a recipe for the browser: the seed as text."""
    return {name: str(value) if name == "seed" else value for name, value in values.items()}


def told(picture: Picture) -> dict[str, Any]:
    """A picture for the page: what the strip and the large view show."""
    return {
        "id": picture.id,
        "prompt": picture.prompt,
        "model": picture.model,
        "seed": "" if picture.seed is None else str(picture.seed),
        "width": picture.width,
        "height": picture.height,
        "created": picture.created,
        "star": picture.star,
        "trashed": picture.trashed is not None,
        "kinds": list(picture.kinds),
    }


def routes(studio: Studio) -> list[Route]:
    """Every route of ours, over one studio."""
    return [*painting(studio), *pictures(studio), *forms(studio), *program()]


def painting(studio: Studio) -> list[Route]:
    """Asking for pictures, watching them come, stopping them."""

    async def paint(request: Request) -> Response:
        asked = await body(request, recipe=dict, count=int)
        submitted = await run_in_threadpool(
            studio.submit, asked.get("recipe", {}), painter_of(request), asked.get("count", 1)
        )
        return JSONResponse({"group": submitted.group, "jobs": list(submitted.jobs)}, status_code=202)

    async def cancel(request: Request) -> Response:
        asked = await body(request, group=str)
        await run_in_threadpool(studio.desk.cancel, str(asked.get("group", ""))[:64], painter_of(request))
        return JSONResponse({})

    async def estimate(request: Request) -> Response:
        asked = await body(request, recipe=dict, count=int)
        seconds = await run_in_threadpool(
            studio.estimate, asked.get("recipe", {}), painter_of(request), asked.get("count", 1)
        )
        others = studio.desk.status(painter_of(request))["others"]
        return JSONResponse({"seconds": seconds, "others": others})

    async def events(request: Request) -> Response:
        group = request.query_params.get("group", "")[:64]
        last = request.headers.get("last-event-id") or request.query_params.get("since", "0")
        since = int(last) if last.isdecimal() and len(last) < 20 else 0
        stream = studio.desk.events(group, painter_of(request), since)  # raises NotFound at once
        return StreamingResponse(
            lines(stream),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return [
        Route("/studio/paint", answered(paint), methods=["POST"]),
        Route("/studio/cancel", answered(cancel), methods=["POST"]),
        Route("/studio/estimate", answered(estimate), methods=["POST"]),
        Route("/studio/events", answered(events), methods=["GET"]),
    ]


async def lines(stream: AsyncIterator[Any]) -> AsyncIterator[str]:
    """Job events in the event-stream format, with a comment at once, and whenever nothing happens."""
    waiting: asyncio.Future[Any] | None = None
    yield ": here\n\n"
    try:
        while True:
            waiting = asyncio.ensure_future(anext(stream, None))
            while not (await asyncio.wait({waiting}, timeout=HEARTBEAT_SECONDS))[0]:
                yield ": still here\n\n"
            event = waiting.result()
            if event is None:
                break
            yield f"id: {event.n}\ndata: {json.dumps(event.to_dict(), separators=(',', ':'))}\n\n"
        yield "event: end\ndata: {}\n\n"
    finally:
        if waiting is not None:
            waiting.cancel()


def pictures(studio: Studio) -> list[Route]:
    """Finished pictures: only their owner's."""

    def picture_id(request: Request) -> str:
        found = str(request.path_params["id"])
        if not ID.fullmatch(found):
            raise errors.NotFound("There is no such picture.")
        return found

    async def picture(request: Request) -> Response:
        name = picture_id(request)
        data = await run_in_threadpool(studio.gallery.read, painter_of(request), name)
        kind = "attachment" if "download" in request.query_params else "inline"
        headers = {**PRIVATE, "Content-Disposition": f'{kind}; filename="inkstone-{name}.png"'}
        return Response(data, media_type="image/png", headers=headers)

    async def thumb(request: Request) -> Response:
        data = await run_in_threadpool(studio.gallery.thumbnail, painter_of(request), picture_id(request))
        return Response(data, media_type="image/webp", headers=PRIVATE)

    async def facts(request: Request) -> Response:
        found = await run_in_threadpool(studio.gallery.get, painter_of(request), picture_id(request))
        return JSONResponse(told(found))

    async def listing(request: Request) -> Response:
        query = request.query_params
        found = await run_in_threadpool(
            lambda: studio.gallery.pictures(
                painter_of(request),
                Wanted(search=query.get("search", "")[:200]),
                before=query.get("before", "")[:64] or None,
                limit=PAGE,
            )
        )
        return JSONResponse({"pictures": [told(one) for one in found], "more": len(found) == PAGE})

    async def trash(request: Request) -> Response:
        asked = await body(request, picture=str)
        await run_in_threadpool(studio.gallery.trash, painter_of(request), str(asked.get("picture", ""))[:64])
        return JSONResponse({})

    async def untrash(request: Request) -> Response:
        asked = await body(request, picture=str)
        await run_in_threadpool(
            studio.gallery.restore, painter_of(request), str(asked.get("picture", ""))[:64]
        )
        return JSONResponse({})

    return [
        Route("/studio/picture/{id}.png", answered(picture), methods=["GET"]),
        Route("/studio/picture/{id}.json", answered(facts), methods=["GET"]),
        Route("/studio/thumb/{id}.webp", answered(thumb), methods=["GET"]),
        Route("/studio/pictures", answered(listing), methods=["GET"]),
        Route("/studio/trash", answered(trash), methods=["POST"]),
        Route("/studio/untrash", answered(untrash), methods=["POST"]),
    ]


def forms(studio: Studio) -> list[Route]:
    """What the page remembers and takes in."""

    async def upload(request: Request) -> Response:
        data = await request.body()
        header = images.check(data)
        check_disk(studio.settings.data, studio.settings.limits)
        digest = await run_in_threadpool(studio.inputs.put, painter_of(request), data)
        return JSONResponse({"image": digest, "width": header.width, "height": header.height})

    async def given(request: Request) -> Response:
        digest = str(request.path_params["digest"])
        data = await run_in_threadpool(studio.inputs.read, painter_of(request), digest)
        return Response(data, media_type=f"image/{images.check(data).kind}", headers=PRIVATE)

    async def restore(request: Request) -> Response:
        found = await run_in_threadpool(studio.palette.restore, await request.body(), painter_of(request))
        said = {"recipe": spelled(found.values), "origin": found.origin, "warnings": list(found.warnings)}
        return JSONResponse(said)

    async def state(request: Request) -> Response:
        painter, tab = painter_of(request), request.query_params.get("tab", "")[:64]

        def look() -> dict[str, Any]:
            shown = studio.gallery.pictures(painter, limit=PAGE)
            status = studio.desk.status(painter)
            form = studio.habits.form(painter, tab) if tab else {}
            return {
                **status,
                "form": form,
                "pictures": [told(one) for one in shown],
                "more": len(shown) == PAGE,
                "live": not shown and studio.palette.paints_live(painter),
            }

        return JSONResponse(await run_in_threadpool(look), headers={"Cache-Control": "no-store"})

    async def keep(request: Request) -> Response:
        if len(await request.body()) > FORM_BYTES:
            raise errors.BadInput("This form is too large to be kept; shorten the prompt.")
        asked = await body(request, tab=str, form=dict)
        tab = asked.get("tab", "")
        if not ID.fullmatch(tab):
            raise errors.BadInput("A form is kept under the name of its tab.")
        if not all(map(plain.scalar, asked.get("form", {}).values())):
            raise errors.BadInput("A form holds words, numbers and switches only.")
        await run_in_threadpool(studio.habits.keep_form, painter_of(request), tab, asked.get("form", {}))
        return JSONResponse({})

    return [
        Route("/studio/upload", answered(upload), methods=["POST"]),
        Route("/studio/input/{digest}", answered(given), methods=["GET"]),
        Route("/studio/restore", answered(restore), methods=["POST"]),
        Route("/studio/state", answered(state), methods=["GET"]),
        Route("/studio/state", answered(keep), methods=["PUT"]),
    ]


def program() -> list[Route]:
    """The page's own script, and a sign of life."""
    assets = bundles()

    async def asset(request: Request) -> Response:
        name = str(request.path_params["name"])
        if name not in assets:
            return refusal(404, "There is nothing here.")
        kind = MEDIA.get(name[name.rfind(".") :], "application/octet-stream")
        return Response(assets[name], media_type=kind, headers={"Cache-Control": "no-cache"})

    async def health(_: Request) -> Response:
        return JSONResponse({"well": True})

    return [
        Route("/studio/page/{name}", asset, methods=["GET"]),
        Route("/studio/health", health, methods=["GET"]),
    ]
