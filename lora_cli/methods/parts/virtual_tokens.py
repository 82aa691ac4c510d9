"""What prompt methods share: virtual tokens before the input, or keys and values before those of every layer.

`peft/utils/other.py`: `_prepare_prompt_learning_config`; `peft.peft_model.PeftModel._setup_prompt_encoder`,
`get_prompt_embedding_to_save`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, NamedTuple, TypeVar

from lora_cli.errors import InvalidInput, argument, quote_long
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.settings import size
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.facts import Facts
from lora_cli.models.model import Model

T = TypeVar("T")

# The fields that prompt methods share with other methods.
COMMON = frozenset({"modules_to_save"})
KEY = "prompt_embeddings"


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """The fields of `PromptLearningConfig`; what is null is taken from the model."""

    num_virtual_tokens: Annotated[int | None, "Length of the prompt; it must be given"] = size(None, least=0)
    token_dim: Annotated[int | None, "Width of a token; null for the model's"] = size(None, least=0)
    num_transformer_submodules: Annotated[
        int | None, "Number of parts of the model that have a prompt; null for the task's"
    ] = size(None, least=0)
    num_attention_heads: Annotated[int | None, "Number of attention heads; null for the model's"] = size(None)
    num_layers: Annotated[int | None, "Number of layers; null for the model's"] = size(None, least=0)


class Prompt(NamedTuple):
    """The sizes of a prompt: its tokens, the tokens for all parts of a model together, their width, and the layers."""

    tokens: int
    all_tokens: int
    width: int
    layers: int

    @property
    def cached(self) -> int:
        """The number of key and value entries of one token, over all layers."""
        return 2 * self.layers * self.width

    def file_tensor(self) -> Tensor:
        """Return the tokens as the file holds them, however they are computed."""
        return buffer(KEY, self.all_tokens, self.width)


def facts_of(model: Model, method: str) -> Facts:
    """Return the facts of a model's config.json, without which a prompt has no size."""
    if model.facts is None:
        raise InvalidInput(
            f"{method} takes its sizes from a model's config.json, and {quote_long(model.name)} has none; put one beside it"
        )
    if not model.facts.has_words:
        raise InvalidInput(f"{method} needs a vocabulary, and the config of {quote_long(model.name)} has no vocab_size")
    return model.facts


def prompt(model: Model, own: PromptSettings, config: AdapterConfig, *, cached: bool = False) -> Prompt:
    """Return the sizes of the prompt before a model's input, or of the keys and values before its `cached` ones."""
    facts = facts_of(model, config.method)
    if own.num_virtual_tokens is None:
        raise InvalidInput(
            f"{config.method} needs num_virtual_tokens, the length of the prompt; "
            f"give it, e.g. {argument('settings')} num_virtual_tokens=20"
        )
    layers = known(own.num_layers, facts.layers, "num_layers", model)
    width = known(own.token_dim, facts.hidden, "token_dim", model)
    heads = known(own.num_attention_heads, facts.heads, "num_attention_heads", model)
    if cached and facts.groups is not None:
        # Grouped-query attention has fewer keys than heads.
        width = facts.groups * (width // heads if facts.width is None else facts.width)
    parts = own.num_transformer_submodules
    parts = (2 if config.task_type == "SEQ_2_SEQ_LM" else 1) if parts is None else parts
    return Prompt(own.num_virtual_tokens, own.num_virtual_tokens * parts, width, layers)


def known(own: T | None, of_model: T | None, field: str, model: Model) -> T:
    """Return a field's own value, or else the model's; PEFT refuses to go without."""
    value = of_model if own is None else own
    if value is None:
        raise InvalidInput(f"PEFT does not find {field} in the config of {quote_long(model.name)}; give {field}")
    return value


def word_embeddings(model: Model, purpose: str) -> tuple[int, int]:
    """Return the rows and the width of the word embeddings that a prompt starts from."""
    embeddings = [module for module in model.modules if module.kind == "Embedding"]
    named = [module for module in embeddings if module.name == model.embeddings] if model.embeddings else embeddings
    # PEFT looks in the first part of a model, which is the encoder in this case.
    behind = (model.embeddings or "").startswith("decoder.") and any(n.name.startswith("encoder.") for n in model.nodes)
    if not named or behind:
        raise InvalidInput(
            f"{purpose} starts from word embeddings, and PEFT finds none in {quote_long(model.name)}; leave it out"
        )
    words = max(named, key=lambda module: module.d)
    return words.d, words.h


def linear(name: str, d: int, h: int) -> Iterator[Tensor]:
    """Yield a Linear of a network that computes a prompt: it is trained and not saved."""
    yield parameter(f"{name}.weight", h, d, in_file=False)
    yield parameter(f"{name}.bias", h, in_file=False)
