"""What a picture costs and where the bar stands, with and without a high-res fix."""

import pytest

from studio.desk.events import shares
from studio.desk.limits import check_cost, check_live, check_request, check_scroll, cost, finishing
from studio.errors import LimitReached
from studio.post import Upscale
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


def test_enlarging_while_finishing_counts_by_what_it_makes_and_its_end_has_a_bound():
    twice = PLAIN.but(post=[Upscale(scale=2), Upscale(longest=2048)])
    assert cost(twice) == pytest.approx(cost(PLAIN) + 1.048576 + 4.194304)
    assert finishing(FIXED.but(post=[Upscale(scale=2)])) == [(2048, 2048), (2048, 2048)]
    check_request([twice], Limits(megapixels=4.2))
    for limits in (Limits(megapixels=4), Limits(cost=10)):
        with pytest.raises(LimitReached):
            check_request([twice], limits)


def test_a_picture_that_is_only_finished_counts_by_its_own_size():
    finished = Recipe(source=Source(image="a" * 64, strength=0), post=[Upscale(scale=2)])
    given = {"a" * 64: (2000, 1000)}
    assert finishing(finished, given)[-1] == (4000, 2000)
    check_cost(finished, Limits(megapixels=2))
    with pytest.raises(LimitReached, match=r"8\.0 megapixels"):
        check_cost(finished, Limits(megapixels=2), given)


def test_no_limit_can_be_passed_by_a_high_res_fix_of_a_large_picture():
    """What is made larger is the picture itself, whatever size the recipe says."""
    fixed = Recipe(
        width=64, height=64, steps=10, source=Source(image="a" * 64, strength=0), hires=Hires(scale=2)
    )
    given = {"a" * 64: (1000, 500)}
    assert cost(fixed, given) == pytest.approx(2.0 * 10)
    check_cost(fixed, Limits(side=2048, cost=25), given)
    for limits in (Limits(cost=15), Limits(side=1500)):
        check_request([fixed], limits)
        with pytest.raises(LimitReached):
            check_cost(fixed, limits, given)


def test_a_thin_picture_may_not_become_enormous_on_its_way_to_an_exact_size():
    hires = Hires(upscaler="latent (bilinear)", width=64, height=2048)
    thin = Recipe(source=Source(image="a" * 64, strength=0), hires=hires)
    check_cost(thin, Limits(megapixels=16), {"a" * 64: (64, 2048)})
    with pytest.raises(LimitReached, match="megapixels"):
        check_cost(thin, Limits(megapixels=16), {"a" * 64: (32768, 1)})


def test_a_scroll_and_an_hour_of_live_painting_have_their_ends():
    check_scroll(4096, 512, 12, Limits(megapixels=3, parts=12))
    for limits in (Limits(megapixels=2), Limits(parts=11)):
        with pytest.raises(LimitReached):
            check_scroll(4096, 512, 12, limits)
    check_live(1, 1e9, Limits())
    with pytest.raises(LimitReached, match="live"):
        check_live(1, 9.5, Limits(hourly_live=10))


def test_the_bar_gives_every_pass_its_part_and_never_goes_back():
    told = shares(FIXED.to_json())
    assert told["denoise"][1] == told["hires"][0] == pytest.approx(0.1 + 0.8 / 3)
    assert told["hires"][1] <= told["post"][0]
    assert "hires" not in shares(PLAIN.to_json())
    assert shares("{broken") == shares(PLAIN.to_json())
