"""Pictures of 16 bits a colour: PNGs built here by hand, so that another hand than ours wrote them."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from studio import deep, images
from studio.deep import Deep
from studio.errors import BadPicture

KINDS = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> PNG's number for them


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(pixels, bits=16, *more):
    height, width, channels = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, bits, KINDS[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    body = [chunk(b"IHDR", head), *more, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 65_536, (9, 7, 4), dtype=np.uint16)


@pytest.mark.parametrize(("kept", "channels"), [((0,), 3), ((0, 3), 4), ((0, 1, 2), 3), ((0, 1, 2, 3), 4)])
def test_every_bit_is_read_and_written_again(noise, kept, channels):
    found = deep.read(png(noise[..., kept]))
    assert isinstance(found, Deep)
    assert found.pixels.shape == (9, 7, channels)
    assert (found.pixels[..., 0] == noise[..., 0]).all()
    assert (found.pixels[..., -1] == noise[..., kept[-1]]).all()
    again = deep.read(deep.encode_png(found))
    assert isinstance(again, Deep)
    assert (again.pixels == found.pixels).all()


def test_a_colour_that_stands_for_nothing_becomes_transparency(noise):
    clear = struct.pack(">HHH", *noise[2, 3, :3].tolist())
    found = deep.read(png(noise[..., :3], 16, chunk(b"tRNS", clear)))
    assert found.getbands() == ("R", "G", "B", "A")
    assert found.pixels[2, 3, 3] == 0
    assert (found.pixels[..., 3] == 65_535).sum() == 9 * 7 - 1


def test_other_pictures_come_as_they_always_did():
    flat = Image.new("RGB", (5, 4), (1, 2, 3))
    for data in (images.encode_png(flat), images.encode_jpeg(flat), images.encode_webp(flat)):
        assert deep.read(data).tobytes() == images.read(data).tobytes()
    assert deep.encode_png(flat) == images.encode_png(flat)


def test_eight_bits_are_rounded(noise):
    plain = np.asarray(Deep(noise).plain())
    assert (plain == np.rint(noise / 257)).all()


def test_what_a_step_of_eight_bits_leaves_alone_keeps_sixteen(noise):
    picture = Deep(noise)
    plain = picture.plain()
    touched = plain.copy()
    touched.putpixel((3, 2), (1, 2, 3, 255))
    after = picture.after(plain, touched)
    assert np.abs(after.pixels[2, 3].astype(int) - [257, 514, 771, 65_535]).max() <= 128
    after.pixels[2, 3] = noise[2, 3]
    assert (after.pixels == noise).all()
    assert picture.after(plain, touched.resize((20, 20))).size == (20, 20)


def test_a_cut_file_is_refused(noise):
    with pytest.raises(BadPicture, match="cut short"):
        deep.read(png(noise)[:-70])


def test_pillow_can_open_what_is_written(noise):
    with Image.open(BytesIO(deep.encode_png(Deep(noise)))) as opened:
        assert opened.size == (7, 9)
        assert opened.mode == "RGBA"
