"""How long an input may be: what a model was made for, and what it can run at all."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.analysis.memory.training import Training
from lora_cli.models.config import Config
from lora_cli.models.matrix import MAX_DIMENSION
from lora_cli.models.model import Model
from lora_cli.models.parts.forward_pass import Patches, Words
from lora_cli.models.registry import find_family

# The fields of config.json that bound a model's input.
LONGEST = ("max_position_embeddings", "n_positions", "max_sequence_length", "max_seq_len", "n_ctx")
# What tables that have a row for each position are called where each text has its own.
POSITION = "position"


def longest_input(model: Model) -> int | None:
    """Return the longest input of a model, if its config.json says it."""
    config = Config({}) if model.config is None else model.config
    if config.fields.get("text_config") is not None:
        config = config.section("text_config")
    return next((config.size(name, default=0) for name in LONGEST if config.fields.get(name)), None)


def image_tokens(model: Model) -> int | None:
    """Return how many tokens an image is to a model of images; None of others."""
    family, config = find_family(model.model_type), model.config
    forward = None if family is None else family.forward
    body = None if forward is None or config is None else forward(config)
    return body.embeddings.tokens if body is not None and isinstance(body.embeddings, Patches) else None


def sizes_of(setup: Setup, name: str) -> Sequence[int]:
    """Return the batches or lengths that there are: a model with learned positions runs no more than it has learned."""
    learned = _learned_positions(setup) if name == "seq" else None
    if learned is None:
        return range(1, MAX_DIMENSION + 1)
    virtual = setup.extended(Training(1, 0)).seq
    return range(1, max(learned - virtual, 1) + 1)


def _learned_positions(setup: Setup) -> int | None:
    words = setup.body.embeddings
    if not isinstance(words, Words):
        return None
    if words.each_position:
        return min(setup.modules[f"{setup.prefix}{table}"].d for table in words.each_position)
    return longest_input(setup.model) if any(POSITION in table for table in words.each_token) else None
