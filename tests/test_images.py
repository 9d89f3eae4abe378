"""Pictures come in guarded, and go out whole or not at all."""

import errno
import os
import struct
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps, PngImagePlugin

from studio import containers, images
from studio.errors import BadInput, BadPicture, DiskFull


def picture(width: int = 40, height: int = 24, mode: str = "RGB") -> Image.Image:
    bands = [
        Image.linear_gradient("L").resize((width, height)),
        Image.radial_gradient("L").resize((width, height)),
    ]
    return Image.merge("RGBA", (bands[0], bands[1], bands[0], bands[1])).convert(mode)


def encoded(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    out = BytesIO()
    (image or picture()).save(out, format=kind, **options)
    return out.getvalue()


def png_with_header(width: int, height: int, pixels: bytes = b"") -> bytes:
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return containers.png_file([(b"IHDR", ihdr), (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")])


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_args: object, **_kwargs: object):
        raise AssertionError("a picture was opened or decoded")

    monkeypatch.setattr(Image, "open", decoded)
    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    monkeypatch.setattr(Image, "_getdecoder", decoded)


def test_a_pictures_size_is_told_as_it_is_seen():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert images.size(encoded("JPEG")) == (40, 24)
    assert images.size(encoded("JPEG", exif=exif)) == (24, 40) == images.read(encoded("JPEG", exif=exif)).size


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_three_formats_are_read(kind: str):
    assert images.read(encoded(kind)).size == (40, 24)
    head = containers.header(encoded(kind))
    assert (head.kind.upper(), head.width, head.height) == (kind, 40, 24)


def test_a_lossless_webp_and_one_with_alpha_say_their_size():
    assert containers.header(encoded("WEBP", lossless=True)).height == 24
    assert containers.header(encoded("WEBP", picture(mode="RGBA"))).width == 40


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM", "ICO"])
def test_other_formats_are_refused(kind: str):
    with pytest.raises(BadPicture, match="PNG, JPEG or WebP"):
        images.read(encoded(kind))


@pytest.mark.parametrize("size", [(50_000, 50_000), (40_000, 8), (13_300, 13_300), (0, 9), (2**32 - 1, 1)])
def test_a_png_that_claims_too_much_is_refused_before_anything_is_opened(size, no_decoding):
    with pytest.raises(BadPicture):
        images.read(png_with_header(*size))


def test_giant_jpeg_and_webp_headers_are_refused_before_anything_is_opened(no_decoding):
    sof = b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 17, 8, 60_000, 60_000, 3) + bytes(9)
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff\xff\x3f\xff\xff\x3f"
    webp = b"RIFF" + struct.pack("<I", 22) + b"WEBP" + canvas
    for data in (sof, webp):
        with pytest.raises(BadPicture, match="pixels"):
            images.read(data)


def test_a_file_of_too_many_bytes_is_refused_before_anything_is_opened(no_decoding):
    with pytest.raises(BadPicture, match="MB"):
        images.read(encoded_png := png_with_header(8, 8), images.Bounds(bytes=len(encoded_png) - 1))


def test_a_header_that_lies_to_us_is_asked_again_after_opening(monkeypatch):
    monkeypatch.setattr(images.containers, "header", lambda data: containers.Header("png", 8, 8))
    with pytest.raises(BadPicture, match="megapixels"):
        images.read(png_with_header(9_000, 9_000))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_cut_off_picture_is_refused(kind: str):
    whole = encoded(kind, picture(300, 200))
    for share in (0.1, 0.5, 0.9):
        with pytest.raises(BadPicture):
            images.read(whole[: int(len(whole) * share)])


def test_a_jpeg_of_endless_passes_is_refused(no_decoding):
    with pytest.raises(BadPicture, match="passes"):
        images.read(encoded_jpeg() + b"\xff\xda" * 65)


def encoded_jpeg() -> bytes:
    size = struct.pack(">HBHHB", 17, 8, 8, 8, 3) + bytes(9)
    return b"\xff\xd8\xff\xc0" + size


def test_only_the_first_frame_of_an_animation_is_read():
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    for kind in ("PNG", "WEBP"):
        data = encoded(kind, frames[0], save_all=True, append_images=frames[1:], duration=50, lossless=True)
        assert images.read(data).convert("RGB").getpixel((8, 8)) == (255, 0, 0)


def test_a_phone_photo_is_turned_upright_and_forgets_where_it_was_taken():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "secret"
    for kind in ("JPEG", "PNG", "WEBP"):
        image = images.read(encoded(kind, exif=exif))
        assert image.size == (24, 40)
        assert image.info == {}
        assert dict(image.getexif()) == {}


@pytest.mark.parametrize("turned", range(1, 9))
def test_every_orientation_comes_out_upright(turned: int):
    exif = Image.Exif()
    exif[0x0112] = turned
    wanted = ImageOps.exif_transpose(Image.open(BytesIO(encoded("PNG", exif=exif))))
    assert images.read(encoded("PNG", exif=exif)).tobytes() == wanted.tobytes()


def test_decoders_see_pixels_only(monkeypatch):
    seen: list[bytes] = []
    opened = Image.open
    monkeypatch.setattr(
        Image, "open", lambda file, formats: seen.append(file.getvalue()) or opened(file, formats=formats)
    )
    for kind in ("PNG", "JPEG", "WEBP"):
        exif = Image.Exif()
        exif[0x010F] = "canary"
        data = encoded(kind, exif=exif, icc_profile=b"canary" * 30, xmp=b"canary")
        assert b"canary" in data
        assert images.read(data).size == (40, 24)
    assert not any(b"canary" in data for data in seen)
    assert len(seen) == 3


def test_text_chunks_that_pillow_refuses_do_not_matter():
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "x" * (2**20 + 9), zip=True)
    data = encoded("PNG", pnginfo=info)
    with pytest.raises(ValueError, match="Decompressed"):
        Image.open(BytesIO(data))
    assert images.read(data).size == (40, 24)


def test_every_mode_becomes_rgb_or_rgba():
    for mode, wanted in {"L": "RGB", "P": "RGB", "1": "RGB", "LA": "RGBA", "RGBA": "RGBA"}.items():
        start = picture(mode="RGBA" if wanted == "RGBA" else "RGB")
        assert images.read(encoded("PNG", start.convert(mode))).mode == wanted
    assert images.read(encoded("JPEG", picture(mode="CMYK"))).mode == "RGB"
    clear = encoded("PNG", picture().convert("P"), transparency=0)
    assert images.read(clear).mode == "RGBA"


def test_a_palette_picture_without_its_palette_is_refused():
    chunks = containers.png_chunks(encoded("PNG", picture().convert("P")))
    with pytest.raises(BadPicture):
        images.read(containers.png_file(pair for pair in chunks if pair[0] != b"PLTE"))


def test_sixteen_bits_of_grey_keep_their_brightness():
    grey = Image.new("I;16", (8, 8), 0x8040)
    assert images.read(encoded("PNG", grey)).getpixel((3, 3)) == (0x80, 0x80, 0x80)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_files_are_read_or_refused_but_never_crash(data):
    original = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(original) - 1))
        original[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 40))
    try:
        image = images.read(bytes(original[: len(original) - cut]))
    except BadPicture:
        return
    assert image.mode in ("RGB", "RGBA")


SEEDS = [encoded(kind, picture(9, 7)) for kind in ("PNG", "JPEG", "WEBP")] + [
    encoded("PNG", picture(9, 7, "P")),
    encoded("JPEG", picture(9, 7), progressive=True),
    encoded("WEBP", picture(9, 7, "RGBA"), lossless=True),
]


def test_fitting_gives_exactly_the_size_asked_for():
    for how in ("stretch", "crop", "pad"):
        for size in ((64, 64), (8, 200), (333, 7), (40, 24)):
            assert images.fit(picture(), *size, how).size == size


def test_crop_keeps_the_middle_and_pad_keeps_everything():
    image = Image.new("RGB", (300, 100), "red")
    image.paste("lime", (100, 0, 200, 100))
    assert images.fit(image, 50, 50, "crop").getpixel((9, 25)) == (0, 255, 0)
    padded = images.fit(image, 300, 300, "pad")
    assert padded.crop((0, 100, 300, 200)).tobytes() == image.tobytes()
    assert padded.getpixel((150, 5)) == (0, 255, 0)
    assert padded.getpixel((5, 295)) == (255, 0, 0)


def test_a_thumbnail_keeps_proportions_and_never_grows():
    assert images.thumbnail(picture(400, 100), 80).size == (80, 20)
    assert images.thumbnail(picture(40, 24), 80).size == (40, 24)
    assert images.thumbnail(Image.new("RGB", (30_000, 2)), 64).size == (64, 1)


def test_encoders_keep_what_their_format_can():
    image = picture(mode="RGBA")
    assert images.read(images.encode_png(image)).tobytes() == image.tobytes()
    assert images.read(images.encode_webp(image)).mode == "RGBA"
    assert images.read(images.encode_jpeg(Image.new("RGBA", (8, 8)))).getpixel((0, 0)) == (255, 255, 255)
    with pytest.raises(BadInput, match="PNG"):
        images.encode_webp(Image.new("L", (16_384, 1)))


def test_a_written_file_is_whole_and_alone(tmp_path: Path):
    path = tmp_path / "水墨.png"
    images.write_file(path, b"old")
    images.write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch, code: int, where: str):
    def full(*_args: object):
        raise OSError(code, "no room")

    (tmp_path / "a.png").write_bytes(b"old")
    monkeypatch.setattr(os, where, full)
    with pytest.raises(DiskFull, match="Free some space"):
        images.write_file(tmp_path / "a.png", b"new")
    assert os.listdir(tmp_path) == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"old"


def test_other_trouble_is_not_called_a_full_disk(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        images.write_file(tmp_path / "missing" / "a.png", b"x")


def test_bytes_reach_the_disk_before_the_name_and_the_name_before_we_return(tmp_path: Path, monkeypatch):
    order: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("fsync"), fsync(handle)))
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("rename"), replace(a, b)))
    images.write_file(tmp_path / "a.png", b"x")
    assert order == (["fsync", "rename"] if os.name == "nt" else ["fsync", "rename", "fsync"])
