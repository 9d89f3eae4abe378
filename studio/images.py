"""Pictures in and out: guarded decoding, digests, fitting, encoding, and files that survive a crash."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import struct
import time
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio import containers
from studio.errors import BadInput, BadPicture, DiskFull

# What Pillow's three readers raise on broken files. MemoryError is left out: it says nothing of the file.
FAULTS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    NotImplementedError,
    AssertionError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
MOST_SCANS = 64  # a progressive JPEG has about ten; each costs a pass over the whole picture
TURNS = {  # Exif orientation: what turns the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
WEBP_SIDE = 16_383
JPEG_SIDE = 65_500
NO_ROOM = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
FULL = "The disk is full, so the picture could not be kept. Free some space and paint it again."


@dataclass(frozen=True, slots=True)
class Bounds:
    """The largest picture that is read: bytes of the file, pixels a side, pixels in all."""

    bytes: int = 64 * 2**20
    side: int = 32_768
    pixels: int = 64_000_000


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal: a stored picture's name."""
    return hashlib.sha256(data).hexdigest()


def check(data: bytes, bounds: Bounds = Bounds()) -> containers.Header:
    """Kind and size of a picture, read from its header only.

    Raises `BadPicture` when it is none of PNG, JPEG and WebP, or larger than `bounds`.
    """
    if len(data) > bounds.bytes:
        raise BadPicture(
            f"This file has {len(data) / 2**20:.0f} MB; at most {bounds.bytes / 2**20:.0f} MB can be read. "
            "Make the picture smaller and try again."
        )
    head = containers.header(data)
    _refuse_large(head.width, head.height, bounds)
    return head


def size(data: bytes, bounds: Bounds = Bounds()) -> tuple[int, int]:
    """Width and height of a picture as it is seen, turned upright, read from its header only; as `check`."""
    head = check(data, bounds)
    lies = containers.orientation(containers.exif(data, head.kind)) >= 5  # turned by a quarter
    return (head.height, head.width) if lies else (head.width, head.height)


def read(data: bytes, bounds: Bounds = Bounds()) -> Image.Image:
    """A picture's pixels, upright, as RGB, or RGBA when it has transparency; nothing else comes along.

    Only PNG, JPEG and WebP are decoded, only the first frame, and only after the size in the header
    was found within `bounds`. Raises `BadPicture` for everything else, cut-off files included.
    """
    head = check(data, bounds)
    if head.kind == "jpeg" and data.count(b"\xff\xda") > MOST_SCANS:
        raise BadPicture("This JPEG has more passes than any camera writes. Save it again as PNG.")
    turn = TURNS.get(containers.orientation(containers.exif(data, head.kind)))
    try:
        with Image.open(BytesIO(containers.bare(data, head.kind)), formats=(head.kind.upper(),)) as image:
            _refuse_large(*image.size, bounds)  # a header may say its size twice
            image.load()
            plain = _plain(image)
    except BadPicture:
        raise
    except FAULTS as error:
        raise BadPicture(
            "This picture is broken or cut short and cannot be read. Save it again, or take another copy."
        ) from error
    return plain if turn is None else plain.transpose(turn)


def encode_webp(image: Image.Image, quality: int = 80) -> bytes:
    """The picture as WebP (quality 0-100) with its transparency. `BadInput` above 16,383 pixels a side."""
    return _encode(image, "WebP", WEBP_SIDE, {"quality": quality, "method": 2})


def encode_jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """The picture as JPEG (quality 1-95) on white. `BadInput` above 65,500 pixels a side."""
    return _encode(_on_white(image), "JPEG", JPEG_SIDE, {"quality": quality})


def encode_png(image: Image.Image, info: PngInfo | None = None) -> bytes:
    """The picture as PNG, level 1: a quarter of the default's time for a tenth more bytes."""
    out = BytesIO()
    image.save(out, format="PNG", compress_level=1, pnginfo=info)
    return out.getvalue()


def fit(
    image: Image.Image, width: int, height: int, how: Literal["stretch", "crop", "pad"] = "crop"
) -> Image.Image:
    """The picture at exactly width × height pixels.

    "stretch" ignores its proportions, "crop" cuts off what is too much around the middle, "pad" keeps all
    of it and draws its edges out into the rest.
    """
    if image.size == (width, height):
        return image.copy()
    if how == "pad":
        return _padded(image, width, height)
    box = (0.0, 0.0, float(image.width), float(image.height))
    if how == "crop":
        scale = min(image.width / width, image.height / height)
        left, top = (image.width - width * scale) / 2, (image.height - height * scale) / 2
        right, below = image.width - max(left, 0.0), image.height - max(top, 0.0)
        box = (max(left, 0.0), max(top, 0.0), right, below)
    return image.resize((width, height), Image.Resampling.LANCZOS, box=box)


def thumbnail(image: Image.Image, side: int) -> Image.Image:
    """A copy whose longer side has at most `side` pixels; never enlarged."""
    scale = min(1.0, side / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def write_file(path: Path, data: bytes) -> None:
    """Write a whole file or none: temp → fsync → rename → fsync of the folder.

    The folder must exist. A file of that name is replaced. Raises `DiskFull` when there is no room
    (nothing is left behind), `OSError` for any other trouble.
    """
    temp = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        try:
            with open(temp, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            rename(temp, path)
        finally:  # after the rename nothing has this name any more
            temp.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFull(FULL) from error
        raise


def _refuse_large(width: int, height: int, bounds: Bounds) -> None:
    if max(width, height) > bounds.side or width * height > bounds.pixels:
        raise BadPicture(
            f"This picture says it is {width:,} × {height:,} pixels; at most {bounds.side:,} a side and "
            f"{bounds.pixels / 1e6:.0f} megapixels in all can be read. Make it smaller and try again."
        )


def _plain(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey; Pillow's own conversion would clip them
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    out = image.convert("RGBA" if image.has_transparency_data else "RGB")
    out.info = {}
    return out


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    out = Image.new("RGB", layer.size, "white")
    out.paste(layer, mask=layer.getchannel("A"))
    return out


def _encode(image: Image.Image, kind: str, side: int, options: dict[str, int]) -> bytes:
    if max(image.size) > side:
        raise BadInput(f"{kind} holds at most {side:,} pixels a side; save this picture as PNG instead.")
    out = BytesIO()
    image.save(out, format=kind.upper(), **options)
    return out.getvalue()


def _padded(image: Image.Image, width: int, height: int) -> Image.Image:
    scale = min(width / image.width, height / image.height)
    inner = (max(1, min(width, round(image.width * scale))), max(1, min(height, round(image.height * scale))))
    core = image.resize(inner, Image.Resampling.LANCZOS)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    out = Image.new(core.mode, (width, height))
    right, below = width - left - inner[0], height - top - inner[1]
    for box, at, size in (
        ((0, 0, 1, inner[1]), (0, top), (left, inner[1])),
        ((inner[0] - 1, 0, *inner), (left + inner[0], top), (right, inner[1])),
        ((0, 0, inner[0], 1), (left, 0), (inner[0], top)),
        ((0, inner[1] - 1, *inner), (left, top + inner[1]), (inner[0], below)),
    ):
        if min(size) > 0:
            out.paste(core.crop(box).resize(size), at)
    out.paste(core, (left, top))
    return out


def rename(temp: Path, path: Path) -> None:
    """Give a finished file its name, replacing what had it; patient with Windows."""
    for wait in (0.02, 0.05, 0.1, 0.2, 0.4):
        try:
            return os.replace(temp, path)
        except PermissionError:  # on Windows a virus scanner or a viewer may hold the file for a moment
            if os.name != "nt":
                raise
            time.sleep(wait)
    os.replace(temp, path)
    return None


def sync_folder(folder: Path) -> None:
    """Make what was just renamed or made inside the folder last through a power cut."""
    if os.name == "nt":  # a folder cannot be opened there; NTFS journals the rename itself
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot
            raise
    finally:
        os.close(handle)
