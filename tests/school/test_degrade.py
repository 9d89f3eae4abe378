import numpy as np
import pytest

from studio.school.degrade import degrade, gaussian_kernel, shrink_cleanly, sinc_kernel
from studio.school.measures import psnr


def _hills():
    y, x = np.mgrid[0:64, 0:64]
    return np.stack([128 + 100 * np.sin(x / 7), 128 + 100 * np.cos(y / 9), 2 * x + y], -1).astype(np.uint8)


def test_a_degraded_picture_is_smaller_worse_and_still_the_same_scene():
    clean = shrink_cleanly(_hills(), 2)
    poor = degrade(_hills(), 2, np.random.default_rng(1))
    assert poor.shape == clean.shape == (32, 32, 3)
    assert 14 < psnr(clean, poor) < 45


def test_the_same_seed_degrades_alike():
    one, two = (degrade(_hills(), 2, np.random.default_rng(3)) for _ in range(2))
    assert (one == two).all()


@pytest.mark.parametrize("seed", range(6))
def test_kernels_keep_the_brightness(seed):
    rng = np.random.default_rng(seed)
    assert gaussian_kernel(rng, (0.2, 2.4)).sum() == pytest.approx(1)
    assert sinc_kernel(rng.uniform(1, 3)).sum() == pytest.approx(1)
