import cv2
import numpy as np

from studio.school.sheets import encode_png, grid, to_batch, to_pixels


def test_pixels_survive_the_way_to_a_batch_and_back():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3)).astype(np.uint8)
    assert to_batch(pixels).shape == (2, 3, 5, 7)
    assert (to_pixels(to_batch(pixels)) == pixels).all()


def test_a_sheet_holds_every_picture_whatever_its_shape():
    pictures = [
        np.full((4, 6, 3), 10, np.uint8),
        np.full((8, 4, 3), 20, np.uint8),
        np.full((4, 4, 3), 30, np.uint8),
    ]
    sheet = grid(pictures, 2)
    assert [(sheet == value).all(-1).sum() for value in (10, 20, 30)] == [24, 32, 16]


def test_a_png_has_the_colours_it_was_given():
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[..., 0] = 200
    decoded = cv2.cvtColor(cv2.imdecode(np.frombuffer(encode_png(picture), np.uint8), 1), cv2.COLOR_BGR2RGB)
    assert (decoded == picture).all()
