"""Looking without painting, on the real painter."""

import json

import numpy as np
import pytest
from PIL import Image

from studio import images
from studio.errors import BadInput, UnknownName
from studio.models.library import Library
from studio.models.manager import Models
from studio.painting.look import check, look
from studio.post import Tone, Tools, facenets
from studio.post.facenets import Face


@pytest.fixture
def tools(tmp_path):
    return Tools(Library(tmp_path), Models("cpu"), lambda: None)


@pytest.fixture
def picture():
    image = Image.new("RGB", (77, 51), "white")
    image.paste("black", (20, 10, 60, 40))
    return images.encode_png(image)


def test_a_hint_is_what_painting_would_use_at_the_picture_s_size(tools, picture):
    seen = images.read(look("hint:canny", picture, tools).blobs["picture"])
    assert seen.size == (77, 51)
    assert 0 < (np.asarray(seen) > 128).mean() < 0.2


def test_without_a_detector_it_is_said_what_to_fetch(tools, picture):
    found = look("faces", picture, tools).found
    assert found["faces"] == []
    assert "studio models get" in found["sentence"]


def test_faces_are_told_by_shares_inside_of_the_picture(tools, picture, tmp_path, monkeypatch):
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "face_detection_yunet_2023mar.onnx").write_bytes(b"onnx")
    face = Face((-5.0, 10.2, 38.5, 60.0), 0.9, np.full((5, 2), 25.5, np.float32))
    monkeypatch.setattr(facenets, "faces_in", lambda *_: [face])
    [told] = look("faces", picture, tools).found["faces"]
    box = [told[side] for side in ("left", "top", "right", "bottom")]
    assert box == pytest.approx([0, 0.2, 0.5, 1])
    assert min(box) >= 0
    assert max(box) <= 1
    assert told["landmarks"][0] == [pytest.approx(25.5 / 77), 0.5]


def test_a_finish_is_shown_beforehand_as_painting_would_make_it_smaller_and_without_the_slow_steps(tools):
    image = Image.new("RGB", (2000, 500), (90, 140, 200))
    steps = [
        {"kind": "upscale", "model": "lanczos"}, {"kind": "faces"}, {"kind": "match"},
        {"kind": "tone", "exposure": 1, "saturation": -1},
    ]  # fmt: skip
    seen = images.read(look(f"finish:{json.dumps(steps)}", images.encode_png(image), tools).blobs["picture"])
    assert seen.size == (1024, 256)
    small = image.copy()
    small.thumbnail((1024, 1024))
    made = Tone(exposure=1, saturation=-1)(small, tools)
    assert isinstance(made, Image.Image)
    assert seen.convert("RGB").tobytes() == made.convert("RGB").tobytes()


@pytest.mark.parametrize(
    "steps", ["", "{}", '[{"kind": "oil"}]', '[{"kind": "tone", "exposure": 9}]', "[" * 9999]
)
def test_what_are_no_finishing_steps_is_refused_before_it_waits(steps):
    with pytest.raises(BadInput):
        check(f"finish:{steps}")


def test_an_unknown_kind_lists_what_there_is(tools, picture):
    with pytest.raises(UnknownName, match="faces, finish, hint"):
        look("auras", picture, tools)
