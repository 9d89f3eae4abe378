"""The noise a picture begins with, and the way from one noise to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from studio.families import sd
from studio.families.family import Family
from studio.recipe import Recipe

if TYPE_CHECKING:
    import torch


def beginning(family: Family, recipe: Recipe) -> torch.Tensor:
    """The noise (1, C, H/8, W/8) of a recipe with real seeds: its seed's, its variation's mixed in."""
    own, mixed = sd.draw_noise(family, recipe), mixing(family, recipe)
    return own if mixed is None else mixed(own)


def mixing(family: Family, recipe: Recipe) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """What a recipe's variation makes of noise of its size; None without one."""
    varied = recipe.variation
    if varied is None or not varied.strength:
        return None
    other = sd.draw_noise(family, recipe.but(seed=varied.seed))
    return lambda own: slerp(own, other.to(own), varied.strength)


def slerp(start: torch.Tensor, end: torch.Tensor, share: float) -> torch.Tensor:
    """Spherical interpolation of two noises of one shape; nearly parallel ones are mixed linearly.

    A linear mean of two Gaussian samples has too little variance (Shoemake, "Animating rotation with
    quaternion curves", SIGGRAPH 1985).
    """
    import torch

    one, two = start.flatten().double(), end.flatten().double()
    cosine = torch.dot(one / one.norm(), two / two.norm()).clamp(-1, 1)
    angle = torch.acos(cosine)
    if float(torch.sin(angle)) < 1e-4:
        return torch.lerp(start, end, share)
    mixed = (torch.sin((1 - share) * angle) * one + torch.sin(share * angle) * two) / torch.sin(angle)
    return mixed.reshape(start.shape).to(start.dtype)
