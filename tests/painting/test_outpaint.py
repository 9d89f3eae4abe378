"""A picture that shall grow: what is known stays, what is new is masked."""

import numpy as np
import pytest
from PIL import Image

from studio.errors import BadInput
from studio.painting.outpaint import Edges, extended


def noise(width=96, height=64):
    return Image.effect_noise((width, height), 90).convert("RGB")


def test_a_grown_picture_keeps_the_old_one_in_its_place_and_masks_the_new():
    old = noise()
    grown = extended(old, Edges(left=32, bottom=16), overlap=8)
    assert grown.source.size == grown.mask.size == (128, 80)
    assert np.array_equal(np.asarray(grown.source)[:64, 32:], np.asarray(old))
    mask = np.asarray(grown.mask)
    assert (mask[:, :32] == 255).all()
    assert (mask[64:] == 255).all()
    assert (mask[:56, 40:] == 0).all()
    assert (mask[:60, 34] == 255).all(), "the new reaches into the old"


def test_what_is_new_looks_like_what_it_touches_and_is_soft():
    old = Image.new("RGB", (64, 64), "navy")
    old.paste("orange", (32, 0, 64, 64))
    new = np.asarray(extended(old, Edges(right=64)).source).astype(int)
    assert abs(new[:, 64:80] - (255, 165, 0)).max() <= 12
    rough = np.asarray(extended(noise(), Edges(right=64)).source).astype(float)
    assert rough[:, 110:].std() < rough[:, :96].std() / 3


def test_sides_become_multiples_of_8_and_a_picture_may_grow_by_more_than_its_size():
    assert extended(noise(30, 50), Edges(right=200, top=3)).source.size == (232, 56)


def test_transparent_parts_are_painted_too():
    clear = noise().convert("RGBA")
    clear.paste((0, 0, 0, 0), (40, 20, 60, 40))
    grown = extended(clear, Edges(), overlap=4)
    mask = np.asarray(grown.mask)
    assert (mask[20:40, 40:60] == 255).all()
    assert mask[5, 5] == 0
    assert np.asarray(grown.source)[25:35, 45:55].min() > 0


def test_a_picture_that_does_not_grow_or_grows_too_much_is_refused():
    with pytest.raises(BadInput, match="how far"):
        extended(noise(), Edges())
    with pytest.raises(BadInput, match="handscroll"):
        extended(noise(), Edges(right=4096))
