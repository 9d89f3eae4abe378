"""The prompt grammar of A1111: what a prompt's brackets, colons and capital words mean.

The readers run one after another, each on what the one before left: `strip_comments`, `extract_networks`,
`split_and`, `parse_schedule`, `parse_attention`, and `chunk`, which lays tokens into a text encoder's
windows. `plan` runs all but the last two for a recipe. Every reader is linear in the prompt's length and none
raises on any text. Nothing here loads torch.
"""

from __future__ import annotations

from studio.prompt.grammar import (
    WEIGHT_LIMIT,
    Emphasis,
    Network,
    extract_networks,
    hold,
    parse_attention,
    parse_emphasis,
    split_and,
    strip_comments,
)
from studio.prompt.plan import NetworkUse, Plan, PlanPart, plan
from studio.prompt.schedule import Schedule, parse_schedule, text_at
from studio.prompt.tokens import Chunk, Fix, Vocabulary, chunk, clip_vocabulary, read_vocabulary

__all__ = [
    "WEIGHT_LIMIT",
    "Chunk",
    "Emphasis",
    "Fix",
    "Network",
    "NetworkUse",
    "Plan",
    "PlanPart",
    "Schedule",
    "Vocabulary",
    "chunk",
    "clip_vocabulary",
    "extract_networks",
    "hold",
    "parse_attention",
    "parse_emphasis",
    "parse_schedule",
    "plan",
    "read_vocabulary",
    "split_and",
    "strip_comments",
    "text_at",
]
