"""Recipe ↔ picture file: everything a saved picture knows about itself, and what others' pictures know.

A PNG of ours carries, in front of its pixels, the marks of its origin (XMP and AIGC), the infotext
(`parameters`) and the whole recipe with the facts of its making (iTXt `inkstone`, JSON); behind them
the input pictures, each a private chunk `inKs` of its SHA-256 and its bytes. Its name says: ancillary,
private, safe to copy, since inputs do not depend on what an editor does to the pixels. JPEG and WebP
carry the same but the inputs. Texts are uncompressed (Pillow refuses compressed ones above 1 MiB).
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from PIL import Image

from studio import containers, deep, foreign, images, provenance
from studio.deep import Deep
from studio.errors import BadInput, BadPicture
from studio.foreign import Understood, recipe_from_infotext
from studio.infotext import paired, parse_infotext, quote, read_infotext, unquote, write_infotext, write_line
from studio.recipe import Recipe

__all__ = [
    "Found",
    "export",
    "history",
    "parse_infotext",
    "quote",
    "read_file",
    "recipe_from_infotext",
    "unquote",
    "without",
    "write_infotext",
    "write_line",
    "write_png",
]

KEYWORD, INPUT, XMP, AIGC = "inkstone", b"inKs", "XML:com.adobe.xmp", "AIGC"
XMP_SEGMENT = b"http://ns.adobe.com/xap/1.0/\0"
USER_COMMENT = 0x9286
COMFY_TAGS = frozenset(range(0x0109, 0x0111))  # "key:JSON", counting down from 0x0110
TEXT_BYTES = 4 * 2**20
SEGMENT_BYTES = 65_533
MOST_INPUTS = 16
MOST_RECIPES, RECIPE_TEXT = 12, 50_000  # of a picture's history, and characters of one of them
INPUT_BYTES = 48 * 2**20  # of all inputs together
OWN = images.Bounds(bytes=512 * 2**20)  # a long scroll with its inputs is larger than any upload
TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})


@dataclass(frozen=True, slots=True)
class Found:
    """What a file says.

    `recipe` is there when it is whole; `partial` is what can be taken over in any case; `blobs` are the
    inputs by digest, each checked; `facts` are as written, not verified; `origin` names the program.
    """

    recipe: Recipe | None = None
    partial: dict[str, Any] = field(default_factory=dict[str, Any])
    blobs: dict[str, bytes] = field(default_factory=dict[str, bytes])
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    origin: str = "none"  # "inkstone", "a1111", "comfyui", "invokeai", "fooocus"
    warnings: tuple[str, ...] = ()


# --- writing ----------------------------------------------------------------------------------


def write_png(
    image: Image.Image | Deep,
    recipe: Recipe,
    facts: Mapping[str, Any],
    blobs: Mapping[str, bytes] | None = None,
) -> bytes:
    """The picture as PNG, in its own bits a colour, with its recipe, facts, marks and input pictures.

    Only the facts named in `provenance.FACTS` are written, without paths. Inputs above 48 MB in all are
    left out, and the facts' warnings say so.
    """
    kept, left = _inputs(blobs or {})
    told = provenance.public(facts)
    if left:
        told["warnings"] = [*told.get("warnings", ()), f"{left} input pictures were too large to be kept."]
    label = provenance.aigc()
    whole = {"recipe": recipe.model_dump(mode="json"), "facts": told}
    texts = [
        _text(XMP, provenance.xmp(label, recipe.source is not None).decode()),
        _text(AIGC, label),
        _text("parameters", write_infotext(recipe, told)),
        _text(KEYWORD, json.dumps(whole, ensure_ascii=False), always_unicode=True),
    ]
    bare = containers.bare(deep.encode_png(image), "png")
    head, *pixels, end = containers.png_chunks(bare)
    return containers.png_file([head, *texts, *pixels, *((INPUT, body) for body in kept), end])


def without(png: bytes, *, inputs: bool = True, recipe: bool = False) -> bytes:
    """The PNG without its input pictures, or without any text; the marks of its origin always stay."""
    _need_png(png)
    chunks = containers.png_chunks(png)
    return containers.png_file(pair for pair in chunks if stays(*pair, inputs=inputs, recipe=recipe))


def stays(kind: bytes, body: bytes, *, inputs: bool, recipe: bool) -> bool:
    """Whether a PNG chunk is left by `without`. Of a text's body, the keyword is enough."""
    if kind in TEXTS:
        return not recipe or body.partition(b"\0")[0] in (XMP.encode(), AIGC.encode())
    return not (inputs and kind == INPUT) and not (recipe and kind == b"eXIf")


def export(png: bytes, kind: Literal["jpeg", "webp"]) -> bytes:
    """A studio PNG as JPEG or WebP with its recipe, infotext and marks; inputs stay behind.

    Raises `BadInput` when the picture is larger than the format allows.
    """
    _need_png(png)
    texts = _read_png(png).texts
    image = images.read(png, OWN)
    infotext = texts.get("parameters", "")
    xmp, whole = texts.get(XMP, "").encode(), texts.get(KEYWORD, "").encode()
    if kind == "webp":
        block = exif_block(infotext) if infotext else b""
        more = [(INPUT, whole)] if whole else []
        return containers.webp_with(images.encode_webp(image, 90), block, xmp, more)
    segments: list[tuple[int, bytes]] = []
    for text in (infotext, infotext.rsplit("\n", 1)[-1]):  # one segment must hold it: prompts may be too long
        block = containers.EXIF + exif_block(text)
        if text and len(block) <= SEGMENT_BYTES:
            segments.append((0xE1, block))
            break
    if xmp and len(XMP_SEGMENT + xmp) <= SEGMENT_BYTES:
        segments.append((0xE1, XMP_SEGMENT + xmp))
    room = SEGMENT_BYTES - 16
    parts = [whole[at : at + room] for at in range(0, len(whole), room)][:255]
    name = KEYWORD.encode() + b"\0"
    segments += [(0xEF, name + bytes([at, len(parts)]) + part) for at, part in enumerate(parts)]
    return containers.jpeg_with(images.encode_jpeg(image, 92), segments)


def user_comment(text: str) -> bytes:
    """The value of Exif's UserComment as AUTOMATIC1111 writes it: always big-endian UTF-16."""
    return b"UNICODE\0" + text.encode("utf-16-be", "replace")


def exif_block(text: str) -> bytes:
    """A TIFF structure that holds nothing but a UserComment.

    Built by hand: Pillow writes bytes as type BYTE, and then piexif, hence AUTOMATIC1111, cannot read it.
    """
    comment = user_comment(text)
    first = struct.pack(">HHHIII", 1, 0x8769, 4, 1, 26, 0)
    second = struct.pack(">HHHIII", 1, USER_COMMENT, 7, len(comment), 44, 0)
    return b"MM\0*" + struct.pack(">I", 8) + first + second + comment


def _need_png(data: bytes) -> None:
    if images.check(data, OWN).kind != "png":
        raise BadPicture("This works on the studio's own PNG pictures only; this is another format.")


def _inputs(blobs: Mapping[str, bytes]) -> tuple[list[bytes], int]:
    """Chunk bodies of the inputs that may be kept, and how many may not."""
    kept: list[bytes] = []
    room = INPUT_BYTES
    for data in list(blobs.values())[:MOST_INPUTS]:
        if len(data) <= room:
            room -= len(data)
            kept.append(bytes.fromhex(images.digest(data)) + data)
    return kept, len(blobs) - len(kept)


def _text(keyword: str, text: str, always_unicode: bool = False) -> tuple[bytes, bytes]:
    """A tEXt chunk where Latin-1 will do, else iTXt; neither may hold a NUL."""
    clean = text.replace("\0", "")
    try:
        if not always_unicode and keyword != XMP:
            return b"tEXt", keyword.encode() + b"\0" + clean.encode("latin-1")
    except UnicodeEncodeError:
        pass
    return b"iTXt", keyword.encode() + b"\0\0\0\0\0" + clean.encode("utf-8", "replace")


# --- reading ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _File:
    texts: dict[str, str]
    blobs: dict[str, bytes] = field(default_factory=dict[str, bytes])
    warnings: tuple[str, ...] = ()


def read_file(data: bytes) -> Found:
    """What a PNG, JPEG or WebP says about its making, whoever made it; no pixel is decoded.

    Broken or foreign metadata never raises: the warnings say what could not be read. Raises
    `BadPicture` when the file is no picture, or one too large to be read.
    """
    kind = images.check(data, OWN).kind
    file = _CONTAINERS[kind](data)
    warnings = list(file.warnings)
    for keyword, (understand, program) in _PROGRAMS.items():
        if keyword in file.texts:
            found = understand(file.texts[keyword])
            if found is not None:
                return replace(found, blobs=file.blobs, warnings=(*warnings, *found.warnings))
            warnings.append(f"The settings {program} wrote into this file are broken and were passed over.")
    return Found(blobs=file.blobs, warnings=tuple(warnings))


def history(found: Found) -> list[dict[str, Any]]:
    """The recipes by which a picture was made and taken further, the first one first, the file's own last.

    Of its earlier stages only whole recipes of a sensible length count: anybody can write a file.
    """
    told = found.facts.get("history")
    earlier = [
        known for one in (told if isinstance(told, list) else ())[-MOST_RECIPES:] if (known := _earlier(one))
    ]
    own = found.recipe.model_dump(mode="json") if found.recipe else dict(found.partial)
    return [one for one in (*earlier, own) if one and len(json.dumps(one)) <= RECIPE_TEXT][-MOST_RECIPES:]


def _earlier(told: Any) -> dict[str, Any] | None:
    try:
        return Recipe.of(told).model_dump(mode="json") if isinstance(told, dict) else None
    except BadInput:
        return None


def _read_png(data: bytes) -> _File:
    texts: dict[str, str] = {}
    blobs: dict[str, bytes] = {}
    warnings: list[str] = []
    seen: set[str] = set()
    ended = False
    for kind, body in containers.png_chunks(data):
        ended = kind == b"IEND"
        if kind in TEXTS:
            keyword = body.partition(b"\0")[0].decode("latin-1")
            if keyword in _WANTED and keyword not in seen:  # once: a broken or packed one costs time
                seen.add(keyword)
                _take_text(kind, body, texts, warnings)
        elif kind == INPUT and len(blobs) < MOST_INPUTS:
            if images.digest(body[32:]) == body[:32].hex():
                blobs[body[:32].hex()] = body[32:]
            else:
                warnings.append("An input picture inside this file is damaged and was left out.")
    if not ended:
        warnings.append("This file is cut short; its picture may be damaged.")
    for keyword, text in _exif_texts(data, "png").items():
        texts.setdefault(keyword, text)
    return _File(texts, blobs, tuple(dict.fromkeys(warnings)))


def _take_text(kind: bytes, body: bytes, texts: dict[str, str], warnings: list[str]) -> None:
    raw_keyword, _, rest = body.partition(b"\0")
    keyword = raw_keyword.decode("latin-1")
    packed, encoding = kind == b"zTXt", "latin-1" if kind != b"iTXt" else "utf-8"
    rest = rest[1:] if packed else rest
    if kind == b"iTXt":
        packed, rest = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
    try:
        raw = zlib.decompressobj().decompress(rest, TEXT_BYTES + 1) if packed else rest
    except zlib.error:
        warnings.append(f"The text “{keyword}” in this file is broken and was left out.")
        return
    if len(raw) > TEXT_BYTES:
        warnings.append(f"The text “{keyword}” in this file is longer than 4 MB and was left out.")
        return
    texts[keyword] = raw.decode(encoding, "replace")


def _read_jpeg(data: bytes) -> _File:
    name = KEYWORD.encode() + b"\0"
    parts = [
        body[len(name) :]
        for marker, body in containers.jpeg_segments(data)
        if marker == 0xEF and body.startswith(name) and len(body) > len(name) + 2
    ]
    parts = sorted(parts[:255], key=lambda part: part[0])
    whole = b"".join(part[2:] for part in parts)
    texts = {KEYWORD: whole.decode("utf-8", "replace")} if 0 < len(whole) <= TEXT_BYTES else {}
    return _File(_exif_texts(data, "jpeg") | texts)


def _read_webp(data: bytes) -> _File:
    whole = next((body for code, body in containers.webp_chunks(data) if code == INPUT), b"")
    texts = {KEYWORD: whole.decode("utf-8", "replace")} if 0 < len(whole) <= TEXT_BYTES else {}
    return _File(_exif_texts(data, "webp") | texts)


def _exif_texts(data: bytes, kind: str) -> dict[str, str]:
    """Infotext from the UserComment, and ComfyUI's "prompt:…" from where a camera's name would be."""
    block = containers.exif(data, kind)
    values = containers.exif_values(block, COMFY_TAGS | {USER_COMMENT})
    texts: dict[str, str] = {}
    comment = _comment_text(values.pop(USER_COMMENT, b""))
    if "Steps:" in comment or comment.startswith("{"):  # cameras and screenshots write other things there
        texts["parameters"] = comment
    for value in values.values():
        keyword, colon, text = value.decode("utf-8", "replace").rstrip("\0").partition(":")
        if colon and keyword.lower() == "prompt":
            texts.setdefault("prompt", text)
    return texts


def _comment_text(comment: bytes) -> str:
    code, text = comment[:8], comment[8:]
    if code == b"UNICODE\0":
        little = text.decode("utf-16-le", "replace")  # some programs write it in the file's byte order
        return little if "Steps:" in little else text.decode("utf-16-be", "replace")
    return (text if code in (b"ASCII\0\0\0", bytes(8)) else comment).decode("utf-8", "replace").rstrip("\0")


def _json(text: str) -> Any:
    try:
        value = json.loads(text)
        return json.loads(paired(json.dumps(value, ensure_ascii=False))) if "\\u" in text else value
    except (ValueError, RecursionError):
        return None


def _ours(text: str) -> Found | None:
    whole = _json(text)
    values = whole.get("recipe") if isinstance(whole, dict) else None
    if not isinstance(whole, dict) or not isinstance(values, dict):
        return None
    told = whole.get("facts")
    facts: dict[str, Any] = told if isinstance(told, dict) else {}
    try:
        recipe = Recipe.of(values)
    except BadInput:
        known = {name: value for name, value in values.items() if name in Recipe.model_fields}
        partial, doubts = foreign.understood(known)
        strange = sorted(values.keys() - known.keys())[:8]
        more = (f"Left out, another version's: {', '.join(strange)[:200]}.",) if strange else ()
        return Found(None, partial, {}, facts, "inkstone", (*doubts, *more))
    return Found(recipe, recipe.model_dump(mode="json"), {}, facts, "inkstone")


def _parameters(text: str) -> Found | None:
    if text.lstrip().startswith("{"):  # Fooocus keeps its JSON under the same keyword
        fooocus = _of(foreign.from_fooocus, "fooocus")(text)
        if fooocus is not None:
            return fooocus
    parsed = read_infotext(text)
    partial, warnings = recipe_from_infotext(parsed)
    names = {"title": parsed.get("Model"), "sha256": parsed.get("Model hash")}
    model = {key: name[:240] for key, name in names.items() if isinstance(name, str)}
    return Found(None, partial, {}, {"model": model} if model else {}, "a1111", warnings)


def _of(understand: Callable[[Any], Understood], origin: str) -> Callable[[str], Found | None]:
    def read(text: str) -> Found | None:
        values = _json(text)
        if not isinstance(values, dict):
            return None
        said = understand(values)
        return Found(None, said.partial, {}, said.facts, origin, said.warnings)

    return read


_CONTAINERS: Mapping[str, Callable[[bytes], _File]] = {
    "png": _read_png,
    "jpeg": _read_jpeg,
    "webp": _read_webp,
}
_PROGRAMS: Mapping[str, tuple[Callable[[str], Found | None], str]] = {
    KEYWORD: (_ours, "the studio"),
    "invokeai_metadata": (_of(foreign.from_invokeai, "invokeai"), "InvokeAI"),
    "parameters": (_parameters, "another program"),
    "prompt": (_of(foreign.from_comfyui, "comfyui"), "ComfyUI"),
}
_WANTED = frozenset({*_PROGRAMS, XMP})
