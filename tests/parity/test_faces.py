"""Our faces step beside GFPGANer itself: of the same random weights in the published formats."""

import numpy as np
import pytest
import torch
from parity.originals import here, reference, same
from PIL import Image
from safetensors.torch import load_file, save_file

from studio.bench import parity
from studio.models.library import Library
from studio.models.manager import Models
from studio.post import Tools, Upscale, align, facenets, retinaface
from studio.post.facenets import Face
from studio.post.faces import enhanced
from studio.post.parsenet import ParseNet
from studio.settings import Settings

pytestmark = pytest.mark.timeout(1800)  # real-size networks, twice, on a machine that others may share
SEED = 7
SCALES = {"plain": 1.0, "between": 1.5, "double": 2.0}
FACES = np.array(  # left, top, right, bottom, score, landmarks; the third one's eyes are too near
    [
        [12, 10, 50, 60, 0.99, 22, 28, 40, 30, 30, 40, 23, 48, 38, 50],
        [45, 30, 90, 77, 0.98, 55, 46, 76, 43, 66, 57, 58, 67, 75, 65],
        [70, 5, 76, 12, 0.98, 72, 7, 75, 7, 73, 9, 72, 10, 75, 10],
    ],
    np.float32,
)
ORIGINAL = """
import os, shutil
import cv2, numpy, torch
from basicsr.archs.srvgg_arch import SRVGGNetCompact
from gfpgan import GFPGANer
from realesrgan import RealESRGANer
from safetensors.torch import load_file

folder = str(given["folder"])
os.makedirs("gfpgan/weights")
for name in ("detection_Resnet50_Final.pth", "parsing_parsenet.pth"):
    shutil.copy(os.path.join(folder, "faces", name), "gfpgan/weights")
net = SRVGGNetCompact(num_feat=8, num_conv=2, upscale=2, act_type="prelu")
torch.save({"params": load_file(os.path.join(folder, "upscalers", "tiny-x2.safetensors"))}, "tiny.pth")
upsampler = RealESRGANer(scale=2, model_path="tiny.pth", model=net, device=torch.device("cpu"))
ganer = GFPGANer(os.path.join(folder, "faces", "GFPGANv1.4.pth"), upscale=1, device=torch.device("cpu"))

with torch.no_grad():
    found = ganer.face_helper.face_det.detect_faces(given["picture"], float(given["sure"]))
made["found"] = numpy.asarray(found, numpy.float32)[:20]
ganer.face_helper.face_det.detect_faces = lambda picture, sure: given["faces"]

def remembered(forward):  # the same faces come at every scale
    known = {}
    def answer(face, **kwargs):
        key = face.numpy().tobytes()
        if key not in known:
            torch.manual_seed(int(given["seed"]))
            known[key] = forward(face, **kwargs)
        return known[key]
    return answer

ganer.gfpgan.forward = remembered(ganer.gfpgan.forward)
ganer.face_helper.face_parse.forward = remembered(ganer.face_helper.face_parse.forward)
for name, scale in zip(given["names"], given["scales"]):
    ganer.upscale = float(scale)
    ganer.face_helper.set_upscale_factor(float(scale))
    ganer.bg_upsampler = upsampler if scale == 2 else None
    made[str(name)] = ganer.enhance(given["picture"])[2]
_, [face], _ = ganer.enhance(given["picture"], has_aligned=True)
made["aligned"] = face[::3, ::3]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Random weights in the published key layouts and containers."""
    from spandrel.architectures.GFPGAN import GFPGAN

    place = tmp_path_factory.mktemp("models")
    (place / "faces").mkdir()
    (place / "upscalers").mkdir()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        ganer = GFPGAN().state_dict()
        for name, tensor in ganer.items():  # a fresh network takes no noise
            if tensor.numel() == 1 and name.endswith(".weight"):
                tensor.fill_(0.2)
        torch.save({"params_ema": ganer}, place / "faces" / "GFPGANv1.4.pth")
        detector = {f"module.{name}": tensor for name, tensor in retinaface.RetinaFace().state_dict().items()}
        for name, tensor in detector.items():  # heads that are not sure of everything
            if "Head" in name:
                tensor *= 0.05
        torch.save(detector, place / "faces" / "detection_Resnet50_Final.pth")
        torch.save(ParseNet().state_dict(), place / "faces" / "parsing_parsenet.pth")
        widths = ((3, 8), (8, 8), (8, 8), (8, 12))
        compact = {}
        for n, (into, out) in enumerate(widths):
            compact[f"body.{2 * n}.weight"] = torch.randn(out, into, 3, 3) * 0.15
            compact[f"body.{2 * n}.bias"] = torch.zeros(out)
            if n < 3:
                compact[f"body.{2 * n + 1}.weight"] = torch.full((8,), 0.25)
        save_file(compact, place / "upscalers" / "tiny-x2.safetensors")
    assert load_file(place / "upscalers" / "tiny-x2.safetensors")
    return place


@pytest.fixture(scope="module")
def picture():
    """BGR pixels of odd sides: slopes and some noise."""
    down, across = np.mgrid[0:79, 0:97]
    colours = np.stack([down * 3, across * 2.5, 255 - down - across], axis=-1)
    noise = np.random.default_rng(0).normal(0, 10, colours.shape)
    return (colours + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def originals(folder, picture):
    return reference(
        "faces",
        ORIGINAL,
        folder=np.array(str(folder)),
        picture=picture,
        faces=FACES,
        seed=np.array(SEED),
        sure=np.array(0.5),
        names=np.array(list(SCALES)),
        scales=np.array(list(SCALES.values())),
    )


@pytest.fixture(scope="module")
def tools(folder):
    """With networks whose answers are remembered: the same faces come at every scale."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facenets, "restored", remembered(facenets.restored))
        patch.setattr(facenets, "mask_of", remembered(facenets.mask_of))
        yield Tools(Library(folder), Models("cpu"), lambda: None)


def remembered(net):
    known = {}

    def answer(face, *others):
        key = face.tobytes()
        if key not in known:
            known[key] = net(face, *others)
        return known[key]

    return answer


def faces():
    """The fixed landmarks, as `faces_in` gives them: those whose eyes are apart."""
    found = [Face(tuple(row[:4]), row[4], row[5:].reshape(5, 2)) for row in FACES]
    return [
        (face, 1.0)
        for face in found
        if np.linalg.norm(face.landmarks[0] - face.landmarks[1]) >= facenets.EYES
    ]


@pytest.mark.parametrize("name", SCALES)
def test_the_whole_picture_is_gfpganer_s_pixel_for_pixel(originals, tools, picture, name):
    made, exact = originals
    scale, background = SCALES[name], None
    if scale == 2:
        larger = Upscale(model="tiny-x2", scale=2)(Image.fromarray(picture[..., ::-1].copy()), tools)
        background = np.asarray(larger)[..., ::-1].copy()
    ours = enhanced(
        picture, faces(), tools, tools.library.find("face", "GFPGANv1.4"), SEED, background, scale
    )
    assert same(ours, made[name], exact)
    plain = background if background is not None else picture
    assert ours.shape[:2] != plain.shape[:2] or (ours != plain).mean() > 0.1


def test_an_aligned_face_is_gfpganer_s_pixel_for_pixel(originals, tools, picture):
    import cv2

    made, exact = originals
    entry = facenets.restorer(tools, tools.library.find("face", "GFPGANv1.4"))
    ours = facenets.restored(cv2.resize(picture, (align.SIDE, align.SIDE)), tools, entry, SEED)
    assert same(ours[::3, ::3], made["aligned"], exact)
    assert ours.std() > 5


def test_the_detector_finds_what_facexlib_s_finds(originals, tools, picture):
    made, exact = originals
    file = tools.library.find("face", "detection_Resnet50_Final")
    net = facenets._load_retinaface(file)
    ours = retinaface.detect(net, picture, torch.device("cpu"), sure=0.5)[:20]
    assert len(ours) > 1
    assert ours.shape == made["found"].shape
    assert np.allclose(ours, made["found"], atol=1e-4 if exact else 1e-2)


def test_the_bench_compares_a_gfpgan_file_of_one_s_own(folder, tmp_path):
    if not here():
        pytest.skip("Python 3.13 and later cannot build basicsr")
    settings = Settings(data=tmp_path, models=folder)
    report = parity.run(settings, str(folder / "faces" / "GFPGANv1.4.pth"))
    assert [row[0] for row in report.rows] == ["whole picture", "aligned face"]
    assert report.figures["differing"] == 0
