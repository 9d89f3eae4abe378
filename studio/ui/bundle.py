"""The page's styles and scripts, each as one file, and the recorded strokes of its demonstration.

Gradio puts what a page's head names into it one by one, in no certain order; one file has only one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files

GROUND = ("page.css", "page.js")  # what the other files stand on


def bundles() -> Mapping[str, bytes]:
    """`inkstone.css` and `inkstone.js`, the ground first, then every other asset by its name; `demo.json`."""
    assets = files("studio.ui").joinpath("assets")
    names = sorted((one.name for one in assets.iterdir()), key=lambda name: (name not in GROUND, name))
    joined = {
        f"inkstone{kind}": b"\n".join(assets.joinpath(n).read_bytes() for n in names if n.endswith(kind))
        for kind in (".css", ".js")
    }
    return {**joined, "demo.json": assets.joinpath("demo.json").read_bytes()}


def addresses() -> Mapping[str, str]:
    """Where a page finds them; a new content has a new address."""
    return {
        name: f"studio/page/{name}?v={hashlib.sha256(data).hexdigest()[:12]}"
        for name, data in bundles().items()
    }
