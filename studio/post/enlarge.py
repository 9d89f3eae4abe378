"""Pictures made larger: by a network in tiles, or by plain interpolation.

What happens around a network is what Real-ESRGAN's own `RealESRGANer.enhance` does, so that its published
weights give the same pixels; only pictures larger than one tile differ, by less than its seams did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image as Pictures

from studio.deep import Deep
from studio.errors import BadInput, UnknownName
from studio.images import Bounds
from studio.models.files import ModelFile
from studio.models.manager import Entry, Key
from studio.models.upscaler import Upscaler, load_upscaler
from studio.post.tools import Tools
from studio.tiles import Tiling, blocks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Pixels = NDArray[np.uint8 | np.uint16]

PLAIN = {"lanczos": Pictures.Resampling.LANCZOS, "nearest": Pictures.Resampling.NEAREST}
TILE = 1152  # px of a finished tile's side
SIDE = 288  # px of a layer's side; Linux's C library pages larger ones in anew, which takes as long again
HEAP = 31 << 20  # bytes, just below what it ever keeps
OVERLAP = 24  # px of the source
PRE_PAD = 10  # px mirrored at the right and lower edge, as RealESRGANer does
GENERAL, TWIN = "general-x4v3", "general-wdn-x4v3"  # the pair whose weights are mixed


def allowed(width: int, height: int) -> tuple[int, int]:
    """The size itself. Raises `BadInput` when no picture may be so large."""
    most = Bounds()
    if max(width, height) > most.side or width * height > most.pixels:
        raise BadInput(
            f"{width:,} × {height:,} pixels are too many; at most {most.side:,} a side and "
            f"{most.pixels / 1e6:.0f} megapixels in all can be made. Choose a smaller scale."
        )
    return width, height


def twin_of(name: str) -> str:
    """The id of the model mixed in where noise is to be kept. Raises `BadInput` for a model without one."""
    if GENERAL not in name:
        raise BadInput(
            f"Only {GENERAL} can keep noise; for “{name[:80]}” set the noise reduction to 1, or choose it."
        )
    return name.replace(GENERAL, TWIN)


def enlarged(
    image: Image | Deep, size: tuple[int, int], name: str, tools: Tools, denoise: float = 1.0
) -> Image | Deep:
    """The picture at exactly `size` by the upscaler called `name`, alpha included, in as many bits.

    A network is run as often as the size needs. Raises `BadInput`, `UnknownName`, or what loading raises.
    """
    import numpy as np

    width, height = allowed(*size)
    if not isinstance(image, Deep) and image.mode not in ("RGB", "RGBA", "L"):
        image = image.convert("RGB")
    if name in PLAIN:
        return _interpolated(image, (width, height), PLAIN[name])
    entry = loaded(name, tools, denoise)
    pixels: Any = image.pixels if isinstance(image, Deep) else np.asarray(image)
    with tools.models.use(entry) as (net,):
        made = enough = False
        while not enough:
            pixels = _trimmed(pixels, (width, height), net.scale) if made else pixels
            allowed(pixels.shape[1] * net.scale, pixels.shape[0] * net.scale)
            pixels, made = through(net, pixels, tools), True
            enough = net.scale == 1 or (pixels.shape[1] >= width and pixels.shape[0] >= height)
    pixels = resized(pixels, width, height)
    return Deep(pixels) if isinstance(image, Deep) else Pictures.fromarray(pixels)


def _trimmed(pixels: Pixels, size: tuple[int, int], scale: int) -> Pixels:
    """What a pass has made, no larger than one more pass needs: 512 pixels twice doubled towards 1200 are 600
    before the second time."""
    width, height = (min(had, -(-side // scale)) for had, side in zip(pixels.shape[1::-1], size, strict=True))
    return resized(pixels, width, height)


def _interpolated(image: Image | Deep, size: tuple[int, int], how: Pictures.Resampling) -> Image | Deep:
    if not isinstance(image, Deep):
        return image.resize(size, how)
    import numpy as np

    made = np.empty((size[1], size[0], image.pixels.shape[2]), np.uint16)
    for i in range(made.shape[2]):
        plane = Pictures.fromarray(image.pixels[..., i].astype(np.float32)).resize(size, how)
        made[..., i] = np.asarray(plane).round().clip(0, 65_535)
    return Deep(made)


def loaded(name: str, tools: Tools, denoise: float = 1.0) -> Entry:
    """The upscaler's cache entry. Raises `UnknownName` with what exists, or what loading raises."""
    file = found(name, tools)
    twin = found(twin_of(name), tools) if denoise < 1 else None
    source = file.source if twin is None else f"{file.source}|{twin.source}|{denoise}"
    models = tools.models
    return models.get(
        Key(source, "upscaler", "native"),
        lambda: load_upscaler(file, models.device, twin, denoise),
        file.size,
    )


def found(name: str, tools: Tools) -> ModelFile:
    """The upscaler's file. Raises `UnknownName` with what exists."""
    try:
        return tools.library.find("upscaler", name)
    except UnknownName as error:
        raise UnknownName("upscaler", name, (*error.known, *PLAIN)) from error


def through(net: Upscaler, pixels: Pixels, tools: Tools, pre_pad: int = PRE_PAD) -> Pixels:
    """Pixels (H, W[, 3 or 4]) of 8 or 16 bits, `net.scale` times larger; alpha goes through the net too."""
    import numpy as np

    if pixels.ndim == 2:
        return _planes(net, np.repeat(pixels[..., None], 3, axis=2), tools, pre_pad, grey=True)
    colours = _planes(net, pixels[..., :3], tools, pre_pad, grey=False)
    if pixels.shape[2] == 3:
        return colours
    alpha = _planes(net, np.repeat(pixels[..., 3:], 3, axis=2), tools, pre_pad, grey=True)
    return np.concatenate([colours, alpha[..., None]], axis=2)


def _planes(net: Upscaler, colours: Pixels, tools: Tools, pre_pad: int, grey: bool) -> Pixels:
    import cv2
    import numpy as np
    import torch

    height, width = colours.shape[0] * net.scale, colours.shape[1] * net.scale
    most = int(np.iinfo(colours.dtype).max)
    weight = next(net.model.parameters())

    def work(tile: NDArray[Any]) -> NDArray[Any]:
        with torch.inference_mode():
            given = torch.from_numpy(tile.astype(np.float32) / most)[None]
            made = net.run(given.to(weight.device, weight.dtype))
            return made[0].float().clamp(0, 1).cpu().numpy()

    tile = max(min(TILE // net.scale, SIDE * net.multiple), 2 * OVERLAP)
    plan = Tiling(tile // net.multiple * net.multiple, OVERLAP, up=net.scale, snap=net.multiple)
    source = _padded(colours, pre_pad, net.multiple).transpose(2, 0, 1)
    np.empty(HEAP, np.uint8)  # freed at once: from then on it keeps the layers' memory for the next ones
    whole = np.empty((height, width) if grey else (height, width, 3), colours.dtype)
    for top, left, block in blocks(source, work, plan, tools.check):
        piece = np.ascontiguousarray(
            block[:, : max(0, height - top), : max(0, width - left)].transpose(1, 2, 0)
        )
        if not piece.size:  # of what was mirrored beyond the edge alone
            continue
        if grey:
            # In this order, for the sum is rounded as it is in RealESRGANer.
            piece = cv2.cvtColor(np.ascontiguousarray(piece[..., ::-1]), cv2.COLOR_BGR2GRAY)
        rounded = np.rint(piece * most)
        whole[top : top + len(rounded), left : left + rounded.shape[1]] = rounded
    return whole


def _padded(colours: Pixels, pre_pad: int, multiple: int) -> Pixels:
    """Mirrored at the right and lower edge by `pre_pad`, then up to a multiple."""
    import numpy as np

    mirrored = np.pad(colours, ((0, pre_pad), (0, pre_pad), (0, 0)), mode="reflect")
    down, across = (-side % multiple for side in mirrored.shape[:2])
    return np.pad(mirrored, ((0, down), (0, across), (0, 0)), mode="reflect")


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """By Lanczos over 8 × 8 pixels, as RealESRGANer; below half, where that would skip pixels, by area."""
    import cv2

    if pixels.shape[:2] == (height, width):
        return pixels
    small = width * 2 < pixels.shape[1] or height * 2 < pixels.shape[0]
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if small else cv2.INTER_LANCZOS4)  # type: ignore[return-value]
