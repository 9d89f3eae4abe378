"""An autoencoder that works in tiles where a picture is large or memory short, through the one tiler.

What a tile cannot know by itself is taken from the whole: the deepest part of the network sees everything at
once (it is an eighth as wide and as high), and the group norms of the rest take mean and variance from one
coarse pass over every n-th position, so that all tiles are normalised alike. Attention, whose work grows with
the square of the picture, asks from every position but looks at every n-th.
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
LOOKED_AT = 128  # positions of the longer side of what attention looks at: all of a megapixel
FRAME = 2  # positions along the edge that padding makes different
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
    deep = _middle(decoder.mid_block, decoder.conv_in(plain))

    def outer(features: Tensor) -> Tensor:
        for block in decoder.up_blocks:
            features = block(features)
        return decoder.conv_out(decoder.conv_act(decoder.conv_norm_out(features)))

    outside: list[Any] = [*decoder.up_blocks, decoder.conv_norm_out]
    plan = Tiling(SIDE, OVERLAP, up=SCALE, least=LEAST)
    with _shared(outside, outer, deep, COARSE, LEAST):
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
    sides = (COARSE * SCALE, LEAST * SCALE)
    with _shared(list(encoder.down_blocks), outer, picture, *sides, padded=True):
        deep = tiled(picture, outer, plan, checkpoint).to(picture)
    last = encoder.conv_out(encoder.conv_act(encoder.conv_norm_out(_middle(encoder.mid_block, deep))))
    return last if vae.quant_conv is None else vae.quant_conv(last)


def _middle(block: Any, features: Tensor) -> Tensor:
    """diffusers' UNetMidBlock2D; of a large picture its attention looks at every n-th position.

    A softmax over many keys is a mean, and a regular sample has the same one: of the starter's paintings the
    whole differs by 64 to 79 dB, where sharing the norms alone makes 44.
    """
    n = _step(features, LOOKED_AT)
    if n == 1:
        return block(features)
    features = block.resnets[0](features, None)
    for attention, after in zip(block.attentions, block.resnets[1:], strict=True):
        features = after(features if attention is None else _attended(attention, features, n), None)
    return features


def _attended(attention: Any, features: Tensor, n: int) -> Tensor:
    """(B, C, h, w) through diffusers' Attention, with keys and values of every n-th position."""
    from torch.nn.functional import scaled_dot_product_attention

    normed = attention.group_norm(features.flatten(2)).view_as(features)
    asking, seen = (each.flatten(2).mT for each in (normed, _every_nth(normed, n)))
    query, key, value = (
        layer(given).unflatten(-1, (attention.heads, -1)).transpose(1, 2)
        for layer, given in ((attention.to_q, asking), (attention.to_k, seen), (attention.to_v, seen))
    )
    made = scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
    made = attention.to_out[0](made).mT.reshape(features.shape)
    return (made + features) / attention.rescale_output_factor


def _step(features: Tensor, longest: int) -> int:
    """The n of which every n-th position makes at most `longest` down and across."""
    return -(-max(features.shape[-2:]) // longest)


def _every_nth(features: Tensor, n: int) -> Tensor:
    """Every n-th position down and across."""
    return features[..., n // 2 :: n, n // 2 :: n].contiguous()


@contextmanager
def _shared(
    blocks: list[Any],
    outer: Callable[[Tensor], Tensor],
    given: Tensor,
    longest: int,
    least: int,
    padded: bool = False,
) -> Generator[None]:
    """Within this block the group norms of `blocks` take what they measure while `outer` works on every n-th
    position of `given`: at most `longest` down and across, and where memory is too short for it half as many,
    as far as to `least`.

    `padded`: the frame around `given` is the network's own padding.
    """
    from torch.nn import GroupNorm

    norms: list[Any] = [norm for block in blocks for norm in block.modules() if isinstance(norm, GroupNorm)]
    measured = False
    try:
        while not measured:
            n = _step(given, longest)
            for norm in norms:
                norm.forward = _measuring(norm, n if padded else 1)
            coarse = _every_nth(given, n)
            side = max(coarse.shape[-2:])
            measured, longest = _has_room(outer, coarse, final=side <= least), side // 2
        yield
    finally:
        for norm in norms:
            norm.__dict__.pop("forward", None)


def _has_room(work: Callable[[Tensor], Tensor], given: Tensor, final: bool) -> bool:
    """Whether memory was enough to do it; the last time, a want of it is raised."""
    try:
        work(given)
        return True
    except (RuntimeError, MemoryError) as error:
        if final or not is_out_of_memory(error):
            raise
    return False


def _measuring(norm: Any, shrunk: int) -> Callable[[Tensor], Tensor]:
    """The norm as it is, which afterwards is the same affine map for every input.

    `shrunk`: how many times smaller that input is, if the frame around it is the network's own padding.
    """

    def measure(given: Tensor) -> Tensor:
        import torch

        grouped = given.float().unflatten(1, (norm.num_groups, -1))
        share = _shares(given, shrunk)
        mean = (grouped * share).sum((-1, -2)).mean(2)
        variance = ((grouped - mean[..., None, None, None]).square() * share).sum((-1, -2)).mean(2)
        each = given.shape[1] // norm.num_groups
        inverse = (variance + norm.eps).rsqrt().repeat_interleave(each, 1)
        gain = inverse * norm.weight.float()
        shift = norm.bias.float() - mean.repeat_interleave(each, 1) * gain
        gain, shift = (each[..., None, None].to(given.dtype) for each in (gain, shift))
        norm.forward = lambda given: torch.addcmul(shift, given, gain)
        return norm.forward(given)

    return measure


def _shares(features: Tensor, shrunk: int) -> Tensor:
    """What each position counts for, (H, W), sum 1.

    Padding makes outliers in a frame of a few positions. In a picture of a quarter of the side the same frame
    is four times as large a share, so it counts for a quarter (the starter's latents: 44 dB instead of 31).
    """
    import torch

    def line(length: int) -> Tensor:
        weights = torch.ones(length, device=features.device)
        frame = min(FRAME, length // 4)
        weights[:frame] = weights[length - frame :] = 1 / shrunk
        return weights / weights.sum()

    return line(features.shape[-2])[:, None] * line(features.shape[-1])[None]
