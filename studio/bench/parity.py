"""A Real-ESRGAN file of one's own: Real-ESRGAN's program and ours on the same picture, value for value."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.bench import originals
from studio.bench.report import Report
from studio.errors import BadInput
from studio.models.library import Library
from studio.models.load import load_state
from studio.models.manager import Models
from studio.post.enlarge import loaded, through
from studio.post.tools import Tools
from studio.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What runs in the originals' environment; pictures are RGB, RGBA or grey, of 8 or 16 bits.
ENHANCE = """
import time
import cv2, numpy
from basicsr.archs.rrdbnet_arch import RRDBNet
from realesrgan import RealESRGANer
from realesrgan.archs.srvgg_arch import SRVGGNetCompact

paths = [str(path) for path in given.pop("paths")]
kind, scale, depth = str(given.pop("kind")), int(given.pop("scale")), int(given.pop("depth"))
share, outscale, tile = float(given.pop("share")), float(given.pop("outscale")), int(given.pop("tile"))
if kind == "rrdb":
    net = RRDBNet(num_in_ch=3, num_out_ch=3, num_feat=64, num_block=depth, num_grow_ch=32, scale=scale)
else:
    net = SRVGGNetCompact(num_feat=64, num_conv=depth, upscale=scale, act_type="prelu")
mixed = share < 1
upsampler = RealESRGANer(
    scale=scale, model_path=paths if mixed else paths[0], dni_weight=[share, 1 - share] if mixed else None,
    model=net, tile=tile, tile_pad=10, pre_pad=10, half=False, device="cpu",
)
there = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
back = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}
for name, picture in given.items():
    turned = picture if picture.ndim == 2 else cv2.cvtColor(picture, there[picture.shape[2]])
    began = time.perf_counter()
    done, _ = upsampler.enhance(turned, outscale=outscale)
    made[f"seconds.{name}"] = numpy.array(time.perf_counter() - began)
    made[name] = done if done.ndim == 2 else cv2.cvtColor(done, back[done.shape[2]])
"""


@dataclass(frozen=True, slots=True)
class Net:
    """What RealESRGANer must be told of a file: which network, how much larger, how many blocks."""

    kind: str
    scale: int
    depth: int

    def said(
        self, paths: list[Path], share: float = 1.0, outscale: float = 0, tile: int = 0
    ) -> dict[str, Any]:
        """The arrays that `ENHANCE` wants beside the pictures."""
        import numpy as np

        values: dict[str, Any] = {"kind": self.kind, "scale": self.scale, "depth": self.depth}
        values |= {"share": share, "outscale": float(outscale or self.scale), "tile": tile}
        values["paths"] = [str(path) for path in paths]
        return {name: np.array(value) for name, value in values.items()}


def described(path: Path) -> Net:
    """The network in a file. Raises `BadInput` for one that Real-ESRGAN's program does not run."""
    state = load_state(path)
    if "conv_first.weight" in state and "body.0.rdb1.conv1.weight" in state:
        depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("body."))
        return Net("rrdb", {12: 2, 48: 1}.get(state["conv_first.weight"].shape[1], 4), depth)
    if "body.0.weight" in state and "body.1.weight" in state:
        convolutions = sorted(int(name.split(".")[1]) for name, found in state.items() if found.ndim == 4)
        channels = state[f"body.{convolutions[-1]}.weight"].shape[0]
        return Net("compact", round((channels / 3) ** 0.5), len(convolutions) - 2)
    raise BadInput("Real-ESRGAN's program runs RRDBNet and its compact networks only; choose one of those.")


def sample(height: int = 45, width: int = 63, seed: int = 0) -> NDArray[Any]:
    """A smooth picture with noise and transparency, uint8 (H, W, 4)."""
    import numpy as np

    drawn = np.random.default_rng(seed)
    down, across = np.mgrid[0:1:height * 1j, 0:1:width * 1j]  # fmt: skip
    smooth = 255 * np.stack([down, across, 1 - (down + across) / 2, 0.5 + down / 2], axis=-1)
    return (smooth + drawn.normal(0, 12, smooth.shape)).clip(0, 255).astype(np.uint8)


def run(settings: Settings, file: str = "") -> Report:
    """Compare; `file` is a path or the id of an upscaler. Raises `BadInput`, `BadWeights`, `NoOriginals`."""
    import numpy as np

    path = Path(file)
    if not path.is_file():
        path = Library(settings.models).find("upscaler", file).path
    net, picture = described(path), sample()
    deep = picture.astype(np.uint16) * np.uint16(257)
    kinds = {"RGB": picture[..., :3], "RGBA": picture, "grey": picture[..., 0], "RGB, 16 bits": deep[..., :3]}
    kinds = {name: np.ascontiguousarray(pixels) for name, pixels in kinds.items()}
    theirs = originals.run(ENHANCE, {**net.said([path]), **kinds})
    rows: list[tuple[Any, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "upscalers"
        place.mkdir()
        shutil.copy(path, place / path.name)
        tools = Tools(Library(Path(folder)), Models("cpu"), lambda: None)
        with tools.models.use(loaded(path.stem, tools)) as (ours,):
            for name, pixels in kinds.items():
                began = time.perf_counter()
                made = through(ours, pixels, tools)
                spent = time.perf_counter() - began
                apart = np.abs(made.astype(np.int64) - theirs[name])
                rows.append(
                    (name, int((apart > 0).sum()), int(apart.max()), spent, float(theirs[f"seconds.{name}"]))
                )
    columns = ("picture", "values that differ", "by at most", "seconds", "RealESRGANer's")
    return Report("parity", columns, tuple(rows), {"differing": sum(row[1] for row in rows)})
