"""A planned prompt becomes embeddings: A1111's reading of CLIP, chunk by chunk.

diffusers' own `encode_prompt` knows neither chunks nor weights nor schedules, and its `clip_skip`
fails with transformers ≥ 5.6; pipelines therefore get finished embeddings from here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import BadInput
from studio.families.family import Encoder, Family
from studio.models.files import ModelFile
from studio.models.load import tokenizer_folder
from studio.prompt import (
    Chunk,
    Plan,
    Schedule,
    Vocabulary,
    chunk,
    clip_vocabulary,
    parse_emphasis,
    read_vocabulary,
)
from studio.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor, nn

Vectors = Mapping[str, Mapping[str, "Tensor"]]  # textual inversions: name → encoder → (n, width)


@dataclass(frozen=True, slots=True)
class Words:
    """One text as the UNet reads it: embeddings (1, 77·k, width) and, for SDXL, the pooled (1, width₂)."""

    embeds: Tensor
    pooled: Tensor | None = None

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return (self.embeds,) if self.pooled is None else (self.embeds, self.pooled)

    def mixed(self, other: Words, share: float) -> Words:
        """On the straight line from here (0) to `other` (1)."""
        pooled = None
        if self.pooled is not None and other.pooled is not None:
            pooled = self.pooled.lerp(other.pooled, share)
        return Words(self.embeds.lerp(other.embeds, share), pooled)


Track = tuple[tuple[int, Words], ...]  # (up to and including this step, this text)


@dataclass(frozen=True, slots=True)
class Moment:
    """What guides one model call: the weighted parts that AND combines, and the negative text."""

    parts: tuple[tuple[float, Words], ...]
    negative: Words


@dataclass(frozen=True, slots=True)
class Conditioning:
    """A recipe's texts on the CPU, all of one length: each AND part with its weight, and the negative."""

    parts: tuple[tuple[float, Track], ...]
    negative: Track

    def at(self, step: int) -> Moment:
        """What holds at a step, counted from 1 (a second-order sampler counts twice a step)."""
        return Moment(tuple((w, _at(t, step)) for w, t in self.parts), _at(self.negative, step))

    @property
    def chunks(self) -> int:
        """How many windows of 77 tokens every text takes."""
        return self.negative[0][1].embeds.shape[1] // 77

    def mixed(self, other: Conditioning, share: float) -> Conditioning:
        """On the straight line from here (0) to `other` (1), text by text: prompt travel.

        Both must be of as many chunks (`encode(…, chunks=)`). Raises `BadInput` when one joins more
        parts by AND than the other.
        """
        if len(self.parts) != len(other.parts):
            raise BadInput("Travel needs two prompts with as many parts: join as many by AND in both.")
        return Conditioning(
            tuple(
                (a + share * (b - a), _mixed(one, two, share))
                for (a, one), (b, two) in zip(self.parts, other.parts, strict=True)
            ),
            _mixed(self.negative, other.negative, share),
        )

    @property
    def is_plain(self) -> bool:
        """One text of weight 1 against one negative, from the first step to the last."""
        tracks = [track for _, track in self.parts] + [self.negative]
        return [w for w, _ in self.parts] == [1.0] and all(len(track) == 1 for track in tracks)

    def tensors(self) -> tuple[Tensor, ...]:
        """Every tensor, each once."""
        tracks = [track for _, track in self.parts] + [self.negative]
        found = {id(t): t for track in tracks for _, words in track for t in words.tensors}
        return tuple(found.values())

    @property
    def bytes(self) -> int:
        """What keeping it costs."""
        return sum(t.numel() * t.element_size() for t in self.tensors())


def _at(track: Track, step: int) -> Words:
    return next((words for until, words in track if step <= until), track[-1][1])


def _mixed(one: Track, two: Track, share: float) -> Track:
    steps = sorted({until for until, _ in (*one, *two)})
    return tuple((step, _at(one, step).mixed(_at(two, step), share)) for step in steps)


def vocabularies(family: Family, file: ModelFile) -> tuple[Vocabulary, ...]:
    """The vocabulary of each of the family's encoders: the folder's own, or CLIP's for a single file."""
    found: list[Vocabulary] = []
    for spec in family.encoders:
        folder = tokenizer_folder(file, spec.tokenizer)
        found.append(_clip(spec.pad) if folder is None else _own(folder, file.mtime_ns))
    return tuple(found)


@cache
def _clip(pad: int | None) -> Vocabulary:
    return clip_vocabulary(pad)


@cache
def _own(folder: Path, _changed: int) -> Vocabulary:
    return read_vocabulary(folder)


def encode(
    family: Family,
    plan: Plan,
    recipe: Recipe,
    encoders: Sequence[nn.Module],
    vocabularies: Sequence[Vocabulary],
    embeddings: Vectors | None = None,
    chunks: int = 1,
) -> Conditioning:
    """Read every text of a plan, each once. `embeddings` are textual inversions by name.

    Texts of fewer chunks than the longest, or than `chunks`, are filled up with the empty prompt's, so
    that all are of one length.
    Raises `BadInput` when `clip_skip` asks for a layer that an encoder does not have.
    """
    readers = [
        _Reader(spec, encoder, vocabulary, recipe.clip_skip, plan.emphasis == "original")
        for spec, encoder, vocabulary in zip(family.encoders, encoders, vocabularies, strict=True)
    ]
    fitting = _fitting(readers, embeddings or {})
    texts = {text for part in plan.positive for _, text in part.schedule} | {t for _, t in plan.negative}
    parsed = {text: parse_emphasis(text, plan.emphasis) for text in texts}
    laid = {
        text: [r.lay(pieces, own) for r, own in zip(readers, fitting, strict=True)]
        for text, pieces in parsed.items()
    }
    longest = max(chunks, *(len(own[0]) for own in laid.values()))
    empty = [r.lay([("", 1.0)], {}) for r in readers]
    read: dict[str, Words] = {}
    for text, pages in laid.items():
        filled = [(*own, *[e[0]] * (longest - len(own))) for own, e in zip(pages, empty, strict=True)]
        read[text] = _joined([r.read(c, o) for r, c, o in zip(readers, filled, fitting, strict=True)])
    return Conditioning(
        tuple((part.weight, _track(part.schedule, read.__getitem__)) for part in plan.positive),
        _track(plan.negative, lambda text: _negative(family, text, read[text])),
    )


def _track(schedule: Schedule, read: Callable[[str], Words]) -> Track:
    return tuple((until, read(text)) for until, text in schedule)


def _negative(family: Family, text: str, words: Words) -> Words:
    """SDXL was trained with zeros for no text, in the embeddings and in the pooled state."""
    if not family.zero_empty_negative or text:
        return words
    pooled = words.pooled
    return Words(words.embeds.new_zeros(words.embeds.shape), None if pooled is None else pooled * 0)


def _joined(read: Sequence[Words]) -> Words:
    """SDXL's two encoders side by side, with the pooled state of the one that has it."""
    import torch

    if len(read) == 1:
        return read[0]
    pooled = next((words.pooled for words in read if words.pooled is not None), None)
    return Words(torch.cat([words.embeds for words in read], dim=-1), pooled)


class _Reader:
    """One encoder with its vocabulary; `read` turns chunks into embeddings on the CPU."""

    def __init__(
        self, spec: Encoder, encoder: nn.Module, vocabulary: Vocabulary, clip_skip: int, restored: bool
    ) -> None:
        self.spec, self.vocabulary, self.restored = spec, vocabulary, restored
        self.encoder: Any = encoder
        self.width = int(self.encoder.config.hidden_size)
        self.skip = max(clip_skip, spec.least_skip)
        layers = int(self.encoder.config.num_hidden_layers)
        if self.skip > layers:
            raise BadInput(
                f"This model's text encoder has {layers} layers; clip skip can be at most {layers}."
            )

    def lay(self, pieces: Sequence[tuple[str, float]], inversions: Mapping[str, Tensor]) -> tuple[Chunk, ...]:
        counts = {name: (self.vocabulary.encode(name), len(own)) for name, own in inversions.items()}
        return chunk(pieces, self.vocabulary, counts)[0]

    def vectors(self, stored: Mapping[str, Tensor]) -> Tensor | None:
        """The part of a textual inversion that is for this encoder, or None when none fits."""
        found = stored.get(self.spec.embedding)
        if found is None and len(stored) == 1:
            found = next(iter(stored.values()))
        return found if found is not None and found.ndim == 2 and found.shape[1] == self.width else None

    def read(self, chunks: Sequence[Chunk], inversions: Mapping[str, Tensor]) -> Words:
        import torch

        table = self.encoder.get_input_embeddings()
        ids = torch.tensor([c.ids for c in chunks], device=table.weight.device)
        with torch.no_grad(), _injected(table, chunks, inversions):
            out = self.encoder(ids, output_hidden_states=True)
            hidden = out.hidden_states[-self.skip]
            if self.spec.normed:
                # transformers < 5.6 has the same module inside of `text_model`
                hidden = getattr(self.encoder, "text_model", self.encoder).final_layer_norm(hidden)
        weights = torch.tensor([c.weights for c in chunks])
        embeds = _weighed(hidden.cpu(), weights, self.restored)
        pooled = out.text_embeds[:1].cpu() if self.spec.pooled else None
        return Words(embeds.reshape(1, -1, embeds.shape[-1]), pooled)


def _weighed(hidden: Tensor, weights: Tensor, restored: bool) -> Tensor:
    """(word:1.2): states (n, 77, width) times their weights (n, 77); `restored` keeps each chunk's mean."""
    if bool((weights == 1).all()):
        return hidden
    states = hidden.float()
    scaled = states * weights[..., None]
    if restored:
        before, after = states.mean(dim=(1, 2), keepdim=True), scaled.mean(dim=(1, 2), keepdim=True)
        scaled = scaled * (before / after).nan_to_num(1.0, 1.0, 1.0)
    return scaled.to(hidden.dtype)


def _fitting(readers: Sequence[_Reader], stored: Vectors) -> list[dict[str, Tensor]]:
    """For each reader its vectors of the textual inversions that fit every encoder; others are mere words."""
    fitting: list[dict[str, Tensor]] = [{} for _ in readers]
    for name, tensors in stored.items():
        own = [vectors for r in readers if (vectors := r.vectors(tensors)) is not None]
        if len(own) == len(readers):
            for place, vectors in zip(fitting, own, strict=True):
                place[name] = vectors
    return fitting


@contextmanager
def _injected(table: nn.Module, chunks: Sequence[Chunk], vectors: Mapping[str, Tensor]) -> Generator[None]:
    """While inside, the token table answers with a textual inversion's vectors where its name stood."""
    if not any(c.fixes for c in chunks):
        yield
        return

    def swap(_module: nn.Module, _ids: Any, found: Tensor) -> Tensor:
        found = found.clone()
        for row, c in enumerate(chunks):
            for fix in c.fixes:
                begin = fix.offset + 1  # the begin mark
                found[row, begin : begin + fix.count] = vectors[fix.name][: fix.count].to(found)
        return found

    handle = table.register_forward_hook(swap)
    try:
        yield
    finally:
        handle.remove()
