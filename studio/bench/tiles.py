"""Seconds and peak memory of the autoencoder's decoder, at once and in tiles, and how far the two differ."""

from __future__ import annotations

from typing import Any

from studio.bench.memory import spent
from studio.bench.report import Report
from studio.families import family, tiled_vae
from studio.models.library import Library
from studio.models.manager import Models
from studio.painting.workbench import Workbench
from studio.settings import Settings

SIZES = (1, 4, 16)  # megapixels; one pass makes at most 16
AT_ONCE = 4  # megapixels that are decoded at once too


def run(settings: Settings, largest: float = 1) -> Report:
    """Measure the starter's up to `largest` megapixels; `psnr`: of the tiles against the whole, in dB."""
    import torch

    library, bench = Library(settings.models), Workbench(Models(settings.device))
    file = library.identified(library.find("checkpoint", library.default()))
    entry = bench.entry(file, "vae", family(file.family), full=True)
    rows: list[tuple[Any, ...]] = []
    figures: dict[str, Any] = {}
    with torch.inference_mode(), bench.models.use(entry) as (vae,):
        for megapixels in [size for size in SIZES if size <= largest]:
            side = round((megapixels * 1e6) ** 0.5) // 64 * 8
            latents = smooth(vae.config.latent_channels, side).to(vae.device, vae.dtype)
            kept: dict[str, Any] = {}
            ways = {"in tiles": lambda: tiled_vae.decoded(vae, latents, lambda: None)}  # noqa: B023
            if megapixels <= AT_ONCE:
                ways["at once"] = lambda: vae.decode(latents, return_dict=False)[0]  # noqa: B023
            for way, decode in ways.items():
                use = spent(lambda way=way, decode=decode: kept.update({way: decode()}))  # noqa: B023
                rows.append((megapixels, way, use.seconds, use.bytes / 2**20, use.device_bytes / 2**20))
            if "at once" in kept:
                error = (kept["in tiles"].float() - kept["at once"].float()).square().mean()
                figures["psnr"] = float(10 * torch.log10(4 / error))
    columns = ("megapixels", "how", "seconds", "peak MB", "device MB")
    return Report("tiles", columns, tuple(rows), figures)


def smooth(channels: int, side: int) -> Any:
    """Latents (1, C, side, side) of what could be a picture: noise in large patches and a little in small."""
    import torch
    from torch.nn.functional import interpolate

    drawn = torch.Generator().manual_seed(0)
    coarse = torch.randn((1, channels, 8, 8), generator=drawn)
    fine = torch.randn((1, channels, side, side), generator=drawn)
    return interpolate(coarse, size=(side, side), mode="bicubic") + 0.2 * fine
