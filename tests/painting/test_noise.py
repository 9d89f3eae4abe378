import torch

from studio.painting.noise import slerp


def test_noise_on_the_way_stays_as_strong_as_noise_at_the_ends():
    one, two = (torch.randn(1, 4, 32, 32, generator=torch.Generator().manual_seed(i)) for i in (1, 2))
    assert torch.allclose(slerp(one, two, 0.0), one, atol=1e-5)
    assert torch.allclose(slerp(one, two, 1.0), two, atol=1e-5)
    assert abs(float(slerp(one, two, 0.5).std()) - 1) < 0.05
    assert float(torch.lerp(one, two, 0.5).std()) < 0.8


def test_equal_noises_stay_themselves():
    one = torch.randn(1, 4, 8, 8)
    assert torch.equal(slerp(one, one, 0.3), one)
