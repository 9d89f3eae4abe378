"""Looking at a picture of hers: its faces, or what a preprocessor makes of it; nothing is stored."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from studio.control import HINTS, is_lines, weights_of
from studio.errors import BadInput, MissingWeights, StudioError
from studio.models.library import Library
from studio.studio import Studio
from studio.web.routes import answered, body, painter_of

LONGEST = 16_384  # characters of finishing steps


def looking(studio: Studio) -> list[Route]:
    """The routes, over one studio."""

    async def look(request: Request) -> Response:
        """`kind` (“faces”, “hint:canny”, “finish” with its `steps`) and `image`, the digest of an uploaded
        picture; the answer is JSON, or a PNG for a hint or a finish."""
        asked = await body(request, kind=str, image=str, steps=list)
        painter, digest = painter_of(request), str(asked.get("image", ""))[:64]
        picture = await run_in_threadpool(studio.inputs.read, painter, digest)
        kind = str(asked.get("kind", ""))[:64]
        if kind == "finish":
            steps = json.dumps(asked.get("steps", []))
            if len(steps) > LONGEST:
                raise BadInput("These are more finishing steps than can be shown beforehand.")
            kind = f"finish:{steps}"
        future = await run_in_threadpool(studio.desk.look, kind, picture, painter)
        seen = await asyncio.wrap_future(future)
        if seen is None:
            raise StudioError("The studio is closing; ask again when it is back.")
        if "picture" in seen.blobs:
            headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
            return Response(seen.blobs["picture"], media_type="image/png", headers=headers)
        return JSONResponse(dict(seen.found))

    async def ways(_: Request) -> Response:
        found = await run_in_threadpool(lambda: [way(name, studio.library) for name in HINTS])
        return JSONResponse({"hints": found}, headers={"Cache-Control": "no-store"})

    return [
        Route("/studio/look", answered(look), methods=["POST"]),
        Route("/studio/look", answered(ways), methods=["GET"]),
    ]


def way(name: str, library: Library) -> dict[str, Any]:
    """A preprocessor: whether it gives lines, whether it has its weights, and a sentence that says what to
    fetch when not."""
    try:
        weights_of(name, library)
    except MissingWeights as error:
        return {"name": name, "lines": is_lines(name), "ready": False, "sentence": str(error)}
    return {"name": name, "lines": is_lines(name), "ready": True, "sentence": ""}
