"""Forgetting a guest who asks for it: all of hers is deleted, and her cookie opens nothing any more."""

from __future__ import annotations

from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from studio.errors import StudioError
from studio.studio import Studio
from studio.web.guard import STYLE, Door
from studio.web.guests import Guests
from studio.web.routes import answered, painter_of

FORGOTTEN = "guests_forgotten"  # the setting that names whom to look after once more
FAREWELL = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Inkstone</title>
<meta name="viewport" content="width=device-width,initial-scale=1">{STYLE}</style>
<main><p><b>Inkstone</b></p><p>You are forgotten here: your pictures, drawings and words were deleted.
Whoever has an invitation can come in again, as somebody new.</p>
<p lang="zh-CN">这里已将你忘记：你的画、草稿和文字都已删除。凭邀请可以再次进入，
届时是一位新客人。</p></main></html>"""
CLEARED = {"Clear-Site-Data": '"cache", "storage"', "Cache-Control": "no-store"}


def erase(studio: Studio, painter: str) -> None:
    """Stops what a painter has in line and deletes everything of hers, for good."""
    studio.scrolls.forget(painter)
    for group in [one["group"] for one in studio.desk.status(painter)["groups"]]:
        studio.desk.cancel(group, painter)
        for _ in studio.desk.events(group, painter):
            pass  # a picture that is being kept just now comes, and is deleted with the others
    studio.gallery.clear(painter)
    studio.inputs.clear(painter)
    studio.jobs.drop(painter)


def forget(studio: Studio, guests: Guests, painter: str) -> None:
    """Lets a guest go and erases her. Raises `DiskFull`; nothing has changed then."""
    with studio.jobs.transaction():
        studio.jobs.set(FORGOTTEN, [*(studio.jobs.setting(FORGOTTEN) or ()), painter])
    guests.leave(painter)
    with suppress(StudioError, OSError):  # a full disk, a file held by somebody: `look_after` does the rest
        erase(studio, painter)


def look_after(studio: Studio) -> None:
    """Erases once more whoever was forgotten: a request on its way may have left something behind."""
    gone = studio.jobs.setting(FORGOTTEN) or ()
    for painter in gone:
        erase(studio, painter)
    with studio.jobs.transaction():  # others may have left meanwhile
        late = [one for one in studio.jobs.setting(FORGOTTEN) or () if one not in gone]
        studio.jobs.set(FORGOTTEN, late or None)


def leaving(studio: Studio, door: Door, guests: Guests) -> list[Route]:
    """A guest's way out."""

    async def out(request: Request) -> Response:
        await request.body()
        await run_in_threadpool(forget, studio, guests, painter_of(request))
        answer = HTMLResponse(FAREWELL, headers=CLEARED)
        answer.delete_cookie(door.cookie, path="/", httponly=True, samesite="lax")
        return answer

    return [Route("/studio/forget", answered(out), methods=["POST"])]
