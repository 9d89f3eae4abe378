"""The tiler is tested by mathematics: a local network cannot tell tiles from the whole."""

import gc
import tracemalloc
import weakref
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import Stopped
from studio.tiles import Tiling, blocks, spans, tiled, weights


def blur(tile: np.ndarray) -> np.ndarray:
    """A local network of reach 2 whose edges are wrong, twice as large."""
    import cv2

    smooth = cv2.blur(tile, (5, 5), borderType=cv2.BORDER_CONSTANT)
    return smooth.repeat(2, axis=0).repeat(2, axis=1)


@pytest.fixture
def noise():
    return np.random.default_rng(0).random((150, 203), np.float32)


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(1, 2000), tile=st.integers(1, 40), overlap=st.integers(0, 20), snap=st.integers(1, 16)
)
def test_tiles_are_equal_few_overlapping_and_cover_everything(length, tile, overlap, snap):
    length, tile = length * snap, max(tile, 2 * overlap + 1) * snap
    plan = Tiling(tile, overlap * snap, snap=snap)
    cut = spans(length, plan)
    assert len({stop - start for start, stop in cut}) == 1
    assert cut[0][0] == 0
    assert cut[-1][1] == length
    assert all(start % snap == 0 for start, _ in cut)
    assert all(before[1] - after[0] >= overlap * snap for before, after in pairwise(cut))
    assert cut[0][1] <= tile
    one_less = len(cut) - 1
    assert len(cut) == 1 or one_less * tile - (one_less - 1) * overlap * snap < length
    total = np.zeros(length)
    for (start, stop), share in zip(cut, weights(length, plan), strict=True):
        total[start:stop] += share
    assert np.allclose(total, 1, atol=1e-5)


def test_a_local_network_cannot_tell_tiles_from_the_whole(noise):
    plan = Tiling(48, 8, up=2)  # 4 × the reach of 2
    assert np.abs(tiled(noise, blur, plan) - blur(noise)).max() < 1e-6


def test_a_shorter_overlap_would_show_its_seams(noise):
    assert np.abs(tiled(noise, blur, Tiling(48, 2, up=2)) - blur(noise)).max() > 0.05


def test_tensors_come_back_as_tensors(noise):
    net = torch.nn.Conv2d(3, 12, 3, padding=1)
    picture = torch.from_numpy(np.stack([noise] * 3))[None]

    def work(tile):
        return torch.nn.functional.pixel_shuffle(net(tile), 2)

    with torch.no_grad():
        made = tiled(picture, work, Tiling(64, 4, up=2))
        assert isinstance(made, torch.Tensor)
        assert float((made - work(picture)).abs().max()) < 1 / 255


def test_pictures_become_smaller_too(noise):
    small = tiled(noise[:144, :200], lambda t: t[::8, ::8].copy(), Tiling(64, 16, down=8, snap=8))
    assert (small == noise[:144:8, :200:8]).all()


def test_only_one_tile_is_in_memory_however_large_the_picture_is():
    living: list[weakref.ref] = []
    most_tiles = most_pixels = 0

    def work(tile):
        made = tile.repeat(2, axis=0).repeat(2, axis=1)
        nonlocal most_tiles
        gc.collect()
        most_tiles = max(most_tiles, 1 + sum(one() is not None for one in living))
        living.append(weakref.ref(made))
        return made

    picture = np.zeros((400, 96), np.uint8)
    for _, _, block in blocks(picture, work, Tiling(32, 8, up=2)):
        most_pixels = max(most_pixels, block.size)
    assert most_tiles == 1
    assert most_pixels <= 64 * 64
    assert len(living) == len(spans(400, Tiling(32, 8))) * len(spans(96, Tiling(32, 8)))


def test_what_waits_for_its_neighbours_is_an_overlap_high_and_not_a_tile():
    plan, picture = Tiling(64, 8, up=2), np.zeros((180, 3000), np.uint8)

    def work(tile):
        return tile.repeat(2, axis=0).repeat(2, axis=1)

    tracemalloc.start()
    try:
        for _ in blocks(picture, work, plan):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    overlap = max(before[1] - after[0] for before, after in pairwise(spans(180, plan)))
    assert peak < 4 * 2 * overlap * 2 * 3000 + 12 * 4 * 128 * 128


def test_every_pixel_is_handed_out_once(noise):
    handed = np.zeros((300, 406), int)
    for top, left, block in blocks(noise, blur, Tiling(48, 8, up=2)):
        handed[top : top + block.shape[0], left : left + block.shape[1]] += 1
    assert (handed == 1).all()


def test_tiles_are_halved_when_memory_runs_out_and_stay_so(noise):
    tried: list[int] = []

    def scarce(tile):
        tried.append(max(tile.shape))
        if max(tile.shape) > 40:
            raise torch.OutOfMemoryError("out of memory")
        return blur(tile)

    made = tiled(noise, scarce, Tiling(128, 8, up=2, least=16))
    assert np.abs(made - blur(noise)).max() < 1e-6
    assert sum(side > 40 for side in tried) <= 2


def test_where_even_the_smallest_tile_finds_no_room_the_error_is_said(noise):
    def never(tile):
        raise MemoryError

    with pytest.raises(MemoryError):
        tiled(noise, never, Tiling(128, 8, least=64))


def test_another_fault_is_not_taken_for_want_of_memory(noise):
    def broken(tile):
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        tiled(noise, broken, Tiling(128, 8, least=16))


def test_stop_is_heard_before_every_tile(noise):
    made: list[int] = []

    def checkpoint():
        if len(made) == 3:
            raise Stopped("Stopped.")

    def work(tile):
        made.append(1)
        return tile

    with pytest.raises(Stopped):
        tiled(noise, work, Tiling(32, 8), checkpoint)
    assert len(made) == 3
