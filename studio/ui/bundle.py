"""The page's styles and scripts, each as one file, the recorded strokes of its demonstration, and the
studio's sentences in other languages.

Gradio puts what a page's head names into it one by one, in no certain order; one file has only one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files

from studio.ui.words import SENTENCES

GROUND = ("page.css", "page.js")  # what the other files stand on


def bundles() -> Mapping[str, bytes]:
    """`inkstone.css` and `inkstone.js`, the ground first, then every other asset by its name; `demo.json`;
    `sentences.TAG.json` for each language into which the studio's English sentences are translated."""
    assets = files("studio.ui").joinpath("assets")
    names = sorted((one.name for one in assets.iterdir()), key=lambda name: (name not in GROUND, name))
    joined = {
        f"inkstone{kind}": b"\n".join(assets.joinpath(n).read_bytes() for n in names if n.endswith(kind))
        for kind in (".css", ".js")
    }
    said = {
        f"sentences.{one.name}.json": one.joinpath(SENTENCES).read_bytes()
        for one in files("studio.ui").joinpath("i18n").iterdir()
        if one.joinpath(SENTENCES).is_file()
    }
    return {**joined, **said, "demo.json": assets.joinpath("demo.json").read_bytes()}


def addresses() -> Mapping[str, str]:
    """Where a page finds them; a new content has a new address."""
    return {
        name: f"studio/page/{name}?v={hashlib.sha256(data).hexdigest()[:12]}"
        for name, data in bundles().items()
    }
