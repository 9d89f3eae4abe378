import pytest

from studio.models.budget import RUNGS, decode_bytes, denoise_bytes, lower, rung

GB = 10**9


@pytest.mark.parametrize(
    ("free", "wanted"),
    [(20 * GB, "resident"), (7 * GB, "swap"), (5 * GB, "fp8"), (2 * GB, "stream"), (0, "stream")],
)
def test_the_highest_rung_that_fits_is_taken(free: int, wanted: str):
    sdxl = [int(1.6 * GB), int(5.1 * GB), int(0.2 * GB)]
    assert rung(sdxl, GB, free) == wanted


def test_a_job_can_be_held_below_a_rung():
    for at_least in RUNGS:
        assert rung([1], 1, 10 * GB, at_least) == at_least
    assert [lower(name) for name in RUNGS] == ["swap", "fp8", "stream", "stream"]


def test_more_memory_never_means_a_lower_rung():
    steps = [RUNGS.index(rung([3 * GB, 2 * GB], GB, free)) for free in range(0, 8 * GB, GB // 4)]
    assert steps == sorted(steps, reverse=True)


def test_working_memory_grows_with_the_pixels():
    assert denoise_bytes(1024, 1024) == 4 * denoise_bytes(512, 512)
    assert 0.5 * GB < denoise_bytes(1024, 1024) < GB
    assert 4 * GB < decode_bytes(1024, 1024) < 5 * GB
    assert decode_bytes(1024, 1024, itemsize=4) == 2 * decode_bytes(1024, 1024)
