"""Infotext: the text in which AUTOMATIC1111's web UI and its kin keep a picture's settings.

`parse_infotext` gives what that program gives, its quirks included; `read_infotext` is for files we
open ourselves and is kinder. Both walk the text once, without regular expressions that backtrack.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from studio import __version__
from studio.recipe import Control, Hires, Lora, Mask, Recipe

NEGATIVE = "Negative prompt:"
JSON_TRIES = 16  # failing costs a walk over the whole line
ENOUGH_PAIRS = 3  # fewer, and the last line is part of the prompt
# What a missing key means. A text that says it nevertheless says nothing: such entries are left out.
DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "Clip skip": "1",
        "Hires resize-1": 0,
        "Hires resize-2": 0,
        "Hires sampler": "Use same sampler",
        "Hires schedule type": "Use same scheduler",
        "Hires checkpoint": "Use same checkpoint",
        "Hires prompt": "",
        "Hires negative prompt": "",
        "Mask mode": "Inpaint masked",
        "Masked content": "original",
        "Inpaint area": "Whole picture",
        "Masked area padding": 32,
        "RNG": "GPU",
        "Schedule type": "Automatic",
        "Schedule max sigma": 0,
        "Schedule min sigma": 0,
        "Schedule rho": 0,
        "VAE Encoder": "Full",
        "VAE Decoder": "Full",
        "FP8 weight": "Disable",
        "Refiner switch by sampling steps": False,
        "Hires VAE/TE": ["Use same choices"],
    }
)
# Our upscalers that need no file -> what A1111 calls them.
UPSCALERS: Mapping[str, str] = MappingProxyType(
    {
        "latent (bilinear)": "Latent",
        "latent (nearest)": "Latent (nearest-exact)",
        "lanczos": "Lanczos",
        "nearest": "Nearest",
    }
)
_SIZE = re.compile(r"(\d+)x(\d+)")
_VERSION = re.compile(r"v(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-(\d{1,9}))?")
_BRACKET = re.compile(r"(?<!\\)[(\[]")


# --- the line of settings ---------------------------------------------------------------------


def quote(value: Any) -> Any:
    """The value as it stands in the line: JSON text when it holds a comma, colon or line break."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(c in text for c in ",\n:") else value


def unquote(text: str) -> str:
    """The value behind `quote`. Text that is not sound JSON stays as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    try:
        return str(json.loads(text))
    except ValueError:
        return text


def write_line(pairs: Mapping[str, Any]) -> str:
    """`key: value, …`; None is left out, a value that equals its key is written as the bare key."""
    return ", ".join(
        key if key == value else f"{key}: {quote(value)}" for key, value in pairs.items() if value is not None
    )


def _raw_pairs(line: str, decode_json: bool = False) -> Iterator[tuple[str, Any]]:
    """Every `key: value` of a line, values still quoted. Linear: runs between colons are disjoint.

    A key is a word character and at least one of word character, space, "-" and "/"; a value is a
    quoted text up to a comma or the end, else everything up to the next comma.
    """
    at, floor = 0, 0
    tries = JSON_TRIES if decode_json else 0
    while (colon := line.find(":", at)) >= 0:
        start = colon
        while start > floor and (line[start - 1].isalnum() or line[start - 1] in "_ -/"):
            start -= 1
        key = line[start:colon].lstrip(" -/")
        at = floor = colon + 1
        if len(key) < 2:
            continue
        while at < len(line) and line[at].isspace():
            at += 1
        found = None
        if tries and line[at : at + 1] in ("{", "["):
            found = _json_value(line, at)
            tries -= found is None
        value, at = found or _value(line, at)
        floor = at
        yield key, value


def _json_value(line: str, at: int) -> tuple[Any, int] | None:
    try:
        value, end = json.JSONDecoder().raw_decode(line, at)
    except (ValueError, RecursionError):
        return None
    return (value, end + 1) if end == len(line) or line[end] == "," else None


def _value(line: str, at: int) -> tuple[str, int]:
    if line.startswith('"', at):
        end = _closing_quote(line, at)
        if end > at + 2 and (end == len(line) or line[end] == ","):
            return line[at:end], end + 1
    end = line.find(",", at)
    end = len(line) if end < 0 else end
    return line[at:end], end + 1


def _closing_quote(line: str, at: int) -> int:
    """The index behind the quote that closes the one at `at`; -1 when none does."""
    at += 1
    while at < len(line):
        if line[at] == '"':
            return at + 1
        at += 2 if line[at] == "\\" else 1
    return -1


# --- reading ----------------------------------------------------------------------------------


def parse_infotext(text: str) -> dict[str, Any]:
    """The settings in an infotext, exactly as AUTOMATIC1111 reads them; values are text.

    "Prompt" and "Negative prompt" are always there, sizes become "Size-1" and "Size-2", and entries that
    say what is the default anyway are left out. Any text is read; time is linear in its length.
    """
    *lines, last = text.strip().split("\n")
    pairs = list(_raw_pairs(last))
    if len(pairs) < ENOUGH_PAIRS:
        lines, pairs = [*lines, last], []
    return _finished(lines, pairs)


def read_infotext(text: str) -> dict[str, Any]:
    """Like `parse_infotext`, but it understands more files.

    Values that are JSON ("Hashes") are decoded; lines behind the settings (Dynamic Prompts' templates)
    do not hide them; a prompt with three colons stays a prompt.
    """
    lines = text.strip().split("\n")
    for at in range(len(lines) - 1, -1, -1):
        first = at == len(lines) - 1
        if not first and not lines[at].lstrip().startswith("Steps:"):
            continue
        pairs = list(_raw_pairs(lines[at], decode_json=True))
        if len(pairs) >= ENOUGH_PAIRS and {"Steps", "Sampler", "Seed", "Size"} & dict(pairs).keys():
            behind = [line.partition(":") for line in lines[at + 1 :]]
            templates = {k: v.strip() for k, _, v in behind if k in ("Template", "Negative Template")}
            return _finished(lines[:at], pairs) | templates
    return _finished(lines, [])


def _finished(lines: list[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if value == "":  # a quoted empty text counts, none at all does not
            continue
        value = paired(unquote(value)) if isinstance(value, str) else value
        if isinstance(value, str) and (size := _SIZE.fullmatch(value)):
            found[f"{key}-1"], found[f"{key}-2"] = size.groups()
        else:
            found[key] = value
    found["Prompt"], found["Negative prompt"] = _prompts(lines)
    _old_ways(found)
    return {key: value for key, value in found.items() if DEFAULTS.get(key) != value}


def paired(text: str) -> str:
    """The text with lone halves of surrogate pairs replaced: JSON can spell them, no file can hold them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _prompts(lines: list[str]) -> tuple[str, str]:
    prompt: list[str] = []
    negative: list[str] = []
    into = prompt
    for line in map(str.strip, lines):
        if line.startswith(NEGATIVE):
            into, line = negative, line[len(NEGATIVE) :].strip()
        if line or into:  # empty lines in front are dropped
            into.append(line)
    return "\n".join(prompt), "\n".join(negative)


def _old_ways(found: dict[str, Any]) -> None:
    """What older versions meant by what they wrote."""
    prompt, negative = found["Prompt"], found["Negative prompt"]
    if "Hypernet" in found:
        found["Prompt"] = f"{prompt}<hypernet:{found['Hypernet']}:{found.get('Hypernet strength', '1.0')}>"
    if "Emphasis" not in found and (_BRACKET.search(prompt) or _BRACKET.search(negative)):
        found["Emphasis"] = "Original"
    if "VAE" in found:
        found["VAE/TE"] = [found.pop("VAE")]
    elif modules := _modules(found, "Module "):
        found["VAE/TE"] = modules
    if modules := _modules(found, "Hires Module "):
        found["Hires VAE/TE"] = modules
    if "First pass size-1" in found and "Size-1" in found:
        for side in ("1", "2"):
            found[f"Hires resize-{side}"] = found[f"Size-{side}"]
            found[f"Size-{side}"] = found[f"First pass size-{side}"]
    made = _VERSION.match(str(found.get("Version", "")))
    if made is None:
        return
    version = tuple(int(part or 0) for part in made.groups())
    if version < (1, 6, 0, 0) and "[" in prompt:
        found["Old prompt editing timelines"] = True
    if version < (1, 6, 0, 0) and found.get("Sampler") in ("DDIM", "PLMS"):
        found["Pad conds v0"] = True
    if version < (1, 7, 0, 225):
        found["Downcast alphas_cumprod"] = True
    if version < (1, 8, 0, 0) and found.get("Refiner"):
        found["Refiner switch by sampling steps"] = True


def _modules(found: dict[str, Any], prefix: str) -> list[Any]:
    return [v for k, v in found.items() if k.startswith(prefix) and k[len(prefix) :].isdecimal()]


# --- to and from a recipe ---------------------------------------------------------------------


def write_infotext(recipe: Recipe, facts: Mapping[str, Any]) -> str:
    """The recipe as infotext: prompt, negative prompt, one line of settings.

    `facts["model"]["sha256"]`, when there, gives the model hash. LoRAs of the recipe's list are written
    into the prompt, where other programs look for them.
    """
    model: Mapping[str, Any] = facts.get("model") or {}
    pairs: dict[str, Any] = {
        "Steps": recipe.steps,
        "Sampler": recipe.sampler,
        "Schedule type": recipe.schedule,
        "CFG scale": recipe.guidance,
        "Seed": recipe.seed,
        "Size": f"{recipe.width}x{recipe.height}",
        "Model hash": str(model.get("sha256") or "")[:10] or None,
        "Model": recipe.model.rsplit("/", 1)[-1],
        "VAE": recipe.vae.rsplit("/", 1)[-1] if recipe.vae else None,
        "Denoising strength": _strength(recipe),
        "Clip skip": recipe.clip_skip if recipe.clip_skip > 1 else None,
        "RNG": "CPU",  # seeds mean the same noise on every device
        **(_mask_pairs(recipe.mask) if recipe.mask else {}),
        **(_hires_pairs(recipe.hires) if recipe.hires else {}),
        "Emphasis": None if recipe.emphasis == "original" else recipe.emphasis.capitalize(),
        **{f"ControlNet {i}": _control_line(control) for i, control in enumerate(recipe.controls)},
        "Version": f"Inkstone {__version__}",
    }
    prompt = " ".join([recipe.prompt, *map(_lora_tag, recipe.loras)])
    negative = f"\n{NEGATIVE} {recipe.negative}" if recipe.negative else ""
    return f"{prompt}{negative}\n{write_line(pairs)}".strip()


def _strength(recipe: Recipe) -> float | None:
    """That of the source, else that of the high-res fix: the text has one place for both."""
    if recipe.source is not None and recipe.source.strength:
        return recipe.source.strength
    return recipe.hires.denoising if recipe.hires else None


# Our words for what lies under a mask -> those of A1111.
CONTENTS: Mapping[str, str] = MappingProxyType(
    {"original": "original", "blur": "fill", "noise": "latent noise", "empty": "latent nothing"}
)


def _mask_pairs(mask: Mask) -> dict[str, Any]:
    """The mask in the words of A1111; what is as usual there is left out."""
    window = mask.region == "masked"
    return {
        "Mask mode": "Inpaint not masked" if mask.invert else None,
        "Mask blur": mask.blur,
        "Inpaint area": "Only masked" if window else None,
        "Masked area padding": mask.padding if window else None,
        "Masked content": CONTENTS[mask.fill] if mask.fill != "original" else None,
    }


def _hires_pairs(hires: Hires) -> dict[str, Any]:
    """The high-res fix in the words of A1111; what is as in the first pass is left out."""
    exact = hires.width or hires.height
    return {
        "Hires upscale": None if exact else f"{hires.scale:g}",
        "Hires resize": f"{hires.width}x{hires.height}" if exact else None,
        "Hires steps": hires.steps or None,
        "Hires upscaler": UPSCALERS.get(hires.upscaler, hires.upscaler.rsplit("/", 1)[-1]),
        "Hires checkpoint": hires.model.rsplit("/", 1)[-1] or None,
        "Hires prompt": hires.prompt or None,
        "Hires negative prompt": hires.negative or None,
        "Hires sampler": hires.sampler or None,
        "Hires CFG Scale": hires.guidance or None,
    }


def _control_line(control: Control) -> str:
    return write_line(
        {
            "Module": control.hint,
            "Model": control.model.rsplit("/", 1)[-1],
            "Weight": control.weight,
            "Guidance Start": control.start,
            "Guidance End": control.end,
        }
    )


def _lora_tag(lora: Lora) -> str:
    weights = f"{lora.unet}" if lora.unet == lora.text else f"{lora.text}:{lora.unet}"
    return f"<lora:{lora.model.rsplit('/', 1)[-1]}:{weights}>"
