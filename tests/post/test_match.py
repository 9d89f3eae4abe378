"""The source's palette over what was painted from it."""

import numpy as np
from PIL import Image

from studio.post.match import Match
from studio.post.tools import Tools


def tools(source: Image.Image | None) -> Tools:
    return Tools(None, None, lambda: None, lambda: source)  # pyright: ignore[reportArgumentType]


def hills(red: int, green: int, blue: int, mode: str = "RGB") -> Image.Image:
    ramp = np.linspace(0.3, 0.9, 64)[None, :, None] * np.array([red, green, blue])
    return Image.fromarray(np.repeat(ramp, 48, 0).astype(np.uint8)).convert(mode)


def test_the_colours_become_those_of_the_source():
    cold, warm = hills(60, 110, 220), hills(220, 140, 60)
    done = Match()(cold, tools(warm))
    before, after = (np.abs(np.asarray(x).mean((0, 1)) - np.asarray(warm).mean((0, 1))) for x in (cold, done))
    assert after.max() < 6 < before.max()


def test_half_the_amount_goes_half_the_way_and_none_changes_nothing():
    cold, warm = hills(60, 110, 220), hills(220, 140, 60)
    blue = [float(np.asarray(Match(amount=a)(cold, tools(warm)))[..., 2].mean()) for a in (0, 0.5, 1)]
    assert blue[2] < blue[1] < blue[0]
    assert Match(amount=0)(cold, tools(warm)) is cold
    assert Match()(cold, tools(None)) is cold


def test_alpha_is_kept():
    cold = hills(60, 110, 220, "RGBA")
    cold.putalpha(77)
    assert Match()(cold, tools(hills(220, 140, 60))).getchannel("A").getextrema() == (77, 77)
