"""The tokenizer: byte-pair encoding in CLIP's layout, learned from captions.

Layout of the vocabulary (the order CLIP's own tokenizer has, so that 75-token chunking, weights and negative
prompts behave as with Stable Diffusion 1.5): 256 bytes, 256 bytes that end a word, one token per merge,
`<|startoftext|>`, `<|endoftext|>`; the end of text has the largest id.

Every Chinese character of the captions is one token by construction, and no token holds two, so that a phrase
nobody wrote before is read by its characters: their byte merges come before everything learned (Sennrich et
al. 2016 describe the learning, Radford et al. 2019 the byte alphabet).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from studio.errors import BadInput
from studio.school.files import write_text
from studio.school.nets import CLIPTokenizer, published

START, END, WORD_END = "<|startoftext|>", "<|endoftext|>", "</w>"
POSITIONS = 77
BYTES = 256

_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"

Pair = tuple[str, str]


def byte_alphabet() -> dict[int, str]:
    """Byte value -> the printable character that stands for it (GPT-2's reversible table)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    table = {value: chr(value) for value in plain}
    spare = (value for value in range(BYTES) if value not in table)
    table.update({value: chr(BYTES + n) for n, value in enumerate(spare)})
    return table


def _count_words(captions: Iterable[str]) -> Counter[str]:
    from tokenizers import Regex, normalizers, pre_tokenizers

    split = pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True)
    clean = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    counts: Counter[str] = Counter()
    for caption in captions:
        counts.update(word for word, _ in split.pre_tokenize_str(clean.normalize_str(caption)))
    return counts


def _is_han(character: str) -> bool:
    return "一" <= character <= "鿿" or "㐀" <= character <= "䶿"


def _han_merges(words: Counter[str], alphabet: dict[int, str]) -> list[Pair]:
    """Byte merges that make each Chinese character one token, within a run of them and at its end."""
    merges: dict[Pair, None] = {}
    for character in sorted({c for word in words for c in word if _is_han(c)}):
        first, second, third = (alphabet[b] for b in character.encode())
        merges[first, second] = None
        merges[first + second, third] = None
        merges[first + second, third + WORD_END] = None
    return list(merges)


def _spell(word: str, alphabet: dict[int, str], forced: dict[Pair, int]) -> list[str]:
    pieces = [alphabet[b] for b in word.encode()]
    pieces[-1] += WORD_END
    while len(pieces) > 1:
        ranked = [(forced[pair], n) for n, pair in enumerate(pairwise(pieces)) if pair in forced]
        if not ranked:
            break
        n = min(ranked)[1]
        pieces[n : n + 2] = [pieces[n] + pieces[n + 1]]
    return pieces


def _learn(spelled: list[list[str]], counts: list[int], room: int) -> list[Pair]:
    """Greedy byte-pair merges, most frequent pair first (ties: the alphabetically first), `room` at most."""
    frequency: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[int]] = defaultdict(set)
    for n, (pieces, count) in enumerate(zip(spelled, counts, strict=True)):
        for pair in pairwise(pieces):
            frequency[pair] += count
            where[pair].add(n)
    merges: list[Pair] = []
    while len(merges) < room and frequency:
        best = min(frequency, key=lambda pair: (-frequency[pair], pair))
        if frequency[best] < 2:
            break
        merges.append(best)
        for n in sorted(where[best]):
            _apply(best, n, spelled[n], counts[n], frequency, where)
        frequency.pop(best, None)
    return merges


def _apply(
    pair: Pair, n: int, pieces: list[str], count: int, frequency: Counter[Pair], where: dict[Pair, set[int]]
) -> None:
    for old in pairwise(pieces):
        frequency[old] -= count
        if frequency[old] <= 0:
            del frequency[old]
    at = 0
    while at < len(pieces) - 1:
        if (pieces[at], pieces[at + 1]) == pair:
            pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]
        at += 1
    for new in pairwise(pieces):
        frequency[new] += count
        where[new].add(n)


def learn_tokens(captions: Iterable[str], vocabulary: int) -> tuple[dict[str, int], list[Pair]]:
    """Vocabulary (token -> id) and merges in order, learned from `captions`.

    `vocabulary` is the most tokens there may be, 514 included for the bytes and the two marks. Raises
    BadInput if the Chinese characters alone do not fit.
    """
    alphabet = byte_alphabet()
    words = _count_words(captions)
    if not words:
        raise BadInput("There is not a single word in the captions to learn a tokenizer from.")
    room = vocabulary - 2 * BYTES - 2
    merges = _han_merges(words, alphabet)
    if len(merges) > room:
        raise BadInput(
            f"A vocabulary of {vocabulary} has no room for {len(merges) // 3} Chinese characters; "
            f"give it at least {len(merges) + 2 * BYTES + 2}."
        )
    forced = {pair: rank for rank, pair in enumerate(merges)}
    listed = sorted(word for word in words if not any(map(_is_han, word)))
    spelled = [_spell(word, alphabet, forced) for word in listed]
    merges += _learn(spelled, [words[word] for word in listed], room - len(merges))
    letters = [alphabet[value] for value in range(BYTES)]
    tokens = [*letters, *(letter + WORD_END for letter in letters), *(a + b for a, b in merges), START, END]
    return {token: n for n, token in enumerate(dict.fromkeys(tokens))}, merges


def build_tokenizer(vocabulary: dict[str, int], merges: list[Pair]) -> CLIPTokenizer:
    """A CLIPTokenizer of 77 positions over the learned tokens."""
    return published("CLIPTokenizer", "transformers")(
        vocab=vocabulary, merges=list(merges), model_max_length=POSITIONS
    )  # type: ignore[arg-type]


def save_tokenizer(folder: Path, vocabulary: dict[str, int], merges: list[Pair]) -> None:
    """Write tokenizer.json and its config, and vocab.json, merges.txt and special_tokens_map.json for older
    readers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    build_tokenizer(vocabulary, merges).save_pretrained(str(folder))
    write_text(folder / "vocab.json", json.dumps(vocabulary, ensure_ascii=False))
    write_text(folder / "merges.txt", "\n".join(["#version: 0.2", *(f"{a} {b}" for a, b in merges)]) + "\n")
    marks = {"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END}
    write_text(folder / "special_tokens_map.json", json.dumps(marks, indent=2))


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    """The tokenizer saved in `folder`."""
    return published("CLIPTokenizer", "transformers").from_pretrained(str(folder))  # type: ignore[no-any-return]
