"""What the starter is asked to paint, and how it is marked: captions whose attributes are known."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.school.data import attribute_names

_TOLD_LEAST = 5  # mentions, below which an accuracy says nothing


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be painted, and what must be seen in it."""

    caption: str
    labels: tuple[int, ...]
    told: tuple[bool, ...]  # per attribute: whether the caption mentions it


def told_attributes(caption: str, scene: Any) -> tuple[bool, ...]:
    """Which attributes of `scene` its caption mentions, by the words of `concepts()`; one per attribute."""
    from studio.school.captions import concepts

    known, lowered = concepts(), caption.lower()

    def said(concept: str) -> bool:
        words = known.get(concept, {})
        english = any(re.search(rf"\b{re.escape(w.lower())}\b", lowered) for w in words.get("en", ()))
        return english or any(word in caption for word in words.get("zh", ()))

    grove = said(f"grove:{scene.grove}:{scene.tree}")  # "several pines" tells the kind and the number
    also = {"grove": grove, "tree": grove}
    return tuple(
        said(f"{name}:{getattr(scene, name)}") or also.get(name, False) for name in attribute_names()
    )


def orders(count: int, seed: int, *, held_out_pairs: bool = False) -> list[Order]:
    """`count` captions of random scenes; with `held_out_pairs`, of pairs that were never trained on."""
    from studio.school.captions import caption
    from studio.school.scene import ATTRIBUTES, HELD_OUT, labels, sample_scene

    rng = np.random.default_rng([seed, 9])
    made: list[Order] = []
    while len(made) < count:
        scene = sample_scene(rng)
        if held_out_pairs:
            (a, x), (b, y) = HELD_OUT[int(rng.integers(len(HELD_OUT)))]
            scene = type(scene)(**{n: getattr(scene, n) for n in ATTRIBUTES} | {a: x, b: y})
        text, values = caption(scene, rng), labels(scene)
        told = told_attributes(text, scene)
        if any(told):
            made.append(Order(text, tuple(values[name] for name in ATTRIBUTES), told))
    return made


def following(seen: np.ndarray, asked: Sequence[Order], own: np.ndarray) -> dict[str, Any]:
    """Accuracy per attribute over the captions that mention it, beside the judge's own on fresh renders.

    `present`: of what may be absent, the share of captions mentioning some of which any was painted.
    """
    from studio.school.scene import ATTRIBUTES

    known = np.array([order.labels for order in asked])
    told = np.array([order.told for order in asked])
    table: dict[str, Any] = {}
    for n, name in enumerate(attribute_names()):
        rows = told[:, n]
        if rows.sum() < _TOLD_LEAST:
            continue
        painted = float((seen[rows, n] == known[rows, n]).mean())
        table[name] = {
            "judge": float(own[n]),
            "painted": painted,
            "ratio": painted / max(1e-9, float(own[n])),
        }
        nothing = [k for k, value in enumerate(ATTRIBUTES[name]) if value in ("none", "0")]
        some = rows & ~np.isin(known[:, n], nothing)
        if nothing and some.any():
            table[name]["present"] = float((~np.isin(seen[some, n], nothing)).mean())
        if name == "boats":
            table[name]["within_one"] = float((np.abs(seen[rows, n] - known[rows, n]) <= 1).mean())
    return table


def share_right(seen: np.ndarray, asked: Sequence[Order], rows: Sequence[int]) -> float:
    """Share of mentioned attributes that were painted, over some of the orders."""
    right = [seen[r, n] == asked[r].labels[n] for r in rows for n, told in enumerate(asked[r].told) if told]
    return float(np.mean(right)) if right else float("nan")


def by_class(seen: np.ndarray, asked: Sequence[Order]) -> dict[str, float]:
    """Concept ("attribute:class") -> share of the captions mentioning it that it was painted for."""
    from studio.school.scene import ATTRIBUTES

    hits: defaultdict[str, list[bool]] = defaultdict(list)
    for row, order in enumerate(asked):
        for n, (name, values) in enumerate(ATTRIBUTES.items()):
            if order.told[n]:
                hits[f"{name}:{values[order.labels[n]]}"].append(bool(seen[row, n] == order.labels[n]))
    return {name: round(float(np.mean(h)), 3) for name, h in sorted(hits.items()) if len(h) >= _TOLD_LEAST}


def joint(seen: np.ndarray, asked: Sequence[Order]) -> dict[str, float]:
    """Share of captions with exactly 2, 4, 6 mentioned attributes of which all were painted."""
    result: dict[str, float] = {}
    for size in (2, 4, 6):
        rows = [r for r, order in enumerate(asked) if sum(order.told) == size]
        if len(rows) >= _TOLD_LEAST:
            whole = [
                all(seen[r, n] == asked[r].labels[n] for n, t in enumerate(asked[r].told) if t) for r in rows
            ]
            result[f"joint_{size}"] = float(np.mean(whole))
    return result
