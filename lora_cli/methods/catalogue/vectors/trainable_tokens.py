"""Trainable tokens: trains only some rows of an embedding.

`peft.tuners.trainable_tokens`: `TrainableTokensModel.inject_adapter`, `TrainableTokensLayer.update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.peft_fields import numbers
from lora_cli.methods.config.settings import flag, setting
from lora_cli.methods.method import Adapted, Method
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.config import Config
from lora_cli.models.model import Model

KEY = "trainable_tokens_delta"


def tokens(config: Config, name: str) -> tuple[int, ...]:
    """Return the rows, () where they are missing."""
    return () if config.fields.get(name) is None else numbers(config, name)


@dataclass(frozen=True, slots=True)
class Settings:
    """Trainable tokens's own fields."""

    token_indices: Annotated[tuple[int, ...], "Numbers of the tokens that are trained"] = setting(tokens, ())
    init_weights: bool = flag(True)
    # The modules that are tied with the embeddings, each with its width.
    tied: tuple[tuple[str, int], ...] = ()


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the rows; a row that is listed twice is trained twice. A head stores its weight as rows too.

    >>> from lora_cli.models.nodes import Module
    >>> embedding = Place(Module("E", 50, 8, "Embedding"), 0)
    >>> [(t.key, t.shape) for t in tensors(embedding, Settings(token_indices=(0, 1, 5)))]
    [('trainable_tokens_delta', (3, 8))]
    """
    module = place.module
    rows, width = (module.d, module.h) if module.kind == "Embedding" else (module.h, module.d)
    for token in own.token_indices:
        if not -rows <= token < rows:
            raise InvalidInput(
                f"token_indices has {token}, but {quote_long(module.name)} has {rows} rows; give 0 to {rows - 1}"
            )
    yield parameter(KEY, len(own.token_indices), width)


def shared(places: Sequence[Place], own: Settings) -> Iterator[Tensor]:
    """Yield, for each module that is tied with adapted embeddings, a second copy of the rows in the file."""
    for name, width in own.tied:
        yield buffer(f"model.{name}.{KEY}", len(own.token_indices), width)


def with_tied_modules(targets: Adapted, own: Settings, config: AdapterConfig) -> Settings:
    """Add which modules are tied with the embeddings, by their names once adapted, and how wide they are."""
    model = targets.model
    adapted = {place.module.name: place.module for place in targets.places}
    ties = model.tied_with_embeddings if model.embeddings in adapted else ()
    # Without tie_word_embeddings PEFT ignores modules that are tied anyway, e.g. T5's stacks.
    if model.output is not None and model.output not in ties:
        ties = ()
    return replace(
        own,
        tied=tuple(
            (f"{name}.base_layer" if name in adapted else name, adapted[model.embeddings or ""].h) for name in ties
        ),
    )


def default_targets(model: Model) -> str:
    """Return the input embeddings, as a text that PEFT reads as a regular expression."""
    return model.embeddings or "embed_tokens"


METHOD = Method(
    name="trainable_tokens",
    title="Trainable tokens: some rows of an embedding",
    arxiv=None,
    formula="len(token_indices) * d",
    settings=Settings,
    tensors=tensors,
    shared_tensors=shared,
    rank=None,
    knob="token_indices",
    module_kinds=("Linear", "Embedding"),
    shared_fields=frozenset({"target_modules"}),
    default_targets=default_targets,
    resolved=with_tied_modules,
    saves_targeted_embeddings=False,
    knob_values=None,
)
