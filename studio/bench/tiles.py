"""Seconds and peak memory of what works in tiles: the starter's decoder and its upscaler, by size.

The decoder is measured as far as one pass paints. Up to a few megapixels it is decoded at once too, to tell
how far the two differ; there attention, whose work grows with the square of the picture, takes most of the
time. Every size of either is measured in a process of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studio.bench import memory
from studio.bench.report import Report, Tell, line, silent
from studio.bench.upscale import enlarging
from studio.families import family, tiled_vae
from studio.models.library import Library
from studio.models.manager import Models
from studio.models.upscaler import OWN
from studio.painting.workbench import Workbench
from studio.settings import Settings

SIZES = (1, 4, 16, 64)  # megapixels
DECODED = 16  # megapixels that one pass makes at most
AT_ONCE = 4  # megapixels that are decoded at once too
SCALE = 2  # of the starter's upscaler
ENLARGED, TILED, WHOLE = "enlarged in tiles", "decoded in tiles", "decoded at once"
COLUMNS = ("megapixels", "how", "seconds", "processor s", "peak MB", "device MB")


def run(settings: Settings, largest: float = 64, sizes: Sequence[float] = (), tell: Tell = silent) -> Report:
    """Measure `sizes` of megapixels, or the usual ones, up to `largest`; each line is told as it comes.

    The peak is the process's, without the pictures in and out. `psnr`: of decoding in tiles against the
    whole, in dB; `peak_ratio`: the upscaler's peak at the largest size over that at 4.
    """
    rows: list[tuple[Any, ...]] = []
    figures: dict[str, Any] = {}

    def add(megapixels: float, uses: dict[str, memory.Use]) -> None:
        for how, use in uses.items():
            took = (use.seconds, use.processor, use.peak / 2**20, use.device_bytes / 2**20)
            rows.append((megapixels, how, *took))
            tell(line(COLUMNS, rows[-1]))

    for megapixels in [size for size in sorted(sizes or SIZES) if size <= largest]:
        side = round((megapixels * 1e6) ** 0.5)
        use = memory.apart(enlarging, settings.models, OWN, side // SCALE, settings.device)
        add(megapixels, {ENLARGED: use})
        if megapixels <= DECODED:
            made, psnr = memory.apart(decoding, settings, side // 64 * 8, megapixels <= AT_ONCE)
            add(megapixels, made)
            figures |= {"psnr": psnr} if WHOLE in made else {}
    peaks = {row[0]: row[4] for row in rows if row[1] == ENLARGED}
    if 4 in peaks and max(peaks) > 4:
        figures["peak_ratio"] = peaks[max(peaks)] / peaks[4]
    return Report("tiles", COLUMNS, tuple(rows), figures)


def decoding(settings: Settings, side: int, whole: bool) -> tuple[dict[str, memory.Use], float]:
    """The cost of decoding square latents in tiles and, with `whole`, at once; and the PSNR between."""
    import torch

    library, bench = Library(settings.models), Workbench(Models(settings.device))
    file = library.identified(library.find("checkpoint", library.default()))
    entry = bench.entry(file, "vae", family(file.family), full=True)
    with torch.inference_mode(), bench.models.use(entry) as (vae,):
        latents = smooth(vae.config.latent_channels, side).to(vae.device, vae.dtype)
        tiled_vae.decoded(vae, latents[..., :16, :16], lambda: None)
        with memory.measured() as tiles:
            made = tiled_vae.decoded(vae, latents, lambda: None)
        tiles.peak -= made.nbytes + latents.nbytes
        if not whole:
            return {TILED: tiles}, 0.0
        with memory.measured() as once:
            plain = vae.decode(latents, return_dict=False)[0]
        once.peak -= 2 * plain.nbytes + latents.nbytes
        error = (made.float() - plain.float()).square().mean()
        return {TILED: tiles, WHOLE: once}, float(10 * torch.log10(4 / error))


def smooth(channels: int, side: int) -> Any:
    """Latents (1, C, side, side) of what could be a picture: noise in large patches and a little in small."""
    import torch
    from torch.nn.functional import interpolate

    drawn = torch.Generator().manual_seed(0)
    coarse = torch.randn((1, channels, 8, 8), generator=drawn)
    fine = torch.randn((1, channels, side, side), generator=drawn)
    return interpolate(coarse, size=(side, side), mode="bicubic") + 0.2 * fine
