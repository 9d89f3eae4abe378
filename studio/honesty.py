"""What a painter with a small vocabulary does not know, told before it paints and written into its pictures.

A checkpoint folder may hold `words.json`: every phrase its captions were made of, by concept, in English and
in Chinese. English is judged word by word, Chinese by the longest phrase (no segmenter is needed: what is
left between known phrases is one word).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from studio.models.files import ModelFile

QUIET = frozenset({"quality", "command", "joints"})  # concepts of which nothing is painted
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
HAN = re.compile(r"[\u3400-\u9fff]+")
# What is written for the reader or for the grammar and names nothing: tags, wildcards, comments, keywords.
SILENT = re.compile(
    r"<\w+:[^>]+>|__[^\W_]++(?:[_/ -][^\W_]++)*+__|(?m:^\s*#[^\n]*)|\b(?:AND|BREAK)\b|\d+\$\$"
)
_ENGLISH = """
    a an the and or but of in on at by for from to into onto over under above below behind before between
    beside near around through across along against beyond within without with as is are was were be being
    been am it its this that these those there here he she they we you i his her their our your my me him
    them us who which what where when while not no very so too some any all many much more most few little
    both each every only just like up down out off away back far than then again once how will would can
    could may have has had do does did please s t quite"""
ENGLISH = frozenset(_ENGLISH.split())  # small words that name nothing
CHINESE = frozenset(
    "的了着过在和与跟及或是有个只条座位幅张上下里外中间旁边前后左右一二三两几这那之其也都很被把向从到以于而你我他她它们请画给"
)
MOST = 24  # words of one prompt that are told


@dataclass(frozen=True, slots=True)
class Span:
    """A word in the prompt: its characters from `start` to before `end`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What of a prompt a painter knows: spans of unknown words in order, and the known things as written."""

    unknown: tuple[Span, ...] = ()
    known: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The unknown words, each once."""
        return tuple(dict.fromkeys(span.text for span in self.unknown))[:MOST]

    @property
    def verdict(self) -> str:
        """“all” is known (or nothing was asked for), “some”, or “none”."""
        return "all" if not self.unknown else "some" if self.known else "none"


@dataclass(frozen=True, slots=True)
class Lexicon:
    """A painter's vocabulary. `things` are the English words it paints, `quiet` those it merely reads,
    `phrases` the Chinese ones, by whether something is painted of them."""

    things: frozenset[str]
    quiet: frozenset[str]
    phrases: Mapping[str, bool]
    letters: frozenset[str]
    longest: int

    def words(self, language: str) -> tuple[str, ...]:
        """What can be offered while she writes: the shortest ways to name things first."""
        if language == "zh":
            said: Iterable[str] = (phrase for phrase, paints in self.phrases.items() if paints)
        else:
            said = self.things
        return tuple(sorted(said, key=lambda word: (len(word), word)))


def lexicon(file: ModelFile) -> Lexicon | None:
    """The vocabulary of a model that has a small one, else None: it may know everything."""
    path = file.path / "words.json"
    if file.layout != "folder":
        return None
    try:
        stamp = path.stat().st_mtime_ns
    except OSError:
        return None
    return _read(path, stamp)


@cache
def _read(path: Path, _changed: int) -> Lexicon | None:
    try:
        concepts = json.loads(path.read_text("utf-8"))["concepts"]
        said = [(one["concept"] in QUIET, one["en"], one["zh"]) for one in concepts]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return made(said)


def made(said: Iterable[tuple[bool, Iterable[str], Iterable[str]]]) -> Lexicon:
    """A vocabulary from concepts: whether each is quiet, its English phrases, its Chinese ones."""
    things: set[str] = set()
    quiet: set[str] = set()
    phrases: dict[str, bool] = {}
    for is_quiet, english, chinese in said:
        (quiet if is_quiet else things).update(
            word.lower() for text in english for word in WORD.findall(text)
        )
        phrases |= dict.fromkeys(chinese, not is_quiet)
    letters = frozenset(letter for phrase in phrases for letter in phrase)
    return Lexicon(
        frozenset(things - ENGLISH),
        frozenset(quiet - things - ENGLISH),
        phrases,
        letters,
        max(map(len, phrases), default=0),
    )


def read(prompt: str, lexicon: Lexicon, names: Iterable[str] = ()) -> Reading:
    """What of the prompt is known. `names`: words of another kind that are meant (textual inversions)."""
    text = SILENT.sub(lambda found: " " * len(found[0]), prompt)
    for name in names:
        text = re.sub(re.escape(name), lambda found: " " * len(found[0]), text, flags=re.IGNORECASE)
    unknown: list[Span] = []
    known: list[Span] = []
    for span, verdict in sorted(_judged(text, lexicon), key=lambda pair: pair[0].start):
        if verdict is False:
            unknown.append(span)
        elif verdict is True and known and text[known[-1].end : span.start] in (" ", "-"):  # two boats
            start = known.pop().start
            known.append(Span(start, span.end, text[start : span.end]))
        elif verdict is True:
            known.append(span)
    return Reading(tuple(unknown), tuple(dict.fromkeys(span.text for span in known))[:MOST])


def _judged(text: str, lexicon: Lexicon) -> Iterator[tuple[Span, bool | None]]:
    """Every word: True names something it paints, False is unknown, None says nothing to paint."""
    for found in HAN.finditer(text):
        yield from _chinese(found[0], found.start(), lexicon)
    for found in WORD.finditer(HAN.sub(lambda han: " " * len(han[0]), text)):
        word = found[0].lower()
        said: bool | None = None
        if word not in ENGLISH and not _among(word, lexicon.quiet):
            said = _among(word, lexicon.things)
        yield Span(found.start(), found.end(), found[0]), said


def _among(word: str, known: frozenset[str]) -> bool:
    """Whether a word, its singular or plural, or the noun of its adjective (misty) is in a list."""
    forms = {word, f"{word}s", word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("y")}
    if word.endswith("ies"):
        forms.add(f"{word[:-3]}y")
    return not forms.isdisjoint(known)


def _chinese(run: str, start: int, lexicon: Lexicon) -> Iterator[tuple[Span, bool | None]]:
    """Known phrases, the longest first; what is left between them and the small words is one word each."""
    rest = 0
    place = 0
    while place < len(run):
        size = next(
            (
                n
                for n in range(min(lexicon.longest, len(run) - place), 0, -1)
                if run[place : place + n] in lexicon.phrases
            ),
            0,
        )
        if size or run[place] in CHINESE:
            yield from _left(run[rest:place], start + rest, lexicon)
            if size:
                text = run[place : place + size]
                yield Span(start + place, start + place + size, text), lexicon.phrases[text] or None
            place += size or 1
            rest = place
        else:
            place += 1
    yield from _left(run[rest:], start + rest, lexicon)


def _left(text: str, start: int, lexicon: Lexicon) -> Iterator[tuple[Span, bool | None]]:
    if text:
        yield Span(start, start + len(text), text), lexicon.letters.issuperset(text)


def sentence(reading: Reading) -> str:
    """What the command line says before such a picture is painted; "" when all is known."""
    if reading.verdict == "all":
        return ""
    words = ", ".join(reading.words)
    if reading.verdict == "some":
        rest = ", ".join(reading.known)
        return (
            f"The starter paints landscapes only. It does not know {words}; it will paint the rest: {rest}."
        )
    return (
        f"The starter paints landscapes only. It knows nothing of this ({words}); "
        "what it paints will be some landscape."
    )


def of(prompt: str, file: ModelFile, embeddings: Iterable[str] = ()) -> Reading:
    """The reading of a prompt by a model; everything is known to one without a vocabulary of its own."""
    own = lexicon(file)
    return Reading() if own is None else read(prompt, own, embeddings)
