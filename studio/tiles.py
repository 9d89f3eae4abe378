"""The one tiler: a large picture through a network in equal, overlapping, feathered tiles.

Tiles of one axis are all of one size and as few as possible, so none is a sliver. Where two overlap they are
blended; the outer quarter of an overlap has weight 0 and hides what a tile's edge does to the pixels near it:
for a local network whose receptive field reaches r pixels, tiled equals untiled once overlap ≥ 4 r. Sums are
float32 on the CPU, kept only where tiles overlap; what is finished is handed out block by block.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from studio.models.manager import is_out_of_memory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    Floats = NDArray[np.float32]
    Pixels = TypeVar("Pixels", NDArray[Any], Tensor)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tiling:
    """How to cut: pixels of the input.

    `tile`: a tile's largest side · `overlap`: of two neighbours, at most half a tile · `up` / `down`: how
    many times larger or smaller what comes out is · `snap`: where tiles begin and how long they are, as a
    multiple (of `down` at least); sides longer than a tile must be such multiples · `least`: the smallest
    tile that is tried when memory runs out. Raises `ValueError` when these do not go together.
    """

    tile: int
    overlap: int
    up: int = 1
    down: int = 1
    snap: int = 1
    least: int = 64

    def __post_init__(self) -> None:
        if self.snap % self.down or self.tile < self.snap or self.overlap < 0:
            raise ValueError(f"no tiles can be cut so: {self}")
        if _rounded_up(self.overlap, self.snap) * 2 > self.tile // self.snap * self.snap:
            raise ValueError(f"an overlap is at most half a tile: {self}")

    def out(self, length: int) -> int:
        """How long what comes out of `length` pixels is."""
        return length * self.up // self.down


def spans(length: int, plan: Tiling) -> tuple[Span, ...]:
    """Where the tiles of one axis begin and end: all of one size, neighbours share `overlap` or more.

    Raises `ValueError` when a side that must be cut is no multiple of `snap`.
    """
    snap, overlap = plan.snap, _rounded_up(plan.overlap, plan.snap)
    tile = plan.tile // snap * snap
    if length <= tile:
        return ((0, length),)
    if length % snap:
        raise ValueError(f"{length} pixels cannot be cut into tiles of multiples of {snap}")
    count = math.ceil((length - overlap) / (tile - overlap))
    side = _rounded_up(math.ceil((length + (count - 1) * overlap) / count), snap)
    starts = [i * (length - side) // (count - 1) // snap * snap for i in range(count)]
    return tuple((start, start + side) for start in starts)


def _rounded_up(length: int, snap: int) -> int:
    return math.ceil(length / snap) * snap


def weights(length: int, plan: Tiling) -> tuple[Floats, ...]:
    """Each tile's share of what comes out, along one axis; at every pixel the shares add up to 1."""
    import numpy as np

    cut = spans(length, plan)
    fade = plan.out(_rounded_up(plan.overlap, plan.snap))
    ramp = np.clip((np.arange(fade) + 0.5) / max(fade, 1) * 2 - 0.5, 0, 1)
    shares: list[NDArray[np.float64]] = []
    total = np.zeros(plan.out(length))
    for start, stop in cut:
        share = np.ones(plan.out(stop) - plan.out(start))
        if start > 0:
            share[:fade] = ramp
        if stop < length:
            share[len(share) - fade :] = np.minimum(share[len(share) - fade :], ramp[::-1])
        total[plan.out(start) : plan.out(stop)] += share
        shares.append(share)
    return tuple(
        (share / total[plan.out(start) : plan.out(stop)]).astype(np.float32)
        for share, (start, stop) in zip(shares, cut, strict=True)
    )


def _go_on() -> None:
    """Nobody wants to stop it."""


def tiled(
    picture: Pixels, work: Callable[[Pixels], Pixels], plan: Tiling, checkpoint: Callable[[], None] = _go_on
) -> Pixels:
    """`work` over a picture (…, H, W) in tiles: numpy in, numpy out; a tensor in, a tensor out. Float32, CPU.

    `work` takes a tile (…, h, w) and gives (…, h · up / down, w · up / down). `checkpoint` is called before
    every tile; what it raises (`Stopped`) ends the work. When memory runs out tiles are halved, down to
    `least`; then the error passes through.
    """
    import numpy as np

    whole: Any = None
    for top, left, block in blocks(picture, work, plan, checkpoint):
        if whole is None:
            height, width = plan.out(picture.shape[-2]), plan.out(picture.shape[-1])
            whole = np.empty((*block.shape[:-2], height, width), np.float32)
        whole[..., top : top + block.shape[-2], left : left + block.shape[-1]] = block
    return whole if isinstance(picture, np.ndarray) else _tensor(whole)


def blocks(
    picture: Pixels, work: Callable[[Pixels], Pixels], plan: Tiling, checkpoint: Callable[[], None] = _go_on
) -> Iterator[tuple[int, int, Floats]]:
    """What `tiled` gives, piece by piece: where a finished block begins (top, left), and it (…, h, w).

    In memory are one tile and what its neighbours below and to the right still add to: an overlap's height of
    the picture's width, however large the picture is.
    """
    import numpy as np

    rows, columns = spans(picture.shape[-2], plan), spans(picture.shape[-1], plan)
    down, across = weights(picture.shape[-2], plan), weights(picture.shape[-1], plan)
    run = _halving(work, plan, checkpoint)
    below: Any = None  # sums of this row of tiles that the next one adds to
    above = 0  # how many of its rows come from the row of tiles before
    for r, (top, bottom) in enumerate(rows):
        ready = plan.out(rows[r + 1][0] if r + 1 < len(rows) else bottom) - plan.out(top)
        beside: Any = None  # likewise, of this tile for the next
        for c, (left, right) in enumerate(columns):
            checkpoint()
            made = _array(run(picture[..., top:bottom, left:right])) * (down[r][:, None] * across[c])
            start, end = plan.out(left), plan.out(right)
            known = 0 if beside is None else beside.shape[-1]
            if known:
                made[..., :known] += beside
            if above:
                made[..., :above, known:] += below[..., :above, start + known : end]
            done = plan.out(columns[c + 1][0] if c + 1 < len(columns) else right) - start
            yield plan.out(top), start, made[..., :ready, :done]
            if ready < made.shape[-2]:
                if below is None:
                    below = np.empty(
                        (*made.shape[:-2], _deepest(rows, plan), plan.out(columns[-1][1])), np.float32
                    )
                below[..., : made.shape[-2] - ready, start : start + done] = made[..., ready:, :done]
            beside = made[..., done:].copy()
        above = plan.out(bottom) - plan.out(top) - ready


def _deepest(cut: Sequence[Span], plan: Tiling) -> int:
    """How far two neighbours overlap at most, in pixels of what comes out."""
    return max(plan.out(before[1]) - plan.out(after[0]) for before, after in pairwise(cut))


def _halving(
    work: Callable[[Pixels], Pixels], plan: Tiling, checkpoint: Callable[[], None]
) -> Callable[[Pixels], Pixels]:
    """`work`; a tile that memory has no room for is done in halves, and so are all after it."""
    limit = plan.tile

    def run(tile: Pixels) -> Pixels:
        nonlocal limit
        if max(tile.shape[-2:]) <= limit:
            done, made = _attempt(work, tile, final=limit // 2 < max(plan.least, plan.snap))
            if done:
                return made[0]
            limit = limit // 2 // plan.snap * plan.snap
        overlap = min(plan.overlap, limit // 2 // plan.snap * plan.snap)
        return tiled(tile, run, replace(plan, tile=limit, overlap=overlap), checkpoint)

    return run


def _attempt(work: Callable[[Pixels], Pixels], tile: Pixels, final: bool) -> tuple[bool, list[Pixels]]:
    """Whether there was room, and what came out. The error is dropped: its traceback keeps memory."""
    try:
        return True, [work(tile)]
    except (RuntimeError, MemoryError) as error:
        if final or not is_out_of_memory(error):
            raise
    import torch

    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    return False, []


def _array(made: Any) -> Any:
    import numpy as np

    return made if isinstance(made, np.ndarray) else made.detach().float().cpu().numpy()


def _tensor(whole: Any) -> Any:
    import torch

    return torch.from_numpy(whole)
