"""Live painting between page and desk: a WebSocket, and a POST for pages whose network lets none through.

    page → {"recipe": {…}, "lines": {"model", "weight", "start", "end"}, "strength": 0.75}    when it changes
    page → u32 number · u32 length of the lines · lines (PNG, JPEG or WebP) · colour (likewise)  each canvas
    page ← u32 number · JPEG                                                                    each frame
    page ← {"n", "steps", "seconds", "same"[, "sentence"]} beside it, or {"n", "sentence"} instead

Numbers are big-endian. Nothing is kept: neither the canvas nor the frames.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import secrets
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from studio import films, images
from studio.desk.live import Frame
from studio.errors import BadInput, StudioError
from studio.identity import SCOPE
from studio.recipe import Recipe
from studio.studio import Studio
from studio.web import plain
from studio.web.routes import answered, body, painter_of

CANVAS_BYTES = 4 * 2**20
SAID_BYTES = 64 * 1024
_HEAD = struct.Struct(">II")
_NUMBER = struct.Struct(">I")
# What of a form live painting heeds; the rest is for the finished picture.
_HEEDED = frozenset(
    {"prompt", "negative", "model", "seed", "width", "height", "clip_skip", "emphasis", "loras"}
)
_BOUNDS = images.Bounds(bytes=CANVAS_BYTES, side=4096, pixels=4 * 2**20)
FILMS: Mapping[str, Callable[[Sequence[films.Shown]], bytes]] = MappingProxyType(
    {"webp": films.animate, "mp4": films.filmed}
)
_VEILED = (
    "The safety checker took what is painted here for unsafe, so it is blurred. Draw or write something else."
)
_TOO_LARGE = "This canvas is larger than live painting takes; make it smaller."


@dataclass(frozen=True, slots=True)
class Said:
    """What holds until the page says something else: the words and how the canvas guides them."""

    recipe: Recipe
    control: Mapping[str, Any] = field(default_factory=dict[str, Any])
    strength: float = 0.75

    def over(self, lines: bytes, colour: bytes) -> tuple[Recipe, dict[str, bytes]]:
        """The recipe of one canvas, and its pictures by digest; without any, the words alone."""
        blobs = {images.digest(data): data for data in (lines, colour) if data}
        parts: dict[str, Any] = {}
        if lines and self.control:
            parts["controls"] = [{**self.control, "image": images.digest(lines)}]
        if colour:
            parts["source"] = {"image": images.digest(colour), "strength": self.strength}
        recipe = Recipe.of({**self.recipe.model_dump(), **parts})
        return recipe, {digest: blobs[digest] for digest in recipe.images}


def understood(studio: Studio, painter: str, values: Mapping[str, Any], seed: int) -> Said:
    """What a page says, checked. A seed of -1 is `seed`: the noise must not change with every frame.

    Raises `BadInput` or `UnknownName`.
    """
    given, lines, strength = values.get("recipe"), values.get("lines"), values.get("strength", 0.75)
    if not isinstance(given, dict) or not isinstance(lines, dict | None) or set(values) - _FIELDS:
        raise BadInput("Live painting is told a recipe, how lines guide it, and a strength.")
    if not isinstance(strength, int | float) or not 0 <= strength <= 1:
        raise BadInput("The strength is a number from 0 to 1.")
    recipe = studio.palette.recipe({name: given[name] for name in _HEEDED & given.keys()}, painter)
    recipe = recipe.but(seed=seed) if recipe.seed < 0 else recipe
    guide = {
        name: (lines or {})[name] for name in ("model", "weight", "start", "end") if name in (lines or {})
    }
    return Said(recipe, controlled(studio, recipe, guide), float(strength))


_FIELDS = frozenset({"recipe", "lines", "strength"})


def controlled(studio: Studio, recipe: Recipe, guide: Mapping[str, Any]) -> dict[str, Any]:
    """How lines guide this model: by the named ControlNet, else the first of its family; none: not at all."""
    library = studio.library
    if guide.get("model"):
        return {**guide, "model": library.find("controlnet", str(guide["model"])[:240]).id}
    family = library.identified(library.find("checkpoint", recipe.model)).family
    for file in library.files("controlnet"):
        if library.identified(file).family == family:
            return {**guide, "model": file.id}
    return {}


def taken_apart(message: bytes) -> tuple[int, bytes, bytes]:
    """The number, lines and colour of one canvas. Raises `BadInput`."""
    if len(message) > CANVAS_BYTES:
        raise BadInput(_TOO_LARGE)
    if len(message) < _HEAD.size:
        raise BadInput("This is not a canvas.")
    number, size = _HEAD.unpack_from(message)
    lines, colour = message[_HEAD.size : _HEAD.size + size], message[_HEAD.size + size :]
    if len(lines) != size:
        raise BadInput("This is not a canvas.")
    for picture in (lines, colour):
        if picture:
            images.check(picture, _BOUNDS)
    return number, lines, colour


class Session:
    """One open socket: what was said last, and the answers on their way."""

    def __init__(self, studio: Studio, socket: WebSocket) -> None:
        self._studio, self._socket = studio, socket
        self._painter = str(socket.scope[SCOPE])
        self._window = secrets.token_hex(8)
        self._seed = Recipe().seeded().seed
        self._said: Said | None = None
        self._answers: set[asyncio.Task[None]] = set()
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Until the page goes."""
        try:
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                await self._take(message.get("text"), message.get("bytes"))
        finally:
            self._studio.desk.rest(self._painter, self._window)
            for answer in self._answers:
                answer.cancel()

    async def _take(self, text: str | None, data: bytes | None) -> None:
        number = 0
        try:
            if text is not None:
                await self._understand(text)
                return
            number, lines, colour = taken_apart(data or b"")
            if self._said is None:
                raise BadInput("Live painting is told a recipe first.")
            recipe, blobs = self._said.over(lines, colour)
            painted = self._studio.desk.live(recipe, self._painter, blobs, self._window)
        except StudioError as error:
            await self._tell({"n": number, "sentence": str(error)})
            return
        answer = asyncio.create_task(self._answer(number, asyncio.wrap_future(painted)))
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)

    async def _understand(self, text: str) -> None:
        if len(text) > SAID_BYTES:
            raise BadInput("This is more than live painting reads; shorten the prompt.")
        values = plain.parse(text.encode("utf-8", "replace"))
        if values.get("rest"):
            self._studio.desk.rest(self._painter, self._window)
        elif "echo" in values:
            await self._tell({"echo": values["echo"] if plain.scalar(values["echo"]) else None})
        else:
            self._said = await run_in_threadpool(understood, self._studio, self._painter, values, self._seed)

    async def _answer(self, number: int, painted: asyncio.Future[Frame | None]) -> None:
        try:
            frame = await painted
        except StudioError as error:
            await self._tell({"n": number, "sentence": str(error)})
            return
        if frame is None:  # a newer canvas came
            await self._tell({"n": number, "overtaken": True})
            return
        said = {"n": number, "steps": frame.steps, "seconds": frame.seconds, "same": frame.same}
        note = {"sentence": _VEILED} if frame.veiled else {}
        await self._tell({**said, **note}, _NUMBER.pack(number) + frame.jpeg)

    async def _tell(self, said: Mapping[str, Any], data: bytes | None = None) -> None:
        async with self._sending:
            try:
                await self._socket.send_text(json.dumps(said))
                if data is not None:
                    await self._socket.send_bytes(data)
            except (WebSocketDisconnect, RuntimeError):  # the page has gone
                return


def live_routes(studio: Studio) -> list[Route | WebSocketRoute]:
    """The socket, its fallback, and the film of a session."""

    async def socket(connection: WebSocket) -> None:
        await connection.accept()
        await Session(studio, connection).run()

    async def still(request: Request) -> Response:
        asked = await body(request, recipe=dict, lines=dict, strength=object, canvas=str, seed=str)
        seed = str(asked.pop("seed", "0"))
        try:
            canvas = base64.b64decode(asked.pop("canvas", ""), validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadInput("This is not a canvas.") from error
        number, lines, colour = taken_apart(canvas)
        chosen = int(seed) % 2**32 if seed.isdecimal() and len(seed) < 20 else 0
        said = await run_in_threadpool(understood, studio, painter_of(request), asked, chosen)
        recipe, blobs = said.over(lines, colour)
        frame = await asyncio.wrap_future(studio.desk.live(recipe, painter_of(request), blobs, seed[:20]))
        if frame is None:
            return Response(status_code=204)
        told = {"X-Steps": str(frame.steps), "X-Number": str(number), "X-Same": str(int(frame.same))}
        note = {"X-Sentence": _VEILED} if frame.veiled else {}
        headers = {"Cache-Control": "no-store", **told, **note}
        return Response(frame.jpeg, media_type="image/jpeg", headers=headers)

    async def rest(request: Request) -> Response:
        asked = await body(request, seed=str)
        studio.desk.rest(painter_of(request), str(asked.get("seed", "0"))[:20])
        return JSONResponse({})

    async def film(request: Request) -> Response:
        kind = request.query_params.get("kind", "webp")
        if kind not in FILMS:
            raise BadInput("A film is kept as WebP or MP4.")
        frames = films.unpack(await request.body())
        data = await run_in_threadpool(FILMS[kind], frames)
        name = f'attachment; filename="inkstone-live.{kind}"'
        media = {"webp": "image/webp", "mp4": "video/mp4"}[kind]
        return Response(data, media_type=media, headers={"Content-Disposition": name})

    return [
        WebSocketRoute("/studio/live", socket),
        Route("/studio/live", answered(still), methods=["POST"]),
        Route("/studio/live/rest", answered(rest), methods=["POST"]),
        Route("/studio/film", answered(film), methods=["POST"]),
    ]
