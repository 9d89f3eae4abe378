import numpy as np
import pytest

from studio.school.measures import (
    copies,
    diversity,
    edge_agreement,
    frechet_distance,
    kernel_distance,
    psnr,
    sketch_distance,
    ssim,
)

RNG = np.random.default_rng(0)


def _squares(offset=0):
    picture = np.full((96, 96, 3), 230, np.uint8)
    picture[30 + offset : 70 + offset, 30:70] = 40
    return picture


def test_psnr_and_ssim_of_the_same_and_of_noise():
    picture = _squares()
    noisy = np.clip(picture + RNG.normal(0, 10, picture.shape), 0, 255).astype(np.uint8)
    assert psnr(picture, picture) == 99
    assert psnr(picture, noisy) == pytest.approx(28.2, abs=1)
    assert ssim(picture, picture) == pytest.approx(1)
    assert ssim(picture, noisy) < 0.8


def test_the_frechet_distance_of_shifted_gaussians_is_the_shift_squared():
    a = RNG.normal(size=(20_000, 4))
    assert frechet_distance(a, a + np.array([3, 0, 0, 0])) == pytest.approx(9, rel=1e-6)
    assert frechet_distance(a, 2 * RNG.normal(size=(20_000, 4))) == pytest.approx(4, rel=0.1)


def test_the_kernel_distance_is_unbiased_and_grows_with_the_shift():
    halves = [kernel_distance(RNG.normal(size=(200, 8)), RNG.normal(size=(200, 8))) for _ in range(30)]
    assert abs(np.mean(halves)) < 3 * np.std(halves) / np.sqrt(30) + 1e-3
    far = kernel_distance(RNG.normal(size=(200, 8)), RNG.normal(size=(200, 8)) + 1)
    assert far > 10 * np.std(halves)


def test_a_copy_is_found_and_a_stranger_is_not():
    known = RNG.normal(size=(300, 64)).astype(np.float32)
    made = np.stack([known[5] + 0.01, RNG.normal(size=64)]).astype(np.float32)
    assert copies(made, known).tolist() == [True, False]


def test_the_sketch_distance_is_how_far_the_drawing_is_off():
    lines = np.zeros((96, 96), np.uint8)
    lines[30, 35:65] = 255
    assert sketch_distance(lines, _squares()) < 2
    assert sketch_distance(lines, _squares(8)) == pytest.approx(8, abs=2)
    assert sketch_distance(np.zeros_like(lines), _squares()) == 0


def test_a_dark_or_misty_picture_has_edges_as_well_as_a_bright_one():
    lines = np.zeros((96, 96), np.uint8)
    lines[30, 35:65] = 255
    dark = (_squares() * 0.15).astype(np.uint8)
    misty = (200 + _squares() * 0.15).astype(np.uint8)
    for picture in (dark, misty):
        assert sketch_distance(lines, picture) < 2
    assert sketch_distance(lines, np.full_like(_squares(), 128)) == pytest.approx(np.hypot(*lines.shape))


def test_edges_agree_within_a_pixel():
    assert edge_agreement(_squares(), _squares()) == 1
    assert edge_agreement(_squares(), _squares(1)) > 0.9
    assert edge_agreement(_squares(), _squares(12)) < 0.7


def test_diversity_is_the_mean_distance():
    assert diversity(np.array([[0.0], [2.0], [4.0]])) == pytest.approx(8 / 3)
