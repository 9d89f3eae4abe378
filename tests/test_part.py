import math

import pytest
from pydantic import Field, ValidationError

from studio.part import Part


class Brush(Part):
    size: float = Field(4.0, ge=1, le=64)
    name: str = "round"


def test_a_part_cannot_be_changed():
    with pytest.raises(ValidationError):
        Brush().size = 9  # pyright: ignore


def test_but_gives_a_checked_copy_and_leaves_the_first_alone():
    first = Brush()
    assert first.but(size=9).size == 9
    assert first.size == 4
    with pytest.raises(ValidationError):
        first.but(size=0)
    with pytest.raises(ValidationError):
        first.but(sise=3)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_only_finite_numbers_are_taken(value: float):
    with pytest.raises(ValidationError):
        Brush(size=value)


def test_equal_parts_are_equal_and_can_be_keys():
    assert {Brush(size=2): 1}[Brush(size=2)] == 1
