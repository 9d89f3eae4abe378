"""Routes of the prompt: what the model makes of the words while they are typed."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from studio import honesty
from studio.desk.limits import cost
from studio.errors import BadInput, NotFound
from studio.families import FAMILIES
from studio.families.counting import counted
from studio.models.catalog import Entry, installed
from studio.models.files import ModelFile
from studio.models.pace import pace
from studio.presets import read_presets
from studio.prompt.tokens import WINDOW
from studio.recipe import Recipe
from studio.studio import Studio
from studio.web.exploring import exploring
from studio.web.routes import answered, body, painter_of

LONGEST = 10_000  # characters of a prompt
TABLE_BYTES = 2**20
FIRST = "first-painter"  # the catalog's group of models for a newcomer
STARTER = "starter"
SIDE = 512  # pixels of the picture that an upscaler's seconds are said of
FRESH = {"Cache-Control": "no-store"}


def prompting(studio: Studio) -> list[Route]:
    """The routes, over one studio."""

    async def words(request: Request) -> Response:
        asked = await body(request, prompt=str, model=str)
        prompt = asked.get("prompt", "")
        if len(prompt) > LONGEST:
            raise BadInput(f"A prompt has at most {LONGEST} characters; this one has {len(prompt)}.")
        told = await run_in_threadpool(
            read, studio, prompt, asked.get("model", "")[:240], painter_of(request)
        )
        return JSONResponse(told, headers=FRESH)

    async def offers(request: Request) -> Response:
        found = await run_in_threadpool(offered, studio, painter_of(request))
        return JSONResponse({"painters": found}, headers=FRESH)

    async def known(request: Request) -> Response:
        model = request.query_params.get("model", "")[:240]
        found = await run_in_threadpool(suggested, studio, model, painter_of(request))
        return JSONResponse(found, headers=FRESH)

    async def history(request: Request) -> Response:
        found = await run_in_threadpool(studio.habits.history, painter_of(request))
        return JSONResponse({"prompts": found}, headers=FRESH)

    return [
        Route("/studio/words", answered(words), methods=["POST"]),
        Route("/studio/words/painters", answered(offers), methods=["GET"]),
        Route("/studio/words/known", answered(known), methods=["GET"]),
        Route("/studio/history", answered(history), methods=["GET"]),
        *styling(studio),
        *exploring(studio),
    ]


def styling(studio: Studio) -> list[Route]:
    """Styles: the list, their pictures, and bringing one's own."""

    async def styles(request: Request) -> Response:
        model = request.query_params.get("model", "")[:240]
        found = await run_in_threadpool(shelf, studio, model, painter_of(request))
        return JSONResponse({"styles": found}, headers=FRESH)

    async def bring(request: Request) -> Response:
        data = await request.body()
        if len(data) > TABLE_BYTES:
            raise BadInput("A table of styles has at most 1 MB.")
        table = data.decode("utf-8", "replace")
        count = await run_in_threadpool(studio.habits.keep_styles, painter_of(request), table)
        return JSONResponse({"count": count})

    async def thumbnail(request: Request) -> Response:
        name = str(request.path_params["name"])
        if name not in await run_in_threadpool(read_presets, studio.settings.presets):
            raise NotFound("There is no such style.")
        try:
            data = (studio.settings.presets / f"{name}.webp").read_bytes()
        except OSError as error:
            raise NotFound("This style has no picture.") from error
        return Response(data, media_type="image/webp", headers={"Cache-Control": "private, max-age=3600"})

    return [
        Route("/studio/styles", answered(styles), methods=["GET"]),
        Route("/studio/styles", answered(bring), methods=["POST"]),
        Route("/studio/styles/{name}.webp", answered(thumbnail), methods=["GET"]),
    ]


def shelf(studio: Studio, model: str, painter: str) -> list[dict[str, Any]]:
    """The styles that suit a model's family, hers last. Raises `UnknownName`."""
    family = studio.palette.checkpoint(model or studio.palette.model(painter), painter).family
    return [
        {
            "name": name,
            "title": style.title,
            "about": style.about,
            "translations": {tag: said.model_dump() for tag, said in style.translations.items()},
            "picture": not name.startswith("own/") and (studio.settings.presets / f"{name}.webp").is_file(),
            "own": name.startswith("own/"),
        }
        for name, style in studio.habits.styles(painter).items()
        if not style.finishes and (not style.families or family in style.families or not family)
    ]


def suggested(studio: Studio, model: str, painter: str) -> dict[str, list[str]]:
    """What can complete a word: the model's own words, LoRAs and textual inversions of its family, lists."""
    file = studio.palette.checkpoint(model or studio.palette.model(painter), painter)
    own = honesty.lexicon(file)
    loras = [one for one in studio.library.files("lora") if one.family in ("", file.family)]
    return {
        "words": [*own.words("en"), *own.words("zh")] if own else [],
        "loras": [named(one) for one in loras],
        "embeddings": embeddings(studio),
        "wildcards": sorted(studio.wildcards()),
    }


def read(studio: Studio, prompt: str, model: str, painter: str) -> dict[str, Any]:
    """Tokens in each window, and what of the prompt is known. Raises `UnknownName` for the model.

    `unknown` are [start, end, word], counted in characters (code points).
    """
    file = studio.palette.checkpoint(model or studio.palette.model(painter), painter)
    reading = honesty.of(prompt, file, embeddings(studio))
    return {
        "tokens": list(counted(file, prompt)),
        "window": WINDOW,
        "verdict": reading.verdict,
        "unknown": [[span.start, span.end, span.text] for span in reading.unknown],
        "words": list(reading.words),
        "known": list(reading.known),
    }


def embeddings(studio: Studio) -> list[str]:
    """The names by which textual inversions are called in a prompt."""
    return [named(file) for file in studio.library.files("embedding")]


def offered(studio: Studio, painter: str) -> list[dict[str, Any]]:
    """Painters that know more than landscapes and could be fetched, with what they would cost here.

    Only the owner can fetch; others are offered nothing.
    """
    if studio.painters.role(painter) != "owner":
        return []
    entries = [
        entry
        for entry in studio.downloads.catalog.values()
        if entry.kind == "checkpoint" and FIRST in entry.groups and installed(entry, studio.library) is None
    ]
    return [offer(studio, entry) for entry in entries]


def offer(studio: Studio, entry: Entry) -> dict[str, Any]:
    """One of them: its size (0: unknown), and about how many seconds a picture takes here (None: unknown)."""
    return {
        "id": entry.id,
        "title": entry.title,
        "about": entry.about,
        "bytes": entry.bytes,
        "licence": entry.licence,
        "seconds": guessed(studio, entry),
    }


def guessed(studio: Studio, entry: Entry) -> float | None:
    """About how many seconds it will take here: a picture, a picture of 512² enlarged, or a face.

    By its work, from what the starter's pictures took; before the first of them, from what this machine
    multiplies in a second. None where neither can be known.
    """
    work = working(entry)
    if not work:
        return None
    files = [file for file in studio.library.files("checkpoint") if file.family == STARTER]
    measured = studio.jobs.estimate(files[0].id, work / FAMILIES[STARTER].work) if files else None
    if measured is not None:
        return measured
    speed = pace(studio.settings.data, studio.settings.device)
    return work / speed if speed else None


def working(entry: Entry) -> float:
    """10⁹ multiply-adds of what `guessed` says the seconds of; 0 where nobody waits for it."""
    if entry.kind == "checkpoint":
        return usual(entry.family) * FAMILIES[entry.family].work if entry.family in FAMILIES else 0.0
    return entry.work * (SIDE**2 / 1e6 if entry.kind == "upscaler" else 1.0)


def usual(family: str) -> float:
    """Megapixel-steps of a picture with the family's own settings."""
    return cost(Recipe.of(dict(FAMILIES[family].defaults)))


def named(file: ModelFile) -> str:
    """How a prompt calls a file: its name without folders."""
    return file.id.rpartition("/")[2]
