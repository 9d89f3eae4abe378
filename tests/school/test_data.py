import json

import numpy as np
import pytest
from PIL import Image

from studio.errors import BadInput
from studio.school.data import (
    SOFTNESS,
    Example,
    attribute_names,
    crops,
    drawn,
    fill_pool,
    formats,
    open_picture,
    open_pool,
    read_folder,
    soften,
)


def _picture(path, size=(80, 70), colour=(10, 120, 200)):
    Image.new("RGB", size, colour).save(path)


def test_captions_are_read_from_text_files_and_from_metadata(tmp_path):
    _picture(tmp_path / "a.png")
    _picture(tmp_path / "b.jpg")
    (tmp_path / "a.txt").write_text(" a blue\n picture ", "utf-8")
    (tmp_path / "metadata.jsonl").write_text(
        json.dumps({"file_name": "b.jpg", "text": "蓝色"}) + "\n", "utf-8"
    )
    assert [(s.path.name, s.caption) for s in read_folder(tmp_path)] == [
        ("a.png", "a blue picture"),
        ("b.jpg", "蓝色"),
    ]


def test_pictures_without_captions_may_share_one(tmp_path):
    _picture(tmp_path / "a.png")
    assert read_folder(tmp_path, "sks mountain")[0].caption == "sks mountain"


def _missing(folder):
    return folder / "nowhere"


def _empty(folder):
    return folder


def _captionless(folder):
    _picture(folder / "a.png")
    return folder


def _blank(folder):
    _picture(folder / "a.png")
    (folder / "a.txt").write_text("  \n")
    return folder


def _broken(folder):
    (folder / "a.png").write_bytes(b"not a picture")
    (folder / "a.txt").write_text("words")
    return folder


def _cut(folder):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    Image.fromarray(noise).save(folder / "a.png")
    (folder / "a.png").write_bytes((folder / "a.png").read_bytes()[:2000])
    (folder / "a.txt").write_text("words")
    return folder


def _small(folder):
    _picture(folder / "a.png", (300, 20))
    (folder / "a.txt").write_text("words")
    return folder


def _bad_line(folder):
    _picture(folder / "a.png")
    (folder / "metadata.jsonl").write_text('{"file_name": "a.png"}\n')
    return folder


def _stranger(folder):
    _picture(folder / "a.png")
    (folder / "metadata.jsonl").write_text(
        '{"file_name": "a.png", "text": "x"}\n{"file_name": "../b.png", "text": "y"}\n'
    )
    return folder


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (_missing, "There is no folder"),
        (_empty, "There is no picture in"),
        (_captionless, "a.png has no caption"),
        (_blank, "the caption of a.png is empty"),
        (_broken, "a.png cannot be read as a picture"),
        (_cut, "a.png cannot be read as a picture"),
        (_small, "a.png is only 300x20"),
        (_bad_line, "Line 1 of metadata.jsonl"),
        (_stranger, "metadata.jsonl names ../b.png, which is not in the folder"),
    ],
)
def test_a_folder_that_cannot_be_trained_on_is_refused_by_a_sentence(tmp_path, make, sentence):
    with pytest.raises(BadInput, match=sentence.replace("(", r"\(").replace(".", r"\.")):
        read_folder(make(tmp_path))


def test_a_picture_is_laid_on_white_and_cut_from_its_middle(tmp_path):
    Image.new("RGBA", (100, 50), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert open_picture(tmp_path / "clear.png", 32, 64).shape == (64, 32, 3)
    assert (open_picture(tmp_path / "clear.png", 32, 64) == 255).all()


def _numbered(n):
    pixels, lines = np.full((8, 8, 3), n % 251, np.uint8), np.zeros((8, 8), np.uint8)
    return Example(pixels, lines, np.full((1, 1), n % 2 == 0), (str(n),), (n,))


def test_a_pool_goes_on_where_it_was_interrupted(tmp_path):
    made = []

    def example(n):
        if n == 400 and 400 not in made:
            made.append(n)
            raise KeyboardInterrupt
        made.append(n)
        return _numbered(n)

    with pytest.raises(KeyboardInterrupt):
        fill_pool(tmp_path, (8, 8), 600, example, "numbers", lambda *_: None)
    made.clear()
    made.append(400)
    fill_pool(tmp_path, (8, 8), 600, example, "numbers", lambda *_: None)
    assert made[1] == 256
    pool = open_pool(tmp_path)
    assert [int(p[0, 0, 0]) for p in pool.pixels] == [n % 251 for n in range(600)]
    assert [c[0] for c in pool.captions] == [str(n) for n in range(600)]
    assert [bool(t[0, 0]) for t in pool.things] == [n % 2 == 0 for n in range(600)]


def test_a_pool_of_before_small_things_were_marked_is_made_anew(tmp_path):
    fill_pool(tmp_path, (8, 8), 4, _numbered, "one", lambda *_: None)
    (tmp_path / "things.npy").unlink()
    assert fill_pool(tmp_path, (8, 8), 4, _numbered, "one", lambda *_: None).things.shape == (4, 1, 1)


@pytest.mark.parametrize(("width", "height"), [(256, 256), (64, 64), (288, 192)])
def test_small_things_are_marked_where_they_are_drawn(width, height):
    boats = attribute_names().index("boats")
    examples = [drawn(seed, width, height, 1) for seed in range(30)]
    assert all(e.things.shape == (height // 8, width // 8) for e in examples)
    sailed = [e for e in examples if e.labels[boats] > 0]
    assert sailed
    assert all(0 < e.things.mean() < 0.4 for e in sailed)


def test_a_pool_of_another_origin_is_made_anew(tmp_path):
    fill_pool(tmp_path, (8, 8), 4, _numbered, "one", lambda *_: None)
    pool = fill_pool(tmp_path, (8, 8), 4, lambda n: _numbered(n + 9), "two", lambda *_: None)
    assert pool.captions[0] == ("9",)


def test_a_drawn_example_is_one_integer():
    one, two, other = drawn(5, 128, 128), drawn(5, 128, 128), drawn(6, 128, 128)
    assert (one.picture == two.picture).all()
    assert one.captions == two.captions
    assert (one.picture != other.picture).any()
    assert drawn(5, 64, 64).picture.shape == (64, 64, 3)


def test_crops_are_squares_of_the_pool(tmp_path):
    pool = fill_pool(tmp_path, (8, 8), 4, _numbered, "one", lambda *_: None)
    batch = crops(pool, np.random.default_rng(0), 5, 4)
    assert batch.shape == (5, 4, 4, 3)
    assert set(np.unique(batch)) <= {0, 1, 2, 3}


def test_every_format_divides_by_32():
    assert all(side % 32 == 0 for size in formats(256) for side in size)


def test_the_painter_learns_softer_pictures_than_the_generator_draws():
    crisp, soft = drawn(5, 128, 128, softness=0.0), drawn(5, 128, 128)
    assert np.array_equal(soft.picture, soften(crisp.picture, SOFTNESS))
    assert np.array_equal(soft.lines, crisp.lines)
    steps = [np.abs(np.diff(e.picture.astype(int), axis=1)).mean() for e in (crisp, soft)]
    assert steps[1] < steps[0]
