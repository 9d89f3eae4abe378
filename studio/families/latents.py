"""Between latents and pictures: decoding, previews, and what an inpainting leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.errors import BlackPicture
from studio.families.family import Family, Rgb

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

PREVIEW_SIDE = 64  # pixels of a preview's longer side: encoding costs 0.3 ms, the page enlarges it


def decode(family: Family, latents: Tensor, vae: Any) -> Image:
    """The RGB picture of (1, C, H/8, W/8) latents, through an AutoencoderKL or AutoencoderTiny.

    Raises `BlackPicture` when the autoencoder overflows, as some do in half precision: try again with
    it in float32.
    """
    import torch
    from PIL import Image as Pictures

    with torch.no_grad():
        scaled = _unscaled(family, latents.to(vae.device), vae.config).to(vae.dtype)
        colours = vae.decode(scaled, return_dict=False)[0]
        if not bool(colours.isfinite().all()):
            raise BlackPicture("The autoencoder produced no numbers (NaN); choose another VAE.")
        pixels = (colours[0] * 0.5 + 0.5).clamp(0, 1).cpu().permute(1, 2, 0).float().numpy()
    return Pictures.fromarray((pixels * 255).round().astype("uint8"))


def _unscaled(family: Family, latents: Tensor, config: Any) -> Tensor:
    mean, std = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean is None or std is None:
        return latents / config.scaling_factor
    import torch

    shape = (1, family.latent_channels, 1, 1)
    mean, std = (torch.tensor(v).view(shape).to(latents) for v in (mean, std))
    return latents * std / config.scaling_factor + mean


def encode_picture(picture: Image, vae: Any, dtype: Any) -> Tensor:
    """The picture's mean latents (1, C, H/8, W/8), scaled as a sampler wants them."""
    import numpy as np
    import torch

    pixels = torch.from_numpy(np.array(picture.convert("RGB"), dtype=np.float32))
    colours = (pixels / 127.5 - 1).permute(2, 0, 1)[None]
    with torch.no_grad():
        coded = vae.encode(colours.to(vae.device, vae.dtype)).latent_dist.mode()
    return (coded * vae.config.scaling_factor).to(dtype)


def preview(family: Family, latents: Tensor, rgb: Rgb | None = None) -> Image:
    """A small RGB picture of (1, C, h, w) latents by the linear map `rgb`, or else the family's own.

    Without either it is grey: the channels' mean.
    """
    import torch
    from PIL import Image as Pictures

    chosen = rgb or family.rgb or _grey(family.latent_channels)
    small = latents[0].detach().float().cpu()
    matrix, bias = torch.tensor(chosen.matrix).float(), torch.tensor(chosen.bias).float()
    colours = torch.einsum("chw,cr->hwr", small, matrix) + bias
    pixels = ((colours.nan_to_num() + 1) * 127.5).clamp(0, 255).byte().numpy()
    picture = Pictures.fromarray(pixels)
    factor = max(1, PREVIEW_SIDE // max(picture.size))
    return picture.resize((picture.width * factor, picture.height * factor), Pictures.Resampling.BICUBIC)


def _grey(channels: int) -> Rgb:
    share = 1 / channels
    return Rgb(((share, share, share),) * channels)


def fit_rgb(family: Family, vae: Any) -> Rgb:
    """The linear preview of an autoencoder, by least squares over smooth random pictures.

    Costs about as much as encoding one picture of 256²; the same autoencoder gives the same fit.
    """
    import torch
    from torch.nn.functional import avg_pool2d, interpolate

    drawn = torch.rand((16, 3, 4, 4), generator=torch.Generator().manual_seed(0)) * 2 - 1
    pictures = interpolate(drawn, size=64, mode="bicubic", align_corners=False).clamp(-1, 1)
    with torch.no_grad():
        coded = vae.encode(pictures.to(vae.device, vae.dtype)).latent_dist.mode()
    latents = (
        (coded * vae.config.scaling_factor).double().cpu().movedim(1, -1).reshape(-1, family.latent_channels)
    )
    colours = avg_pool2d(pictures, family.latent_scale).double().movedim(1, -1).reshape(-1, 3)
    known = torch.cat([latents, torch.ones(len(latents), 1, dtype=torch.float64)], dim=1)
    solved = torch.linalg.lstsq(known, colours, driver="gelsd").solution.tolist()
    return Rgb(tuple((r, g, b) for r, g, b in solved[:-1]), (solved[-1][0], solved[-1][1], solved[-1][2]))


def keep_outside(source: Image, picture: Image, mask: Image, blur: int) -> Image:
    """`picture` inside the mask (white), `source` outside it to the pixel; all three of one size.

    The edge is softened inwards over `blur` pixels, so that nothing outside the mask changes; a mask
    too narrow for that is softened as far as it is wide.
    """
    import cv2
    import numpy as np
    from PIL import Image as Pictures

    inside = (np.asarray(mask.convert("L")) >= 128).astype(np.uint8)
    share = inside.astype(np.float32)
    if blur and inside.any() and not inside.all():
        depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
        share = np.clip(depth / min(blur + 1, float(depth.max())), 0, 1)
    old, new = (np.asarray(p.convert("RGB"), dtype=np.float32) for p in (source, picture))
    mixed = old + (new - old) * share[..., None]
    return Pictures.fromarray(mixed.round().astype(np.uint8))
