"""Frames between Desk and worker: a length, a JSON header, then the bytes it announces.

    4 bytes   length of the header, big-endian
    header    JSON object; "blobs" lists [name, size] of what follows
    blobs     the bytes themselves, in that order

Only plain data crosses: recipes as JSON, pictures as encoded bytes. Never tensors, pickles or paths.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

HEADER_BYTES = 16 * 2**20
BLOB_BYTES = 2**30
_LENGTH = struct.Struct(">I")


class BrokenFrame(Exception):
    """The other end does not speak this language (a length out of bounds, or a header that is not JSON)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: what it says, and the bytes that came beside it, by name."""

    header: dict[str, Any]
    blobs: dict[str, bytes] = field(default_factory=dict[str, bytes])


def pack(header: Mapping[str, Any], blobs: Mapping[str, bytes] | None = None) -> bytes:
    """The frame as bytes, to be written in one piece."""
    parts = dict(blobs or {})
    sizes = [[name, len(data)] for name, data in parts.items()]
    text = json.dumps({**header, "blobs": sizes}, separators=(",", ":")).encode()
    return b"".join((_LENGTH.pack(len(text)), text, *parts.values()))


def read(stream: BinaryIO) -> Frame | None:
    """The next frame, or None when the stream has ended, be it in the middle of a frame.

    Raises `BrokenFrame` when what comes is not a frame.
    """
    start = _exactly(stream, _LENGTH.size)
    if start is None:
        return None
    (size,) = _LENGTH.unpack(start)
    if size > HEADER_BYTES:
        raise BrokenFrame(f"a header of {size} bytes")
    text = _exactly(stream, size)
    if text is None:
        return None
    try:
        header = json.loads(text)
        sizes = [(str(name), int(length)) for name, length in header.pop("blobs")]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise BrokenFrame("a header that is not ours") from error
    blobs: dict[str, bytes] = {}
    for name, length in sizes:
        if not 0 <= length <= BLOB_BYTES:
            raise BrokenFrame(f"a blob of {length} bytes")
        data = _exactly(stream, length)
        if data is None:
            return None
        blobs[name] = data
    return Frame(header, blobs)


def _exactly(stream: BinaryIO, size: int) -> bytes | None:
    """`size` bytes, or None when the stream ends before."""
    parts: list[bytes] = []
    while size:
        part = stream.read(size)
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
