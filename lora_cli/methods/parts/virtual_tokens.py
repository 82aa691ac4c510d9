"""What prompt methods share: virtual tokens before the input, or keys and values before every layer's.

`peft/utils/other.py`: `_prepare_prompt_learning_config`; `peft.peft_model.PeftModel._setup_prompt_encoder`,
`get_prompt_embedding_to_save`.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.method import size
from lora_cli.methods.tensor import Tensor, buffer
from lora_cli.models.facts import Facts
from lora_cli.models.model import Model

T = TypeVar("T")

COMMON = frozenset({"modules_to_save"})
# What is null is the model's own.
FIELDS = {
    "num_virtual_tokens": size(None, least=0),
    "token_dim": size(None, least=0),
    "num_transformer_submodules": size(None, least=0),
    "num_attention_heads": size(None),
    "num_layers": size(None, least=0),
}
KEY = "prompt_embeddings"


class Prompt(NamedTuple):
    """The sizes of a prompt: its tokens, those of all of a model's parts together, their width, and the layers."""

    tokens: int
    all_tokens: int
    width: int
    layers: int

    @property
    def cached(self) -> int:
        """The keys and values of one token, in all layers."""
        return 2 * self.layers * self.width

    def saved(self) -> Tensor:
        """Return the tokens as the file holds them, whatever computes them."""
        return buffer(KEY, self.all_tokens, self.width)


def facts_of(model: Model, method: str) -> Facts:
    """Return the facts of a model's config.json, without which no prompt has a size."""
    if model.facts is None:
        raise InvalidInput(
            f"{method} takes its sizes from a model's config.json, and {quote_long(model.name)} has none; put it beside it"
        )
    if not model.facts.has_words:
        raise InvalidInput(
            f"{method} looks for a vocabulary, and the config of {quote_long(model.name)} has no vocab_size"
        )
    return model.facts


def prompt(model: Model, config: AdapterConfig, *, cached: bool = False) -> Prompt:
    """Return the sizes of the prompt that a config puts before a model's input, or before the keys it has `cached`."""
    own, facts = config.settings, facts_of(model, config.method)
    if own.num_virtual_tokens is None:
        raise InvalidInput(f"{config.method} needs num_virtual_tokens, the length of the prompt, such as 20")
    layers = known(own.num_layers, facts.layers, "num_layers", model)
    width = known(own.token_dim, facts.hidden, "token_dim", model)
    heads = known(own.num_attention_heads, facts.heads, "num_attention_heads", model)
    if cached and facts.groups is not None:
        # Grouped-query attention keeps fewer keys than there are heads.
        width = facts.groups * (width // heads if facts.width is None else facts.width)
    parts = own.num_transformer_submodules
    parts = (2 if config.task_type == "SEQ_2_SEQ_LM" else 1) if parts is None else parts
    return Prompt(own.num_virtual_tokens, own.num_virtual_tokens * parts, width, layers)


def known(own: T | None, of_model: T | None, field: str, model: Model) -> T:
    """Return a field's own value or else the model's, which PEFT refuses to do without."""
    value = of_model if own is None else own
    if value is None:
        raise InvalidInput(f"PEFT does not find {field} in the config of {quote_long(model.name)}; give {field}")
    return value


def word_width(model: Model, start: str) -> tuple[int, int]:
    """Return the rows and the width of the words that a prompt starts from."""
    found = [module for module in model.modules if module.kind == "Embedding"]
    named = [module for module in found if module.name == model.embeddings] if model.embeddings else found
    # PEFT looks in the first part of a model, which here is the encoder.
    behind = (model.embeddings or "").startswith("decoder.") and any(n.name.startswith("encoder.") for n in model.nodes)
    if not named or behind:
        raise InvalidInput(f"{start} starts from words, and PEFT finds none in {quote_long(model.name)}; leave it out")
    words = max(named, key=lambda module: module.d)
    return words.d, words.h
