"""Finishing many pictures at once, and exports that a browser must never show as a page of ours."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from studio import images, metadata
from studio.errors import BadInput, NotFound
from studio.post.vector import Vector, svg
from studio.presets import read_presets
from studio.studio import Studio
from studio.web.routes import ID, answered, body, painter_of


def finishing(studio: Studio) -> list[Route]:
    """The routes, over one studio."""

    async def finish(request: Request) -> Response:
        said = await body(request, recipe=dict, images=list)
        chosen = [str(one)[:64] for one in said.get("images", [])]
        submitted = await run_in_threadpool(
            studio.finish, said.get("recipe", {}), painter_of(request), chosen
        )
        return JSONResponse({"group": submitted.group, "jobs": list(submitted.jobs)}, status_code=202)

    async def vector(request: Request) -> Response:
        name = str(request.path_params["id"])
        if not ID.fullmatch(name):
            raise NotFound("There is no such picture.")
        how = asked(request)
        data = await run_in_threadpool(studio.gallery.read, painter_of(request), name)
        text = await run_in_threadpool(lambda: svg(images.read(data, metadata.OWN), how))
        return Response(
            text,
            media_type="image/svg+xml",
            headers={
                "Content-Disposition": f'attachment; filename="inkstone-{name}.svg"',
                "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "private, no-store",
            },
        )

    async def presets(_: Request) -> Response:
        found = await run_in_threadpool(read_presets, studio.settings.presets)
        told = [
            {
                "name": name,
                "title": one.title,
                "about": one.about,
                "translations": {tag: said.model_dump() for tag, said in one.translations.items()},
            }
            for name, one in found.items()
            if one.finishes
        ]
        return JSONResponse({"presets": told}, headers={"Cache-Control": "no-store"})

    return [
        Route("/studio/finish", answered(finish), methods=["POST"]),
        Route("/studio/finish", answered(presets), methods=["GET"]),
        Route("/studio/picture/{id}.svg", answered(vector), methods=["GET"]),
    ]


def asked(request: Request) -> Vector:
    """How many colours and how much detail the address asks for. Raises `BadInput`."""
    query = request.query_params
    given = {name: query[name] for name in Vector.model_fields if name in query}
    if not all(text.isdecimal() and len(text) < 4 for text in given.values()):
        raise BadInput("Colours (2 to 128) and detail (1 to 10) are whole numbers.")
    try:
        return Vector(**{name: int(text) for name, text in given.items()})
    except ValueError as error:
        raise BadInput("Colours are 2 to 128, detail is 1 to 10.") from error
