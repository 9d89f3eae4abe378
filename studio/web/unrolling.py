"""Routes of pictures that grow: outpainting, and handscrolls that keep unrolling."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from studio.errors import BadInput, NotFound
from studio.painting.outpaint import Edges
from studio.recipe import explain
from studio.scroll import told
from studio.studio import Studio
from studio.web.routes import ID, answered, body, painter_of

FRESH = {"Cache-Control": "no-store"}


def unrolling(studio: Studio) -> list[Route]:
    """The routes, over one studio."""

    async def outpaint(request: Request) -> Response:
        asked = await body(request, picture=str, edges=dict, recipe=dict, count=int)
        submitted = await run_in_threadpool(
            studio.outpaint,
            named(asked.get("picture", "")),
            edges_of(asked.get("edges", {})),
            asked.get("recipe", {}),
            painter_of(request),
            asked.get("count", 1),
        )
        return JSONResponse({"group": submitted.group, "jobs": list(submitted.jobs)}, status_code=202)

    async def unroll(request: Request) -> Response:
        asked = await body(request, scroll=dict)
        name = await run_in_threadpool(studio.scroll, asked.get("scroll", {}), painter_of(request))
        return JSONResponse({"scroll": name}, status_code=202)

    async def scrolls(request: Request) -> Response:
        found = await run_in_threadpool(studio.scrolls.all, painter_of(request))
        return JSONResponse({"scrolls": [told(one) for one in found]}, headers=FRESH)

    async def scroll(request: Request) -> Response:
        name = named(str(request.path_params["id"]))
        found = await run_in_threadpool(studio.scrolls.get, name, painter_of(request))
        return JSONResponse(told(found), headers=FRESH)

    async def stop(request: Request) -> Response:
        asked = await body(request, scroll=str)
        await run_in_threadpool(studio.scrolls.stop, named(asked.get("scroll", "")), painter_of(request))
        return JSONResponse({})

    return [
        Route("/studio/outpaint", answered(outpaint), methods=["POST"]),
        Route("/studio/scroll", answered(unroll), methods=["POST"]),
        Route("/studio/scroll", answered(scrolls), methods=["GET"]),
        Route("/studio/scroll/stop", answered(stop), methods=["POST"]),
        Route("/studio/scroll/{id}", answered(scroll), methods=["GET"]),
    ]


def named(name: str) -> str:
    """The name of a picture or a scroll. Raises `NotFound`."""
    if not ID.fullmatch(name):
        raise NotFound("There is no such picture.")
    return name


def edges_of(values: dict[str, Any]) -> Edges:
    """How far a picture shall grow. Raises `BadInput`."""
    try:
        return Edges.model_validate(values)
    except ValidationError as error:
        raise BadInput(explain(error)) from error
