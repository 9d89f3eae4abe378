"""The settings page: how files are called, what lies in memory, where things are."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from studio.errors import NotFound
from studio.gallery_export import PATTERN, PATTERN_LENGTH, file_name
from studio.gallery_index import Picture
from studio.studio import Studio
from studio.web.routes import Handler, answered, body, painter_of

PATIENCE = 3.0  # seconds until a busy worker is called busy


def house(studio: Studio) -> list[Route]:
    """The owner's routes, over one studio."""

    def owners(handler: Handler) -> Handler:
        async def asked(request: Request) -> Response:
            if studio.painters.role(painter_of(request)) != "owner":
                raise NotFound("There is nothing here.")
            return await handler(request)

        return answered(asked)

    async def shown(painter: str, *, unload: bool = False) -> Response:
        pattern = studio.habits.pattern(painter)
        said = {
            "pattern": pattern,
            "example": example(pattern),
            "memory": await held(studio, painter, unload),
            "folders": folders(studio),
        }
        return JSONResponse(said, headers={"Cache-Control": "no-store"})

    async def show(request: Request) -> Response:
        return await shown(painter_of(request))

    async def keep(request: Request) -> Response:
        said = (await body(request, pattern=str)).get("pattern", "")
        await run_in_threadpool(
            studio.habits.call, painter_of(request), said.strip()[:PATTERN_LENGTH] or PATTERN
        )
        return await shown(painter_of(request))

    async def unload(request: Request) -> Response:
        return await shown(painter_of(request), unload=True)

    return [
        Route("/studio/settings", owners(show), methods=["GET"]),
        Route("/studio/settings", owners(keep), methods=["PUT"]),
        Route("/studio/settings/unload", owners(unload), methods=["POST"]),
    ]


async def held(studio: Studio, painter: str, unload: bool) -> dict[str, Any] | None:
    """What the worker holds; None while it paints or sleeps."""
    asked = await run_in_threadpool(lambda: studio.desk.memory(painter, unload=unload))
    try:
        seen = await asyncio.wait_for(asyncio.wrap_future(asked), PATIENCE)
    except TimeoutError:
        return None
    return dict(seen.found) if seen else None


def folders(studio: Studio) -> dict[str, str]:
    """Where things are on this machine."""
    settings = studio.settings
    found = {"data": settings.data, "models": settings.models, "presets": settings.presets}
    more = ", ".join(str(folder) for folder in settings.extra_models)
    return {**{name: str(path) for name, path in found.items()}, **({"more": more} if more else {})}


def example(pattern: str) -> str:
    """What a picture painted now would be called."""
    shown = Picture(
        id="1a2b3c4d", painter="", name="", created=time.time(), bytes=0, width=512, height=512,
        model="starter", prompt="a lone boat on a misty lake", seed=42,
    )  # fmt: skip
    return file_name(shown, "png", pattern)
