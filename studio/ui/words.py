"""The page's words in each language; a field's own title and help are its words in English."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from studio.part import Part

DEFAULT = "en"
SENTENCES = "sentences.json"  # what the studio says, by its English; the page asks for it apart


@dataclass(frozen=True, slots=True)
class Words:
    """One language's catalog; what it lacks is said in English."""

    language: str
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key. `{name}` in it is replaced."""
        text = self.texts[key]
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text

    def title(self, part: type[Part], name: str) -> str:
        """What a field is called."""
        return self._of(part, f".{name}") or part.model_fields[name].title or name

    def help(self, part: type[Part], name: str) -> str:
        """What a field does."""
        return self._of(part, f".{name}.help") or part.model_fields[name].description or ""

    def name(self, part: type[Part]) -> str:
        """What a part as a whole is called."""
        return self._of(part, "") or part.model_config.get("title") or part.__name__

    def option(self, part: type[Part], name: str, value: str) -> str:
        """What one choice of a field is called."""
        return self._of(part, f".{name}={value}") or value

    def _of(self, part: type[Part], rest: str) -> str:
        """The catalog's word for a part, or for the part it inherits from."""
        names = (f"{kind.__name__}{rest}" for kind in part.__mro__)
        return next((self.texts[name] for name in names if name in self.texts), "")


def read_catalogs() -> dict[str, Words]:
    """Every language by its tag, English first. `i18n/TAG/` holds one file for each room of the page."""
    raw = {one.name: merged(one) for one in files("studio.ui").joinpath("i18n").iterdir() if one.is_dir()}
    order = sorted(raw, key=lambda tag: (tag != DEFAULT, tag))
    return {tag: Words(tag, {**raw[DEFAULT], **raw[tag]}) for tag in order}


def merged(folder: Traversable) -> dict[str, str]:
    """What every file of one language says for the page itself."""
    texts: dict[str, str] = {}
    for one in sorted(folder.iterdir(), key=lambda one: one.name):
        if one.name.endswith(".json") and one.name != SENTENCES:
            texts |= json.loads(one.read_text("utf-8"))
    return texts


def preferred(accept_language: str, languages: Mapping[str, object]) -> str:
    """The language a browser asks for among ours, by its Accept-Language header; English otherwise."""
    asked: list[tuple[float, str]] = []
    for item in accept_language[:400].split(","):
        tag, _, quality = item.strip().partition(";q=")
        try:
            asked.append((-float(quality or 1), tag.lower()))
        except ValueError:
            continue
    for _, tag in sorted(asked, key=lambda pair: pair[0]):
        for ours in languages:
            if tag.split("-")[0] == ours.lower().split("-")[0]:
                return ours
    return DEFAULT
