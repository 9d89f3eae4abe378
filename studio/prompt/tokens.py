"""CLIP's vocabulary, and how a prompt is laid into the 77-token windows of its text encoders.

The tokenizer is CLIP's lower-cased byte-pair encoding (Radford et al. 2021, "Learning Transferable Visual
Models From Natural Language Supervision", §2.4), run by `tokenizers`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import BrokenWeights, MissingWeights
from studio.prompt.grammar import hold, is_break

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WINDOW = 75
"""Tokens of a chunk without its begin and end."""
BACKTRACK = 20
"""A full chunk ends after a comma among its last so many tokens instead."""
_BOS, _EOS = "<|startoftext|>", "<|endoftext|>"
_MERGES = 48_894  # the file lists more than CLIP was trained with

Embeddings = Mapping[str, tuple[Sequence[int], int]]
"""Textual inversions by name: the token ids of the name, as `encode` gives them, and the number of
vectors."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The token ids of one text encoder. `encode` gives a text's ids, without marks and without a limit."""

    bos: int
    eos: int
    pad: int
    comma: int | None
    encode: Callable[[str], list[int]]


@dataclass(frozen=True, slots=True)
class Fix:
    """The vectors of the textual inversion `name` replace `count` tokens from `offset`.

    Offsets count from the first token after the begin mark, so the first one replaced is `ids[offset + 1]`.
    Of an embedding with more than 75 vectors only the first 75 fit.
    """

    offset: int
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """One window: begin, up to 75 tokens, end, padding; with a weight (±10) for each of the 77 ids."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]
    fixes: tuple[Fix, ...] = ()


def chunk(
    parsed: Sequence[tuple[str, float]], vocabulary: Vocabulary, embeddings: Embeddings | None = None
) -> tuple[tuple[Chunk, ...], int]:
    """The windows of a parsed prompt (at least one), and its token count: 75 for each full one, and the rest.

    BREAK ends a window. When one is full and a comma lies within its last 20 tokens, what follows the comma
    moves to the next, textual inversions included. The name of a textual inversion is found among the token
    ids, longest first (so in any case, and inside of words), stands for its vectors by that many ids 0, and
    is never torn apart.
    """
    names = _by_first_id(embeddings or {})
    layout = _Layout(vocabulary)
    for text, weight in parsed:
        if is_break(text, weight):
            layout.turn()
            continue
        for name, ids in _pieces(vocabulary.encode(text), names):
            layout.add(name, ids, hold(weight))
    return layout.finish()


_Names = dict[int, list[tuple[str, tuple[int, ...], int]]]


def _by_first_id(embeddings: Embeddings) -> _Names:
    names: _Names = {}
    for name, (ids, count) in embeddings.items():
        if ids and count > 0:
            names.setdefault(ids[0], []).append((name, tuple(ids), min(count, WINDOW)))
    for candidates in names.values():
        candidates.sort(key=lambda candidate: -len(candidate[1]))
    return names


def _pieces(ids: list[int], names: _Names) -> Iterator[tuple[str | None, list[int]]]:
    """Single tokens (None, [id]) and the placeholders of textual inversions (name, [0, …])."""
    place = 0
    while place < len(ids):
        for name, own, count in names.get(ids[place], ()):
            if tuple(ids[place : place + len(own)]) == own:
                yield name, [0] * count
                place += len(own)
                break
        else:
            yield None, [ids[place]]
            place += 1


@dataclass(slots=True)
class _Page:
    ids: list[int] = field(default_factory=list[int])
    weights: list[float] = field(default_factory=list[float])
    fixes: list[Fix] = field(default_factory=list[Fix])
    comma: int | None = None  # place of the last one


class _Layout:
    """The chunks written so far, and the page that is being filled."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.done: list[Chunk] = []
        self.page = _Page()

    def add(self, name: str | None, ids: list[int], weight: float) -> None:
        comma = name is None and ids[0] == self.vocabulary.comma
        if len(self.page.ids) == WINDOW:
            last = self.page.comma
            near = last is not None and WINDOW - last <= BACKTRACK and not comma
            self.turn(last + 1 if near and last is not None else None)
        if len(self.page.ids) + len(ids) > WINDOW:
            self.turn()
        page = self.page
        if comma:
            page.comma = len(page.ids)
        if name is not None:
            page.fixes.append(Fix(len(page.ids), name, len(ids)))
        page.ids += ids
        page.weights += [weight] * len(ids)

    def turn(self, keep: int | None = None) -> None:
        """Ends the page after `keep` tokens (all of them); the others begin the next."""
        page = self.page
        keep = len(page.ids) if keep is None else keep
        marks = self.vocabulary
        room = WINDOW - keep
        self.done.append(
            Chunk(
                (marks.bos, *page.ids[:keep], marks.eos, *[marks.pad] * room),
                (1.0, *page.weights[:keep], 1.0, *[1.0] * room),
                tuple(fix for fix in page.fixes if fix.offset < keep),
            )
        )
        moved = [Fix(fix.offset - keep, fix.name, fix.count) for fix in page.fixes if fix.offset >= keep]
        self.page = _Page(page.ids[keep:], page.weights[keep:], moved)

    def finish(self) -> tuple[tuple[Chunk, ...], int]:
        count = WINDOW * len(self.done) + len(self.page.ids)
        if self.page.ids or not self.done:
            self.turn()
        return tuple(self.done), count


# --------------------------------------------------------------------------------------------- vocabularies


def clip_vocabulary(pad: int | None = None) -> Vocabulary:
    """The vocabulary of OpenAI's CLIP (Stable Diffusion 1.5, 2, XL), read from open_clip's package data.

    `pad`: None pads with the end mark (SD1.5, SDXL's first encoder), 0 is right for SD2 and SDXL's second.
    Takes some tenths of a second: keep the result. Raises `MissingWeights` when open_clip_torch is not
    installed.
    """
    import gzip
    from importlib.util import find_spec

    spec = find_spec("open_clip")  # locates the package; importing it would load torch
    path = Path(spec.origin).with_name("bpe_simple_vocab_16e6.txt.gz") if spec and spec.origin else None
    if path is None or not path.is_file():
        raise MissingWeights(
            "CLIP's vocabulary comes with the package open_clip_torch, and that is not installed. "
            "Install it with: pip install open_clip_torch"
        )
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    merges = [(a, b) for a, _, b in (line.partition(" ") for line in lines[1 : _MERGES + 1])]
    letters = _byte_letters()
    words = [*letters, *(letter + "</w>" for letter in letters), *(a + b for a, b in merges), _BOS, _EOS]
    return _vocabulary({word: i for i, word in enumerate(words)}, merges, pad)


def read_vocabulary(folder: Path) -> Vocabulary:
    """The vocabulary in a model's `tokenizer` folder: `vocab.json` and `merges.txt`, or `tokenizer.json`.

    The padding token is the one that `tokenizer_config.json` or `special_tokens_map.json` names, else the end
    mark. Raises `MissingWeights` when the folder holds no vocabulary, `BrokenWeights` when it is not one of
    CLIP's kind.
    """
    if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        words = _json(folder / "vocab.json")
        lines = _text(folder / "merges.txt").splitlines()
        merges: Any = [line for line in lines if line.strip() and not line.startswith("#version")]
    elif (folder / "tokenizer.json").is_file():
        whole = _json(folder / "tokenizer.json")
        model = whole.get("model")
        if not isinstance(model, dict):
            raise _broken(folder)
        words, merges = model.get("vocab"), model.get("merges")
        added = {token.get("content"): token.get("id") for token in _dicts(whole.get("added_tokens"))}
        words = {**words, **added} if isinstance(words, dict) else None
    else:
        raise MissingWeights(
            f"The folder “{folder.name}” holds no vocabulary: "
            "it needs vocab.json and merges.txt, or tokenizer.json."
        )
    checked, pairs = _checked(folder, words, merges)
    return _vocabulary(checked, pairs, checked.get(_pad_word(folder)))


def _checked(folder: Path, words: Any, merges: Any) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The words and merges, when they are a vocabulary that the tokenizer can be built from."""
    if not isinstance(words, dict) or not isinstance(merges, list):
        raise _broken(folder)
    vocabulary: dict[Any, Any] = words
    written: list[Any] = merges
    known = {word: i for word, i in vocabulary.items() if isinstance(word, str) and type(i) is int}
    pairs = [pair for pair in map(_merge, written) if pair is not None]
    sound = (
        len(known) == len(vocabulary)
        and all(0 <= i < 2**32 for i in known.values())
        and len(pairs) == len(written)
        and all(a in known and b in known and a + b in known for a, b in pairs)
        and {_BOS, _EOS} <= known.keys()
    )
    if not sound:
        raise _broken(folder)
    return known, pairs


def _merge(written: Any) -> tuple[str, str] | None:
    """A merge, written as "a b" or as a pair."""
    parts: Any = written.split(" ") if isinstance(written, str) else written
    match parts:
        case [str(a), str(b)]:
            return a, b
        case _:
            return None


def _pad_word(folder: Path) -> str:
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / name).is_file():
            token = _json(folder / name).get("pad_token")
            word = token.get("content") if isinstance(token, dict) else token
            if isinstance(word, str):
                return word
    return _EOS


def _vocabulary(words: dict[str, int], merges: list[tuple[str, str]], pad: int | None) -> Vocabulary:
    tokenizer = _tokenizer(words, merges)

    def encode(text: str) -> list[int]:
        # Half of a surrogate pair has no UTF-8 and would raise: it becomes "?".
        sound = text.encode("utf-8", "replace").decode("utf-8")
        return tokenizer.encode(sound, add_special_tokens=False).ids

    eos = words[_EOS]
    return Vocabulary(words[_BOS], eos, eos if pad is None else pad, words.get(",</w>"), encode)


def _tokenizer(words: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(vocab=words, merges=merges, end_of_word_suffix="</w>", unk_token=_EOS))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    words_and_signs = Regex(
        r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words_and_signs, behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.add_special_tokens([AddedToken(_BOS, special=True), AddedToken(_EOS, special=True)])
    return tokenizer


def _byte_letters() -> list[str]:
    """CLIP's letter for each byte, in the order of its vocabulary: first the bytes that print, as
    themselves."""
    printing = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    others = 256 - len(printing)
    return [chr(byte) for byte in printing] + [chr(256 + i) for i in range(others)]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _broken(path) from error


def _json(path: Path) -> dict[Any, Any]:
    try:
        value = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise _broken(path) from error
    if not isinstance(value, dict):
        raise _broken(path)
    return value


def _dicts(value: Any) -> list[dict[Any, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _broken(path: Path) -> BrokenWeights:
    return BrokenWeights(f"“{path.name}” is not a CLIP vocabulary. Fetch the model's tokenizer folder again.")
