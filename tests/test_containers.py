"""Pictures as containers: nothing is decoded, nothing runs for ever, nothing but pixels stays in `bare`."""

import struct
from io import BytesIO

import pytest
from PIL import Image, PngImagePlugin

from studio import containers
from studio.errors import BadPicture

IMAGE = Image.radial_gradient("L").resize((37, 21)).convert("RGB")


def saved(kind, image=IMAGE, **options):
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010F] = "canary"
    return block


def told(kind):
    """A picture that carries what a camera or another program would write into it."""
    if kind == "png":
        info = PngImagePlugin.PngInfo()
        info.add_text("parameters", "canary")
        return saved("PNG", pnginfo=info, exif=exif(6), dpi=(300, 300), icc_profile=b"canary")
    more = {"quality": 90, "exif": exif(6), "icc_profile": b"canary"}
    return saved(kind.upper(), **more, **({"comment": b"canary"} if kind == "jpeg" else {"xmp": b"canary"}))


KINDS = ("png", "jpeg", "webp")


@pytest.mark.parametrize("kind", KINDS)
def test_kind_size_and_orientation_are_read_from_the_header(kind):
    data = told(kind)
    assert containers.header(data) == containers.Header(kind, 37, 21)
    assert containers.orientation(containers.exif(data, kind)) == 6
    assert containers.orientation(containers.exif(saved(kind.upper()), kind)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_bare_keeps_the_pixels_and_nothing_else(kind):
    data = told(kind)
    bare = containers.bare(data, kind)
    assert b"canary" in data
    assert b"canary" not in bare
    before, after = Image.open(BytesIO(data)), Image.open(BytesIO(bare))
    assert after.convert("RGB").tobytes() == before.convert("RGB").tobytes()
    assert "exif" not in after.info
    assert containers.bare(bare, kind) == bare


def test_of_an_animation_bare_keeps_one_frame():
    frames = {"save_all": True, "append_images": [IMAGE.rotate(90)], "duration": 100}
    bare = containers.bare(saved("PNG", **frames), "png")
    assert Image.open(BytesIO(bare)).n_frames == 1


def test_chunks_are_written_as_they_are_read():
    data = told("png")
    assert containers.png_file(containers.png_chunks(data)) == data
    webp = saved("WEBP", lossless=True)
    body = b"".join(containers.webp_chunk(*pair) for pair in containers.webp_chunks(webp))
    assert webp[12:] == body


def test_segments_go_behind_the_jfif_marker_and_come_back():
    data = containers.jpeg_with(saved("JPEG"), [(0xE1, b"one"), (0xEF, b"x" * 65_533)])
    assert [pair for pair in containers.jpeg_segments(data) if pair[0] in (0xE1, 0xEF)] == [
        (0xE1, b"one"),
        (0xEF, b"x" * 65_533),
    ]
    assert data[2:4] == b"\xff\xe0"
    assert Image.open(BytesIO(data)).convert("RGB").tobytes() == IMAGE_AS_JPEG


IMAGE_AS_JPEG = Image.open(BytesIO(saved("JPEG"))).convert("RGB").tobytes()


@pytest.mark.parametrize("lossless", [True, False])
def test_a_webp_gets_exif_and_xmp_in_the_extended_format(lossless):
    plain = saved("WEBP", lossless=lossless)
    made = containers.webp_with(plain, b"MM\0*", b"<x/>", [(b"inKs", b"odd")])
    assert dict(containers.webp_chunks(made))[b"inKs"] == b"odd"
    opened = Image.open(BytesIO(made))
    assert (opened.size, opened.info["exif"], opened.info["xmp"]) == ((37, 21), b"MM\0*", b"<x/>")
    assert opened.convert("RGB").tobytes() == Image.open(BytesIO(plain)).convert("RGB").tobytes()
    again = containers.webp_with(made, b"II*\0", b"", [])
    assert [code for code, _ in containers.webp_chunks(again)].count(b"EXIF") == 1


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG", b"RIFF\0\0\0\0WAVE", b"%PDF-1.7", b"\0" * 64])
def test_other_files_are_no_pictures(data):
    with pytest.raises(BadPicture):
        containers.header(data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_anywhere_ends_early_and_never_raises_but_in_words(kind):
    data = told(kind)
    for end in range(len(data)):
        part = data[:end]
        try:
            containers.header(part)
        except BadPicture:
            continue
        containers.bare(part, kind)
        containers.orientation(containers.exif(part, kind))


def directory(*entries, start=8):
    packed = b"".join(struct.pack(">HHII", *entry) for entry in entries)
    return b"MM\0*" + struct.pack(">IH", start, len(entries)) + packed


def test_exif_that_runs_in_circles_or_points_outside_says_nothing():
    wanted = frozenset({0x9286, 0x0112})
    assert containers.exif_values(directory((0x8769, 4, 1, 8)), wanted) == {}
    assert containers.exif_values(directory((0x9286, 7, 2**31, 8)), wanted) == {}
    assert containers.exif_values(directory(start=2**31), wanted) == {}
    assert containers.exif_values(directory((0x9286, 7, 100, 2**32 - 1)), wanted)[0x9286] == b""
    assert containers.exif_values(b"XX\0*" + bytes(20), wanted) == {}


def test_a_file_of_endless_empty_chunks_is_left_after_a_while():
    chunk = containers.png_chunk(b"teXt", b"")
    data = containers.PNG + chunk * (containers.MOST_CHUNKS + 5)
    assert sum(1 for _ in containers.png_chunks(data)) == containers.MOST_CHUNKS
