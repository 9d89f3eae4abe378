"""Her drawings: the draft on each canvas, and those that pictures were made from."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from studio import drawing
from studio.drawing import Drawing
from studio.errors import BadInput
from studio.studio import Studio
from studio.web.routes import ID, PRIVATE, answered, body, painter_of


def drawings(studio: Studio) -> list[Route]:
    """The routes, over one studio."""

    async def draft(request: Request) -> Response:
        tab = named(request.query_params.get("tab", ""))
        found = await run_in_threadpool(studio.sheets.draft, painter_of(request), tab)
        return JSONResponse({"drawing": found}, headers={"Cache-Control": "no-store"})

    async def save(request: Request) -> Response:
        said = await drawn(request, tab=str, drawing=dict)
        tab = named(str(said.get("tab", "")))
        await run_in_threadpool(studio.sheets.keep_draft, painter_of(request), tab, said.get("drawing", {}))
        return JSONResponse({})

    async def keep(request: Request) -> Response:
        said = await drawn(request, drawing=dict)
        digest = await run_in_threadpool(studio.sheets.keep, painter_of(request), said.get("drawing", {}))
        return JSONResponse({"drawing": digest})

    async def fetch(request: Request) -> Response:
        digest = str(request.path_params["digest"])
        found: Drawing = await run_in_threadpool(studio.sheets.open, painter_of(request), digest)
        return Response(found.model_dump_json(), media_type="application/json", headers=PRIVATE)

    return [
        Route("/studio/drawing", answered(draft), methods=["GET"]),
        Route("/studio/drawing", answered(save), methods=["PUT"]),
        Route("/studio/drawing/keep", answered(keep), methods=["POST"]),
        Route("/studio/drawing/{digest}.json", answered(fetch), methods=["GET"]),
    ]


def named(tab: str) -> str:
    """The name a draft is kept under. Raises `BadInput`."""
    if not ID.fullmatch(tab):
        raise BadInput("A drawing is kept under the name of its canvas.")
    return tab


async def drawn(request: Request, **kinds: type) -> dict[str, Any]:
    """The request's JSON object, not larger than a drawing may be. Raises `BadInput`."""
    if len(await request.body()) > drawing.JSON_BYTES:
        raise BadInput("This drawing has more strokes than can be kept; begin a fresh sheet.")
    return await body(request, **kinds)
