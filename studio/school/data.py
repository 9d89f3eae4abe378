"""What the trainers look at: pools of pictures of one size, drawn by the generator or read from a folder.

A pool is a folder of memory-mapped arrays; it is filled in shards and continues where a kill stopped it.
Drawn pictures are numbered by seed, so a pool of a generator version is one integer and a count.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studio.errors import BadInput, BadPicture
from studio.school.files import write_json

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
CAPTIONS_PER_PICTURE = 6
CELL = 8  # px, that one latent stands for
SOFTNESS = 0.8
"""Blur of the pictures that the painter learns, px. Four numbers for 8 x 8 pixels cannot hold lines of one
pixel (the best linear code: 23 dB without blur, 26 dB with it); the upscaler, which learns to enlarge soft
pictures into crisp ones, draws them again.
"""
_SHARD = 256
_SMALLEST = 64  # px, of a picture's shorter side
_LARGEST = 64_000_000  # px
_SHOWN = 8  # faults listed in one sentence

Note = Callable[[str, int, int], None]  # what, done, of


@dataclass(frozen=True, slots=True)
class Example:
    """One picture with everything known about it."""

    picture: np.ndarray  # (H, W, 3) uint8
    lines: np.ndarray  # (H, W) uint8, white on black
    things: np.ndarray  # (H // 8, W // 8) bool, see `small_things`
    captions: tuple[str, ...]
    labels: tuple[int, ...]  # one per attribute of the generator; empty for pictures from a folder


@dataclass(frozen=True, slots=True)
class Pool:
    """Pictures of one size."""

    pixels: np.ndarray  # (N, H, W, 3) uint8, memory-mapped
    lines: np.ndarray  # (N, H, W) uint8, memory-mapped
    things: np.ndarray  # (N, H // 8, W // 8) bool, memory-mapped
    captions: Sequence[Sequence[str]]
    labels: np.ndarray  # (N, attributes) int16
    origin: str  # what the pictures are

    def __len__(self) -> int:
        return len(self.captions)


def formats(size: int) -> tuple[tuple[int, int], ...]:
    """(width, height) of square, 3:2 and 2:3 pictures; divisible by 32 when `size` is a multiple of 256."""
    return (size, size), (size * 9 // 8, size * 3 // 4), (size * 3 // 4, size * 9 // 8)


def attribute_names() -> tuple[str, ...]:
    """The generator's attributes in the order that labels have."""
    from studio.school.scene import ATTRIBUTES

    return tuple(ATTRIBUTES)


def drawn(
    seed: int, width: int, height: int, captions: int = CAPTIONS_PER_PICTURE, *, softness: float = SOFTNESS
) -> Example:
    """The picture that the generator draws for `seed`, with `captions` different captions.

    `softness` is the deviation of a Gaussian blur in px, 0 for the crisp picture.
    """
    from studio.school.captions import caption
    from studio.school.scene import labels
    from studio.school.shanshui import SMALLEST, paint_landscape
    from studio.school.text import respaced

    factor = 1
    while min(width, height) * factor < SMALLEST:
        factor *= 2
    painting = paint_landscape(seed, width * factor, height * factor)
    rng = np.random.default_rng([seed, 77])
    values = labels(painting.scene)
    picture = painting.picture if factor == 1 else shrink(painting.picture[None], factor)[0]
    return Example(
        soften(picture, softness),
        painting.lines if factor == 1 else shrink(painting.lines[None], factor)[0],
        small_things(painting.ids, CELL * factor),
        tuple(respaced(caption(painting.scene, rng), rng) for _ in range(captions)),
        tuple(values[name] for name in attribute_names()),
    )


def small_things(ids: np.ndarray, cell: int) -> np.ndarray:
    """Which cells of `cell` x `cell` px hold a boat, a building, a bridge or a bird: bool, of an id map (H,
    W).
    """
    from studio.school.audit import small

    height, width = ids.shape[0] // cell, ids.shape[1] // cell
    cells = small(ids)[: height * cell, : width * cell].reshape(height, cell, width, cell)
    return np.asarray(cells.any(axis=(1, 3)))


def soften(picture: np.ndarray, sigma: float) -> np.ndarray:
    """A uint8 picture through a Gaussian of `sigma` px; itself for 0."""
    import cv2

    return picture if sigma <= 0 else np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


@dataclass(frozen=True, slots=True)
class Captioned:
    """A picture file and its caption."""

    path: Path
    caption: str


def _listed_captions(folder: Path) -> dict[str, str]:
    """Captions of metadata.jsonl: one {"file_name": …, "text": …} per line."""
    path = folder / "metadata.jsonl"
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            found[str(row["file_name"])] = str(row["text"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(
                f"Line {number} of {path.name} is not of the form "
                '{"file_name": "a.png", "text": "…"}. Correct it.'
            ) from error
    return found


def _fault(path: Path, caption: str | None) -> str | None:
    """What is wrong with one picture or its caption, or None."""
    from PIL import Image, UnidentifiedImageError

    if caption is None:
        beside = f"{path.stem}.txt beside it, or a line in metadata.jsonl"
        return f"{path.name} has no caption (write {beside})"
    if not caption.strip():
        return f"the caption of {path.name} is empty"
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            if min(width, height) < _SMALLEST:
                return f"{path.name} is only {width}x{height}; {_SMALLEST} pixels a side are the least"
            if width * height > _LARGEST:
                return f"{path.name} has more than {_LARGEST // 1_000_000} million pixels; make it smaller"
            picture.load()
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return f"{path.name} cannot be read as a picture"
    return None


def read_folder(folder: Path, caption: str | None = None) -> list[Captioned]:
    """Every picture of `folder`, opened once, with its caption: `name.txt`, metadata.jsonl, else `caption`.

    Raises BadInput with one sentence naming the faults, before any training starts.
    """
    if not folder.is_dir():
        raise BadInput(
            f"There is no folder {folder}. Give the folder that holds the pictures and their captions."
        )
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES)
    if not paths:
        raise BadInput(f"There is no picture in {folder}. It must hold {', '.join(sorted(PICTURES))} files.")
    listed = _listed_captions(folder)
    strangers = sorted(set(listed) - {p.name for p in paths})
    faults = [f"metadata.jsonl names {name}, which is not in the folder" for name in strangers]
    pictures: list[Captioned] = []
    for path in paths:
        beside = path.with_suffix(".txt")
        try:
            said = beside.read_text("utf-8-sig") if beside.is_file() else listed.get(path.name, caption)
        except UnicodeDecodeError:
            faults.append(f"{beside.name} is not UTF-8 text")
            continue
        fault = _fault(path, said)
        if fault is not None:
            faults.append(fault)
        elif said is not None:
            pictures.append(Captioned(path, " ".join(said.split())))
    if faults:
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise BadInput(f"The folder {folder} cannot be trained on: {'; '.join(faults[:_SHOWN])}{more}.")
    return pictures


def open_picture(path: Path, width: int, height: int) -> np.ndarray:
    """A picture file as uint8 (height, width, 3): upright, on white, scaled to cover, cut from the middle."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise BadPicture(f"{path.name} cannot be read as a picture.") from error
    paper = Image.new("RGBA", upright.size, (255, 255, 255, 255))
    flat = Image.alpha_composite(paper, upright).convert("RGB")
    return np.asarray(ImageOps.fit(flat, (width, height), Image.Resampling.LANCZOS), np.uint8)


def edge_lines(picture: np.ndarray) -> np.ndarray:
    """White lines on black where `picture` (uint8 RGB) has edges: what a scribble preprocessor would give."""
    import cv2

    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 1.2)
    return np.asarray(cv2.Canny(grey, 60, 140), np.uint8)


def photographed(source: Captioned, width: int, height: int) -> Example:
    """An Example of a picture in a folder."""
    picture = open_picture(source.path, width, height)
    nothing = np.zeros((height // CELL, width // CELL), bool)
    return Example(picture, edge_lines(picture), nothing, (source.caption,), ())


def fill_pool(
    folder: Path,
    size: tuple[int, int],
    count: int,
    example: Callable[[int], Example],
    origin: str,
    note: Note,
) -> Pool:
    """The pool in `folder`, filled up to `count` pictures (width, height) of `example(0)`, `example(1)`, ….

    `origin` says what they are; a pool of another origin is drawn anew. Continues after a kill.
    """
    width, height = size
    facts = {"origin": origin, "count": count, "width": width, "height": height}
    state = folder / "pool.json"
    begun = json.loads(state.read_text("utf-8")) if state.is_file() else {}
    same = {k: begun.get(k) for k in facts} == facts and (folder / "things.npy").is_file()
    done = int(begun.get("done", 0)) if same else 0
    folder.mkdir(parents=True, exist_ok=True)
    mode = "r+" if done else "w+"
    pixels = _array(folder / "pixels.npy", mode, np.uint8, (count, height, width, 3))
    lines = _array(folder / "lines.npy", mode, np.uint8, (count, height, width))
    things = _array(folder / "things.npy", mode, np.bool_, (count, height // CELL, width // CELL))
    while done < count:
        shard = [example(n) for n in range(done, min(count, done + _SHARD))]
        for n, item in enumerate(shard, done):
            pixels[n], lines[n], things[n] = item.picture, item.lines, item.things
        pixels.flush()
        lines.flush()
        things.flush()
        words = [{"captions": item.captions, "labels": item.labels} for item in shard]
        write_json(folder / "words" / f"{done:06d}.json", words)
        done += len(shard)
        write_json(state, facts | {"done": done})
        note("pictures", done, count)
    return open_pool(folder)


def _array(path: Path, mode: str, kind: type, shape: tuple[int, ...]) -> np.memmap:
    return np.lib.format.open_memmap(path, mode=mode, dtype=kind, shape=None if mode == "r+" else shape)  # type: ignore[no-any-return]


def open_pool(folder: Path) -> Pool:
    """A filled pool."""
    facts = json.loads((folder / "pool.json").read_text("utf-8"))
    rows = [
        row
        for start in range(0, facts["count"], _SHARD)
        for row in json.loads((folder / "words" / f"{start:06d}.json").read_text("utf-8"))
    ]
    return Pool(
        np.load(folder / "pixels.npy", mmap_mode="r"),
        np.load(folder / "lines.npy", mmap_mode="r"),
        np.load(folder / "things.npy", mmap_mode="r"),
        [tuple(row["captions"]) for row in rows],
        np.array([row["labels"] for row in rows], np.int16),
        facts["origin"],
    )


def crops(pool: Pool, rng: np.random.Generator, batch: int, side: int) -> np.ndarray:
    """`batch` random squares of `side` px, uint8 (B, side, side, 3), mirrored half of the time."""
    _, height, width, _ = pool.pixels.shape
    out = np.empty((batch, side, side, 3), np.uint8)
    for n, index in enumerate(rng.integers(0, len(pool), batch)):
        y, x = int(rng.integers(0, height - side + 1)), int(rng.integers(0, width - side + 1))
        square = pool.pixels[index, y : y + side, x : x + side]
        out[n] = square[:, ::-1] if rng.random() < 0.5 else square
    return out


def shrink(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Area-averaged uint8 pictures (B, H, W, 3), each side divided by `factor`."""
    import cv2

    size = (pixels.shape[2] // factor, pixels.shape[1] // factor)
    return np.stack([np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA)) for p in pixels])
