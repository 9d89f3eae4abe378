"""The faces step: found, restored, laid back; and what it says when its weights are not there."""

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from studio.deep import Deep
from studio.errors import BrokenWeights, OutOfMemory, Stopped, UnknownWeights
from studio.models.library import Library
from studio.models.manager import Models
from studio.post import Faces, Step, Tools, Upscale, align, facenets
from studio.post import faces as step
from studio.post.facenets import Face
from studio.post.faces import FaceBox
from studio.post.parsenet import ParseNet
from studio.post.retinaface import RetinaFace

MARKS = np.array([[70, 60], [110, 62], [91, 85], [74, 108], [107, 109]], np.float32)
FACE = Face((50.0, 30.0, 130.0, 130.0), 0.99, MARKS)


class Bright(torch.nn.Module):
    """In GFPGAN's place: every face comes back white, with noise as its decoder's."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, return_rgb):
        assert not return_rgb
        assert x.shape == (1, 3, 512, 512)
        return torch.ones_like(x) - torch.rand(x.shape) * 0.2, []


@pytest.fixture
def picture():
    noise = np.random.default_rng(0).integers(0, 120, (320, 400, 3), dtype=np.uint8)
    return Image.fromarray(noise)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "faces").mkdir()
    return tmp_path


@pytest.fixture
def tools(folder, monkeypatch):
    """With files of every name, a restorer that paints white, and a detector that finds one face."""
    torch.save({"params_ema": {"nothing": torch.zeros(1)}}, folder / "faces" / "GFPGANv1.4.pth")
    (folder / "faces" / "face_detection_yunet_2023mar.onnx").write_bytes(b"onnx")
    monkeypatch.setattr(facenets, "faces_in", lambda pixels, tools, file: [FACE])
    monkeypatch.setattr(facenets, "_load_restorer", lambda file: Bright())
    return Tools(Library(folder), Models("cpu"), lambda: None)


def test_a_face_is_restored_and_the_rest_is_not_touched(tools, picture):
    done, before = np.asarray(Faces()(picture, tools)), np.asarray(picture)
    assert done[80:100, 85:95].min() > 200
    corner = np.s_[260:, 300:]
    assert np.array_equal(done[corner], before[corner])


def test_the_same_seed_gives_the_same_pixels_and_leaves_the_dice_alone(tools, picture):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one = Faces(seed=3)(picture, tools)
    assert torch.equal(torch.rand(1), expected)
    assert one.tobytes() == Faces(seed=3)(picture, tools).tobytes() != Faces(seed=4)(picture, tools).tobytes()


def test_visibility_goes_from_the_picture_to_the_restored_face(tools, picture):
    kept, half, whole = (np.asarray(Faces(visibility=v)(picture, tools), float) for v in (0, 0.5, 1))
    assert np.array_equal(kept, np.asarray(picture))
    assert np.abs(half - (kept + whole) / 2).max() <= 1


def test_each_face_has_a_switch_and_a_strength_of_its_own(tools, picture):
    here = FaceBox(left=0.12, top=0.08, right=0.33, bottom=0.42, strength=0.25)
    elsewhere = FaceBox(left=0.8, top=0.8, right=1, bottom=1)
    assert Faces(only=(here, elsewhere)).strength(FACE, *picture.size) == 0.25
    assert Faces(only=(here.but(strength=0),))(picture, tools).tobytes() == picture.tobytes()
    assert Faces(only=(elsewhere,))(picture, tools).tobytes() == picture.tobytes()
    quarter, whole, before = (
        np.asarray(image, float)
        for image in (Faces(only=(here,))(picture, tools), Faces()(picture, tools), picture)
    )
    assert np.abs(quarter - (0.75 * before + 0.25 * whole)).max() <= 1


def test_transparency_is_kept(tools, picture):
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    done = Faces()(picture, tools)
    assert done.mode == "RGBA"
    assert done.getchannel("A").tobytes() == picture.getchannel("A").tobytes()


def test_without_the_weights_the_picture_goes_on_untouched_and_it_is_said_what_to_fetch(folder, picture):
    library = Library(folder)
    assert Faces()(picture, Tools(library, Models("cpu"), lambda: None)) is picture
    [said] = Faces().warnings(library)
    assert "studio models get gfpgan-1.4" in said
    assert "not for commercial use" in said
    assert "studio models get retinaface-resnet50" in said
    assert "yunet" in said
    assert Faces().found(library) == ()
    [other] = Faces(model="mine").warnings(library)
    assert "“mine”" in other


def test_without_parsenet_it_is_said_that_the_edge_is_plain(tools):
    [said] = Faces().warnings(tools.library)
    assert "studio models get parsenet" in said
    assert {file.id for file in Faces().found(tools.library)} == {
        "GFPGANv1.4",
        "face_detection_yunet_2023mar",
    }


def test_upscale_lays_restored_faces_onto_the_enlarged_picture(tools, picture):
    plain = np.asarray(Upscale(model="lanczos", scale=2.5)(picture, tools))
    faced = np.asarray(Upscale(model="lanczos", scale=2.5, faces=True)(picture, tools))
    assert faced.shape == plain.shape == (800, 1000, 3)
    assert faced[200:250, 212:238].min() > 200
    assert np.array_equal(faced[650:, 750:], plain[650:, 750:])
    assert {file.id for file in Upscale(model="lanczos", faces=True).found(tools.library)} == {
        "GFPGANv1.4",
        "face_detection_yunet_2023mar",
    }


def test_upscale_restores_faces_also_in_sixteen_bits_and_keeps_the_rest_of_them(tools, picture):
    deep = Deep(np.asarray(picture).astype(np.uint16) * 257)
    plain = Upscale(model="lanczos", scale=2)(deep, tools).pixels
    faced = Upscale(model="lanczos", scale=2, faces=True)(deep, tools).pixels
    assert faced.dtype == np.uint16
    assert faced[160:200, 170:190].min() > 200 * 257
    assert np.array_equal(faced[520:, 600:], plain[520:, 600:])


def test_upscale_without_face_weights_says_what_to_fetch_and_goes_on(folder, picture):
    library = Library(folder)
    step = Upscale(model="lanczos", faces=True)
    done = step(picture, Tools(library, Models("cpu"), lambda: None))
    assert done.tobytes() == picture.resize((800, 640), Image.Resampling.LANCZOS).tobytes()
    [said] = step.warnings(library)
    assert "studio models get gfpgan-1.4" in said
    assert Upscale(model="lanczos").warnings(library) == ()


def test_the_step_is_a_member_of_the_chain_and_its_boxes_have_an_area():
    box = {"left": 0.1, "top": 0.1, "right": 0.4, "bottom": 0.5}
    said = {"kind": "faces", "only": [box]}
    again = TypeAdapter(Step).validate_python(said)
    assert again == Faces(only=(FaceBox(**box),))
    with pytest.raises(ValidationError, match="right of and below"):
        FaceBox(left=0.4, top=0.1, right=0.4, bottom=0.5)


def test_stop_ends_it_before_the_next_face(tools, picture, monkeypatch):
    seen: list[int] = []

    def check():
        seen.append(1)
        if len(seen) == 2:
            raise Stopped("Stopped.")

    monkeypatch.setattr(facenets, "faces_in", lambda pixels, tools, file: [FACE, FACE, FACE])
    with pytest.raises(Stopped):
        Faces()(picture, Tools(tools.library, tools.models, check))
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("content", "error"),
    [({"body.0.weight": torch.zeros(8, 3, 3, 3)}, UnknownWeights), (b"PK\3\4 cut", BrokenWeights)],
)
def test_a_file_that_is_no_face_restorer_is_refused_in_words(folder, picture, content, error):
    path = folder / "faces" / "GFPGANv1.4.pth"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    tools = Tools(Library(folder), Models("cpu"), lambda: None)
    with pytest.raises(error, match="GFPGAN"):
        step.enhanced(np.asarray(picture), [(FACE, 1.0)], tools, tools.library.find("face", "GFPGANv1.4"), 0)


def test_a_damaged_detector_is_refused_in_words(folder, picture):
    (folder / "faces" / "face_detection_yunet_2023mar.onnx").write_bytes(b"not a network")
    torch.save(
        {"module.body.conv1.weight": torch.zeros(64, 3, 7, 7)},
        folder / "faces" / "detection_Resnet50_Final.pth",
    )
    tools = Tools(Library(folder), Models("cpu"), lambda: None)
    for name, words in (
        ("detection_Resnet50_Final", "incomplete"),
        ("face_detection_yunet_2023mar", "damaged"),
    ):
        with pytest.raises(BrokenWeights, match=words):
            facenets.faces_in(np.asarray(picture), tools, tools.library.find("face", name))


def test_a_light_detector_without_memory_is_not_taken_for_damaged(folder, picture, monkeypatch):
    import cv2

    said = "OpenCV(5.0.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 9 bytes"

    class Short:
        def detect(self, pixels):
            raise cv2.error(said)

    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: Short())
    (folder / "faces" / "face_detection_yunet_2023mar.onnx").write_bytes(b"onnx")
    tools = Tools(Library(folder), Models("cpu"), lambda: None)
    file = tools.library.files("face")[0]
    with pytest.raises(OutOfMemory, match="smaller"):
        tools.models.retry_lower(lambda: facenets.faces_in(np.asarray(picture), tools, file))


def test_the_light_detector_s_rows_become_faces(folder, picture, monkeypatch):
    """OpenCV's rows: left, top, width, height, ten landmarks, score; it sees half the size."""
    import cv2

    class Found:
        def detect(self, pixels):
            assert pixels.shape == (160, 200, 3)
            return 1, np.array([[20, 10, 30, 40, *MARKS.ravel() / 2, 0.9]], np.float32)

    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: Found())
    monkeypatch.setattr(facenets, "YUNET_SIDE", (320 * 400 / 4) ** 0.5)
    (folder / "faces" / "face_detection_yunet_2023mar.onnx").write_bytes(b"onnx")
    tools = Tools(Library(folder), Models("cpu"), lambda: None)
    [face] = facenets.faces_in(np.asarray(picture), tools, tools.library.files("face")[0])
    assert face.box == (40, 20, 100, 100)
    assert face.score == pytest.approx(0.9)
    assert np.allclose(face.landmarks, MARKS)


def test_real_size_networks_load_from_the_published_names(folder, picture):
    """RetinaFace as saved from several GPUs, ParseNet without the counters of its batch norms."""
    retina = {f"module.{name}": tensor for name, tensor in RetinaFace().state_dict().items()}
    torch.save(retina, folder / "faces" / "detection_Resnet50_Final.pth")
    parse = ParseNet().state_dict()
    torch.save(
        {k: v for k, v in parse.items() if "num_batches" not in k}, folder / "faces" / "parsing_parsenet.pth"
    )
    tools = Tools(Library(folder), Models("cpu"), lambda: None)
    found = facenets.faces_in(
        np.asarray(picture), tools, tools.library.find("face", "detection_Resnet50_Final")
    )
    assert all(len(face.box) == 4 for face in found)
    entry = facenets.parser(tools, tools.library.find("face", "parsing_parsenet"))
    mask = facenets.mask_of(np.full((512, 512, 3), 90, np.uint8), tools, entry)
    assert mask.shape == (512, 512)
    assert 0 <= mask.min() <= mask.max() <= 1
    assert mask[: align.BORDER].max() == 0
