"""What a picture costs and where the bar stands, with and without a high-res fix."""

import pytest

from studio.desk.events import shares
from studio.desk.limits import check_request, cost
from studio.errors import LimitReached
from studio.recipe import Hires, Recipe, Source
from studio.settings import Limits

PLAIN = Recipe(width=512, height=512, steps=20)
FIXED = PLAIN.but(hires=Hires(scale=2, steps=10))


def test_a_high_res_fix_costs_its_own_megapixel_steps():
    assert cost(PLAIN) == pytest.approx(0.262144 * 20)
    assert cost(FIXED) == pytest.approx(0.262144 * 20 + 1.048576 * 10)
    assert cost(PLAIN.but(hires=Hires(strength=0))) == cost(PLAIN)
    assert cost(PLAIN.but(source=Source(image="a" * 64, strength=0))) == 0


@pytest.mark.parametrize("limits", [Limits(side=768), Limits(cost=10), Limits(steps=15)])
def test_no_limit_can_be_passed_by_a_high_res_fix(limits: Limits):
    modest = PLAIN.but(steps=10)
    check_request([modest], limits)
    with pytest.raises(LimitReached):
        check_request([modest.but(hires=Hires(scale=2, steps=20))], limits)


def test_the_bar_gives_every_pass_its_part_and_never_goes_back():
    told = shares(FIXED.to_json())
    assert told["denoise"][1] == told["hires"][0] == pytest.approx(0.1 + 0.8 / 3)
    assert told["hires"][1] <= told["post"][0]
    assert "hires" not in shares(PLAIN.to_json())
    assert shares("{broken") == shares(PLAIN.to_json())
