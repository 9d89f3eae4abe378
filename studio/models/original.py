"""From the original (LDM, open_clip) layout of single files to diffusers' and transformers' names.

Each function takes the tensors of one component and its config, and returns both as the module wants them.
diffusers' own converters do the renaming; what a file can say by its shapes overrides the config.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

State = dict[str, "Tensor"]
Config = dict[str, Any]

# Where a checkpoint keeps each component. Files of one component alone have these names bare, or not.
PREFIXES: Mapping[str, tuple[str, ...]] = {
    "unet": ("model.diffusion_model.",),
    "vae": ("first_stage_model.",),
    "text_encoder": ("cond_stage_model.", "conditioner.embedders.0."),
    "text_encoder_2": ("conditioner.embedders.1.",),
}
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def unet(state: State, config: Config) -> tuple[Config, State]:
    """4 channels in, or 9 for an inpainting model: the file's shapes say."""
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    first = state.get("model.diffusion_model.input_blocks.0.0.weight")
    settings = config if first is None else config | {"in_channels": first.shape[1]}
    return settings, convert_ldm_unet_checkpoint(state, settings)


def vae(state: State, config: Config) -> tuple[Config, State]:
    """With or without `first_stage_model.`, in the original or in diffusers' layout."""
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    bare = {name.removeprefix("first_stage_model."): t for name, t in state.items()}
    if not any(name.startswith("encoder.down_blocks.") for name in bare):
        bare = convert_ldm_vae_checkpoint(bare, config)
    return config, bare


def tiny(state: State, _config: Config) -> tuple[Config, State]:
    """TAESD in diffusers' layout or in its own, where the decoder's clamp counts as a layer.

    The architecture is one; how wide it is (64 channels as published) is the first layer's to say.
    """
    named: State = {}
    for name, tensor in state.items():
        part, _, rest = name.partition(".")
        if not rest.startswith("layers."):
            number, _, leaf = rest.partition(".")
            rest = f"layers.{int(number) - (part == 'decoder')}.{leaf}"
        named[f"{part}.{rest}"] = tensor
    width = named["decoder.layers.0.weight"].shape[0]
    widths = [width] * 4
    config: Config = {"encoder_block_out_channels": widths, "decoder_block_out_channels": widths}
    return config, named


def as_named_today(state: State, wanted: Collection[str]) -> State:
    """Names of older libraries as the module at hand (`wanted`) has them.

    Autoencoders once called their attention's matrices query, key, value, proj_attn; CLIP's text model lost
    its `text_model.` prefix in transformers 5.6, and the vision model inside of others its second one.
    """
    made: State = {}
    for name, tensor in state.items():
        found = re.fullmatch(r"(.*mid_block\.attentions\.\d+)\.(query|key|value|proj_attn)\.(\w+)", name)
        new = f"{found[1]}.{_OLD_ATTENTION[found[2]]}.{found[3]}" if found else name
        new = re.sub(r"^vision_model\.vision_model\.", "vision_model.", new)
        bare = new.removeprefix("text_model.")
        made[next((n for n in (new, bare, f"text_model.{bare}") if n in wanted), new)] = tensor
    return made


def text(state: State, config: Config) -> tuple[Config, State]:
    """OpenAI's CLIP (`transformer.…`) or open_clip's (`model.…`, q, k and v in one matrix)."""
    from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint

    marked = next((name for name in state if name.endswith("token_embedding.weight")), "")
    prefix = marked.removesuffix("token_embedding.weight")
    if prefix.endswith("model.") and not prefix.endswith("text_model."):
        sized = SimpleNamespace(config=SimpleNamespace(hidden_size=config["hidden_size"]))
        return config, convert_open_clip_checkpoint(sized, state, prefix=prefix)
    head = re.compile(r"^(cond_stage_model|conditioner\.embedders\.\d)\.transformer\.")
    return config, {head.sub("", name): t for name, t in state.items()}


def controlnet(state: State, config: Config) -> tuple[Config, State]:
    """`control_model.…` or diffusers' names; `config` is the family's UNet config.

    Depth, attention and the widths of the hint's embedding are read off the shapes: SDXL's small and mid
    ControlNets differ in them.
    """
    from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint

    made: State = convert_controlnet_checkpoint(state, config)
    levels = len(config["block_out_channels"])
    depths = [_depth(made, f"down_blocks.{level}.") for level in range(levels)]
    taken = (
        "block_out_channels",
        "layers_per_block",
        "norm_num_groups",
        "cross_attention_dim",
        "in_channels",
    )
    taken += ("attention_head_dim", "num_attention_heads", "use_linear_projection", "addition_embed_type")
    taken += ("addition_time_embed_dim", "projection_class_embeddings_input_dim")
    settings = {name: config[name] for name in taken if name in config}
    settings["transformer_layers_per_block"] = [max(depth, 1) for depth in depths]
    settings["down_block_types"] = ["CrossAttnDownBlock2D" if d else "DownBlock2D" for d in depths]
    settings["mid_block_type"] = "UNetMidBlock2DCrossAttn" if _depth(made, "mid_block.") else "UNetMidBlock2D"
    return settings | {"conditioning_embedding_out_channels": _hint_widths(made)}, made


def _depth(state: State, prefix: str) -> int:
    """How many transformer layers an attention under `prefix` has; 0 without attention."""
    found = re.compile(re.escape(prefix) + r"attentions\.0\.transformer_blocks\.(\d+)\.")
    return max((int(m[1]) + 1 for name in state if (m := found.match(name))), default=0)


def _hint_widths(state: State) -> list[int]:
    head = "controlnet_cond_embedding."
    widths = [state[f"{head}conv_in.weight"].shape[0]]
    for block in range(1, 64, 2):
        conv = state.get(f"{head}blocks.{block}.weight")
        if conv is None:
            break
        widths.append(conv.shape[0])
    return widths


_ENDS: Mapping[str, str] = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_out": "out.2",
}
_RESNET: Mapping[str, str] = {
    "conv1": "in_layers.2",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}


def module_name(name: str, layers: int, attended: Collection[int]) -> str:
    """What the original layout calls a linear or convolution layer of a diffusers UNet.

    `layers`: `layers_per_block`; `attended`: the up blocks that have attention. SDXL's LoRAs use these names.
    """
    found = re.fullmatch(r"(down|up|mid)_block(?:s\.(\d+))?\.(\w+)\.(\d+)(?:\.(.+))?", name)
    if found is None:
        return _ENDS.get(name, name)
    side, block, kind, n, rest = found[1], int(found[2] or 0), found[3], int(found[4]), found[5] or ""
    inner = _RESNET.get(rest, rest) if kind == "resnets" else rest
    if side == "mid":
        return f"middle_block.{1 if kind == 'attentions' else 2 * n}.{inner}"
    start = block * (layers + 1) + (1 if side == "down" else 0)
    head = f"{'input' if side == 'down' else 'output'}_blocks"
    if kind == "downsamplers":
        return f"{head}.{start + layers}.0.op"
    if kind == "upsamplers":
        return f"{head}.{start + layers}.{2 if block in attended else 1}.conv"
    return f"{head}.{start + n}.{1 if kind == 'attentions' else 0}.{inner}"
