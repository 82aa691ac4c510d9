"""Context-aware prompt tuning: trains a small change to the embeddings of chosen tokens.

Blau et al., "Context-aware Prompt Tuning: Advancing In-Context Learning with Adversarial Methods",
arXiv:2410.17222, section 3; `peft.tuners.cpt.CPTEmbedding`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput, argument, quote
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.peft_fields import numbers
from lora_cli.methods.config.settings import Written, ignored, setting, text
from lora_cli.methods.method import Method
from lora_cli.methods.parts.virtual_tokens import COMMON, KEY, facts_of, known, word_embeddings
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.config import Config
from lora_cli.models.model import Model


def _ids(config: Config, name: str) -> tuple[int, ...] | None:
    return None if config.fields.get(name) is None else numbers(config, name)


# What the fields of other prompts mean here.
FROM_MODEL = "Not used: PEFT takes it from the model"


@dataclass(frozen=True, slots=True)
class Settings:
    """CPT's own fields. PEFT takes all sizes from the model, whatever the config says."""

    num_virtual_tokens: Annotated[object, FROM_MODEL, Written("integer")] = ignored()
    token_dim: Annotated[object, FROM_MODEL, Written("integer")] = ignored()
    num_transformer_submodules: Annotated[object, FROM_MODEL, Written("integer")] = ignored()
    num_attention_heads: Annotated[object, FROM_MODEL, Written("integer")] = ignored()
    num_layers: Annotated[object, FROM_MODEL, Written("integer")] = ignored()
    cpt_token_ids: Annotated[tuple[int, ...] | None, "Tokens of the prompt"] = setting(_ids, None)
    cpt_mask: Annotated[tuple[int, ...] | None, "Which of these tokens count, 1 or 0 for each"] = setting(_ids, None)
    cpt_tokens_type_mask: Annotated[
        tuple[int, ...] | None, "Number of the part of the prompt that each of these tokens belongs to"
    ] = setting(_ids, None)
    opt_weighted_loss_type: Annotated[
        object, "Whether earlier examples weigh less in the loss: none or decay", Written("text", "none")
    ] = ignored()
    opt_loss_decay_factor: Annotated[object, "Factor from an example to the one before", Written("number", 1.0)] = (
        ignored()
    )
    opt_projection_epsilon: Annotated[
        object, "How far the embedding of an input's token may move", Written("number", 0.1)
    ] = ignored()
    opt_projection_format_epsilon: Annotated[
        object, "How far the embedding of a template's token may move", Written("number", 0.1)
    ] = ignored()
    tokenizer_name_or_path: Annotated[str | None, "Tokenizer of the prompt"] = text(None)

    def __post_init__(self) -> None:
        """Refuse masks whose length is not the number of tokens."""
        count = len(self.tokens)
        for name, mask in (("cpt_mask", self.cpt_mask), ("cpt_tokens_type_mask", self.cpt_tokens_type_mask)):
            if mask is not None and len(mask) != count:
                raise InvalidInput(f"{name} has {len(mask)} values for {count} cpt_token_ids; give one per token")

    @property
    def tokens(self) -> tuple[int, ...]:
        """The tokens whose embeddings are changed."""
        return (0,) if self.cpt_token_ids is None else self.cpt_token_ids


def virtual(model: Model, own: Settings, config: AdapterConfig) -> Iterator[Tensor]:
    """Yield the frozen embeddings of the tokens and their trained change; the sum is saved."""
    if config.task_type != "CAUSAL_LM":
        raise InvalidInput(
            f"cpt only accepts task_type CAUSAL_LM, and it is {quote(config.task_type)}; "
            f"give {argument('settings')} task_type=CAUSAL_LM"
        )
    facts = facts_of(model, config.method)
    known(None, facts.layers, "num_layers", model)
    known(None, facts.heads, "num_attention_heads", model)
    width = known(None, facts.hidden, "token_dim", model)
    rows, words = word_embeddings(model, "cpt")
    outside = next((token for token in own.tokens if not 0 <= token < rows), None)
    if outside is not None:
        raise InvalidInput(f"cpt_token_ids: {outside} is not among the {rows} tokens of {quote(model.name)}")
    if width != words and 1 not in {width, words}:
        raise InvalidInput(f"cpt adds {width} values to the {words} of a token, which do not fit; choose another model")
    yield parameter("embedding.weight", len(own.tokens), words, trained=False, in_file=False)
    yield parameter("delta_embedding.weight", len(own.tokens), width, in_file=False)
    yield buffer(KEY, len(own.tokens), max(width, words))


METHOD = Method(
    name="cpt",
    title="Context-aware Prompt Tuning: Advancing In-Context Learning with Adversarial Methods",
    arxiv="2410.17222",
    formula="len(cpt_token_ids) * hidden_size",
    settings=Settings,
    prompt_tensors=virtual,
    rank=None,
    knob=None,
    module_kinds=(),
    shared_fields=COMMON,
)
