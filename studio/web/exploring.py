"""Routes of exploring: a grid round a recipe, the way between two pictures, and the last of either."""

from __future__ import annotations

from dataclasses import asdict

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from studio.explore import read_axes
from studio.studio import Studio
from studio.web.routes import answered, body, painter_of


def exploring(studio: Studio) -> list[Route]:
    """The routes, over one studio."""

    async def explore(request: Request) -> Response:
        asked = await body(request, recipe=dict, axes=list)
        axes = read_axes(asked.get("axes", []))
        done = await run_in_threadpool(studio.explore, asked.get("recipe", {}), axes, painter_of(request))
        return JSONResponse(asdict(done), status_code=202)

    async def travel(request: Request) -> Response:
        asked = await body(request, start=str, end=str, frames=int)
        start, end = (str(asked.get(name, ""))[:64] for name in ("start", "end"))
        done = await run_in_threadpool(studio.travel, start, end, asked.get("frames", 8), painter_of(request))
        return JSONResponse(asdict(done), status_code=202)

    async def last(request: Request) -> Response:
        found = await run_in_threadpool(studio.explored, painter_of(request))
        return JSONResponse(found, headers={"Cache-Control": "no-store"})

    return [
        Route("/studio/explore", answered(explore), methods=["POST"]),
        Route("/studio/explore", answered(last), methods=["GET"]),
        Route("/studio/travel", answered(travel), methods=["POST"]),
    ]
