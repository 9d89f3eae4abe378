"""Pictures that continue over their edges."""

import pytest
import torch
from torch import nn

from studio.painting.seamless import seamless


def net() -> nn.Module:
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(3, 4, 3, padding=1),
        nn.SiLU(),
        nn.Conv2d(4, 4, 3, stride=2, padding=1),
        nn.Conv2d(4, 2, 1),
    )
    return nn.Sequential(*layers).double()


@pytest.mark.parametrize(("axes", "shifted"), [("x", (0, 4)), ("y", (4, 0)), ("both", (4, 6))])
def test_a_shifted_picture_gives_the_shifted_result(axes: str, shifted: tuple[int, int]):
    """Only a net without edges commutes with turning the picture round."""
    model, given = net(), torch.randn(1, 3, 16, 16, dtype=torch.double)
    turned = given.roll(shifted, (2, 3))
    with torch.no_grad(), seamless([model], axes):
        expected = model(given).roll([n // 2 for n in shifted], (2, 3))
        assert torch.allclose(model(turned), expected, atol=1e-12)
    with torch.no_grad():
        assert not torch.allclose(model(turned), expected, atol=1e-3)


def test_the_other_axis_keeps_its_edges():
    model, given = net(), torch.randn(1, 3, 16, 16, dtype=torch.double)
    with torch.no_grad(), seamless([model], "x"):
        assert not torch.allclose(model(given.roll(4, 2)), model(given).roll(2, 2), atol=1e-3)


def test_afterwards_the_net_is_as_it_was_even_when_it_fails():
    model, given = net(), torch.randn(1, 3, 16, 16, dtype=torch.double)
    with torch.no_grad():
        before = model(given)
        with pytest.raises(ZeroDivisionError), seamless([model], "both"):
            raise ZeroDivisionError
        assert torch.equal(model(given), before)
    assert all("_conv_forward" not in layer.__dict__ for layer in model.modules())
