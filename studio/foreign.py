"""What other programs' settings mean here: a partial recipe, and in sentences what it cannot hold."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from studio.errors import BadInput
from studio.infotext import UPSCALERS
from studio.recipe import Recipe
from studio.samplers import SAMPLERS, SCHEDULES


@dataclass(frozen=True, slots=True)
class Understood:
    """A partial recipe, what the file says of its model, and sentences on what was not taken over."""

    partial: dict[str, Any] = field(default_factory=dict[str, Any])
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    warnings: tuple[str, ...] = ()


MOST = 2**64  # a number from JSON may be too large to divide or to become a float; such ones are left out
NOT_TAKEN: Mapping[str, str] = MappingProxyType(  # what a partial recipe has no place for
    {
        "Hires checkpoint": "checkpoint of the high-res fix",
        "Face restoration": "face restoration",
        "Variation seed": "variation seed",
        "ControlNet 0": "ControlNet",
        "ControlNet Enabled": "ControlNet",
        "Refiner": "refiner",
        "Tiling": "tiling",
        "Hypernet": "hypernetwork",
        "Mask blur": "mask",
        "ADetailer model": "ADetailer",
        "Script": "script",
    }
)
_FIELDS: Mapping[str, tuple[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "Prompt": ("prompt", str),
        "Negative prompt": ("negative", str),
        "Steps": ("steps", int),
        "CFG scale": ("guidance", float),
        "Seed": ("seed", int),
        "Size-1": ("width", int),
        "Size-2": ("height", int),
        "Clip skip": ("clip_skip", int),
        "Emphasis": ("emphasis", lambda text: str(text).lower()),
    }
)


def recipe_from_infotext(parsed: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A partial recipe from a parsed infotext, and what could not be taken over, in sentences.

    The model stays out (another studio's name for it means nothing here); LoRAs stay in the prompt.
    """
    values: dict[str, Any] = {}
    warnings: list[str] = []
    for key, (name, convert) in _FIELDS.items():
        if key in parsed:
            try:
                values[name] = convert(parsed[key])
            except (ValueError, TypeError, OverflowError):
                warnings.append(f"“{key}” is not a number and was left out.")
    chosen, said = sampler_and_schedule(parsed.get("Sampler"), parsed.get("Schedule type"))
    hires = hires_from_infotext(parsed)
    partial, doubts = understood(values | chosen | ({"hires": hires} if hires else {}))
    doubts += _fitting(partial)
    lost = dict.fromkeys(words for key, words in NOT_TAKEN.items() if key in parsed)
    if lost:
        warnings.append(f"Not taken over: {', '.join(lost)}.")
    if "Denoising strength" in parsed and not hires:
        warnings.append("It was painted over another picture, which this text does not hold.")
    return partial, (*warnings, *said, *doubts)


_HIRES: Mapping[str, tuple[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "Hires upscale": ("scale", float),
        "Hires steps": ("steps", int),
        "Denoising strength": ("strength", float),
        "Hires prompt": ("prompt", str),
        "Hires negative prompt": ("negative", str),
        "Hires CFG Scale": ("guidance", float),
    }
)
# What A1111 and Forge call the upscalers they bring, in lower case -> what they are called here.
_UPSCALERS: Mapping[str, str] = MappingProxyType(
    {name.lower(): ours for ours, name in UPSCALERS.items()}
    | {
        "latent (nearest)": "latent (nearest)",
        "none": "lanczos",
        "r-esrgan 4x+": "RealESRGAN_x4plus",
        "r-esrgan 4x+ anime6b": "RealESRGAN_x4plus_anime_6B",
        "r-esrgan 2x+": "RealESRGAN_x2plus",
        "r-esrgan general 4xv3": "realesr-general-x4v3",
    }
)


_SIDE = re.compile(r"\d{1,9}")


def hires_from_infotext(parsed: Mapping[str, Any]) -> dict[str, Any]:
    """The high-res fix in a parsed infotext, not yet checked; empty when there is none."""
    asked: dict[str, Any] = {}
    for key, name in (("Hires resize-1", "width"), ("Hires resize-2", "height")):
        side = str(parsed.get(key, ""))
        if _SIDE.fullmatch(side) and int(side):
            asked[name] = max(64, round(int(side) / 8) * 8)
    for key, (name, convert) in _HIRES.items():
        if key in parsed:
            try:
                asked[name] = convert(parsed[key])
            except (ValueError, TypeError, OverflowError):
                continue
    if not {"scale", "width", "height"} & asked.keys():
        return {}
    upscaler = str(parsed.get("Hires upscaler") or "Latent")
    plain = "latent (bilinear)" if upscaler.lower().startswith("latent") else upscaler
    asked["upscaler"] = _UPSCALERS.get(upscaler.lower(), plain)
    name = sampler_and_schedule(parsed.get("Hires sampler"))[0].get("sampler")
    return asked | ({"sampler": name} if name else {})


def _fitting(partial: dict[str, Any]) -> tuple[str, ...]:
    """Takes a high-res fix out of `partial` that would make too large a picture, and says so."""
    together = {name: partial[name] for name in ("width", "height", "hires") if name in partial}
    try:
        Recipe.of(together)
    except BadInput as error:
        partial.pop("hires", None)
        return (f"Left out: {error}",)
    return ()


def sampler_and_schedule(sampler: Any, schedule: Any = None) -> tuple[dict[str, str], tuple[str, ...]]:
    """Sampler and schedule as our recipe names them, and warnings about what is not known here.

    Names of before version 1.9 carry the schedule ("DPM++ 2M Karras") and are split.
    """
    if not isinstance(sampler, str) or not sampler:
        return {}, ()
    asked = schedule if isinstance(schedule, str) and schedule else "Automatic"
    known = {name.lower(): name for name in SAMPLERS}
    name = known.get(sampler.lower())
    if name is None:
        for ending in SCHEDULES:
            head = sampler[: -len(ending) - 1]
            if sampler.lower().endswith(f" {ending.lower()}") and head.lower() in known:
                name, asked = known[head.lower()], ending
    if name is None:
        return {}, (f"The sampler “{sampler[:80]}” is not known here; the usual one is kept.",)
    schedules = {one.lower(): one for one in ("Automatic", *SAMPLERS[name].schedules)}
    if asked.lower() not in schedules:
        said = f"The schedule “{asked[:80]}” does not go with {name} here; Automatic is taken."
        return {"sampler": name, "schedule": "Automatic"}, (said,)
    return {"sampler": name, "schedule": schedules[asked.lower()]}, ()


def understood(values: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fields of a recipe that are sound, and a sentence for each that is not.

    Sides are rounded to a multiple of 8, everything else is taken as it is or left out.
    """
    partial: dict[str, Any] = {}
    warnings: list[str] = []
    for name, value in values.items():
        if name in ("width", "height") and isinstance(value, int) and abs(value) < MOST and value % 8:
            warnings.append(f"The {name}, {value}, was rounded to a multiple of 8.")
            value = max(64, round(value / 8) * 8)
        try:
            Recipe.of({name: value})
        except BadInput as error:
            warnings.append(f"Left out: {error}")
        else:
            partial[name] = value
    return partial, tuple(warnings)


# --- ComfyUI: https://docs.comfy.org, the API graph {node id: {class_type, inputs}} --------------

_COMFY_SAMPLERS: Mapping[str, str] = MappingProxyType(
    {
        "euler": "Euler",
        "euler_ancestral": "Euler a",
        "heun": "Heun",
        "dpm_2": "DPM2",
        "dpm_2_ancestral": "DPM2 a",
        "lms": "LMS",
        "dpmpp_sde": "DPM++ SDE",
        "dpmpp_sde_gpu": "DPM++ SDE",
        "dpmpp_2m": "DPM++ 2M",
        "dpmpp_2m_sde": "DPM++ 2M SDE",
        "dpmpp_2m_sde_gpu": "DPM++ 2M SDE",
        "dpmpp_2m_sde_heun": "DPM++ 2M SDE Heun",
        "dpmpp_3m_sde": "DPM++ 3M SDE",
        "dpmpp_3m_sde_gpu": "DPM++ 3M SDE",
        "ddim": "DDIM",
        "ddpm": "DDPM",
        "deis": "DEIS",
        "lcm": "LCM",
        "uni_pc": "UniPC",
        "uni_pc_bh2": "UniPC",
    }
)
_COMFY_SCHEDULES: Mapping[str, str] = MappingProxyType(
    {
        "normal": "Normal",
        "karras": "Karras",
        "exponential": "Exponential",
        "sgm_uniform": "SGM Uniform",
        "simple": "Simple",
        "beta": "Beta",
        "kl_optimal": "KL Optimal",
    }
)
MOST_NODES = 2_000


def from_comfyui(graph: Any) -> Understood:
    """What the first KSampler of a ComfyUI graph would paint; best effort, graphs can say anything."""
    nodes: dict[str, Mapping[str, Any]] = {}
    for key, node in list(_mapping(graph).items())[:MOST_NODES]:
        nodes[str(key)] = _mapping(node)
    samplers = [
        s
        for node in nodes.values()
        if "sampler_name" in (s := _mapping(node.get("inputs"))) and "positive" in s
    ]
    if not samplers:
        return Understood(warnings=("This ComfyUI graph has no KSampler, so nothing is taken over.",))
    inputs = max(samplers, key=_denoising)
    values: dict[str, Any] = {
        "prompt": _upstream(nodes, inputs.get("positive"), ("text", "text_g", "value", "string"), str),
        "negative": _upstream(nodes, inputs.get("negative"), ("text", "text_g", "value", "string"), str),
        "steps": _upstream(nodes, inputs.get("steps"), ("value", "steps", "int"), int),
        "guidance": _upstream(nodes, inputs.get("cfg"), ("value", "cfg", "float"), float),
        "seed": _upstream(
            nodes, inputs.get("seed", inputs.get("noise_seed")), ("seed", "noise_seed", "value"), int
        ),
        "width": _upstream(nodes, inputs.get("latent_image"), ("width",), int),
        "height": _upstream(nodes, inputs.get("latent_image"), ("height",), int),
    }
    schedule = str(inputs.get("scheduler") or "")
    name = str(inputs.get("sampler_name") or "")
    chosen, said = sampler_and_schedule(
        _COMFY_SAMPLERS.get(name, name), _COMFY_SCHEDULES.get(schedule, schedule)
    )
    partial, doubts = understood({k: v for k, v in values.items() if v is not None} | chosen)
    model = _upstream(nodes, inputs.get("model"), ("ckpt_name", "unet_name"), str)
    extra = (
        ("This ComfyUI graph has several samplers; the one that starts from noise is taken.",)
        if len(samplers) > 1
        else ()
    )
    return Understood(partial, _model_facts(model), (*said, *doubts, *extra))


def _denoising(inputs: Mapping[str, Any]) -> float:
    amount = inputs.get("denoise", 1.0)
    return float(amount) if isinstance(amount, int | float) and abs(amount) < MOST else 0.0


def _upstream(nodes: Mapping[str, Mapping[str, Any]], link: Any, names: tuple[str, ...], kind: type) -> Any:
    """The first value under one of these names, going backwards from a link; or `link`, if it is one."""
    waiting, seen = deque([link]), set[str]()
    while waiting:
        here = waiting.popleft()
        if kind is float and isinstance(here, int) and not isinstance(here, bool) and abs(here) < MOST:
            here = float(here)
        if isinstance(here, kind) and not isinstance(here, bool):
            return here
        if not isinstance(here, list) or not here or str(here[0]) in seen:
            continue
        seen.add(str(here[0]))
        inputs = _mapping(_mapping(nodes.get(str(here[0]))).get("inputs"))
        if "text" in names and {"positive", "negative"} <= inputs.keys():  # a ControlNet passes both through
            waiting.append(inputs["negative" if here[1:] == [1] else "positive"])
            continue
        waiting += [inputs[name] for name in names if name in inputs]
        waiting += [value for value in inputs.values() if isinstance(value, list)]
    return None


# --- InvokeAI: its `invokeai_metadata` JSON ------------------------------------------------------

_INVOKE_SAMPLERS: Mapping[str, str] = MappingProxyType(
    {
        "euler": "Euler",
        "euler_a": "Euler a",
        "heun": "Heun",
        "kdpm_2": "DPM2",
        "kdpm_2_a": "DPM2 a",
        "lms": "LMS",
        "pndm": "PLMS",
        "dpmpp_sde": "DPM++ SDE",
        "dpmpp_2m": "DPM++ 2M",
        "dpmpp_2m_sde": "DPM++ 2M SDE",
        "ddim": "DDIM",
        "ddpm": "DDPM",
        "deis": "DEIS",
        "lcm": "LCM",
        "tcd": "TCD",
        "unipc": "UniPC",
    }
)


def from_invokeai(values: Any) -> Understood:
    """InvokeAI's settings; a scheduler's ending "_k" means Karras."""
    given = _mapping(values)
    names = {
        "positive_prompt": "prompt",
        "negative_prompt": "negative",
        "width": "width",
        "height": "height",
        "seed": "seed",
        "cfg_scale": "guidance",
        "steps": "steps",
    }
    taken = {ours: given[theirs] for theirs, ours in names.items() if given.get(theirs) is not None}
    scheduler = str(given.get("scheduler") or "")
    name = scheduler.removesuffix("_k")
    chosen, said = sampler_and_schedule(
        _INVOKE_SAMPLERS.get(name, name), "Karras" if scheduler.endswith("_k") else None
    )
    partial, doubts = understood(taken | chosen)
    model = _mapping(given.get("model"))
    left = [words for key, words in _INVOKE_LEFT.items() if given.get(key)]
    lost = (f"Not taken over: {', '.join(left)}.",) if left else ()
    return Understood(partial, _model_facts(model.get("name")), (*said, *doubts, *lost))


_INVOKE_LEFT: Mapping[str, str] = MappingProxyType(
    {
        "controlnets": "ControlNet",
        "ipAdapters": "IP-Adapter",
        "t2iAdapters": "T2I-Adapter",
        "loras": "LoRAs",
        "init_image": "source picture",
        "hrf_enabled": "high-res fix",
        "refiner_model": "refiner",
    }
)


# --- Fooocus: its JSON scheme --------------------------------------------------------------------

_DIGITS = re.compile(r"\d{1,9}")


def from_fooocus(values: Any) -> Understood:
    """Fooocus' settings. Its lists and sizes are Python text there; only the digits are read here."""
    given = _mapping(values)
    names = {
        "prompt": "prompt",
        "negative_prompt": "negative",
        "steps": "steps",
        "guidance_scale": "guidance",
        "seed": "seed",
    }
    taken = {ours: given[theirs] for theirs, ours in names.items() if given.get(theirs) is not None}
    size = _DIGITS.findall(str(given.get("resolution") or "")[:80])
    if len(size) == 2:
        taken |= {"width": int(size[0]), "height": int(size[1])}
    name, schedule = str(given.get("sampler") or ""), str(given.get("scheduler") or "")
    chosen, said = sampler_and_schedule(
        _COMFY_SAMPLERS.get(name, name), _COMFY_SCHEDULES.get(schedule, schedule)
    )
    partial, doubts = understood(taken | chosen)
    return Understood(partial, _model_facts(given.get("base_model")), (*said, *doubts))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _model_facts(name: Any) -> dict[str, Any]:
    return {"model": {"title": name[:240]}} if isinstance(name, str) and name else {}
