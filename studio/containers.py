"""PNG, JPEG and WebP as containers: their size and their chunks, read without decoding a pixel.

PNG: ISO/IEC 15948 §5; JPEG: ITU-T T.81 annex B; WebP: RFC 9649. All walks are bounded, tolerate
cut-off files by ending early, and copy nothing but what they yield.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from studio.errors import BadPicture

PNG = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS = 100_000  # a file of empty chunks must not keep us busy
# SOF markers; C4, C8 and CC in between are tables and reserved.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a body
FILL = re.compile(rb"\xff+(?=\xff)")  # bytes before a marker that mean nothing
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
PIXEL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
FRAME_CHUNKS = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"})
TELLING = frozenset(
    {*range(0xE1, 0xEE), 0xEF, 0xFE}
)  # all but JFIF and Adobe, which say how colours are kept
EXIF = b"Exif\0\0"
EXIF_FOLDER, ORIENTATION = 0x8769, 0x0112
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
MOST_VALUE = 4 * 2**20

NOT_A_PICTURE = "This file is not a PNG, JPEG or WebP picture. Save it as one of these and try again."
BROKEN = "This picture's header is broken or cut short. Save it again, or take another copy."


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture says of itself before its pixels; width and height are pixels."""

    kind: Literal["png", "jpeg", "webp"]
    width: int
    height: int


def header(data: bytes) -> Header:
    """Kind and size of a picture. Raises `BadPicture` for anything but PNG, JPEG and WebP."""
    if data.startswith(PNG):
        size = _png_size(data)
        kind: Literal["png", "jpeg", "webp"] = "png"
    elif data.startswith(b"\xff\xd8\xff"):
        size, kind = _jpeg_size(data), "jpeg"
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        size, kind = _webp_size(data), "webp"
    else:
        raise BadPicture(NOT_A_PICTURE)
    if size is None or min(size) < 1:
        raise BadPicture(BROKEN)
    return Header(kind, size[0], size[1])


def bare(data: bytes, kind: str) -> bytes:
    """The picture with nothing but what its pixels need: no texts, no Exif, no profile.

    A PNG also loses all frames but its first. Decoders then never see what else was in the file.
    """
    if kind == "png":
        return png_file(pair for pair in png_chunks(data) if pair[0] in PIXEL_CHUNKS)
    if kind == "jpeg":
        spans = [(start, end) for marker, start, end in _jpeg_spans(data) if marker not in TELLING]
        last = max((end for _, _, end in _jpeg_spans(data)), default=2)
        return data[:2] + b"".join(data[start:end] for start, end in spans) + data[last:]
    body = b"".join(
        webp_chunk(code, _without_flags(part) if code == b"VP8X" else part)
        for code, part in webp_chunks(data)
        if code in FRAME_CHUNKS
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def exif(data: bytes, kind: str) -> bytes:
    """The first Exif block (a TIFF structure) of a picture; empty when there is none."""
    if kind == "jpeg":
        blocks = (body[6:] for marker, body in jpeg_segments(data) if marker == 0xE1 and body[:6] == EXIF)
        return next(blocks, b"")
    chunks = png_chunks(data) if kind == "png" else webp_chunks(data)
    block = next((body for code, body in chunks if code in (b"eXIf", b"EXIF")), b"")
    return block.removeprefix(EXIF)


def exif_values(block: bytes, wanted: frozenset[int]) -> dict[int, bytes]:
    """The raw values of these tags in the first directory and in the Exif directory (TIFF 6.0 §2).

    Each tag is copied at most once and at most `MOST_VALUE` bytes of it; what does not fit is left out.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    found: dict[int, bytes] = {}
    folders = [4] if order and len(block) >= 8 else []
    for _ in range(2):
        if not folders:
            break
        (at,) = struct.unpack_from(f"{order}I", block, folders.pop())
        if at + 2 > len(block):
            break
        (count,) = struct.unpack_from(f"{order}H", block, at)
        for entry in range(at + 2, min(at + 2 + 12 * min(count, 1000), len(block) - 11), 12):
            tag, kind, items = struct.unpack_from(f"{order}HHI", block, entry)
            if tag == EXIF_FOLDER:
                folders = [entry + 8]
            size = items * TYPE_BYTES.get(kind, 1)
            if tag in wanted and tag not in found and size <= MOST_VALUE:
                start = entry + 8 if size <= 4 else struct.unpack_from(f"{order}I", block, entry + 8)[0]
                found[tag] = block[start : start + size]
    return found


def orientation(block: bytes) -> int:
    """1-8 as Exif counts them; 1 (upright) when unknown."""
    value = exif_values(block, frozenset({ORIENTATION})).get(ORIENTATION, b"")
    return min(int.from_bytes(value[:2], "little" if block.startswith(b"II") else "big"), 9) if value else 1


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(type, body) of every whole chunk up to and including IEND. Checksums are not looked at."""
    at = len(PNG)
    for _ in range(MOST_CHUNKS):
        if at + 12 > len(data):
            return
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        if at + 12 + length > len(data):
            return
        yield kind, data[at + 8 : at + 8 + length]
        if kind == b"IEND":
            return
        at += 12 + length


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def png_file(chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A PNG file of these chunks, in this order."""
    return PNG + b"".join(png_chunk(kind, body) for kind, body in chunks)


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, body) of every whole segment before the first scan."""
    for marker, start, end in _jpeg_spans(data):
        yield marker, data[start + 4 : end]


def jpeg_with(data: bytes, segments: Iterable[tuple[int, bytes]]) -> bytes:
    """The JPEG with these segments (each at most 65,533 bytes) behind its start and JFIF marker."""
    at = 2
    if data[2:4] == b"\xff\xe0":
        at += 2 + struct.unpack_from(">H", data, 4)[0]
    added = b"".join(
        b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in segments
    )
    return data[:at] + added + data[at:]


def webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(four-letter code, body) of every whole chunk."""
    at = 12
    for _ in range(MOST_CHUNKS):
        if at + 8 > len(data):
            return
        (length,) = struct.unpack_from("<I", data, at + 4)
        if at + 8 + length > len(data):
            return
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def webp_chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk with its length, padded to an even one."""
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def webp_with(data: bytes, block: bytes, xmp: bytes, more: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The WebP in the extended format (RFC 9649 §2.7), with Exif, XMP and more chunks at its end."""
    head = header(data)
    chunks = [(code, part) for code, part in webp_chunks(data) if code not in (b"EXIF", b"XMP ")]
    canvas = dict(chunks).get(b"VP8X", bytes(4))
    flags = canvas[0] | (0x08 if block else 0) | (0x04 if xmp else 0)
    size = (head.width - 1).to_bytes(3, "little") + (head.height - 1).to_bytes(3, "little")
    parts = [(b"VP8X", bytes([flags, 0, 0, 0]) + size)]
    parts += [pair for pair in chunks if pair[0] != b"VP8X"]
    parts += [pair for pair in ((b"EXIF", block), (b"XMP ", xmp)) if pair[1]]
    body = b"".join(webp_chunk(code, part) for code, part in (*parts, *more))
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _jpeg_spans(data: bytes) -> Iterator[tuple[int, int, int]]:
    at = 2
    for _ in range(MOST_CHUNKS):
        if fill := FILL.match(data, at):
            at = fill.end()
        if at + 4 > len(data) or data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker in BARE:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in (START_OF_SCAN, END_OF_IMAGE) or length < 2 or at + 2 + length > len(data):
            return
        yield marker, at, at + 2 + length
        at += 2 + length


def _without_flags(canvas: bytes) -> bytes:
    """The canvas without its word that a profile, Exif or XMP follows."""
    return bytes([canvas[0] & ~0x2C & 0xFF]) + canvas[1:] if canvas else canvas


def _png_size(data: bytes) -> tuple[int, int] | None:
    if data[8:16] != b"\x00\x00\x00\rIHDR" or len(data) < 33:
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    for marker, body in jpeg_segments(data):
        if marker in FRAMES and len(body) >= 6:
            height, width = struct.unpack_from(">HH", body, 1)
            return width, height
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    # Only the first chunk is asked, and only its first bytes: a cut-off picture still has a size.
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:
        return None
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    return None
