"""Exact captions in English and Chinese: many ways to say what a scene shows, none to say what it does
not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.school import words
from studio.school.scene import ATTRIBUTES, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

OMITTED = (0.3, 0.3, 0.3, 0.6, 0.85)
"""How likely an attribute is left out; one of these is drawn for each caption, so that short ones are
learnt too.
"""

THINGS = ("water", "boats", "bridge", "tree", "building", "birds", "orb", "composition", "peaks", "height")
AROUND = ("season", "hour", "weather", "mist")


def caption(scene: Scene, rng: Generator) -> str:
    """A caption of the scene: English or Chinese evenly, one of seven templates each, phrases in random
    order.
    """
    write = (_ENGLISH, _CHINESE)[int(rng.integers(2))]
    return write[int(rng.integers(len(write)))](scene, rng)


def concepts() -> dict[str, dict[str, tuple[str, ...]]]:
    """Every word the captions use: concept -> {"en": synonyms, "zh": synonyms}.

    Concepts are `attribute:class`, `grove:class:tree`, and `sunset`, `sunrise`, `green mountains`,
    `landscape`, `quality`, `command`, `joints`.
    """
    known = {
        name: {"en": _once(w.plain + w.tag + w.poem), "zh": _once(w.zh + w.zh_poem)}
        for name, w in words.WORDS.items()
    }
    for grove, kinds in words.GROVES.items():
        for tree, (en, zh) in kinds.items():
            known[f"grove:{grove}:{tree}"] = {"en": en, "zh": zh}
    extras = {
        "sunset": words.SUNSET,
        "sunrise": words.SUNRISE,
        "green mountains": words.GREEN_MOUNTAINS,
        "landscape": words.LANDSCAPE,
        "quality": words.QUALITY,
        "command": words.COMMAND,
        "joints": words.JOINTS,
    }
    return known | {name: {"en": en, "zh": zh} for name, (en, zh) in extras.items()}


def _once(said: words.Said) -> words.Said:
    return tuple(dict.fromkeys(said))


def _pick(rng: Generator, said: words.Said) -> str:
    return said[int(rng.integers(len(said)))]


def _shuffled(rng: Generator, phrases: list[str]) -> list[str]:
    return [phrases[int(i)] for i in rng.permutation(len(phrases))]


def _told(scene: Scene, rng: Generator) -> list[tuple[str, str]]:
    """The (attribute, class) pairs this caption mentions; trees and their number go together."""
    omitted = OMITTED[int(rng.integers(len(OMITTED)))]
    pairs = [(name, getattr(scene, name)) for name in ATTRIBUTES if name != "grove"]
    quiet = {"weather": 0.7, "hour": 0.3, "composition": 0.25}
    told: list[tuple[str, str]] = []
    for name, value in pairs:
        if f"{name}:{value}" not in words.WORDS or rng.random() < omitted:
            continue
        if value in ("clear", "day", "centre") and rng.random() < quiet[name]:
            continue
        told.append((name, value))
    return told


def _say(scene: Scene, rng: Generator, pair: tuple[str, str], register: str) -> str:
    """One phrase for an attribute in the register "plain", "tag", "poem", "zh" or "zh_poem"."""
    name, value = pair
    zh = int(register.startswith("zh"))
    combined = _combined(scene, rng, pair)
    if combined is not None:
        return _pick(rng, combined[zh])
    if name == "tree" and register in ("plain", "zh"):
        return _pick(rng, words.GROVES[scene.grove][value][zh])
    if name == "tree" and register in ("tag", "zh_poem") and rng.random() < 0.6:
        return _pick(rng, words.GROVES[scene.grove][value][zh])
    return _pick(rng, getattr(words.WORDS[f"{name}:{value}"], register))


def _combined(scene: Scene, rng: Generator, pair: tuple[str, str]) -> tuple[words.Said, words.Said] | None:
    """Words for two attributes at once: a sunset, a sunrise, a ring of green mountains."""
    if rng.random() < 0.5:
        return None
    if pair == ("orb", "sun"):
        return {"dusk": words.SUNSET, "dawn": words.SUNRISE}.get(scene.hour)
    if pair == ("peaks", "several") and scene.style == "blue-green" and scene.season != "winter":
        return words.GREEN_MOUNTAINS
    return None


def _tail(rng: Generator, language: int) -> list[str]:
    """Empty words of praise, now and then."""
    if rng.random() > 0.15:
        return []
    return _shuffled(rng, list(words.QUALITY[language]))[: int(rng.integers(1, 3))]


def _split(scene: Scene, rng: Generator, register: str) -> tuple[str | None, list[str]]:
    """The phrase for the style (None if it is not told) and the others, shuffled."""
    told = _told(scene, rng)
    style = next((_say(scene, rng, pair, register) for pair in told if pair[0] == "style"), None)
    return style, _shuffled(rng, [_say(scene, rng, pair, register) for pair in told if pair[0] != "style"])


def _en_list(scene: Scene, rng: Generator) -> str:
    style, rest = _split(scene, rng, "plain")
    return ", ".join([style or _pick(rng, words.LANDSCAPE[0]), *rest, *_tail(rng, 0)])


def _en_with(scene: Scene, rng: Generator) -> str:
    told = _told(scene, rng)
    head = _pick(rng, words.LANDSCAPE[0])
    if ("style", scene.style) in told:
        head = _say(scene, rng, ("style", scene.style), "plain")
    things = _shuffled(rng, [_say(scene, rng, pair, "plain") for pair in told if pair[0] in THINGS])
    around = _shuffled(rng, [_say(scene, rng, pair, "plain") for pair in told if pair[0] in AROUND])
    listed = ", ".join(things[:-1]) + (" and " if len(things) > 1 else "") + "".join(things[-1:])
    sentence = " ".join([head, *(["with " + listed] if things else []), *around])
    return ", ".join([sentence, *_tail(rng, 0)])


def _en_tags(scene: Scene, rng: Generator) -> str:
    told = _shuffled(rng, [_say(scene, rng, pair, "tag") for pair in _told(scene, rng)])
    return ", ".join([*told, *_tail(rng, 0)]) or _pick(rng, words.LANDSCAPE[0])


def _en_poem(scene: Scene, rng: Generator) -> str:
    _, rest = _split(scene, rng, "poem")
    told = [_say(scene, rng, ("style", scene.style), "poem")] if rng.random() < 0.7 else []
    return "; ".join([*rest, *told]) or _pick(rng, words.LANDSCAPE[0])


def _en_command(scene: Scene, rng: Generator) -> str:
    _, rest = _split(scene, rng, "plain")
    style = _pick(rng, words.WORDS[f"style:{scene.style}"].plain) if rng.random() < 0.5 else None
    head = f"{_pick(rng, words.COMMAND[0])} {style or _pick(rng, words.LANDSCAPE[0])}"
    return ", ".join([head, *rest, *_tail(rng, 0)])


def _en_sentences(scene: Scene, rng: Generator) -> str:
    style, rest = _split(scene, rng, "plain")
    return ". ".join([*rest, *([style] if style else []), *_tail(rng, 0)]) or _pick(rng, words.LANDSCAPE[0])


def _en_generic(scene: Scene, rng: Generator) -> str:
    told = _told(scene, rng)[: int(rng.integers(0, 3))]
    head = _pick(rng, words.LANDSCAPE[0])
    if rng.random() < 0.5:
        head = f"{_pick(rng, words.COMMAND[0])} {head}"
    return ", ".join([head, *(_say(scene, rng, pair, "plain") for pair in told), *_tail(rng, 0)])


def _zh_list(scene: Scene, rng: Generator) -> str:
    style, rest = _split(scene, rng, "zh")
    return ",".join([style or _pick(rng, words.LANDSCAPE[1]), *rest, *_tail(rng, 1)])


def _zh_with(scene: Scene, rng: Generator) -> str:
    style, rest = _split(scene, rng, "zh")
    return (
        "、".join([*rest, *_tail(rng, 1)]) + ("," if rest else "") + (style or _pick(rng, words.LANDSCAPE[1]))
    )


def _zh_tags(scene: Scene, rng: Generator) -> str:
    told = _shuffled(rng, [_say(scene, rng, pair, "zh") for pair in _told(scene, rng)])
    return " ".join([*told, *_tail(rng, 1)]) or _pick(rng, words.LANDSCAPE[1])


def _zh_poem(scene: Scene, rng: Generator) -> str:
    _, rest = _split(scene, rng, "zh_poem")
    told = [_say(scene, rng, ("style", scene.style), "zh_poem")] if rng.random() < 0.7 else []
    return ",".join([*rest, *told]) or _pick(rng, words.LANDSCAPE[1])


def _zh_command(scene: Scene, rng: Generator) -> str:
    _, rest = _split(scene, rng, "zh")
    style = _pick(rng, words.WORDS[f"style:{scene.style}"].zh) if rng.random() < 0.5 else None
    head = _pick(rng, words.COMMAND[1]) + (style or _pick(rng, words.LANDSCAPE[1]))
    return (
        head + (",画中有" + "、".join(rest) if rest else "") + "".join("," + word for word in _tail(rng, 1))
    )


def _zh_sentences(scene: Scene, rng: Generator) -> str:
    style, rest = _split(scene, rng, "zh")
    return "。".join([*rest, *([style] if style else []), *_tail(rng, 1)]) or _pick(rng, words.LANDSCAPE[1])


def _zh_generic(scene: Scene, rng: Generator) -> str:
    told = _told(scene, rng)[: int(rng.integers(0, 3))]
    head = _pick(rng, words.LANDSCAPE[1])
    if rng.random() < 0.5:
        head = _pick(rng, words.COMMAND[1]) + head
    return ",".join([head, *(_say(scene, rng, pair, "zh") for pair in told), *_tail(rng, 1)])


_ENGLISH: tuple[Callable[[Scene, Generator], str], ...] = (
    _en_list, _en_with, _en_tags, _en_poem, _en_command, _en_sentences, _en_generic,
)  # fmt: skip
_CHINESE: tuple[Callable[[Scene, Generator], str], ...] = (
    _zh_list, _zh_with, _zh_tags, _zh_poem, _zh_command, _zh_sentences, _zh_generic,
)  # fmt: skip
