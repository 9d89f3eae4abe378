"""The model card and words.json: what the starter knows, how it was made, and how well it does, measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from studio.school.course import School
from studio.school.data import SOFTNESS
from studio.school.files import write_json, write_text

FIGURES = "figures.json"

_HEAD = """---
license: apache-2.0
pipeline_tag: text-to-image
library_name: diffusers
tags: [landscape, shan-shui, procedural, from-scratch]
---
# Inkstone's starter: a small painter of 山水

**It paints landscapes only.** It has never seen a picture by a human artist, a photograph, or any data from
elsewhere: every picture that it learned from was drawn by this project's own generator
(`studio/school/shanshui.py`), with exact captions in English and Chinese. No pretrained network took part.
Do not expect people, animals (but birds), cities or any style besides ink, blue-green 青绿, light-crimson
浅绛 and gold-on-indigo 泥金. The words that it knows are listed in `words.json`; it does not know others, and
counts of boats are unreliable.

Layout: Stable Diffusion 1.5's, by diffusers (`StableDiffusionPipeline`), fp16, velocity prediction, 256x256
pixels (3:2 and 2:3 work). Beside the pipeline: `vae_tiny/` (previews), `controlnet/` (white lines on black),
`lcm_lora/` (4 steps, guidance 1), `upscaler/x2.safetensors` (SRVGGNetCompact), `judge/` (the classifier that
measures it).
Guidance 3 to 6 (5 where nothing is said), 12 to 25 steps.
"""


def training_record(out: Path) -> dict[str, Any]:
    """training.json of a starter: plan, seed, generator version; steps, samples and minutes per stage."""
    path = out / "training.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def figures(out: Path) -> dict[str, Any]:
    """figures.json of a starter, which the judge's report writes; empty if it was never measured."""
    path = out / FIGURES
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def _words(measured: dict[str, Any]) -> dict[str, Any]:
    from studio.school.captions import concepts
    from studio.school.scene import GENERATOR_VERSION

    accuracy = measured.get("classes", {})
    listed: list[dict[str, Any]] = []
    for name, words in concepts().items():
        entry: dict[str, Any] = {"concept": name, "en": list(words["en"]), "zh": list(words["zh"])}
        if name in accuracy:
            entry["accuracy"] = accuracy[name]
        listed.append(entry)
    return {"generator": GENERATOR_VERSION, "concepts": listed}


def _table(rows: list[tuple[str, ...]], *heads: str) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _made(record: dict[str, Any]) -> str:
    rows = [
        (name, f"{stage['samples']:,}", f"{stage['steps']:,}", f"{stage['minutes']:g}")
        for name, stage in record.get("stages", {}).items()
    ]
    facts = (
        f"Plan “{record.get('plan')}”, seed {record.get('seed')}, generator version "
        f"{record.get('generator')}, {record.get('pictures', 0):,} square pictures of "
        f"{record.get('size')} px on {record.get('device')}, softened by {SOFTNESS} px: the upscaler, which "
        "saw them crisp, draws the lines again. "
        f"Rebuild: `studio train starter --plan {record.get('plan')}`.\n\n"
    )
    return "## How it was made\n" + facts + _table(rows, "stage", "samples seen", "steps", "minutes")


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _measured(measured: dict[str, Any]) -> str:
    if not measured:
        how = "`studio train starter --stage judge`, then `studio bench starter`"
        return f"## Figures\nNot measured yet: {how}.\n"
    plain = [(name.replace("_", " "), _number(v)) for name, v in measured.items() if not isinstance(v, dict)]
    text = "## Figures\nMade by `studio bench starter` from these weights.\n\n" + _table(
        plain, "figure", "value"
    )
    following = measured.get("attributes", {})
    if following:
        rows = [
            (
                name,
                *(_number(v[part]) if part in v else "" for part in ("judge", "painted", "ratio", "present")),
            )
            for name, v in following.items()
        ]
        heads = ("attribute", "judge on fresh renders", "judge on paintings", "ratio", "there at all")
        text += "\n" + _table(rows, *heads)
    return text


def write_card(school: School) -> None:
    """Write README.md, and words.json if the starter was trained on drawn pictures."""
    out = school.out
    record, measured = training_record(out), figures(out)
    if school.options.data is None:
        write_json(out / "words.json", _words(measured))
        write_text(out / "README.md", "\n".join([_HEAD, _made(record), _measured(measured)]))
    else:
        own = f"---\nlicense: other\n---\n# A small painter\n\nTrained on {school.options.data.name}.\n"
        write_text(out / "README.md", "\n".join([own, _made(record)]))
