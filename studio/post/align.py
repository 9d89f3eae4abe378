"""Faces moved to their standard place and back: what facexlib's `FaceRestoreHelper` does, on arrays.

Pixels are BGR, as OpenCV has them; a face is 512 × 512 with eyes, nose and mouth where FFHQ has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[Any]

SIDE = 512  # px of an aligned face
TEMPLATE = (  # x, y of the eyes, the nose and the corners of the mouth in an FFHQ face of 512 px
    (192.98138, 239.94708),
    (318.90277, 240.1936),
    (256.63416, 314.01935),
    (201.26117, 371.41043),
    (313.08905, 371.15118),
)
SURROUND = (135, 133, 132)  # BGR of what lies outside of the picture
BLUR = (101, 11)  # px and standard deviation of the mask's Gaussian, applied twice
BORDER = 10  # px of an aligned face that are never pasted: its edge shows


@dataclass(frozen=True, slots=True, eq=False)
class Pasted:
    """A restored face (512, 512, 3) of 8 bits, the transform (2, 3) that aligned it, and how to blend it.

    `mask` (512, 512) in 0-1; None makes a soft square. `strength` 0 keeps the picture, 1 takes the face.
    """

    face: Pixels
    matrix: Pixels
    mask: Pixels | None
    strength: float = 1.0


def similarity(landmarks: Pixels) -> Pixels | None:
    """The rotation, scale and shift (2, 3) that bring landmarks (5, 2) to the template, by least median of
    squares; None where they are no face (all in one point)."""
    import cv2
    import numpy as np

    matrix: Any = cv2.estimateAffinePartial2D(landmarks, np.array(TEMPLATE), method=cv2.LMEDS)[0]
    return matrix if matrix is not None and np.isfinite(matrix).all() else None


def aligned(pixels: Pixels, matrix: Pixels) -> Pixels:
    """The face (512, 512, 3) that `matrix` finds in the picture."""
    import cv2

    return cv2.warpAffine(pixels, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_CONSTANT, borderValue=SURROUND)


def parsed_mask(labels: Pixels, face: Sequence[int]) -> Pixels:
    """A soft mask (H, W) in 0-1 of the pixels whose label is one of `face`."""
    import cv2
    import numpy as np

    size, deviation = BLUR
    mask = np.where(np.isin(labels, face), 255.0, 0.0)
    for _ in range(2):
        mask = cv2.GaussianBlur(mask, (size, size), deviation)
    mask[:BORDER], mask[-BORDER:], mask[:, :BORDER], mask[:, -BORDER:] = 0, 0, 0, 0
    return mask / 255.0


def pasted(background: Pixels, faces: Sequence[Pasted], scale: float = 1.0) -> Pixels:
    """The faces on a copy of `background` (H, W, 3) of 8 bits, which is `scale` times the picture they were
    aligned in.

    Outside of the faces' squares no pixel changes; only there is anything computed in floats.
    """
    import cv2
    import numpy as np

    height, width = background.shape[:2]
    backs = [_back(one.matrix, scale) for one in faces]
    top, bottom, left, right = _reach(backs, width, height)
    whole = background.copy()
    if not backs or top >= bottom or left >= right:
        return whole
    here = np.s_[top:bottom, left:right]
    patch = whole[here].astype(np.float64)
    for one, back in zip(faces, backs, strict=True):
        face = cv2.warpAffine(one.face, back, (width, height))
        if one.mask is None:
            square, soft = _soft_square(back, width, height, scale)
            laid = square[here][..., None] * face[here]
        else:
            soft = cv2.warpAffine(one.mask, back, (width, height), flags=cv2.INTER_AREA)
            laid = face[here]
        share = soft[here][..., None] if one.strength == 1 else soft[here][..., None] * one.strength
        patch = share * laid + (1 - share) * patch
    whole[here] = patch.astype(np.uint8)
    return whole


def _back(matrix: Pixels, scale: float) -> Pixels:
    """From the aligned face to a picture `scale` times as large; half a pixel more where it is larger."""
    import cv2

    back = cv2.invertAffineTransform(matrix) * scale
    if scale > 1:
        back[:, 2] += 0.5 * scale
    return back


def _reach(backs: Sequence[Pixels], width: int, height: int) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of all that the faces' squares may touch."""
    import numpy as np

    corners = np.array([(-2, -2, 1), (SIDE + 2, -2, 1), (-2, SIDE + 2, 1), (SIDE + 2, SIDE + 2, 1)], float)
    if not backs:
        return 0, 0, 0, 0
    points = np.concatenate([corners @ back.T for back in backs])
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return (
        int(np.clip(top - 1, 0, height)),
        int(np.clip(bottom + 2, 0, height)),
        int(np.clip(left - 1, 0, width)),
        int(np.clip(right + 2, 0, width)),
    )


def _soft_square(back: Pixels, width: int, height: int, scale: float) -> tuple[Pixels, Pixels]:
    """The square of an aligned face on the picture, hard and with an edge a twentieth of its side wide."""
    import cv2
    import numpy as np

    square = cv2.warpAffine(np.ones((SIDE, SIDE), np.float32), back, (width, height))
    grain = int(2 * scale)
    square = cv2.erode(square, np.ones((grain, grain), np.uint8))
    edge = int(np.sum(square) ** 0.5) // 20
    inner = cv2.erode(square, np.ones((edge * 2, edge * 2), np.uint8))
    return square, cv2.GaussianBlur(inner, (edge * 2 + 1, edge * 2 + 1), 0)
