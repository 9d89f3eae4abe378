"""The gallery's routes: choosing among one's pictures, stars, albums, the trash, and taking pictures out.

Everything is asked of the gallery under the painter's own name; what is not hers is not there (404).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from studio import metadata
from studio.errors import BadInput, NotFound
from studio.gallery import Wanted
from studio.gallery_export import ENDINGS, Kind, archive, exported, file_name
from studio.studio import Studio
from studio.web.routes import ID, PRIVATE, answered, body, painter_of, spelled, told

PAGE = 200
MOST = 20_000  # pictures in one request
FRESH = {"Cache-Control": "no-store"}
A_DAY = 86_400
MEDIA: Mapping[Kind, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


def gallery_routes(studio: Studio) -> list[Route]:
    """Every route of the gallery, over one studio."""
    return [*looking(studio), *marking(studio), *taking(studio)]


def wanted(query: Mapping[str, str]) -> Wanted:
    """The pictures that an address asks for; an empty value asks nothing. Raises `BadInput`."""
    return Wanted(
        search=query.get("search", "")[:200],
        model=query.get("model", "")[:240] or None,
        star=True if query.get("star") else None,
        album=query.get("album", "")[:100] or None,
        kind=query.get("kind", "")[:16] or None,
        since=seconds(query.get("since", "")),
        until=seconds(query.get("until", "")),
        trashed=bool(query.get("trashed")),
    )


def seconds(text: str) -> float | None:
    """A time in an address. Raises `BadInput`."""
    try:
        value = float(text[:32]) if text else None
    except ValueError:
        value = math.nan
    if value is not None and not math.isfinite(value):
        raise BadInput("A time is written in seconds since 1970.")
    return value


def chosen(said: Mapping[str, Any]) -> list[str]:
    """The pictures that a request names. Raises `BadInput`, `NotFound`."""
    names = said.get("pictures", [])
    if not 0 < len(names) <= MOST:
        raise BadInput(f"Choose 1 to {MOST} pictures.")
    if not all(isinstance(name, str) and ID.fullmatch(name) for name in names):
        raise NotFound("There is no such picture.")
    return list(dict.fromkeys(names))


def looking(studio: Studio) -> list[Route]:
    """What is there."""
    gallery = studio.gallery

    async def page(request: Request) -> Response:
        query, painter = request.query_params, painter_of(request)
        asked, before = wanted(query), query.get("before", "")[:64] or None

        def look() -> dict[str, Any]:
            found = gallery.pictures(painter, asked, before=before, limit=PAGE)
            return {"pictures": [told(one) for one in found], "more": len(found) == PAGE}

        return JSONResponse(await run_in_threadpool(look), headers=FRESH)

    async def summary(request: Request) -> Response:
        offset = int(seconds(request.query_params.get("offset", "")) or 0)
        if abs(offset) > A_DAY:
            raise BadInput("No clock is more than a day ahead of another.")
        found = await run_in_threadpool(gallery.summary, painter_of(request), offset)
        return JSONResponse(asdict(found), headers=FRESH)

    async def about(request: Request) -> Response:
        painter, name = painter_of(request), str(request.path_params["id"])

        def look() -> dict[str, Any]:
            family, found = gallery.family(painter, name), metadata.read_file(gallery.read(painter, name))
            recipe = found.recipe.model_dump(mode="json") if found.recipe else found.partial
            return {
                "recipe": spelled(recipe),
                "seconds": found.facts.get("seconds"),
                "parents": [told(one) for one in family.parents],
                "children": [told(one) for one in family.children],
                "siblings": [told(one) for one in family.siblings],
            }

        return JSONResponse(await run_in_threadpool(look), headers=FRESH)

    return [
        Route("/studio/gallery", answered(page), methods=["GET"]),
        Route("/studio/gallery/summary", answered(summary), methods=["GET"]),
        Route("/studio/gallery/about/{id}", answered(about), methods=["GET"]),
    ]


def marking(studio: Studio) -> list[Route]:
    """Stars, albums and the trash."""
    gallery = studio.gallery

    def does(act: Callable[[str, dict[str, Any]], Any], **kinds: type) -> Any:
        async def done(request: Request) -> Response:
            said = await body(request, **kinds)
            return JSONResponse(await run_in_threadpool(act, painter_of(request), said) or {})

        return answered(done)

    def text(said: Mapping[str, Any], name: str) -> str:
        return str(said.get(name, ""))[:200]

    acts: Mapping[str, Any] = {
        "star": does(
            lambda her, said: gallery.star(her, chosen(said), bool(said.get("on", 1))), pictures=list, on=int
        ),
        "album": does(
            lambda her, said: gallery.album(her, chosen(said), text(said, "album"), bool(said.get("on", 1))),
            pictures=list,
            album=str,
            on=int,
        ),
        "rename": does(
            lambda her, said: gallery.rename(her, text(said, "album"), text(said, "name")),
            album=str,
            name=str,
        ),
        "dissolve": does(lambda her, said: gallery.dissolve(her, text(said, "album")), album=str),
        "trash": does(lambda her, said: gallery.trash(her, *chosen(said)), pictures=list),
        "restore": does(lambda her, said: gallery.restore(her, *chosen(said)), pictures=list),
        "empty": does(lambda her, _: {"deleted": gallery.empty(her)}),
    }
    return [Route(f"/studio/gallery/{name}", act, methods=["POST"]) for name, act in acts.items()]


def taking(studio: Studio) -> list[Route]:
    """Pictures as files."""
    gallery = studio.gallery

    async def export(request: Request) -> Response:
        painter, query = painter_of(request), request.query_params
        kind, recipe = form_of(query.get("kind", "png")), not query.get("bare")

        def make() -> tuple[str, bytes]:
            picture = gallery.get(painter, str(request.path_params["id"]))
            name = file_name(picture, kind, studio.habits.pattern(painter))
            return name, exported(gallery.read(painter, picture.id), kind, recipe)

        name, data = await run_in_threadpool(make)
        headers = {**PRIVATE, "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
        return Response(data, media_type=MEDIA[kind], headers=headers)

    async def download(request: Request) -> Response:
        painter, said = painter_of(request), form(await request.body())
        kind, recipe = form_of(said.get("kind", "png")), not said.get("bare")
        names = chosen({"pictures": said.get("pictures", "").split()})
        pictures = await run_in_threadpool(lambda: [gallery.get(painter, name) for name in names])
        stream = archive(gallery, painter, pictures, kind, recipe, studio.habits.pattern(painter))
        headers = {**FRESH, "Content-Disposition": 'attachment; filename="inkstone.zip"'}
        return StreamingResponse(stream, media_type="application/zip", headers=headers)

    return [
        Route("/studio/gallery/file/{id}", answered(export), methods=["GET"]),
        Route("/studio/gallery/zip", answered(download), methods=["POST"]),
    ]


def form_of(name: str) -> Kind:
    """A format by its name. Raises `BadInput`."""
    for kind in ENDINGS:
        if kind == name:
            return kind
    raise BadInput(f"A picture can be had as {', '.join(ENDINGS)}.")


def form(sent: bytes) -> dict[str, str]:
    """The fields of a form as browsers send it, each once. Raises `BadInput`."""
    try:
        fields = parse_qs(sent.decode("ascii"), max_num_fields=8)
    except ValueError as error:
        raise BadInput("The request is not a form.") from error
    return {name: values[0] for name, values in fields.items()}
