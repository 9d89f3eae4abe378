"""How much memory a job needs, and which rung of the ladder fits: arithmetic only.

resident   all parts of the job fit on the device together with the working memory
swap       each fits alone: others leave while one works
fp8        the largest keeps its weights in 8 bits and computes in 16
stream     the largest stays in memory and its layers visit the device one by one
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Rung = Literal["resident", "swap", "fp8", "stream"]
RUNGS: tuple[Rung, ...] = ("resident", "swap", "fp8", "stream")

FP8_SHARE = 0.55  # of the 16-bit weights: norms, embeddings and the ends of the network stay as they are
STREAM_BYTES = 512 * 2**20  # measured for a 24 GB transformer: 0.53 GB on the device (diffusers PR 11106)


def rung(parts: Sequence[int], work: int, free: int, at_least: Rung = "resident") -> Rung:
    """The highest rung, not above `at_least`, on which a job fits. Everything in bytes.

    `parts`: weights of each component; `work`: activations; `free`: what the device could give them.
    """
    largest = max(parts, default=0)
    need: dict[Rung, int] = {
        "resident": sum(parts) + work,
        "swap": largest + work,
        "fp8": int(largest * FP8_SHARE) + work,
    }
    allowed = RUNGS[RUNGS.index(at_least) :]
    fits: list[Rung] = [name for name in allowed if name in need and need[name] <= free]
    return fits[0] if fits else "stream"


def lower(name: Rung) -> Rung:
    """The next rung down; the lowest stays."""
    return RUNGS[min(RUNGS.index(name) + 1, len(RUNGS) - 1)]


def denoise_bytes(width: int, height: int, pictures: int = 2, itemsize: int = 2) -> int:
    """Activations of one UNet call for `pictures` (2 with guidance) of width × height pixels.

    1 % of a MiB for each byte of a latent position, as large models need with memory-saving attention.
    """
    return pictures * (width // 8) * (height // 8) * itemsize * (2**20 // 100)


def decode_bytes(width: int, height: int, itemsize: int = 2) -> int:
    """Activations of the autoencoder's decoder, whole picture: 2,200 bytes a pixel and byte of precision."""
    return 2200 * width * height * itemsize


def encode_bytes(width: int, height: int, itemsize: int = 2) -> int:
    """Activations of the autoencoder's encoder: half of the decoder's."""
    return decode_bytes(width, height, itemsize) // 2
