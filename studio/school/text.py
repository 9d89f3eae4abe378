"""The text encoder: a small CLIPTextModel, warmed up by reading the picture's attributes out of its caption.

Captions are generated from attributes, so they can be read exactly: cross-entropy per attribute, at the end
of the text and at a random padding position behind it, because the UNet attends to the padding as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.school.files import write_json, write_tensors
from studio.school.nets import CLIPTextModel, CLIPTokenizer, published
from studio.school.plans import Plan
from studio.school.tokens import END, POSITIONS
from studio.school.training import Losses, Moment, Task

_NAMES = {"architectures": ["CLIPTextModel"], "dtype": "float32"}

Reader = Callable[
    [np.random.Generator, int], tuple[list[str], np.ndarray]
]  # captions and (B, attributes) labels


def build_text_encoder(plan: Plan, tokens: int) -> CLIPTextModel:
    """An untrained text encoder for a vocabulary of `tokens`: ids (B, 77) -> (B, 77, width)."""
    config = published("CLIPTextConfig", "transformers")(
        vocab_size=tokens,
        hidden_size=plan.text_width,
        intermediate_size=plan.text_width * 3,
        num_hidden_layers=plan.text_layers,
        num_attention_heads=plan.text_heads,
        max_position_embeddings=POSITIONS,
        hidden_act="quick_gelu",
        projection_dim=plan.text_width,
        bos_token_id=tokens - 2,
        eos_token_id=tokens - 1,
        pad_token_id=tokens - 1,
    )
    return published("CLIPTextModel", "transformers")(config)


def token_ids(tokenizer: CLIPTokenizer, captions: Sequence[str]) -> Tensor:
    """(B, 77) ids, cut and padded as Stable Diffusion's pipelines do."""
    encoded = tokenizer(
        list(captions), padding="max_length", truncation=True, max_length=POSITIONS, return_tensors="pt"
    )
    return encoded.input_ids


class AttributeReader(nn.Module):
    """One linear head per attribute."""

    def __init__(self, width: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.heads = nn.ModuleList([nn.Linear(width, size) for size in sizes])

    def forward(self, state: Tensor) -> list[Tensor]:
        return [head(state) for head in self.heads]


def text_task(
    plan: Plan,
    encoder: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    sizes: Sequence[int],
    read: Reader,
    device: torch.device,
) -> Task:
    """Train `encoder` to tell the attributes (`sizes` values each) of the captions that `read` makes."""
    reader = AttributeReader(plan.text_width, sizes).to(device)
    batch = plan.stages["text"].batch
    end = tokenizer.convert_tokens_to_ids(END)

    def loss(moment: Moment) -> Losses:
        captions, labels = read(moment.rng, batch)
        ids = token_ids(tokenizer, captions)
        last = (ids == end).int().argmax(1)
        length = min(POSITIONS, int(last.max()) + 2 + int(moment.rng.integers(0, 24)))
        states = encoder(ids[:, :length].to(device)).last_hidden_state.float()
        behind = torch.from_numpy(moment.rng.integers(last.numpy(), length))
        rows = torch.arange(len(ids))
        known = torch.from_numpy(labels).long().to(device)
        total = states.new_zeros(())
        right = states.new_zeros(())
        for at in (last, behind):
            for n, logits in enumerate(reader(states[rows, at.to(device)])):
                total = total + F.cross_entropy(logits, known[:, n])
                right = right + (logits.argmax(1) == known[:, n]).float().mean()
        scale = 2 * len(sizes)
        return {"text": total / scale, "_accuracy": right / scale}

    return Task(
        name="text",
        modules={"text_encoder": encoder, "reader": reader},
        groups={"text": [*encoder.parameters(), *reader.parameters()]},
        loss=loss,
        averaged=("text_encoder", "reader"),
        batch=batch,
    )


def respaced(caption: str, rng: np.random.Generator) -> str:
    """Now and then a Chinese caption as others would space it: run together, or every character apart.

    A character that ends a run is another token than one within it; so both are learned for all of them.
    """
    if not any("一" <= c <= "鿿" for c in caption):
        return caption
    draw = rng.random()
    if draw < 0.15:
        return "".join(c for c in caption if c not in " 、,，")
    if draw < 0.3:
        return " ".join(caption.replace(" ", ""))
    return caption


def drawn_reader() -> tuple[list[int], Reader]:
    """Number of values per attribute, and endless captions of scenes that are never drawn."""
    from studio.school.captions import caption
    from studio.school.scene import ATTRIBUTES, labels, sample_scene

    def read(rng: np.random.Generator, batch: int) -> tuple[list[str], np.ndarray]:
        scenes = [sample_scene(rng) for _ in range(batch)]
        rows = [[labels(scene)[name] for name in ATTRIBUTES] for scene in scenes]
        return [respaced(caption(scene, rng), rng) for scene in scenes], np.array(rows, np.int64)

    return [len(values) for values in ATTRIBUTES.values()], read


def words_reader(captions: Sequence[str], most: int = 256) -> tuple[list[int], Reader]:
    """The same for captions written by people: the attributes are whether each frequent word is in the
    caption.
    """
    from collections import Counter

    counts = Counter(word for caption in captions for word in set(caption.lower().split()))
    words = [word for word, _ in counts.most_common(most)]

    def read(rng: np.random.Generator, batch: int) -> tuple[list[str], np.ndarray]:
        chosen = [captions[int(n)] for n in rng.integers(0, len(captions), batch)]
        return chosen, np.array(
            [[word in text.lower().split() for word in words] for text in chosen], np.int64
        )

    return [2] * len(words), read


@torch.no_grad()
def encode_captions(
    encoder: CLIPTextModel, tokenizer: CLIPTokenizer, captions: Sequence[str], device: torch.device
) -> Tensor:
    """(B, 77, width) states as the pipelines compute them."""
    return encoder(token_ids(tokenizer, captions).to(device)).last_hidden_state


def save_text_encoder(encoder: CLIPTextModel, folder: Path) -> None:
    """Write config.json and model.safetensors (fp16), named with the published prefix `text_model.`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", json.loads(encoder.config.to_json_string(use_diff=False)) | _NAMES)
    tensors = {
        f"text_model.{name.removeprefix('text_model.')}": value.half() if value.is_floating_point() else value
        for name, value in encoder.state_dict().items()
        if not name.endswith("position_ids")
    }
    write_tensors(folder / "model.safetensors", tensors)
