"""Context-aware prompt tuning: a change to the embeddings of given tokens, kept small.

Blau et al., "Context-aware Prompt Tuning: Advancing In-Context Learning with Adversarial Methods",
arXiv:2410.17222, section 3; `peft.tuners.cpt.CPTEmbedding`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import InvalidInput, quote
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.peft_fields import numbers
from lora_cli.methods.method import Method, Settings, ignored, text
from lora_cli.methods.parts.virtual_tokens import COMMON, FIELDS, KEY, facts_of, known, word_width
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.config import Config
from lora_cli.models.model import Model

MASKS = ("cpt_mask", "cpt_tokens_type_mask")


def virtual(model: Model, config: AdapterConfig) -> Iterator[Tensor]:
    """Yield the tokens' embeddings, which are frozen, and the change, which is trained; their sum is saved.

    PEFT takes all sizes from the model, whatever the config says.
    """
    if config.task_type != "CAUSAL_LM":
        raise InvalidInput(f"cpt takes task_type CAUSAL_LM alone, and it is {quote(config.task_type)}; give that")
    tokens = _tokens(config.settings)
    facts = facts_of(model, config.method)
    known(None, facts.layers, "num_layers", model)
    known(None, facts.heads, "num_attention_heads", model)
    width = known(None, facts.hidden, "token_dim", model)
    rows, words = word_width(model, "cpt")
    outside = next((token for token in tokens if not 0 <= token < rows), None)
    if outside is not None:
        raise InvalidInput(f"cpt_token_ids: {outside} is not among the {rows} tokens of {quote(model.name)}")
    if width != words and 1 not in {width, words}:
        raise InvalidInput(f"cpt adds {width} values to a token's {words}, which are not as many; choose another model")
    yield parameter("embedding.weight", len(tokens), words, trained=False, saved=False)
    yield parameter("delta_embedding.weight", len(tokens), width, saved=False)
    yield buffer(KEY, len(tokens), max(width, words))


def _tokens(own: Settings) -> tuple[int, ...]:
    return (0,) if own.cpt_token_ids is None else own.cpt_token_ids


def _ids(config: Config, name: str) -> tuple[int, ...] | None:
    return None if config.fields.get(name) is None else numbers(config, name)


def check(own: Settings) -> None:
    """Refuse masks that are not as long as the tokens."""
    count = len(_tokens(own))
    for name in MASKS:
        mask = getattr(own, name)
        if mask is not None and len(mask) != count:
            raise InvalidInput(f"{name} has {len(mask)} values for {count} cpt_token_ids; give as many")


METHOD = Method(
    name="cpt",
    title="Context-aware Prompt Tuning: Advancing In-Context Learning with Adversarial Methods",
    arxiv="2410.17222",
    formula="len(cpt_token_ids) * hidden_size",
    prompt_tensors=virtual,
    fields=dict.fromkeys(FIELDS, ignored)
    | {
        "cpt_token_ids": _ids,
        "cpt_mask": _ids,
        "cpt_tokens_type_mask": _ids,
        "opt_weighted_loss_type": ignored,
        "opt_loss_decay_factor": ignored,
        "opt_projection_epsilon": ignored,
        "opt_projection_format_epsilon": ignored,
        "tokenizer_name_or_path": text(None),
    },
    rank=None,
    knob=None,
    module_kinds=(),
    shared_fields=COMMON,
    check_settings=check,
)
