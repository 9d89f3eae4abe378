"""Short films: what a page sends comes back as a moving picture, as long as it lasted."""

import io
import struct
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from studio import films, images
from studio.errors import BadInput, BadPicture
from studio.films import Shown

TIMES = (100, 250, 400)
SHADES = ((200, 30, 30), (30, 200, 30), (30, 30, 200))


def shown(size=(65, 33)):
    """Three frames of one colour each."""
    return [
        Shown(images.encode_png(Image.new("RGB", size, shade)), time)
        for shade, time in zip(SHADES, TIMES, strict=True)
    ]


def watched(film: bytes, folder: Path):
    """The frames of an MP4 (RGB) and how many a second."""
    import cv2

    (folder / "film.mp4").write_bytes(film)
    played = cv2.VideoCapture(str(folder / "film.mp4"))
    seen = []
    while (read := played.read())[0]:
        seen.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    pace = played.get(cv2.CAP_PROP_FPS)
    played.release()
    return seen, pace


def test_what_a_page_sends_is_read_again():
    sent = b"".join(struct.pack(">II", one.milliseconds, len(one.picture)) + one.picture for one in shown())
    assert films.unpack(sent) == tuple(shown())
    for bad in (b"", sent[:-1], sent + b"more"):
        with pytest.raises(BadInput):
            films.unpack(bad)


def test_a_webp_shows_every_frame_as_long_as_it_was_seen_and_the_last_a_moment_longer():
    with Image.open(io.BytesIO(films.animate(shown()))) as film:
        lasted = []
        for frame in ImageSequence.Iterator(film):
            frame.load()  # only then is it known
            lasted.append(frame.info["duration"])
        assert film.size == (65, 33)
    assert lasted == [100, 250, 1500]


def test_an_mp4_shows_the_same_at_an_even_pace_and_in_even_sides(tmp_path):
    seen, pace = watched(films.filmed(shown()), tmp_path)
    assert pace == films.MP4_FPS
    assert seen[0].shape == (32, 64, 3)
    assert abs(len(seen) / pace - (0.1 + 0.25 + 1.5)) < 1 / pace
    order = [int(frame.mean((0, 1)).argmax()) for frame in seen]
    assert order == sorted(order), "red, green, blue, one after the other"
    assert {0, 1, 2} == set(order)


def test_frames_of_other_sizes_become_as_large_as_the_first(tmp_path):
    frames = [*shown((48, 32)), *shown((96, 64))]
    with Image.open(io.BytesIO(films.animate(frames))) as film:
        assert (film.n_frames, film.size) == (6, (48, 32))
    assert {frame.shape for frame in watched(films.filmed(frames), tmp_path)[0]} == {(32, 48, 3)}


def test_a_frame_that_is_no_picture_is_said():
    for made in (films.animate, films.filmed):
        with pytest.raises(BadPicture):
            made([Shown(b"none", 40)])
