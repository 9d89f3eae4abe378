import numpy as np
from PIL import Image

from studio.post import Grain
from studio.post.grain import SHEET, paper


def grey(side=600):
    return Image.fromarray(np.full((side, side, 3), 128, np.uint8))


def array(image):
    return np.asarray(image).astype(int)


def test_the_same_sheet_lays_the_same_grain_and_another_another(tools):
    first = array(Grain(seed=3)(grey(), tools))
    assert (array(Grain(seed=3)(grey(), tools)) == first).all()
    assert (array(Grain(seed=4)(grey(), tools)) != first).any()


def test_more_is_rougher_and_none_is_smooth(tools):
    spread = [array(Grain(amount=a)(grey(), tools)).std() for a in (0, 0.2, 0.8)]
    assert spread[0] == 0
    assert spread[0] < spread[1] < spread[2]


def test_it_is_grey_and_leaves_black_and_white_alone(tools):
    done = array(Grain(amount=1)(grey(), tools))
    assert np.ptp(done, axis=2).max() == 0
    poles = Image.fromarray(np.repeat(np.uint8([[0, 255]]), 3, axis=0).repeat(3).reshape(3, 2, 3))
    assert (array(Grain(amount=1)(poles, tools)) == array(poles)).all()


def test_the_paper_goes_on_without_a_seam():
    sheet = paper(1, 2.0)
    inside = np.abs(np.diff(sheet, axis=0)).mean()
    assert np.abs(sheet[0] - sheet[SHEET - 1]).mean() < 2 * inside


def test_a_larger_grain_is_smoother_from_pixel_to_pixel():
    fine, coarse = (np.abs(np.diff(paper(1, size), axis=0)).mean() for size in (1.0, 4.0))
    assert coarse < fine / 2
