"""The finishing presets, each through its whole chain."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from studio.post import Tools, facenets
from studio.post.facenets import Face
from studio.post.tools import applied
from studio.presets import preset
from studio.recipe import Recipe

MARKS = np.array([[70, 60], [110, 62], [91, 85], [74, 108], [107, 109]], np.float32)
FACE = Face((50.0, 30.0, 130.0, 130.0), 0.99, MARKS)
PRESETS = Path(__file__).parents[2] / "presets"


def finished(name: str, image: Image.Image, tools: Tools, **upscale: object) -> Image.Image:
    """The picture after a preset's steps; `upscale` replaces fields of its upscale step."""
    steps = Recipe.of(preset(PRESETS, name).recipe).post
    assert steps
    for step in steps:
        image = applied(step.but(**upscale) if step.kind == "upscale" else step, image, tools)
    return image


@pytest.mark.parametrize("side", [16, 32, 63])
def test_print_a3_makes_a_square_of_any_size_as_large_as_its_sheet(tools, picture, side):
    square = picture.resize((side, side))
    done = finished("print-a3", square, tools, model="tiny-x2", longest=155)
    assert done.size == (155, 155)
    plain = np.asarray(square.resize((155, 155), Image.Resampling.LANCZOS), float)
    assert 0 < np.abs(np.asarray(done, float) - plain).mean() < 60


def test_clean_ink_whitens_paper_and_leaves_the_ink_s_own_grey(tools, picture):
    done = np.asarray(finished("clean-ink", picture, tools), float)
    before = np.asarray(picture, float)
    assert done.shape == before.shape
    assert np.ptp(done, axis=2).mean() < np.ptp(before, axis=2).mean() / 2


def test_portrait_restores_faces_and_warms_the_rest(tools, folder, picture, monkeypatch):
    (folder / "faces").mkdir()
    for name in ("GFPGANv1.4.pth", "face_detection_yunet_2023mar.onnx"):
        (folder / "faces" / name).write_bytes(b"weights")
    monkeypatch.setattr(facenets, "faces_in", lambda pixels, tools, file: [FACE])
    monkeypatch.setattr(facenets, "_load_restorer", lambda file: torch.nn.Identity())
    monkeypatch.setattr(facenets, "restored", lambda face, *_: np.full_like(face, 255))
    large = picture.resize((400, 320)).point(lambda value: value // 2)
    done, plain = (np.asarray(image, float) for image in (finished("portrait", large, tools), large))
    assert done[80:100, 85:95].min() > plain[80:100, 85:95].max()
    corner = np.s_[260:, 300:]
    assert (done - plain)[corner][..., 0].mean() > (done - plain)[corner][..., 2].mean()
