import numpy as np

from studio.post import Sharpen


def test_an_edge_becomes_steeper_and_an_amount_of_zero_keeps_the_picture(tools, picture):
    before = np.asarray(picture).astype(int)
    sharp = np.asarray(Sharpen(amount=1.5)(picture, tools)).astype(int)
    assert np.abs(np.diff(sharp, axis=1)).mean() > np.abs(np.diff(before, axis=1)).mean()
    assert (np.asarray(Sharpen(amount=0)(picture, tools)) == before).all()


def test_transparency_is_kept(tools, picture):
    clear = picture.convert("RGBA")
    clear.putalpha(9)
    assert set(Sharpen()(clear, tools).getchannel("A").getdata()) == {9}
