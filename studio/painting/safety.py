"""The safety checker: a finished picture that Stable Diffusion's own checker takes for unsafe is blurred.

The weights are CompVis' (`stable-diffusion-safety-checker`), in the layout in which they are published: in
`models/annotators/safety_checker/`, or in a checkpoint folder's own `safety_checker/`. Without them nothing
is checked. What it compares is CLIP's view of the picture with the views of 17 concepts.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.deep import Deep
from studio.errors import MissingWeights
from studio.models.files import ModelFile, weight_files
from studio.models.library import Library
from studio.models.load import component_bytes, load_component
from studio.models.manager import Key, Models

if TYPE_CHECKING:
    from PIL.Image import Image

NAME = "safety_checker"
VEILED = (
    "The safety checker took this picture for unsafe, so it was blurred. Try other words, or another seed."
)
_CLASS = "StableDiffusionSafetyChecker"
_MOST_VIEWS = 8
_LEFT = 8  # pixels of the longer side that are left of a blurred picture


def checker_of(library: Library, model: ModelFile) -> ModelFile | None:
    """The checker for this checkpoint's pictures: the annotators' one, else its own; None without weights."""
    found = [one for one in library.files("annotator") if Path(one.id).name == NAME]
    for file, folder in (*((one, one.path) for one in found), (model, model.path / NAME)):
        if (folder / "config.json").is_file() and _has_weights(folder):
            return file
    return None


def _has_weights(folder: Path) -> bool:
    try:
        return bool(weight_files(folder))
    except MissingWeights:
        return False


def is_unsafe(picture: Image | Deep, checker: ModelFile, models: Models) -> bool:
    """Whether the checker finds something in any square of the picture. Raises what loading raises."""
    import numpy as np
    import torch
    from transformers import CLIPImageProcessor

    entry = models.get(
        Key(checker.source, NAME, "float32"),
        lambda: load_component(checker, NAME, _CLASS, None, torch.float32),
        component_bytes(checker, NAME, torch.float32),
    )
    seen = views(picture.plain() if isinstance(picture, Deep) else picture)
    with models.use(entry) as (net,):
        side = net.config.vision_config.image_size
        prepare = CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
        pixels: Any = prepare(images=seen, return_tensors="pt")["pixel_values"]  # (N, 3, side, side)
        nothing = [np.zeros((1, 1, 3))] * len(seen)  # it would blacken them; ours are blurred
        _, found = net(clip_input=pixels.to(models.device), images=nothing)
    return any(found)


def views(picture: Image) -> list[Image]:
    """The squares, at most eight, that the checker sees of a picture: it looks at the middle square only."""
    plain = picture.convert("RGB")
    short, long = sorted(plain.size)
    count = min(_MOST_VIEWS, -(-long // short))
    starts = [round((long - short) * i / max(1, count - 1)) for i in range(count)]
    wide = plain.width > plain.height
    return [plain.crop((at, 0, at + short, short) if wide else (0, at, short, at + short)) for at in starts]


def veiled(picture: Image | Deep) -> Image:
    """A picture of this size from which nothing can be told but its colours."""
    from PIL.Image import Resampling

    plain = (picture.plain() if isinstance(picture, Deep) else picture).convert("RGB")
    scale = _LEFT / max(plain.size)
    left = max(1, round(plain.width * scale)), max(1, round(plain.height * scale))
    return plain.resize(left, Resampling.BOX).resize(plain.size, Resampling.BICUBIC)
