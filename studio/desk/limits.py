"""What one painter may ask for at once, refused with a sentence that says what would be accepted."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from studio.errors import BadInput, DiskFull, LimitReached
from studio.post import Upscale
from studio.recipe import Recipe
from studio.settings import Limits

Size = tuple[int, int]
_NOTHING: Mapping[str, Size] = MappingProxyType({})


def cost(recipe: Recipe, given: Mapping[str, Size] = _NOTHING) -> float:
    """Megapixels × denoising steps that will be run: the unit of limits and of time estimates.

    Each megapixel that is made by enlarging counts as one step. `given`: input pictures' sizes by digest.
    """
    *sizes, _ = finishing(recipe, given)
    return sum(costs(recipe, given)) + sum(width * height / 1e6 for width, height in sizes)


def costs(recipe: Recipe, given: Mapping[str, Size] = _NOTHING) -> tuple[float, float]:
    """Megapixel-steps of the first pass, and of the high-res fix behind it. `given`: see `cost`."""
    strength = recipe.source.strength if recipe.source is not None else 1.0
    first = recipe.width * recipe.height / 1e6 * recipe.steps * strength
    if recipe.hires is None or not recipe.hires.denoising:
        return first, 0.0
    width, height = sides(recipe, given)
    return first, width * height / 1e6 * (recipe.hires.steps or recipe.steps)


def finishing(recipe: Recipe, given: Mapping[str, Size] = _NOTHING) -> list[Size]:
    """The sizes that finishing enlarges the picture to, one after another, then the finished picture's.

    Width, height in pixels. A picture that is only finished begins at its own size (see `cost`).
    """
    size, sizes = sides(recipe, given), list[Size]()
    for step in recipe.post:
        if isinstance(step, Upscale):
            size = step.size(*size)
            sizes.append(size)
    return [*sizes, size]


def sides(recipe: Recipe, given: Mapping[str, Size] = _NOTHING) -> Size:
    """Width and height in pixels of the largest pass that is painted; of a picture that is only finished, at
    its own size.
    """
    size = began(recipe, given)
    return recipe.hires.size(*size) if recipe.hires else size


def began(recipe: Recipe, given: Mapping[str, Size] = _NOTHING) -> Size:
    """Width and height in pixels of the first pass, or of the picture that is only finished."""
    size, source = (recipe.width, recipe.height), recipe.source
    return given.get(source.image, size) if source is not None and source.strength == 0 else size


def check_request(recipes: Sequence[Recipe], limits: Limits) -> None:
    """Raises `LimitReached` (or `BadInput` when nothing is asked for) before anything is stored."""
    if not recipes:
        raise BadInput("There is nothing to paint: ask for at least one picture.")
    if len(recipes) > limits.pictures:
        raise LimitReached(
            f"At most {limits.pictures} pictures can be asked for at once; this asks for {len(recipes)}."
        )
    for recipe in recipes:
        if max(len(recipe.prompt), len(recipe.negative)) > limits.prompt:
            raise LimitReached(f"A prompt may have {limits.prompt} characters here; shorten it.")
        if max(recipe.steps, recipe.hires.steps if recipe.hires else 0) > limits.steps:
            raise LimitReached(f"At most {limits.steps} steps are allowed here; lower Steps.")
        if max(sides(recipe)) > limits.side:
            raise LimitReached(f"At most {limits.side} pixels a side are allowed here; make it smaller.")
        check_cost(recipe, limits)


def check_cost(recipe: Recipe, limits: Limits, given: Mapping[str, Size] = _NOTHING) -> None:
    """Raises `LimitReached` for a picture that costs too much or becomes too large. `given`: see `cost`."""
    if max(sides(recipe, given)) > limits.side and recipe.hires is not None and recipe.hires.denoising:
        raise LimitReached(f"At most {limits.side} pixels a side are allowed here; make it smaller.")
    if (needed := cost(recipe, given)) > limits.cost:
        raise LimitReached(
            f"This picture costs {needed:.0f} megapixel-steps and {limits.cost:.0f} are allowed; "
            "make it smaller or lower Steps."
        )
    check_size(*finishing(recipe, given)[-1], limits)
    if recipe.hires is not None:  # before its sides are cut to an exact size it may be much larger
        check_size(*recipe.hires.cover(*began(recipe, given)), limits)


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raises `LimitReached` for a finished picture of more megapixels than a painter may have."""
    if width * height / 1e6 > limits.megapixels:
        raise LimitReached(
            f"The finished picture would have {width * height / 1e6:.1f} megapixels and "
            f"{limits.megapixels:g} are allowed; choose a smaller scale, or make it smaller."
        )


def check_scroll(length: int, height: int, parts: int, limits: Limits) -> None:
    """Raises `LimitReached` for a handscroll that is larger, or has more parts, than a painter may have."""
    check_size(length, height, limits)
    if parts > limits.parts:
        raise LimitReached(
            f"This scroll would have {parts} parts and {limits.parts} are allowed; make it shorter, or let "
            "each part see less of the one before."
        )


def check_live(asked: float, spent: float, limits: Limits) -> None:
    """Raises `LimitReached` when a live frame is more than is left of a painter's hour of live painting."""
    if limits.hourly_live and spent + asked > limits.hourly_live:
        raise LimitReached(
            "You have drawn live as much as you may in an hour; press Paint, or draw on a little later."
        )


def check_line(asked: int, own: int, everybody: int, limits: Limits) -> None:
    """Raises `LimitReached` when `asked` more jobs would make the line too long."""
    if own + asked > limits.waiting:
        raise LimitReached(
            f"You have {own} pictures waiting and may have {limits.waiting}; wait for some, or stop them."
        )
    if everybody + asked > limits.waiting_all:
        raise LimitReached(
            f"The studio is busy: {everybody} pictures are waiting. Please try again in a few minutes."
        )


def check_hour(asked: float, spent: float, limits: Limits) -> None:
    """Raises `LimitReached` when `asked` megapixel-steps are more than is left of a painter's hour."""
    if limits.hourly and spent + asked > limits.hourly:
        raise LimitReached(
            f"You have used {spent:.0f} of the {limits.hourly:.0f} megapixel-steps you may have an hour, "
            f"and this needs {asked:.0f}; make it smaller, lower Steps, or paint on a little later."
        )


def check_kept(coming: int, pictures: int, used: int, limits: Limits) -> None:
    """Raises `LimitReached` when a painter's pictures, with those that come, would fill her place.

    `coming`: pictures asked for and waiting · `pictures`, `used`: how many she has, and their bytes.
    """
    if limits.kept and pictures + coming > limits.kept:
        raise LimitReached(
            f"You have {pictures} pictures and may keep {limits.kept}; download some, delete them and empty "
            "the trash."
        )
    if limits.kept_bytes and used >= limits.kept_bytes:
        raise LimitReached(
            f"Your pictures take {used / 2**20:.0f} MiB of {limits.kept_bytes / 2**20:.0f}; download some, "
            "delete them and empty the trash."
        )


def check_given(size: int, files: int, used: int, limits: Limits) -> None:
    """Raises `LimitReached` when one more picture of `size` bytes is too much of a painter's uploads."""
    if size > limits.upload_bytes:
        raise LimitReached(
            f"A picture may have {limits.upload_bytes / 2**20:.0f} MiB; make it smaller or send it as JPEG."
        )
    too_many = limits.inputs and files >= limits.inputs
    if too_many or (limits.inputs_bytes and used + size > limits.inputs_bytes):
        raise LimitReached(
            "You have given as many pictures as fit here for now; each is forgotten a day after its last use."
        )


def check_disk(folder: Path, limits: Limits) -> None:
    """Raises `DiskFull` when less than `limits.free_bytes` is free where pictures are kept."""
    free = shutil.disk_usage(folder).free
    if free < limits.free_bytes:
        raise DiskFull(
            f"Only {free / 2**30:.1f} GiB are free on the disk of the data folder and "
            f"{limits.free_bytes / 2**30:.1f} GiB are kept free. Make room, then paint again."
        )
