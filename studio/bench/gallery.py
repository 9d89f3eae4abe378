"""A gallery of ten thousand pictures: its index made anew, its pages, its searches."""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from studio.bench.report import Report, median
from studio.bench.start import address, wait_for
from studio.settings import PROJECT, Settings

if TYPE_CHECKING:
    import httpx
    from PIL import Image

PICTURES = 10_000
FIRST = 1_750_000_000  # seconds since 1970: when the oldest was painted
APART = 2_600  # seconds from one to the next: ten months in all
SIDE = 64
MOTIFS = ("a lone boat", "a green pine", "sunset", "山水，远山", "a waterfall", "a pavilion", "an old bridge")
SKIES = ("mist", "moon", "snow", "薄雾", "clouds", "rain", "autumn wind")
ASKED: Mapping[str, Mapping[str, str]] = {
    "newest": {},
    "search, a common word": {"search": "boat"},
    "search, the start of a rare word": {"search": "kingfi"},
    "search, Chinese": {"search": "远山"},
    "search, nothing found": {"search": "locomotive"},
    "starred": {"star": "1"},
    "album": {"album": "Lakes"},
    "model": {"model": "sd15/ink"},
    "month": {"since": str(FIRST + 30 * 86_400), "until": str(FIRST + 60 * 86_400)},
}


def run(settings: Settings, rounds: int = 20) -> Report:
    """Measure over a gallery of small pictures with whole recipes; every page is asked for `rounds` times.

    `list_p95_ms` is over all kinds of pages, as the browser gets them; `page_seconds` of the warm `GET /`.
    """
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        began = time.perf_counter()
        owner = hang(data, PICTURES)
        made = time.perf_counter() - began
        reindexed = reindex(data, owner)
        with served(data, settings) as client:
            pages, timed = listing(client, rounds), shown(client, max(3, rounds // 2))
    rows = tuple(
        (name, len(times), 1000 * median(times), 1000 * quantile(times, 0.95))
        for name, times in pages.items()
    )
    every = [seconds for times in pages.values() for seconds in times]
    figures = {
        "pictures": PICTURES,
        "list_p95_ms": 1000 * quantile(every, 0.95),
        "reindex_seconds": reindexed,
        "page_seconds": quantile(timed, 0.95),
    }
    notes = (f"The pictures were made in {made:.1f} s.",)
    return Report("gallery", ("asked for", "times", "median, ms", "p95, ms"), rows, figures, notes)


def hang(data: Path, count: int) -> str:
    """Writes `count` pictures into the owner's gallery, as if she had painted them; returns her name."""
    from studio import metadata
    from studio.identity import Painters
    from studio.recipe import Recipe

    root = data / "gallery"
    owner = Painters(root).owner()
    sheets = list(skies())
    base = Recipe(width=512, height=512, steps=20)
    for n in range(count):
        words = f"{MOTIFS[n % 7]}, {SKIES[n // 7 % 7]}" + (", a kingfisher" if n % 997 == 5 else "")
        recipe = base.but(prompt=words, seed=n, model="sd15/ink" if n % 5 == 0 else "starter")
        when = time.gmtime(FIRST + n * APART)
        place = root / owner / time.strftime("%Y-%m", when)
        place.mkdir(parents=True, exist_ok=True)
        name = f"{time.strftime('%Y%m%dT%H%M%S', when)}000-{n:032x}.png"
        (place / name).write_bytes(metadata.write_png(sheets[n % len(sheets)], recipe, {"device": "cpu"}))
    return owner


def skies() -> Iterator[Image.Image]:
    """A few small sheets of different colours."""
    from PIL import Image

    across = Image.linear_gradient("L").resize((SIDE, SIDE))
    for n in range(16):
        yield Image.merge("RGB", (across, across.rotate(90), Image.new("L", (SIDE, SIDE), 16 * n)))


def reindex(data: Path, owner: str) -> float:
    """Seconds until a gallery without an index is open; some of its pictures get stars and an album."""
    from studio.gallery import Gallery

    began = time.perf_counter()
    gallery = Gallery(data / "gallery")
    took = time.perf_counter() - began
    try:
        ids = [picture.id for picture in gallery.pictures(owner, limit=PICTURES)]
        gallery.star(owner, ids[::40])
        gallery.album(owner, ids[::25], "Lakes")
    finally:
        gallery.close()
    return took


@contextmanager
def served(data: Path, settings: Settings) -> Generator[httpx.Client]:
    """The studio on this folder, and a client that the owner's key let in."""
    import httpx

    command = [sys.executable, "-m", "studio.cli", "serve", "--no-browser", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--data", str(data), "--models", str(settings.models)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url = address(process)
        wait_for(url)
        with httpx.Client(base_url=url.partition("?")[0], follow_redirects=True, timeout=60) as client:
            client.get(url).raise_for_status()
            client.get("/studio/state", params={"tab": "txt2img"}).raise_for_status()
            yield client
    finally:
        process.terminate()
        process.wait(30)


def listing(client: httpx.Client, rounds: int) -> dict[str, list[float]]:
    """Seconds for each kind of page, and for pages far down the wall, each following the one before."""
    times = {name: [timed(client, asked)[0] for _ in range(rounds)] for name, asked in ASKED.items()}
    deep, before = list[float](), ""
    while len(deep) < PICTURES:
        seconds, ids, more = timed(client, {"before": before} if before else {})
        deep.append(seconds)
        if not more:
            break
        before = ids[-1]
    return {**times, "every page down to the oldest": deep}


def timed(client: httpx.Client, asked: Mapping[str, str]) -> tuple[float, list[str], bool]:
    """Seconds for one page, the pictures on it, and whether more follow."""
    began = time.perf_counter()
    answer = client.get("/studio/gallery", params=dict(asked))
    took = time.perf_counter() - began
    found = answer.raise_for_status().json()
    return took, [one["id"] for one in found["pictures"]], bool(found["more"])


def shown(client: httpx.Client, rounds: int) -> list[float]:
    """Seconds for the page itself, after it has been asked for once."""
    times = list[float]()
    for _ in range(rounds + 1):
        began = time.perf_counter()
        client.get("/").raise_for_status()
        times.append(time.perf_counter() - began)
    return times[1:]


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of the values does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]
