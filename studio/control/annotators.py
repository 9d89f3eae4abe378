"""Preprocessors with weights: soft edges, clean lines, straight lines, depth and poses.

The networks, and what is done before and after them, are controlnet-aux's; their files, in models/annotators,
are those that lllyasviel/Annotators publishes. controlnet-aux would open them with torch.load and fetch what
is missing, so its `from_pretrained` is never called: `models.load` opens the file, and the network is filled
here and lives in the worker's cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from studio.errors import MissingWeights, UnknownName
from studio.models.files import ModelFile
from studio.models.library import Library
from studio.models.load import fill, load_state, lock_down
from studio.models.manager import Entry, Key
from studio.post.tools import Tools

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import nn

    Pixels = NDArray[Any]

SIDE = 512  # px: the short side of what a network sees, as they were trained; both are multiples of 64
LARGEST = 2**20  # pixels a network sees at once
NARROWEST = 16  # times longer than wide; what is narrower still is squeezed before
PIXEL_BYTES = 1024  # a few maps of 64 channels in 32 bits
_REPOSITORY = "https://huggingface.co/lllyasviel/Annotators"


@dataclass(frozen=True, slots=True)
class Weights:
    """A published file: its name in models/annotators, its id in the catalog (none where no SHA-256 of it is
    known), the network it belongs to, and what the file calls one of the network's tensors."""

    file: str
    fetch: str
    network: Callable[[], nn.Module]
    named: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class Annotator:
    """A preprocessor with weights.

    `detect` takes RGB pixels (H, W, 3), the short side in pixels and the networks, and gives RGB pixels;
    `sharp`: its result is lines and enlarged as such, not as a smooth field.
    """

    title: str
    needs: tuple[Weights, ...]
    detect: Callable[[Pixels, int, tuple[Any, ...]], Pixels]
    sharp: bool = True

    def __call__(self, image: Image, width: int, height: int, tools: Tools) -> Image:
        """The control image (RGB, exactly width × height) of an opaque picture.

        Raises `MissingWeights` with what to fetch, `BrokenWeights` or `RefusedWeights`.
        """
        import numpy as np
        from PIL import Image as Pictures

        entries = [_entry(weights, file, tools) for weights, file in self._found(tools.library)]
        squeezed = _squeezed(image.convert("RGB"))
        side = working_side(*squeezed.size)
        work = side * side * max(squeezed.size) // min(squeezed.size) * PIXEL_BYTES
        tools.check()
        with tools.models.use(*entries, work_bytes=work) as nets:
            made = Pictures.fromarray(self.detect(np.array(squeezed), side, nets))
        tools.check()
        how = Pictures.Resampling.LANCZOS if self.sharp else Pictures.Resampling.BILINEAR
        return made if made.size == (width, height) else made.resize((width, height), how)

    def files(self, library: Library) -> tuple[ModelFile, ...]:
        """The files of weights it works with. Raises `MissingWeights` with what to fetch."""
        return tuple(file for _, file in self._found(library))

    def is_here(self, library: Library) -> bool:
        """Whether its weights were there at the last look into the folders."""
        there = {file.id.rpartition("/")[2] for file in library.files("annotator")}
        return all(weights.file in there for weights in self.needs)

    def _found(self, library: Library) -> list[tuple[Weights, ModelFile]]:
        found: list[tuple[Weights, ModelFile]] = []
        missing: list[Weights] = []
        for weights in self.needs:
            try:
                found.append((weights, library.find("annotator", weights.file)))
            except UnknownName:
                missing.append(weights)
        if missing:
            raise MissingWeights(_what_to_fetch(self.title, missing))
        return found


def working_side(width: int, height: int) -> int:
    """The short side at which a network sees a picture: `SIDE`, or less where the long one is very long."""
    ratio = max(width, height) / min(width, height)
    return min(SIDE, max(64, int(math.sqrt(LARGEST / ratio)) // 64 * 64))


def _squeezed(image: Image) -> Image:
    """At most `NARROWEST` times longer than wide."""
    from PIL import Image as Pictures

    most = NARROWEST * min(image.size)
    if max(image.size) <= most:
        return image
    return image.resize((min(image.width, most), min(image.height, most)), Pictures.Resampling.LANCZOS)


def _what_to_fetch(title: str, missing: list[Weights]) -> str:
    names = ", ".join(weights.file for weights in missing)
    ids = " ".join(weights.fetch for weights in missing)
    if all(weights.fetch for weights in missing):
        how = f"Fetch it on the Models page, or with “studio models get {ids}”"
    else:
        how = f"The studio knows no digest to check it by, so fetch it yourself from {_REPOSITORY}"
    return f"“{title}” needs {names} in models/annotators. {how}; or choose “canny”, which needs nothing."


def _entry(weights: Weights, file: ModelFile, tools: Tools) -> Entry:
    return tools.models.get(
        Key(file.source, "annotator", "float32"), lambda: _load(weights, file), 2 * file.size
    )


def _load(weights: Weights, file: ModelFile) -> nn.Module:
    """The network with the file's weights, in float32; some were saved in half precision."""
    import torch

    lock_down()
    # Files saved from several GPUs say "module." before each name.
    state = {name.removeprefix("module."): tensor for name, tensor in load_state(file.path).items()}
    with torch.device("meta"):
        net = weights.network()
    counters = {name: torch.tensor(0) for name in net.state_dict() if name.endswith("num_batches_tracked")}
    known = {name: state[weights.named(name)] for name in net.state_dict() if weights.named(name) in state}
    return fill(net, counters | known, f"“{file.title}”", torch.float32).eval().requires_grad_(False)


# ---- networks ----


def _hed() -> nn.Module:
    from controlnet_aux.hed import ControlNetHED_Apache2

    return ControlNetHED_Apache2()


def _pidinet() -> nn.Module:
    from controlnet_aux.pidi import pidinet

    return pidinet()


def _drawing() -> nn.Module:
    """Chan, Durand and Isola 2022, Learning to generate line drawings that convey geometry and semantics."""
    from controlnet_aux.lineart import Generator

    return Generator(3, 1, 3)


def _anime() -> nn.Module:
    from controlnet_aux.lineart_anime import UnetGenerator
    from torch import nn

    return UnetGenerator(3, 1, 8, 64, norm_layer=cast("Any", nn.InstanceNorm2d))


def _mlsd() -> nn.Module:
    from controlnet_aux.mlsd import MobileV2_MLSD_Large

    return MobileV2_MLSD_Large()


def _dpt() -> nn.Module:
    """Ranftl et al. 2021, Vision transformers for dense prediction: the hybrid of ViT-B and ResNet-50."""
    from controlnet_aux.midas.midas.dpt_depth import DPTDepthModel

    return DPTDepthModel(path=None, backbone="vitb_rn50_384", non_negative=True)


def _body() -> nn.Module:
    from controlnet_aux.open_pose.model import bodypose_model

    return bodypose_model()


def _hand() -> nn.Module:
    from controlnet_aux.open_pose.model import handpose_model

    return handpose_model()


def _face() -> nn.Module:
    from controlnet_aux.open_pose.face import FaceNet

    return FaceNet()


def _without_block(name: str) -> str:
    """OpenPose's files name a layer only ("conv1_1.weight"), not the block it stands in ("model0.")."""
    return name.partition(".")[2]


# ---- detectors: RGB pixels, the short side and networks in, RGB pixels out ----


def _seen(detector: Any, pixels: Pixels, side: int) -> Pixels:
    return detector(pixels, detect_resolution=side, image_resolution=side, output_type="np")


def _soft_edges(pixels: Pixels, side: int, nets: tuple[Any, ...]) -> Pixels:
    from controlnet_aux.hed import HEDdetector

    return _seen(HEDdetector(nets[0]), pixels, side)


def _softer_edges(pixels: Pixels, side: int, nets: tuple[Any, ...]) -> Pixels:
    from controlnet_aux.pidi import PidiNetDetector

    return _seen(PidiNetDetector(nets[0]), pixels, side)


def _lines(pixels: Pixels, side: int, nets: tuple[Any, ...]) -> Pixels:
    from controlnet_aux.lineart import LineartDetector

    return _seen(LineartDetector(nets[0], nets[0]), pixels, side)


def _anime_lines(pixels: Pixels, side: int, nets: tuple[Any, ...]) -> Pixels:
    from controlnet_aux.lineart_anime import LineartAnimeDetector

    return _seen(LineartAnimeDetector(nets[0]), pixels, side)


def _straight_lines(pixels: Pixels, side: int, nets: tuple[Any, ...]) -> Pixels:
    from controlnet_aux.mlsd import MLSDdetector

    return _seen(MLSDdetector(nets[0]), pixels, side)


def _depth(pixels: Pixels, side: int, nets: tuple[Any, ...]) -> Pixels:
    """Near is bright, stretched over all greys."""
    from controlnet_aux.midas import MidasDetector

    return _seen(MidasDetector(nets[0]), pixels, side)


def _poses(pixels: Pixels, side: int, nets: tuple[Any, ...]) -> Pixels:
    """Bodies; hands and faces too where their networks are given."""
    from controlnet_aux.open_pose import Body, Face, Hand, OpenposeDetector, draw_poses
    from controlnet_aux.util import resize_image

    # Their constructors do nothing but open a file with torch.load, so they are passed by.
    parts: list[Any] = [object.__new__(cls) for cls in (Body, Hand, Face)[: len(nets)]]
    for part, net in zip(parts, nets, strict=True):
        part.model = net
    more = len(nets) > 1
    seen = resize_image(pixels, side)
    poses = OpenposeDetector(*parts).detect_poses(seen, more, more)
    drawn: Any = draw_poses(poses, *seen.shape[:2], draw_hand=False)
    for hand in (hand for pose in poses for hand in (pose.left_hand, pose.right_hand) if hand):
        _draw_hand(drawn, [(int(at.x * seen.shape[1]), int(at.y * seen.shape[0])) for at in hand])
    return drawn


def _draw_hand(canvas: Pixels, joints: list[tuple[int, int]]) -> None:
    """A hand as OpenPose's ControlNets know it: 20 bones through the hues, 21 blue joints.

    controlnet-aux's own drawing does the same and needs matplotlib, for the colours alone. What was not found
    lies at the picture's edge or outside.
    """
    import colorsys

    import cv2

    for bone in range(20):  # five fingers of four bones; the first of each begins at the wrist
        ends = joints[0 if bone % 4 == 0 else bone], joints[bone + 1]
        if min(*ends[0], *ends[1]) > 0:
            hue = [255 * part for part in colorsys.hsv_to_rgb(bone / 20, 1, 1)]
            cv2.line(canvas, *ends, hue, thickness=2)
    for joint in joints:
        if min(joint) > 0:
            cv2.circle(canvas, joint, 4, (0, 0, 255), thickness=-1)


BODY = Weights("body_pose_model", "annotator-openpose-body", _body, _without_block)
HAND = Weights("hand_pose_model", "annotator-openpose-hand", _hand, _without_block)
FACE = Weights("facenet", "annotator-openpose-face", _face)

ANNOTATORS: Mapping[str, Annotator] = MappingProxyType(
    {
        "hed": Annotator("HED", (Weights("ControlNetHED", "annotator-hed", _hed),), _soft_edges),
        "pidinet": Annotator(
            "PiDiNet", (Weights("table5_pidinet", "annotator-pidinet", _pidinet),), _softer_edges
        ),
        "lineart_real": Annotator(
            "Lineart, fine", (Weights("sk_model", "annotator-lineart", _drawing),), _lines
        ),
        "lineart_coarse": Annotator(
            "Lineart, coarse", (Weights("sk_model2", "annotator-lineart-coarse", _drawing),), _lines
        ),
        "lineart_anime": Annotator(
            "Lineart, anime", (Weights("netG", "annotator-lineart-anime", _anime),), _anime_lines
        ),
        "mlsd": Annotator(
            "M-LSD", (Weights("mlsd_large_512_fp32", "annotator-mlsd", _mlsd),), _straight_lines
        ),
        "depth": Annotator(
            "MiDaS depth", (Weights("dpt_hybrid-midas-501f0c75", "", _dpt),), _depth, sharp=False
        ),
        "openpose": Annotator("OpenPose", (BODY,), _poses, sharp=False),
        "openpose_full": Annotator("OpenPose with hands and faces", (BODY, HAND, FACE), _poses, sharp=False),
    }
)
