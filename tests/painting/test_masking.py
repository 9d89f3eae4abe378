"""What lies outside of a mask stays; what lies inside begins from what was asked for."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio.errors import BadInput
from studio.painting.masking import framed, surrounded, window_of
from studio.recipe import Mask, Recipe, Source

REF = "a" * 64
FROM = Recipe(width=64, height=64, source=Source(image=REF))


def noise(width=200, height=100):
    drawn = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(drawn)


def masked(size, box):
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=255)
    return mask


def test_a_window_is_the_mask_with_its_padding_grown_to_the_ratio_of_what_is_painted():
    assert window_of(masked((400, 300), (100, 100, 140, 120)), 10, (64, 64)) == (90, 80, 150, 140)
    assert window_of(masked((400, 300), (100, 100, 140, 120)), 10, (128, 64)) == (80, 90, 160, 130)


def test_a_window_stays_inside_the_picture():
    mask = masked((200, 50), (190, 0, 200, 50))
    left, top, right, bottom = window_of(mask, 32, (256, 64))
    assert (top, bottom, right) == (0, 50, 200)
    assert right - left == 200
    assert window_of(masked((200, 50), (0, 0, 200, 50)), 32, (64, 64)) == (0, 0, 200, 50)


def test_a_mask_of_nothing_has_no_window():
    with pytest.raises(BadInput, match="Nothing is masked"):
        framed(noise(), Image.new("L", (200, 100)), FROM.but(mask=Mask(image=REF, region="masked")))


@pytest.mark.parametrize("region", ["whole", "masked"])
@pytest.mark.parametrize("invert", [False, True])
def test_what_is_put_back_leaves_the_outside_to_the_pixel(region, invert):
    source, box = noise(), (120, 20, 160, 60)
    recipe = Recipe(width=200, height=104, source=Source(image=REF, resize="stretch"))
    recipe = recipe.but(mask=Mask(image=REF, region=region, invert=invert, padding=8))
    frame = framed(source, masked(source.size, box), recipe)
    after = np.asarray(frame.put_back(Image.new("RGB", (200, 104), "red"), 4)).astype(int)
    before = np.asarray(frame.picture).astype(int)
    inside = np.asarray(frame.mask) >= 128
    assert after.shape[:2] == ((100, 200) if region == "masked" else (104, 200))
    assert (after[~inside] == before[~inside]).all()
    assert (after[inside] == (255, 0, 0)).all(axis=-1).mean() > 0.5


def test_a_mask_of_the_sources_own_size_is_fitted_as_the_source_is():
    mark = masked((200, 100), (100, 0, 200, 100))
    for how in ("crop", "stretch", "pad"):
        recipe = FROM.but(source=Source(image=REF, resize=how), mask=Mask(image=REF))
        frame = framed(Image.merge("RGB", (mark,) * 3), mark, recipe)
        assert frame.picture.size == (64, 64)
        assert np.array_equal(np.asarray(frame.picture)[..., 0], np.asarray(frame.mask))
    laid = framed(noise(), masked((64, 64), (0, 0, 32, 64)), FROM.but(mask=Mask(image=REF)))
    assert np.array_equal(np.asarray(laid.mask), np.asarray(masked((64, 64), (0, 0, 32, 64))))


def test_what_is_masked_is_filled_from_around_it_and_nothing_of_it_shines_through():
    picture = Image.new("RGB", (96, 64), (40, 90, 160))
    mask = masked((96, 64), (30, 10, 80, 50))
    picture.paste((255, 0, 0), mask=mask)
    filled = np.asarray(surrounded(picture, mask)).astype(int)
    assert abs(filled - (40, 90, 160)).max() <= 1
    slope = Image.linear_gradient("L").resize((96, 64)).convert("RGB")
    soft = np.asarray(surrounded(slope, mask)).astype(int)[..., 0]
    assert (np.diff(soft[10:50:8, 55]) > 0).all()  # it goes on as it does beside
    assert abs(np.diff(soft, axis=1)).max() <= 12
    everything = surrounded(picture, Image.new("L", (96, 64), 255))
    assert everything.getextrema() == ((127, 127),) * 3
