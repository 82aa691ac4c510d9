"""How long an input may be: what a model was made for, and what it can run at all."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.analysis.memory.replay.setup import Setup
from lora_cli.errors import InvalidInput, argument
from lora_cli.models.config import Config
from lora_cli.models.matrix import MAX_DIMENSION
from lora_cli.models.model import Model
from lora_cli.models.parts.forward_pass import Patches, Words
from lora_cli.models.registry import find_family

# The fields of config.json that bound a model's input.
LONGEST = ("max_position_embeddings", "n_positions", "max_sequence_length", "max_seq_len", "n_ctx")
# What tables that have a row for each position are called where each text has its own.
POSITION = "position"


def longest_input(setup: Setup) -> int | None:
    """Return the longest input of a model: what it can run, or what its config.json says that it was made for, if it does."""
    learned, model = learned_length(setup), setup.model
    if learned is not None:
        return learned
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


def check_length(setup: Setup, seq: int) -> None:
    """Refuse an input beyond the positions that a model has learned: PyTorch finds no rows for them."""
    learned = learned_length(setup)
    if learned is None or seq <= learned:
        return
    prompt = setup.virtual_tokens
    beside = f" beside {prompt} virtual tokens" if prompt else ""
    fix = f"; give at most {learned}" if learned > 0 else "; give fewer virtual tokens"
    raise InvalidInput(
        f"{argument('seq')}: {seq} is more than {setup.model.name} can run{beside}, which has learned "
        f"{learned + prompt} positions{fix}"
    )


def learned_length(setup: Setup) -> int | None:
    """Return how many tokens a model with learned positions can run beside a prompt; None of other models."""
    words = setup.body.embeddings
    if not isinstance(words, Words):
        return None
    tables = (*words.each_position, *(table for table in words.each_token if POSITION in table))
    rows = [setup.modules[f"{setup.prefix}{table}"].d for table in tables]
    return min(rows) - words.first_position - setup.virtual_tokens if rows else None


def sizes_of(setup: Setup, name: str) -> Sequence[int]:
    """Return the batches or lengths that there are: a model with learned positions runs no more than it has learned."""
    learned = learned_length(setup) if name == "seq" else None
    return range(1, MAX_DIMENSION + 1 if learned is None else max(learned, 1) + 1)
