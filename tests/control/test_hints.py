"""Control images are white lines on black, of exactly the size that was asked for."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio import control
from studio.control import HINTS
from studio.control.annotators import ANNOTATORS
from studio.errors import UnknownName
from studio.models.library import Library
from studio.models.manager import Models
from studio.post import Tools

PLAIN = [name for name in HINTS if name not in ANNOTATORS]


@pytest.fixture
def hint(tmp_path):
    """A preprocessor in a studio without any weights."""
    tools = Tools(Library(tmp_path), Models("cpu"), lambda: None)
    return lambda name, image, width, height: control.hint(name, image, width, height, tools)


def sketch(mode="RGB", background="white"):
    """A fat dark stroke across a sheet of 200 × 100."""
    image = Image.new(mode, (200, 100), background)
    ImageDraw.Draw(image).line([(20, 50), (180, 50)], fill=(40, 40, 40), width=9)
    return image


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
def test_every_hint_has_the_size_asked_for(hint, name, mode):
    made = hint(name, sketch().convert(mode), 128, 64)
    assert (made.mode, made.size) == ("RGB", (128, 64))


@pytest.mark.parametrize("name", ["invert", "scribble", "lineart", "paper"])
def test_dark_strokes_become_white_on_black(hint, name):
    made = np.asarray(hint(name, sketch(), 200, 100)).mean(axis=2)
    assert made[50, 100] > 200
    assert made[10].max() < 20
    assert made[:, 5].max() < 20


def test_transparent_paper_is_white_paper(hint):
    clear = sketch("RGBA", (0, 0, 0, 0))
    made = np.asarray(hint("scribble", clear, 200, 100))
    assert made[50, 100].min() == 255
    assert made[10].max() == 0


def test_scribble_is_black_and_white_alone_and_canny_finds_both_sides_of_a_stroke(hint):
    soft = sketch().resize((50, 25)).resize((200, 100))
    assert set(np.unique(np.asarray(hint("scribble", soft, 200, 100)))) == {0, 255}
    column = np.asarray(hint("canny", sketch(), 200, 100))[:, 100, 0]
    assert (column > 0).sum() == 2
    assert column[50] == 0


def test_a_blank_sheet_has_no_lines_and_none_changes_nothing(hint):
    for name in ("invert", "scribble", "canny", "lineart", "paper"):
        assert np.asarray(hint(name, Image.new("RGB", (64, 64), "white"), 64, 64)).max() == 0
    noise = Image.effect_noise((64, 64), 80).convert("RGB")
    assert np.array_equal(np.asarray(hint("none", noise, 64, 64)), np.asarray(noise))


def test_an_unknown_hint_lists_what_exists(hint):
    with pytest.raises(UnknownName, match="scribble"):
        hint("scribbel", Image.new("RGB", (64, 64)), 64, 64)


def test_a_photographed_sketch_loses_shadow_tint_and_grain_but_not_its_lines(hint):
    random = np.random.default_rng(4)
    shade = np.linspace(0.35, 1.0, 300)[None, :, None] * np.array([235, 220, 190])
    paper = np.repeat(shade, 200, axis=0) + random.normal(0, 4, (200, 300, 3))
    drawn = Image.new("L", (300, 200))
    for y in (40, 100, 160):
        ImageDraw.Draw(drawn).line([(20, y), (280, y)], fill=255, width=4)
    ink = np.asarray(drawn)[..., None] / 255
    photo = Image.fromarray((paper * (1 - 0.6 * ink)).clip(0, 255).astype(np.uint8))
    made, there = np.asarray(hint("paper", photo, 300, 200))[..., 0] > 0, np.asarray(drawn) > 0
    assert made[there].mean() > 0.9
    assert made[~there].mean() < 0.02


def test_what_tells_by_greys_or_colours_is_no_lines():
    assert {name for name in HINTS if not control.is_lines(name)} == {
        "none",
        "depth",
        "openpose",
        "openpose_full",
    }
