"""Pictures of 16 bits a colour, which Pillow has no place for: from PNG, as an array, to PNG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image as Pictures

from studio import containers, images
from studio.errors import BadPicture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

DEPTH = 24  # where a PNG says how many bits a value has
ROWS = 512


@dataclass(frozen=True, slots=True, eq=False)
class Deep:
    """`pixels`: uint16 (H, W, 3), or (H, W, 4) with transparency. Its sizes are told as Pillow's are."""

    pixels: NDArray[np.uint16]

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        return self.pixels.shape[0]

    def getbands(self) -> tuple[str, ...]:
        return ("R", "G", "B", "A")[: self.pixels.shape[2]]

    def plain(self) -> Image:
        """The picture in 8 bits, each value rounded."""
        import numpy as np

        small = np.empty(self.pixels.shape, np.uint8)
        for top in range(0, self.height, ROWS):
            small[top : top + ROWS] = (self.pixels[top : top + ROWS].astype(np.uint32) + 128) // 257
        return Pictures.fromarray(small)

    def after(self, before: Image, changed: Image) -> Deep | Image:
        """What a step of 8 bits made of `before`, this picture's `plain`, with what 8 bits left out of it.

        Pixels that the step left alone keep every bit. A picture of another size stays in 8 bits.
        """
        import numpy as np

        if changed.size != self.size or changed.getbands() != self.getbands():
            return changed
        old, new, fine = np.asarray(before), np.asarray(changed), np.empty_like(self.pixels)
        for top in range(0, self.height, ROWS):
            rows = slice(top, top + ROWS)
            moved = (new[rows].astype(np.int32) - old[rows]) * 257
            fine[rows] = np.clip(self.pixels[rows] + moved, 0, 65_535)
        return Deep(fine)


def read(data: bytes) -> Deep | Image:
    """As `images.read`; a PNG of 16 bits a colour comes as `Deep`. Raises `BadPicture`."""
    plain = images.read(data)
    if images.check(data).kind != "png" or data[DEPTH] != 16:
        return plain
    import cv2
    import numpy as np

    bare = np.frombuffer(containers.bare(data, "png"), np.uint8)
    found: Any = cv2.imdecode(bare, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if found is None or found.dtype != np.uint16 or found.shape[:2] != (plain.height, plain.width):
        raise BadPicture("The 16 bits of this picture cannot be read. Save it again, in 16 or in 8 bits.")
    if found.ndim == 2:
        found = np.repeat(found[..., None], 3, axis=2)
    elif found.shape[2] == 2:
        found = found[..., (0, 0, 0, 1)]
    else:
        found = found[..., (2, 1, 0, 3)[: found.shape[2]]]
    if "A" in plain.getbands() and found.shape[2] == 3:  # transparency that is told beside the pixels
        alpha = np.asarray(plain.getchannel("A"), np.uint16) * np.uint16(257)
        found = np.concatenate([found, alpha[..., None]], axis=2)
    return Deep(np.ascontiguousarray(found[..., : len(plain.getbands())]))


def encode_png(picture: Deep | Image) -> bytes:
    """The picture as PNG, level 1, in as many bits as it has."""
    if not isinstance(picture, Deep):
        return images.encode_png(picture)
    import cv2

    order = (2, 1, 0, 3)[: picture.pixels.shape[2]]
    _, made = cv2.imencode(".png", picture.pixels[..., order], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return made.tobytes()
