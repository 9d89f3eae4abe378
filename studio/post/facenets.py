"""The networks around faces: who finds them, who restores them, who tells face from hair.

Each is a file in models/faces, known by the name under which it was published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from studio.errors import BrokenWeights, UnknownName, UnknownWeights
from studio.models.files import ModelFile
from studio.models.library import Library
from studio.models.load import fill, load_state, lock_down
from studio.models.manager import Entry, Key, is_out_of_memory
from studio.post import align
from studio.post.tools import Tools

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    Pixels = NDArray[Any]

Detector = Literal["auto", "retinaface", "yunet"]
RETINAFACE, YUNET, PARSENET = "detection_Resnet50_Final", "face_detection_yunet_2023mar", "parsing_parsenet"
DETECTORS = {"auto": (RETINAFACE, YUNET), "retinaface": (RETINAFACE,), "yunet": (YUNET,)}
AROUND = frozenset({RETINAFACE, YUNET, PARSENET})  # they find faces and their edges; none restores
LARGEST = 4_000_000  # pixels that are searched at once: RetinaFace needs about a kilobyte for each
YUNET_SIDE = 1024  # px: it knows faces of about 10 to 300
YUNET_SURE, YUNET_OVERLAP, YUNET_MOST = 0.7, 0.3, 500
EYES = 5.0  # px between them below which GFPGANer lets a face be
# What spandrel and OpenCV raise on files that are not what they claim to be.
_UNFIT = (RuntimeError, LookupError, ValueError, TypeError, AttributeError, AssertionError, ArithmeticError)


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face in a picture: its box (left, top, right, bottom), how sure the detector is, 0-1, and its eyes,
    nose and corners of the mouth (5, 2); all in pixels."""

    box: tuple[float, float, float, float]
    score: float
    landmarks: Pixels


def file_of(library: Library, *names: str) -> ModelFile | None:
    """The first of these files that is in models/faces."""
    for name in names:
        try:
            return library.find("face", name)
        except UnknownName:
            continue
    return None


def faces_in(pixels: Pixels, tools: Tools, file: ModelFile) -> list[Face]:
    """The faces of BGR pixels (H, W, 3), the surest first, by the detector in `file`.

    Those whose eyes are nearer than `EYES` are left out. Raises `BadWeights`.
    """
    tools.check()
    light = file.path.suffix.lower() == ".onnx"
    small, scale = _searchable(pixels, YUNET_SIDE**2 if light else LARGEST)
    found = _by_yunet(small, file) if light else _by_retinaface(small, tools, file)
    faces = [Face((r[0], r[1], r[2], r[3]), r[4], r[5:].reshape(5, 2)) for r in found]
    if scale != 1:
        faces = [
            Face((a * scale, b * scale, c * scale, d * scale), one.score, one.landmarks * scale)
            for one in faces
            for a, b, c, d in [one.box]
        ]
    return [face for face in faces if _apart(face) >= EYES]


def restored(face: Pixels, tools: Tools, entry: Entry, seed: int) -> Pixels:
    """An aligned face (512, 512, 3), BGR of 8 bits, as GFPGAN paints it; the same seed, the same pixels.

    Its decoder adds noise in every layer (StyleGAN2, arXiv 1912.04958), drawn here from the seed alone.
    """
    import numpy as np
    import torch

    tools.check()
    with tools.models.use(entry) as (net,), torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(seed)
        made = net(_signed(face, net), return_rgb=False)[0][0]
        made = (made.float().cpu().clamp(-1, 1) + 1) / 2
    pixels = made.numpy()[::-1].transpose(1, 2, 0)
    return np.ascontiguousarray((pixels * 255.0).round().astype(np.uint8))


def mask_of(face: Pixels, tools: Tools, entry: Entry) -> Pixels:
    """Where a restored face (512, 512, 3) is face: a soft mask in 0-1."""
    from studio.post import parsenet

    tools.check()
    with tools.models.use(entry) as (net,):
        labels = parsenet.labels(net, _signed(face, net))
    return align.parsed_mask(labels.numpy(), parsenet.FACE)


def restorer(tools: Tools, file: ModelFile) -> Entry:
    """GFPGAN's cache entry. Raises `UnknownWeights` for another network, `BrokenWeights` if damaged."""
    return _entry(tools, file, _load_restorer)


def parser(tools: Tools, file: ModelFile) -> Entry:
    """ParseNet's cache entry. Raises `BadWeights`."""
    return _entry(tools, file, _load_parsenet)


def _entry(tools: Tools, file: ModelFile, load: Any) -> Entry:
    return tools.models.get(Key(file.source, "face", "float32"), lambda: load(file), file.size)


def _load_restorer(file: ModelFile) -> nn.Module:
    from spandrel import ModelLoader, UnsupportedModelError

    lock_down()
    state = load_state(file.path)
    try:
        found = ModelLoader("cpu").load_from_state_dict(state)
    except UnsupportedModelError as error:
        raise UnknownWeights(f"“{file.title}” is no network that is known here; choose GFPGAN.") from error
    except _UNFIT as error:
        if is_out_of_memory(error):
            raise
        raise BrokenWeights(f"“{file.title}” is damaged or incomplete. Download it again.") from error
    if found.architecture.id != "GFPGAN":
        raise UnknownWeights(f"“{file.title}” does not restore faces as GFPGAN does; choose GFPGAN.")
    return found.model.eval().requires_grad_(False).float()


def _load_parsenet(file: ModelFile) -> nn.Module:
    from studio.post.parsenet import ParseNet

    return _filled(ParseNet, file)


def _load_retinaface(file: ModelFile) -> nn.Module:
    from studio.post.retinaface import RetinaFace

    return _filled(RetinaFace, file)


def _filled(make: type[nn.Module], file: ModelFile) -> nn.Module:
    """The network with the file's weights; facexlib's file was saved from several GPUs ("module.")."""
    import torch

    lock_down()
    state = {name.removeprefix("module."): tensor for name, tensor in load_state(file.path).items()}
    with torch.device("meta"):
        net = make()
    counters = {name: torch.tensor(0) for name in net.state_dict() if name.endswith("num_batches_tracked")}
    return fill(net, {**counters, **state}, f"“{file.title}”", torch.float32).eval().requires_grad_(False)


def _by_retinaface(pixels: Pixels, tools: Tools, file: ModelFile) -> Pixels:
    from studio.post import retinaface

    with tools.models.use(_entry(tools, file, _load_retinaface)) as (net,):
        return retinaface.detect(net, pixels, next(net.parameters()).device)


def _by_yunet(pixels: Pixels, file: ModelFile) -> Pixels:
    """As RetinaFace's rows: OpenCV gives left, top, width, height, ten landmarks, score."""
    import cv2
    import numpy as np

    try:
        weights = np.frombuffer(file.path.read_bytes(), np.uint8)
        size = (pixels.shape[1], pixels.shape[0])
        net = cv2.FaceDetectorYN.create(
            "onnx", weights, np.empty(0, np.uint8), size, YUNET_SURE, YUNET_OVERLAP, YUNET_MOST
        )
        found: Any = net.detect(np.ascontiguousarray(pixels))[1]
    except (cv2.error, OSError) as error:
        if is_out_of_memory(error):
            raise
        raise BrokenWeights(f"“{file.title}” is damaged or incomplete. Download it again.") from error
    if found is None:
        return np.empty((0, 15), np.float32)
    corner = found[:, :2] + found[:, 2:4]
    return np.concatenate([found[:, :2], corner, found[:, 14:], found[:, 4:14]], axis=1)


def _searchable(pixels: Pixels, most: int) -> tuple[Pixels, float]:
    """At most so many pixels, and how many times larger the picture is."""
    import cv2

    height, width = pixels.shape[:2]
    if height * width <= most:
        return pixels, 1.0
    scale = (height * width / most) ** 0.5
    size = (max(1, int(width / scale)), max(1, int(height / scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), scale


def _apart(face: Face) -> float:
    """Pixels between the eyes."""
    import numpy as np

    return float(np.linalg.norm(face.landmarks[0] - face.landmarks[1]))


def _signed(face: Pixels, net: nn.Module) -> Any:
    """A face (512, 512, 3), BGR of 8 bits, as a tensor (1, 3, 512, 512) of RGB in -1..1 where the net is."""
    import numpy as np
    import torch

    colours = (face / 255.0).astype(np.float32)[..., ::-1].transpose(2, 0, 1)
    given = (torch.from_numpy(np.ascontiguousarray(colours))[None] - 0.5) / 0.5
    return given.to(next(net.parameters()).device)
