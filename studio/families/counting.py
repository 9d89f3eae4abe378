"""How many tokens a prompt takes in each of its text encoder's windows."""

from __future__ import annotations

from studio.families import FAMILIES, family
from studio.families.encode import vocabularies
from studio.models.files import ModelFile
from studio.prompt import chunk, parse_emphasis, plan
from studio.prompt.grammar import Emphasis

PLAIN = "sd15"  # whose vocabulary stands for a model that has not been opened yet: all are CLIP's


def counted(file: ModelFile, prompt: str, emphasis: Emphasis = "original") -> tuple[int, ...]:
    """Tokens in each 75-token window of a prompt's longest text, as the model's first encoder counts them.

    Names of textual inversions count as the words they are written with. Raises `MissingWeights` or
    `BrokenWeights` for a vocabulary that is not there.
    """
    known = family(file.family if file.family in FAMILIES else PLAIN)
    vocabulary = vocabularies(known, file)[0]
    said = plan(prompt, "", 20, emphasis=emphasis)
    found: list[tuple[int, ...]] = []
    for text in {text for part in said.positive for _, text in part.schedule}:
        windows, _ = chunk(parse_emphasis(text, emphasis), vocabulary)
        found.append(tuple(window.ids.index(vocabulary.eos, 1) - 1 for window in windows))
    return max(found, key=sum, default=(0,))
