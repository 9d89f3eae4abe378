"""A Real-ESRGAN or GFPGAN file of one's own: their programs and ours on the same picture, value for value."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.bench import ganer, originals
from studio.bench.originals import row, sample
from studio.bench.report import Report
from studio.errors import BadInput, UnknownName
from studio.models.library import Library
from studio.models.load import load_state
from studio.models.manager import Models
from studio.post.enlarge import GENERAL, TWIN, loaded, through
from studio.post.tools import Tools
from studio.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIXED = 0.5  # of general-x4v3, the rest its twin
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
    began, worked = time.perf_counter(), time.process_time()
    done, _ = upsampler.enhance(turned, outscale=outscale)
    made[f"seconds.{name}"] = numpy.array(time.perf_counter() - began)
    made[f"processor.{name}"] = numpy.array(time.process_time() - worked)
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


def pictures() -> dict[str, NDArray[Any]]:
    """Colour, with transparency, and grey, each of 8 and of 16 bits."""
    import numpy as np

    eight = sample()
    kinds: dict[str, NDArray[Any]] = {}
    for mark, pixels in (("", eight), (", 16 bits", eight.astype(np.uint16) * np.uint16(257))):
        kinds |= {f"RGB{mark}": pixels[..., :3], f"RGBA{mark}": pixels, f"grey{mark}": pixels[..., 0]}
    return {name: np.ascontiguousarray(pixels) for name, pixels in kinds.items()}


def run(settings: Settings, file: str = "") -> Report:
    """Compare; `file` is a path, or the id of an upscaler or of a GFPGAN.

    Raises `BadInput`, `BadWeights`, `UnknownName`, `NoOriginals`.
    """
    library = Library(settings.models)
    path = Path(file) if Path(file).is_file() else _found(library, file)
    with tempfile.TemporaryDirectory() as folder:
        if ganer.restores(load_state(path)):
            rows = ganer.compared(path, Path(folder), library)
        else:
            rows = _upscaler(path, Path(folder))
    columns = ("picture", "values that differ", "by at most", "seconds", "the original's")
    return Report("parity", columns, tuple(rows), {"differing": sum(one[1] for one in rows)})


def _found(library: Library, name: str) -> Path:
    try:
        return library.find("upscaler", name).path
    except UnknownName:
        return library.find("face", name).path


def _upscaler(path: Path, folder: Path) -> list[tuple[Any, ...]]:
    """Rows for Real-ESRGAN's networks; where the twin of general-x4v3 lies beside it, also for both mixed."""
    net, kinds = described(path), pictures()
    place = folder / "upscalers"
    place.mkdir()
    twin = path.with_name(path.name.replace(GENERAL, TWIN))
    paths = [path, twin] if twin != path and twin.is_file() else [path]
    for one in paths:
        shutil.copy(one, place / one.name)
    tools = Tools(Library(folder), Models("cpu"), lambda: None)
    rows: list[tuple[Any, ...]] = []
    for share in (1.0, MIXED)[: len(paths)]:
        mark = "" if share == 1 else f", {share:.0%} of it"
        given = {f"{name}{mark}": pixels for name, pixels in kinds.items()}
        theirs = originals.run(ENHANCE, {**net.said([one.resolve() for one in paths], share), **given})
        with tools.models.use(loaded(path.stem, tools, share)) as (ours,):
            for name, pixels in given.items():
                began = time.perf_counter()
                made = through(ours, pixels, tools)
                rows.append(row(name, made, theirs, time.perf_counter() - began))
    return rows
