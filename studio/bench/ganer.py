"""A GFPGAN file of one's own: GFPGANer and our faces step on the same landmarks, value for value."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.bench import originals
from studio.bench.originals import row, sample
from studio.errors import BadInput
from studio.models.library import Library
from studio.models.manager import Models
from studio.post import facenets
from studio.post.facenets import PARSENET, RETINAFACE, Face
from studio.post.faces import enhanced
from studio.post.tools import Tools

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 7
FACES = (  # left, top, right, bottom, score, landmarks
    (12, 10, 50, 60, 0.99, 22, 28, 40, 30, 30, 40, 23, 48, 38, 50),
    (45, 30, 90, 77, 0.98, 55, 46, 76, 43, 66, 57, 58, 67, 75, 65),
)
RESTORE = """
import os, shutil, time
import numpy, torch
from gfpgan import GFPGANer

os.makedirs("gfpgan/weights")
for path in given["around"]:
    shutil.copy(str(path), "gfpgan/weights")
ganer = GFPGANer(str(given["path"]), upscale=1, device=torch.device("cpu"))
ganer.face_helper.face_det.detect_faces = lambda picture, sure: given["faces"]
forward = ganer.gfpgan.forward

def seeded(face, **kwargs):
    torch.manual_seed(int(given["seed"]))
    return forward(face, **kwargs)

ganer.gfpgan.forward = seeded
for name, aligned in (("whole picture", False), ("aligned face", True)):
    began = time.perf_counter()
    _, faces, whole = ganer.enhance(given["picture"], has_aligned=aligned)
    made[f"seconds.{name}"] = numpy.array(time.perf_counter() - began)
    made[name] = faces[0] if aligned else whole
"""


def restores(names: Mapping[str, Any]) -> bool:
    """Whether tensors of these names restore faces. Raises `BadInput` for the networks around it."""
    if any("ClassHead." in name for name in names):
        raise BadInput(
            "This is RetinaFace, which only finds faces; compare the GFPGAN file that restores them."
        )
    if any(name.startswith("out_mask_conv.") for name in names):
        raise BadInput("This is ParseNet, which only tells face from hair; compare the GFPGAN file.")
    return any(name.startswith("stylegan_decoder.") for name in names)


def compared(path: Path, folder: Path, mine: Library) -> list[tuple[Any, ...]]:
    """Rows of the report; `folder` is empty. What lies around GFPGAN is `mine`, or else of random weights.

    Raises `BadWeights`, `NoOriginals`.
    """
    import cv2
    import numpy as np

    from studio.post import align

    place = folder / "faces"
    place.mkdir()
    shutil.copy(path, place / path.name)
    around = _around(place, mine)
    picture = np.ascontiguousarray(sample(79, 97)[..., :3])
    given: dict[str, NDArray[Any]] = {"picture": picture, "faces": np.array(FACES, np.float32)}
    given |= {"path": np.array(str(path.resolve())), "seed": np.array(SEED)}
    theirs = originals.run(RESTORE, {**given, "around": np.array([str(one) for one in around])})
    tools = Tools(Library(folder), Models("cpu"), lambda: None)
    file = tools.library.find("face", path.stem)
    marks = given["faces"]
    faces = [(Face(tuple(one[:4]), one[4], one[5:].reshape(5, 2)), 1.0) for one in marks]
    began = time.perf_counter()
    whole = enhanced(picture, faces, tools, file, SEED)
    between = time.perf_counter()
    side = cv2.resize(picture, (align.SIDE, align.SIDE))
    face = facenets.restored(side, tools, facenets.restorer(tools, file), SEED)
    ended = time.perf_counter()
    return [
        row("whole picture", whole, theirs, between - began),
        row("aligned face", face, theirs, ended - between),
    ]


def _around(place: Path, mine: Library) -> list[Path]:
    """The files of the detector, which is not asked, and of ParseNet, in `place`."""
    import torch

    from studio.post.parsenet import ParseNet
    from studio.post.retinaface import RetinaFace

    found = facenets.file_of(mine, PARSENET)
    paths = [place / f"{RETINAFACE}.pth", place / f"{PARSENET}.pth"]
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        states = [{f"module.{k}": v for k, v in RetinaFace().state_dict().items()}, ParseNet().state_dict()]
    torch.save(states[0], paths[0])
    if found is not None and found.path.suffix == ".pth":
        shutil.copy(found.path, paths[1])
    else:
        torch.save(states[1], paths[1])
    return paths
