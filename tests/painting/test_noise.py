import torch

from studio.families import FAMILIES
from studio.families.sd import draw_noise
from studio.painting.noise import beginning, slerp
from studio.recipe import Recipe, Variation


def test_noise_on_the_way_stays_as_strong_as_noise_at_the_ends():
    one, two = (torch.randn(1, 4, 32, 32, generator=torch.Generator().manual_seed(i)) for i in (1, 2))
    assert torch.allclose(slerp(one, two, 0.0), one, atol=1e-5)
    assert torch.allclose(slerp(one, two, 1.0), two, atol=1e-5)
    assert abs(float(slerp(one, two, 0.5).std()) - 1) < 0.05
    assert float(torch.lerp(one, two, 0.5).std()) < 0.8


def test_equal_noises_stay_themselves():
    one = torch.randn(1, 4, 8, 8)
    assert torch.equal(slerp(one, one, 0.3), one)


def test_a_variation_leads_from_the_seeds_noise_to_the_others():
    family, recipe = FAMILIES["starter"], Recipe(seed=3, width=64, height=64)
    own, other = draw_noise(family, recipe), draw_noise(family, recipe.but(seed=9))

    def mixed(strength: float) -> torch.Tensor:
        return beginning(family, recipe.but(variation=Variation(seed=9, strength=strength)))

    assert torch.equal(beginning(family, recipe), own)
    assert torch.equal(mixed(0), own)
    assert torch.allclose(mixed(1), other, atol=1e-5)
    distances = [float((mixed(s) - own).norm()) for s in (0.05, 0.2, 0.5)]
    assert distances == sorted(distances)


def test_a_variation_without_a_seed_draws_one_and_keeps_it():
    drawn = Recipe(seed=3, variation=Variation()).seeded()
    assert drawn.variation is not None
    assert drawn.variation.seed >= 0
    assert drawn.seeded() is drawn
