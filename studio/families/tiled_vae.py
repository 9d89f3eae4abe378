"""An autoencoder that works in tiles where a picture is large or memory short, through the one tiler.

What a tile cannot know by itself is taken from the whole: the deepest part of the network, its attention
included, sees everything at once (it is an eighth as wide and as high), and the group norms of the rest take
mean and variance from one coarse pass over every n-th position, so that all tiles are normalised alike.
That norms are nearly all of what tiles get wrong was shown by the tiled VAE of Multidiffusion-upscaler
(Wang, 2023: "fast mode"), whose idea this is; group norm itself is arXiv 1803.08494.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from studio.models.budget import decode_bytes
from studio.models.manager import is_out_of_memory
from studio.tiles import Tiling, tiled

if TYPE_CHECKING:
    from torch import Tensor


WHOLE = 2048 * 2048  # pixels that are worked on at once where memory allows
SIDE = 64  # latent positions of a tile's side: 512 pixels
OVERLAP = 16  # latent positions; the deep part reaches about 12, most of it far less
LEAST = 16  # latent positions of the smallest tile
COARSE = 96  # latent positions of the longer side of what the norms are measured on
SCALE = 8


def needs_tiles(width: int, height: int, itemsize: int, room: int) -> bool:
    """Whether a picture of this size is too large for one go, or for `room` bytes."""
    return width * height > WHOLE or decode_bytes(width, height, itemsize) > room


def work_bytes(width: int, height: int, itemsize: int) -> int:
    """What the autoencoder needs beside its weights: for the whole picture, or for a tile of a large one."""
    most = (SIDE * SCALE) ** 2 * 4
    return (
        decode_bytes(width, height, itemsize) if width * height <= WHOLE else decode_bytes(1, most, itemsize)
    )


@contextmanager
def in_tiles(vae: Any, room: int, checkpoint: Callable[[], None]) -> Generator[None]:
    """Within this block `vae.encode` and `vae.decode` work in tiles where `needs_tiles` says so.

    Also where memory runs out on the way. `checkpoint` is called before every tile; what it raises ends the
    work. Autoencoders other than diffusers' AutoencoderKL, and those that encode in tiles, stay as they are.
    """
    if type(vae).__name__ != "AutoencoderKL":
        yield
        return

    def encode(given: Tensor) -> Tensor:
        large = needs_tiles(given.shape[-1], given.shape[-2], given.element_size() * given.shape[0], room)
        return _whole_or(type(vae)._encode, encoded, vae, given, large, checkpoint)

    def decode(given: Tensor, return_dict: bool = True) -> Any:
        width, height = given.shape[-1] * SCALE, given.shape[-2] * SCALE
        large = needs_tiles(width, height, given.element_size() * given.shape[0], room)
        made = _whole_or(_decode_whole, decoded, vae, given, large, checkpoint)
        if not return_dict:
            return (made,)
        from diffusers.models.autoencoders.vae import DecoderOutput

        return DecoderOutput(sample=made)

    vae._encode, vae._decode = encode, decode
    try:
        yield
    finally:
        del vae._encode, vae._decode


def _decode_whole(vae: Any, given: Tensor) -> Tensor:
    return type(vae)._decode(vae, given, return_dict=False)[0]


def _whole_or(
    whole: Callable[[Any, Tensor], Tensor],
    tiles: Callable[[Any, Tensor, Callable[[], None]], Tensor],
    vae: Any,
    given: Tensor,
    large: bool,
    checkpoint: Callable[[], None],
) -> Tensor:
    if not large:
        try:
            return whole(vae, given)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
    return tiles(
        vae, given, checkpoint
    )  # outside of the handler: its traceback keeps the first try's tensors


def decoded(vae: Any, latents: Tensor, checkpoint: Callable[[], None]) -> Tensor:
    """(B, C, h, w) unscaled latents → (B, 3, 8 h, 8 w), in tiles."""
    decoder = vae.decoder
    plain = latents if vae.post_quant_conv is None else vae.post_quant_conv(latents)
    deep = decoder.mid_block(decoder.conv_in(plain))

    def outer(features: Tensor) -> Tensor:
        for block in decoder.up_blocks:
            features = block(features)
        return decoder.conv_out(decoder.conv_act(decoder.conv_norm_out(features)))

    outside: list[Any] = [*decoder.up_blocks, decoder.conv_norm_out]
    plan = Tiling(SIDE, OVERLAP, up=SCALE, least=LEAST)
    with _shared(outside, lambda: outer(_every_nth(deep, COARSE))):
        return tiled(deep, outer, plan, checkpoint).to(latents)


def encoded(vae: Any, picture: Tensor, checkpoint: Callable[[], None]) -> Tensor:
    """(B, 3, 8 h, 8 w) colours in [-1, 1] → the moments (B, 2 C, h, w), in tiles."""
    encoder = vae.encoder

    def outer(colours: Tensor) -> Tensor:
        colours = encoder.conv_in(colours)
        for block in encoder.down_blocks:
            colours = block(colours)
        return colours

    plan = Tiling(SIDE * SCALE, OVERLAP * SCALE, down=SCALE, snap=SCALE, least=LEAST * SCALE)
    with _shared(list(encoder.down_blocks), lambda: outer(_every_nth(picture, COARSE * SCALE))):
        deep = tiled(picture, outer, plan, checkpoint).to(picture)
    last = encoder.conv_out(encoder.conv_act(encoder.conv_norm_out(encoder.mid_block(deep))))
    return last if vae.quant_conv is None else vae.quant_conv(last)


def _every_nth(features: Tensor, longest: int) -> Tensor:
    """Every n-th position down and across, at most `longest` of either."""
    n = -(-max(features.shape[-2:]) // longest)
    return features[..., n // 2 :: n, n // 2 :: n].contiguous()


@contextmanager
def _shared(blocks: list[Any], coarse: Callable[[], Tensor]) -> Generator[None]:
    """Within this block the group norms of `blocks` take what they measured during `coarse`."""
    from torch.nn import GroupNorm

    norms: list[Any] = [norm for block in blocks for norm in block.modules() if isinstance(norm, GroupNorm)]
    try:
        for norm in norms:
            norm.forward = _measuring(norm)
        coarse()
        yield
    finally:
        for norm in norms:
            norm.__dict__.pop("forward", None)


def _measuring(norm: Any) -> Callable[[Tensor], Tensor]:
    """The norm as it is, which afterwards is the same affine map for every input."""

    def measure(given: Tensor) -> Tensor:
        import torch

        grouped = given.float().unflatten(1, (norm.num_groups, -1)).flatten(2)
        variance, mean = torch.var_mean(grouped, dim=2, correction=0)
        each = given.shape[1] // norm.num_groups
        inverse = (variance + norm.eps).rsqrt().repeat_interleave(each, 1)
        gain = inverse * norm.weight.float()
        shift = norm.bias.float() - mean.repeat_interleave(each, 1) * gain
        gain, shift = (each[..., None, None].to(given.dtype) for each in (gain, shift))
        norm.forward = lambda given: torch.addcmul(shift, given, gain)
        return norm.forward(given)

    return measure
