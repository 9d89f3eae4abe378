"""Tiny models with random weights, in the formats in which models are published.

Widths are a handful of channels; what a reader looks at is as published: key names, the number of levels,
the cross-attention width (768, 1024, 2048), the 49,408 words of CLIP in single files. Folders carry a small
tokenizer of their own. Every function writes to `path` and returns it;
the same seed gives the same weights.

Folders (diffusers layout): `sd15_folder`, `sd21_folder`, `sdxl_folder`, `starter_folder`,
`controlnet_folder`.
Single files (original layout, fp16): `sd15_file`, `sd21_file`, `sdxl_file`, `vae_file`, `controlnet_file`.
Tiny decoders: `taesd_file` (diffusers' names), `taesd_halves` (TAESD's own).
Additions: `kohya_lora`, `peft_lora`, `embedding_file`, `sdxl_embedding_file`.
`config_folder(path, family)` has the configs alone, as `from_single_file(config=…)` wants them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, ControlNetModel, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

State = dict[str, torch.Tensor]
CLIP_WORDS = 49_408
_CROSS = "CrossAttnDownBlock2D"
_BLOCKS = {"sd15": (8, 16, 16, 16), "sd2": (8, 16, 16, 16), "sdxl": (8, 16, 16), "starter": (8, 16, 16)}
_WIDTH = {"sd15": (768,), "sd2": (1024,), "sdxl": (768, 1280), "starter": (32,)}


# ---- configs ----


def unet_config(family: str) -> dict[str, Any]:
    blocks = _BLOCKS[family]
    plain_first = family in ("sdxl", "starter")
    down = [_CROSS] * len(blocks)
    down[0 if plain_first else -1] = "DownBlock2D"
    up = [name.replace("Down", "Up") for name in reversed(down)]
    config: dict[str, Any] = {
        "sample_size": 32,
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": list(blocks),
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "down_block_types": down,
        "up_block_types": up,
        "cross_attention_dim": sum(_WIDTH[family]),
        "attention_head_dim": 2,
        "use_linear_projection": family in ("sd2", "sdxl"),
    }
    if family == "sdxl":
        config |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 6 * 8 + 1280,
            "transformer_layers_per_block": [1, 1, 2],
        }
    return config


def vae_config(family: str) -> dict[str, Any]:
    return {
        "block_out_channels": [4, 8, 8, 8],
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "latent_channels": 4,
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "sample_size": 64,
        "scaling_factor": 0.13025 if family == "sdxl" else 0.18215,
        "force_upcast": family == "sdxl",
    }


def text_config(family: str, which: int, words: int) -> dict[str, Any]:
    return {
        "hidden_size": _WIDTH[family][which],
        "projection_dim": _WIDTH[family][which],
        "intermediate_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 77,
        "vocab_size": words,
        "hidden_act": "quick_gelu" if which == 0 and family != "sd2" else "gelu",
        "bos_token_id": words - 2,
        "eos_token_id": words - 1,
        "pad_token_id": 1,
    }


def scheduler_config(family: str, prediction: str) -> dict[str, Any]:
    return {
        "_class_name": "DDIMScheduler",
        "num_train_timesteps": 1000,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "prediction_type": prediction,
        "clip_sample": False,
        "set_alpha_to_one": False,
        "steps_offset": 1,
        "timestep_spacing": "trailing" if family == "starter" else "leading",
    }


def _index(family: str) -> dict[str, Any]:
    second = {
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"],
        "force_zeros_for_empty_prompt": True,
    }
    plain = {"safety_checker": [None, None], "feature_extractor": [None, None]}
    return {
        "_class_name": "StableDiffusionXLPipeline" if family == "sdxl" else "StableDiffusionPipeline",
        "_diffusers_version": "0.42.1",
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    } | (second if family == "sdxl" else plain)


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def config_folder(
    path: Path, family: str = "sd15", prediction: str = "epsilon", words: int = CLIP_WORDS
) -> Path:
    """The configs of a tiny model, without weights and tokenizer."""
    _write(path / "model_index.json", _index(family))
    _write(path / "scheduler" / "scheduler_config.json", scheduler_config(family, prediction))
    _write(path / "unet" / "config.json", {"_class_name": "UNet2DConditionModel"} | unet_config(family))
    _write(path / "vae" / "config.json", {"_class_name": "AutoencoderKL"} | vae_config(family))
    for which, _ in enumerate(_WIDTH[family]):
        name, cls = ("text_encoder", CLIPTextModel) if which == 0 else ("text_encoder_2", _Projecting)
        CLIPTextConfig(**text_config(family, which, words), architectures=[cls.__name__]).save_pretrained(
            path / name
        )
    return path


_Projecting = CLIPTextModelWithProjection


# ---- modules ----


def original_modules(family: str, words: int, seed: int) -> dict[str, torch.nn.Module]:
    torch.manual_seed(seed)
    found: dict[str, torch.nn.Module] = {
        "unet": UNet2DConditionModel(**unet_config(family)),
        "vae": AutoencoderKL(**vae_config(family)),
        "text_encoder": CLIPTextModel(CLIPTextConfig(**text_config(family, 0, words))),
    }
    if family == "sdxl":
        found["text_encoder_2"] = _Projecting(CLIPTextConfig(**text_config(family, 1, words)))
    return {name: module.eval() for name, module in found.items()}


def unet(family: str = "sd15", seed: int = 0) -> UNet2DConditionModel:
    torch.manual_seed(seed)
    return UNet2DConditionModel(**unet_config(family)).eval()


def controlnet(family: str = "sd15", seed: int = 0) -> ControlNetModel:
    """A ControlNet whose zero convolutions are filled, so that its effect is seen."""
    torch.manual_seed(seed)
    config = {k: v for k, v in unet_config(family).items() if k not in ("sample_size", "out_channels")}
    config["down_block_types"] = tuple(config["down_block_types"])
    del config["up_block_types"]
    net = ControlNetModel(**config, conditioning_embedding_out_channels=(4, 4, 8, 8))
    zero = [net.controlnet_mid_block, *net.controlnet_down_blocks, net.controlnet_cond_embedding.conv_out]
    for conv in zero:
        for parameter in conv.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return net.eval()


def tokenizer(path: Path) -> int:
    """A small CLIP tokenizer folder in CLIP's layout; returns the number of words."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    chars = [chr(b) for b in printable] + [chr(256 + n) for n in range(len(others))]
    merges = [
        ("b", "o"),
        ("bo", "a"),
        ("boa", "t</w>"),
        ("l", "a"),
        ("la", "k"),
        ("lak", "e</w>"),
        ("a", "t</w>"),
    ]
    words = [*chars, *(c + "</w>" for c in chars), *("".join(m) for m in merges)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    path.mkdir(parents=True, exist_ok=True)
    _write(path / "vocab.json", {word: n for n, word in enumerate(words)})
    lines = ["#version: 0.2", *(" ".join(m) for m in merges)]
    (path / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>"}
    special |= {"pad_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    _write(path / "special_tokens_map.json", special)
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True}
    _write(path / "tokenizer_config.json", config | special)
    return len(words)


# ---- folders ----


def _folder(path: Path, family: str, prediction: str, seed: int) -> Path:
    words = tokenizer(path / "tokenizer")
    if family == "sdxl":
        tokenizer(path / "tokenizer_2")
    config_folder(path, family, prediction, words)
    for name, module in original_modules(family, words, seed).items():
        module.save_pretrained(path / name)
    return path


def sd15_folder(path: Path, seed: int = 0) -> Path:
    return _folder(path, "sd15", "epsilon", seed)


def sd21_folder(path: Path, seed: int = 0) -> Path:
    """Stable Diffusion 2.1 (768): predicts v."""
    return _folder(path, "sd2", "v_prediction", seed)


def sdxl_folder(path: Path, seed: int = 0) -> Path:
    return _folder(path, "sdxl", "epsilon", seed)


def starter_folder(path: Path, seed: int = 0) -> Path:
    """Like models/starter: narrower text encoder than any published one, v-prediction, a tiny autoencoder."""
    _folder(path, "starter", "v_prediction", seed)
    torch.manual_seed(seed)
    widths = {"encoder_block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4}
    AutoencoderTiny(**widths).save_pretrained(path / "vae_tiny")
    return path


def controlnet_folder(path: Path, family: str = "sd15", seed: int = 0) -> Path:
    controlnet(family, seed).save_pretrained(path)
    return path


# ---- original layout ----

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}


def _resnet(rest: str) -> str:
    part, _, leaf = rest.partition(".")
    return f"{_RESNET[part]}.{leaf}"


def _unet_key(key: str, layers: int, attended: set[int]) -> str:
    """The original name of a diffusers UNet parameter. `attended`: the up blocks that have attention."""
    if key.startswith("mid_block"):
        _, kind, n, rest = key.split(".", 3)
        return (
            f"middle_block.1.{rest}" if kind == "attentions" else f"middle_block.{2 * int(n)}.{_resnet(rest)}"
        )
    found = re.fullmatch(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.+)", key)
    if not found:
        stem, leaf = key.rsplit(".", 1)
        return f"{_UNET_ENDS[stem]}.{leaf}"
    side, block, kind, n, rest = found[1], int(found[2]), found[3], int(found[4]), found[5]
    side_name, first = ("input_blocks", 1) if side == "down" else ("output_blocks", 0)
    at = first + block * (layers + 1)
    if kind == "resnets":
        return f"{side_name}.{at + n}.0.{_resnet(rest)}"
    if kind == "attentions":
        return f"{side_name}.{at + n}.1.{rest}"
    if kind == "downsamplers":
        return f"{side_name}.{at + layers}.0.op.{rest.removeprefix('conv.')}"
    return f"{side_name}.{at + layers}.{2 if block in attended else 1}.{rest}"


def original_unet(net: torch.nn.Module, layers: int = 1) -> State:
    state = net.state_dict()
    attended = {
        int(key.split(".")[1]) for key in state if key.startswith("up_blocks") and ".attentions." in key
    }
    return {_unet_key(key, layers, attended): value for key, value in state.items()}


_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def _vae_key(key: str, levels: int) -> str:
    key = key.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    key = re.sub(r"down_blocks\.(\d+)\.resnets", r"down.\1.block", key)
    key = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample", key)
    key = re.sub(r"up_blocks\.(\d+)\.resnets", lambda m: f"up.{levels - 1 - int(m[1])}.block", key)
    key = re.sub(r"up_blocks\.(\d+)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", key)
    key = re.sub(r"mid_block\.resnets\.(\d+)", lambda m: f"mid.block_{int(m[1]) + 1}", key)
    if "mid_block.attentions.0." in key:
        stem, leaf = key.replace("mid_block.attentions.0.", "mid.attn_1.").rsplit(".", 1)
        head, _, name = stem.partition("attn_1.")
        key = f"{head}attn_1.{_VAE_ATTENTION[name]}.{leaf}"
    return key


def original_vae(vae: torch.nn.Module, levels: int = 4) -> State:
    found: State = {}
    for key, value in vae.state_dict().items():
        name = _vae_key(key, levels)
        conv = "attn_1" in name and value.ndim == 2
        found[name] = value[:, :, None, None] if conv else value
    return found


def original_clip(encoder: torch.nn.Module) -> State:
    """OpenAI CLIP's keys as single files have them: `text_model.…`, whatever transformers says today."""
    state = encoder.state_dict()
    return {
        f"text_model.{key.removeprefix('text_model.')}": value.contiguous() for key, value in state.items()
    }


_OPEN_CLIP = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def original_open_clip(encoder: torch.nn.Module) -> State:
    """open_clip's keys: q, k and v in one matrix, the projection transposed."""
    state = {key.removeprefix("text_model."): value for key, value in encoder.state_dict().items()}
    found: State = {
        "token_embedding.weight": state["embeddings.token_embedding.weight"],
        "positional_embedding": state["embeddings.position_embedding.weight"],
        "ln_final.weight": state["final_layer_norm.weight"],
        "ln_final.bias": state["final_layer_norm.bias"],
    }
    width = found["ln_final.weight"].numel()
    projection = state.get("text_projection.weight", torch.eye(width))
    found["text_projection"] = projection.T.contiguous()
    for key, value in state.items():
        match = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", key)
        if not match:
            continue
        layer, name, leaf = match.groups()
        block = f"transformer.resblocks.{layer}."
        if name in _OPEN_CLIP:
            found[f"{block}{_OPEN_CLIP[name]}.{leaf}"] = value
        elif name == "self_attn.q_proj":
            three = [state[key.replace("q_proj", p)] for p in ("q_proj", "k_proj", "v_proj")]
            found[f"{block}attn.in_proj_{leaf}"] = torch.cat(three)
    return found


def original_controlnet(net: torch.nn.Module, layers: int = 1) -> State:
    found: State = {}
    for key, value in net.state_dict().items():
        stem, leaf = key.rsplit(".", 1)
        parts = stem.split(".")
        if parts[0] == "controlnet_cond_embedding":
            place = {"conv_in": 0, "conv_out": 14}.get(parts[1])
            name = f"input_hint_block.{2 * int(parts[2]) + 2 if place is None else place}.{leaf}"
        elif parts[0] == "controlnet_down_blocks":
            name = f"zero_convs.{parts[1]}.0.{leaf}"
        elif parts[0] == "controlnet_mid_block":
            name = f"middle_block_out.0.{leaf}"
        else:
            name = _unet_key(key, layers, set())
        found[f"control_model.{name}"] = value
    return found


def _prefixed(prefix: str, state: State) -> State:
    return {prefix + key: value for key, value in state.items()}


def _half(state: State) -> State:
    return {
        key: value.half().contiguous() if value.is_floating_point() else value for key, value in state.items()
    }


def original_state(family: str, seed: int = 0, words: int = CLIP_WORDS) -> State:
    """A whole checkpoint in its original layout, fp32."""
    parts = original_modules(family, words, seed)
    state = _prefixed("model.diffusion_model.", original_unet(parts["unet"]))
    state |= _prefixed("first_stage_model.", original_vae(parts["vae"]))
    if family == "sd2":
        return state | _prefixed("cond_stage_model.model.", original_open_clip(parts["text_encoder"]))
    prefix = "conditioner.embedders.0." if family == "sdxl" else "cond_stage_model."
    state |= _prefixed(prefix + "transformer.", original_clip(parts["text_encoder"]))
    if family == "sdxl":
        state |= _prefixed("conditioner.embedders.1.model.", original_open_clip(parts["text_encoder_2"]))
    return state


def _file(path: Path, state: State, metadata: dict[str, str] | None = None) -> Path:
    """safetensors, or a pickled state_dict for .ckpt and .pt, as the suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".ckpt", ".pt", ".pth", ".bin"):
        torch.save({"state_dict": state, "global_step": 1}, path)
    else:
        save_file(state, path, metadata)
    return path


def sd15_file(path: Path, seed: int = 0, words: int = CLIP_WORDS) -> Path:
    return _file(path, _half(original_state("sd15", seed, words)))


def sd21_file(path: Path, seed: int = 0, words: int = CLIP_WORDS, v_pred: bool = True) -> Path:
    """Stable Diffusion 2; with the `v_pred` key when it predicts v."""
    state = _half(original_state("sd2", seed, words))
    return _file(path, state | ({"v_pred": torch.tensor([])} if v_pred else {}))


def sdxl_file(path: Path, seed: int = 0, words: int = CLIP_WORDS, v_pred: bool = False) -> Path:
    """SDXL base; with the keys `v_pred` and `ztsnr` when it predicts v."""
    state = _half(original_state("sdxl", seed, words))
    marks = {"v_pred": torch.tensor([]), "ztsnr": torch.tensor([])}
    return _file(path, state | (marks if v_pred else {}))


def vae_file(path: Path, family: str = "sd15", seed: int = 0) -> Path:
    """An autoencoder alone, with bare original keys."""
    torch.manual_seed(seed)
    return _file(path, _half(original_vae(AutoencoderKL(**vae_config(family)))))


def taesd(seed: int = 0, width: int = 8) -> AutoencoderTiny:
    """TAESD, as many layers as published; width 64 is the published one."""
    torch.manual_seed(seed)
    names = ("encoder_block_out_channels", "decoder_block_out_channels")
    return AutoencoderTiny(**dict.fromkeys(names, (width,) * 4)).eval()


def taesd_file(path: Path, seed: int = 0) -> Path:
    """One file with the names that `diffusion_pytorch_model.safetensors` of madebyollin/taesd has."""
    return _file(path, taesd(seed).state_dict())


def taesd_halves(folder: Path, name: str = "taesd", suffix: str = ".pth", seed: int = 0) -> Path:
    """`NAME_decoder` and `NAME_encoder` as TAESD's repository has them; returns the decoder."""
    state = taesd(seed).state_dict()
    decoder: State = {}
    encoder: State = {}
    for key, value in state.items():
        part, _, number, leaf = key.split(".", 3)
        half, shift = (decoder, 1) if part == "decoder" else (encoder, 0)
        half[f"{int(number) + shift}.{leaf}"] = value
    folder.mkdir(parents=True, exist_ok=True)
    for half, what in ((encoder, "encoder"), (decoder, "decoder")):
        path = folder / f"{name}_{what}{suffix}"
        save_file(half, path) if suffix == ".safetensors" else torch.save(half, path)
    return folder / f"{name}_decoder{suffix}"


def controlnet_file(path: Path, family: str = "sd15", seed: int = 0) -> Path:
    """`control_model.…` keys; SDXL's ControlNets are published with diffusers' keys."""
    net = controlnet(family, seed)
    return _file(path, _half(net.state_dict() if family == "sdxl" else original_controlnet(net)))


# ---- additions ----


def _lora_targets(family: str, words: int) -> list[tuple[str, str, torch.nn.Module]]:
    """(component, module name, module) of what a LoRA adapts: attention, feed-forward, convolutions."""
    with torch.device("meta"):
        parts: dict[str, torch.nn.Module] = {
            "unet": UNet2DConditionModel(**unet_config(family)),
            "text_encoder": CLIPTextModel(CLIPTextConfig(**text_config(family, 0, words))),
        }
        if family == "sdxl":
            parts["text_encoder_2"] = _Projecting(CLIPTextConfig(**text_config(family, 1, words)))
    wanted = re.compile(
        r".*(to_[qkv]|to_out\.0|ff\.net\.0\.proj|ff\.net\.2|proj_in|[qkv]_proj|out_proj|fc[12])"
    )
    found: list[tuple[str, str, torch.nn.Module]] = []
    for component, root in parts.items():
        for name, module in root.named_modules():
            full = name if component == "unet" else f"text_model.{name.removeprefix('text_model.')}"
            if wanted.fullmatch(name) or name.endswith(("resnets.0.conv1", "resnets.0.conv2")):
                found.append((component, full, module))
    return found


def _pair(module: torch.nn.Module, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    if isinstance(module, torch.nn.Conv2d):
        down = torch.randn(rank, module.in_channels, *module.kernel_size)
        up = torch.randn(module.out_channels, rank, 1, 1)
    else:
        out, into = module.weight.shape  # type: ignore[union-attr]
        down, up = torch.randn(rank, into), torch.randn(out, rank)
    return down * 0.3, up * 0.3


_PREFIX = {"sdxl": {"text_encoder": "lora_te1", "text_encoder_2": "lora_te2"}}


def _ldm_module(name: str, family: str) -> str:
    """SDXL LoRAs trained with kohya's scripts name UNet modules as in the original layout."""
    attended = {n for n, kind in enumerate(unet_config(family)["up_block_types"]) if "Cross" in kind}
    return _unet_key(f"{name}.weight", 1, attended).removesuffix(".weight")


def kohya_lora(path: Path, family: str = "sd15", seed: int = 0, rank: int = 2) -> Path:
    """kohya-ss keys with `alpha` = rank / 2; for SDXL with the original block names."""
    torch.manual_seed(seed)
    state: State = {}
    for component, name, module in _lora_targets(family, 64):
        down, up = _pair(module, rank)
        default = "lora_unet" if component == "unet" else "lora_te"
        prefix = _PREFIX.get(family, {}).get(component, default)
        shown = _ldm_module(name, family) if family == "sdxl" and component == "unet" else name
        flat = f"{prefix}_{shown.replace('.', '_')}"
        state |= {f"{flat}.lora_down.weight": down, f"{flat}.lora_up.weight": up}
        state[f"{flat}.alpha"] = torch.tensor(rank / 2)
    return _file(path, _half(state), {"ss_output_name": path.stem, "ss_network_module": "networks.lora"})


def peft_lora(path: Path, family: str = "sd15", seed: int = 0, rank: int = 2) -> Path:
    """The keys diffusers saves (PEFT's lora_A and lora_B behind the component's name)."""
    torch.manual_seed(seed)
    state: State = {}
    for component, name, module in _lora_targets(family, 64):
        down, up = _pair(module, rank)
        state |= {f"{component}.{name}.lora_A.weight": down, f"{component}.{name}.lora_B.weight": up}
    return _file(path, _half(state), {"format": "pt"})


def embedding_file(path: Path, vectors: int = 2, width: int = 768, seed: int = 0) -> Path:
    """A textual inversion: `emb_params`, or A1111's pickled `string_to_param` for .pt."""
    torch.manual_seed(seed)
    learned = torch.randn(vectors, width) * 0.05
    if path.suffix != ".pt":
        return _file(path, {"emb_params": learned})
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"string_to_token": {"*": 265}, "string_to_param": {"*": learned}, "name": path.stem}, path)
    return path


def sdxl_embedding_file(path: Path, vectors: int = 2, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    return _file(
        path, {"clip_l": torch.randn(vectors, 768) * 0.05, "clip_g": torch.randn(vectors, 1280) * 0.05}
    )
