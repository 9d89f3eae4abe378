"""What the originals make of the same weights and pictures: asked where they can be run, else as recorded.

    made, exact = reference("sum", "made['sum'] = given['a'] + given['b']", a=…, b=…)

The script runs in `.venv-originals`, which the first call makes (Python older than 3.13, the network once);
where that fails, so do the tests. On a newer Python the arrays come from `golden/NAME.npz`, which another
machine recorded: `exact` is then False, and `same` allows for the other processor's rounding: two levels of
8 bits, or a quarter of one in 16, but for a thousandth of the values. With INKSTONE_RECORD=1 the goldens are
written anew.
"""

import os
import sys
from pathlib import Path

import numpy as np

from studio.bench import originals

GOLDEN = Path(__file__).parent / "golden"


def run(script, **arrays):
    """The arrays that `script` put into `made`; it finds `arrays` in `given`. Raises `NoOriginals`."""
    return originals.run(script, arrays)


def here():
    """Whether the originals run on this Python. Raises `NoOriginals` where they should and cannot be had."""
    try:
        originals.prepared()
    except originals.NoOriginals:
        if sys.version_info < originals.NEWEST:
            raise
        return False
    return True


def reference(name, script, **arrays):
    """The originals' arrays, and whether they were made here and now. Keep them small: they are recorded."""
    path = GOLDEN / f"{name}.npz"
    if not here():
        with np.load(path, allow_pickle=False) as kept:
            return {key: kept[key] for key in kept.files}, False
    made = run(script, **arrays)
    if os.environ.get("INKSTONE_RECORD"):
        GOLDEN.mkdir(exist_ok=True)
        np.savez_compressed(path, **made)
    assert path.is_file(), f"{path.name} was never recorded; run this test with INKSTONE_RECORD=1"
    with np.load(path, allow_pickle=False) as kept:  # so that machines without the originals test the truth
        changed = [key for key in kept.files if not same(made[key], kept[key], exact=False)]
    assert not changed, f"{path.name} says something else of {', '.join(changed)}"
    return made, True


def same(ours, theirs, exact):
    """Equal, value for value, or as near as a golden from another processor has to be."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return False
    if exact:
        return bool(np.array_equal(ours, theirs))
    if np.issubdtype(ours.dtype, np.floating):
        return bool(np.allclose(ours, theirs, rtol=1e-3, atol=1e-2))
    rounding = 32 if ours.dtype == np.uint16 else 1  # processors with and without AVX512 are 25 levels apart
    apart = np.abs(ours.astype(np.float64) - theirs.astype(np.float64)) / rounding
    return bool(apart.mean() <= 0.05 and (apart > 2).mean() <= 0.001)
