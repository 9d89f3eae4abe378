"""The owner's routes for models: the catalog, one press to fetch, one to stop, and other programs' folders.

For anybody else they are not there. A licence is agreed to by sending its name back, which a page that has
not shown it does not know.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from studio.errors import BadInput, NotFound
from studio.identity import Painters
from studio.models.catalog import Entry, installed
from studio.models.downloads import ACTIVE, Downloads
from studio.models.elsewhere import forget, remember, remembered
from studio.web.routes import Handler, answered, body, painter_of

LOOK_SECONDS = 0.25


def downloading(
    downloads: Downloads, painters: Painters, seconds: Callable[[Entry], float | None]
) -> list[Route]:
    """The routes, over the downloads of one studio; `seconds`: what a model takes here, if known."""
    library = downloads.library

    def owners(handler: Handler) -> Handler:
        async def asked(request: Request) -> Response:
            if painters.role(painter_of(request)) != "owner":
                raise NotFound("There is nothing here.")
            return await handler(request)

        return answered(asked)

    async def catalog(_: Request) -> Response:
        return JSONResponse(
            await run_in_threadpool(shown, downloads, seconds), headers={"Cache-Control": "no-store"}
        )

    async def get(request: Request) -> Response:
        said = await body(request, id=str, licences=list)
        licences = [name for name in said.get("licences", []) if isinstance(name, str)]
        coming = await run_in_threadpool(downloads.start, str(said.get("id", ""))[:64], licences)
        return JSONResponse({"coming": list(coming)}, status_code=202)

    async def stop(request: Request) -> Response:
        said = await body(request, id=str)
        downloads.stop(str(said.get("id", ""))[:64])
        return JSONResponse({})

    async def watch(_: Request) -> Response:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(changes(downloads), media_type="text/event-stream", headers=headers)

    async def use(request: Request) -> Response:
        found = await run_in_threadpool(remember, library.folder, await folder_of(request))
        files = await run_in_threadpool(library.scan)
        inside = sum(file.path.is_relative_to(found.folder) for file in files)
        return JSONResponse({"program": found.program, "folder": str(found.folder), "models": inside})

    async def leave(request: Request) -> Response:
        await run_in_threadpool(forget, library.folder, await folder_of(request))
        await run_in_threadpool(library.scan)
        return JSONResponse({})

    return [
        Route("/studio/models/catalog", owners(catalog), methods=["GET"]),
        Route("/studio/models/downloads", owners(watch), methods=["GET"]),
        Route("/studio/models/get", owners(get), methods=["POST"]),
        Route("/studio/models/stop", owners(stop), methods=["POST"]),
        Route("/studio/models/use", owners(use), methods=["POST"]),
        Route("/studio/models/forget", owners(leave), methods=["POST"]),
    ]


async def folder_of(request: Request) -> Path:
    """The folder of her own machine that the owner names. Raises `BadInput`."""
    said = str((await body(request, folder=str)).get("folder", "")).strip()
    try:
        path = Path(said[:4096]).expanduser()
    except RuntimeError:  # "~somebody" whom this machine does not know
        path = Path()
    if not path.is_absolute() or "\0" in said:
        raise BadInput("Give the whole path of the folder, such as D:\\ComfyUI or /home/me/ComfyUI.")
    return path


def shown(downloads: Downloads, seconds: Callable[[Entry], float | None]) -> dict[str, Any]:
    """Everything that the page shows about models that could be fetched or used."""
    library = downloads.library
    folders, unread = remembered(library.folder)
    entries = [
        {
            **entry.model_dump(mode="json"),
            "installed": installed(entry, library) is not None,
            "by_hand": entry.by_hand(library.folder),
            "seconds": seconds(entry),
        }
        for entry in downloads.catalog.values()
    ]
    files = [
        file.model_dump(include={"id", "kind", "family", "title", "size", "note"}) for file in library.scan()
    ]
    states = [asdict(one) for one in downloads.all()]
    missing = [f"There is no folder {folder} any more." for folder in folders if not folder.is_dir()]
    return {
        "files": files,
        "entries": entries,
        "downloads": states,
        "folders": [str(folder) for folder in folders],
        "warnings": [*unread, *missing],
    }


async def changes(downloads: Downloads) -> AsyncIterator[str]:
    """Every download's state as an event whenever one changed; ends when none is waiting or coming."""
    before = None
    while True:
        now = downloads.all()
        if now != before:
            yield f"data: {json.dumps([asdict(one) for one in now], separators=(',', ':'))}\n\n"
        if not any(one.state in ACTIVE for one in now):
            yield "event: end\ndata: {}\n\n"
            return
        before = now
        await asyncio.sleep(LOOK_SECONDS)
