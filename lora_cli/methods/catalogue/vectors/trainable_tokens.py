"""Trainable tokens: some rows of an embedding are trained, the others not.

`peft.tuners.trainable_tokens`: `TrainableTokensModel.inject_adapter`, `TrainableTokensLayer.update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.peft_fields import numbers
from lora_cli.methods.method import Method, Settings, flag
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.config import Config
from lora_cli.models.model import Model

KEY = "trainable_tokens_delta"


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the rows; a row that is named twice is trained twice. A head holds its weight as rows too.

    >>> from lora_cli.models import Module
    >>> embedding = Place(Module("E", 50, 8, "Embedding"), 0)
    >>> [(t.key, t.shape) for t in tensors(embedding, Settings({"token_indices": (0, 1, 5)}))]
    [('trainable_tokens_delta', (3, 8))]
    """
    module = place.module
    rows, width = (module.d, module.h) if module.kind == "Embedding" else (module.h, module.d)
    for token in own.token_indices:
        if not -rows <= token < rows:
            raise InvalidInput(
                f"token_indices has {token}, which is not among the {rows} rows of {quote_long(module.name)}; "
                f"give 0 to {rows - 1}"
            )
    yield parameter(KEY, len(own.token_indices), width)


def shared(places: Sequence[Place], own: Settings) -> Iterator[Tensor]:
    """Yield, for each module that is tied with adapted embeddings, the same rows once more in the file."""
    for name, width in own.tied:
        yield buffer(f"model.{name}.{KEY}", len(own.token_indices), width)


def settled(targets: Any, config: Any) -> Settings:
    """Return which modules follow the embeddings, by their names then, and how wide those are."""
    model: Model = targets.model
    own: Settings = config.settings
    adapted = {place.module.name: place.module for place in targets.places}
    ties = model.tied_with_embeddings if model.embeddings in adapted else ()
    # Without tie_word_embeddings PEFT lets what is tied anyway, as T5's stacks are, alone.
    if model.output is not None and model.output not in ties:
        ties = ()
    return own.replaced(
        tied=tuple(
            (f"{name}.base_layer" if name in adapted else name, adapted[model.embeddings or ""].h) for name in ties
        )
    )


def default_targets(model: Model) -> str:
    """Return the input embeddings, as a text that PEFT takes for a regular expression."""
    return model.embeddings or "embed_tokens"


def tokens(config: Config, name: str) -> tuple[int, ...]:
    """Read the rows; none are a list too."""
    return () if config.fields.get(name) is None else numbers(config, name)


METHOD = Method(
    name="trainable_tokens",
    title="Trainable tokens: some rows of an embedding",
    arxiv=None,
    formula="len(token_indices) * d",
    tensors=tensors,
    shared_tensors=shared,
    fields={"token_indices": tokens, "init_weights": flag(True)},
    rank=None,
    knob="token_indices",
    module_kinds=("Linear", "Embedding"),
    shared_fields=frozenset({"target_modules"}),
    default_targets=default_targets,
    resolved=settled,
    knob_values=None,
)
