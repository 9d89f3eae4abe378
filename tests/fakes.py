"""A painter that needs no model: fast, watchable, and it can be told to fail in every way a real one can.

What it does is said in the prompt, as words like `steps=9`, which the recipe's own settings would not allow:
    ms=20       milliseconds a step          hang=3      never comes back at step 3
    raise=2     a mistake at step 2          oom=2       a sentence of ours at step 2
    die=2       the process ends at step 2   dieonce=/a/file   … but only while the file is not there
    print       writes to standard output    gpu=1       the device breaks
    png=broken  hands over half a picture  warn=word  a warning among the facts
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from studio import images, metadata
from studio.errors import OutOfMemory, Stopped
from studio.painting.events import Event, Picture, Started, Step
from studio.painting.live import Still
from studio.painting.look import HOUSE, Sight
from studio.recipe import Recipe

CELL, CELLS = 8, 8


class AcceleratorError(RuntimeError):
    """As torch calls a device that no longer answers."""


def block_code(seed: int) -> Image.Image:
    """A picture of 8×8 black and white cells that spells a seed in binary."""
    image = Image.new("L", (CELLS, CELLS))
    image.putdata([255 * (seed >> bit & 1) for bit in range(CELLS * CELLS)])
    return image.convert("RGB").resize((CELL * CELLS,) * 2, Image.Resampling.NEAREST)


def read_code(png: bytes) -> int:
    """The seed that a block code spells."""
    small = images.read(png).convert("L").resize((CELLS, CELLS), Image.Resampling.NEAREST)
    return sum(1 << bit for bit, value in enumerate(small.tobytes()) if value > 127)


class FakePainter:
    """Paints the block code of a recipe's seed in `recipe.steps` steps."""

    def paint(
        self,
        recipe: Recipe,
        blobs: Mapping[str, bytes],
        emit: Callable[[Event], None],
        stopped: Callable[[], bool],
        extra: Mapping[str, Any] | None = None,
        checked: bool = False,
    ) -> None:
        """As `Painter.paint`; `checked` becomes a warning."""
        said = dict(word.partition("=")[::2] for word in recipe.prompt.split())
        assert all(images.digest(blobs[digest]) == digest for digest in recipe.images)
        began = time.perf_counter()
        emit(Started(cold=False, models=("fake",)))
        for i in range(1, recipe.steps + 1):
            time.sleep(float(said.get("ms", 2)) / 1000)
            misbehave(said, i)
            preview = images.encode_webp(block_code(recipe.seed + i).resize((32, 32))) if i % 2 else None
            emit(Step("denoise", i, recipe.steps, preview))
            if stopped():
                raise Stopped("Stopped.")
        facts = {**(extra or {}), "seconds": {"denoise": time.perf_counter() - began, "load": 0.0}}
        facts["warnings"] = [f"Something about {said['warn']}."] if "warn" in said else []
        facts["warnings"] += ["Checked."] if checked else []
        png = metadata.write_png(block_code(recipe.seed), recipe, facts, blobs)
        emit(Picture(png[: len(png) // 2] if said.get("png") == "broken" else png, facts))

    def live(
        self,
        recipe: Recipe,
        blobs: Mapping[str, bytes],
        stopped: Callable[[], bool],
        checked: bool = False,
    ) -> Still:
        """As `Painter.live`: the frame spells the seed; `checked` veils it."""
        said = dict(word.partition("=")[::2] for word in recipe.prompt.split())
        assert all(images.digest(blobs[digest]) == digest for digest in recipe.images)
        for i in range(1, recipe.steps + 1):
            time.sleep(float(said.get("ms", 0)) / 1000)
            misbehave(said, i)
            if stopped():
                raise Stopped("Stopped.")
        return Still(images.encode_jpeg(block_code(recipe.seed)), 1, 0.001, veiled=checked)

    def look(self, kind: str, picture: bytes, stopped: Callable[[], bool]) -> Sight:
        """As `Painter.look`: one face in the middle; a hint or a finish is the picture's own size, black."""
        if kind in HOUSE:
            held = 2 if kind == "memory" else 0
            return Sight(
                {"device": "cpu", "components": held, "ram_bytes": held * 2**20, "ram_budget": 2**30}, {}
            )
        size = images.read(picture).size
        if kind.startswith(("hint:", "finish:")):
            return Sight({}, {"picture": images.encode_png(Image.new("RGB", size))})
        box = {"left": 0.25, "top": 0.25, "right": 0.75, "bottom": 0.75}
        return Sight({"faces": [{**box, "score": 0.9, "landmarks": [[0.5, 0.5]] * 5}], "sentence": ""}, {})


def misbehave(said: Mapping[str, str], i: int) -> None:
    """Fail as the prompt says, when step `i` is the one."""
    step = str(i)
    if "print" in said:
        print("a library says something", flush=True)
    if said.get("raise") == step:
        raise ZeroDivisionError("a mistake")
    if said.get("oom") == step:
        raise OutOfMemory("There was no room. Paint it smaller.")
    if said.get("gpu") == step:
        raise AcceleratorError("CUDA error: an illegal memory access was encountered")
    if said.get("hang") == step:
        time.sleep(3600)
    once = Path(said["dieonce"]) if "dieonce" in said else None
    if said.get("die") == step or (once is not None and not once.exists()):
        if once is not None:
            once.touch()
        os._exit(139)
