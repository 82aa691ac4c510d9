"""LLaMA-Adapter: trained tokens beside the attention of the uppermost layers, let in by a gate that starts at zero.

Zhang et al., "LLaMA-Adapter: Efficient Fine-tuning of Language Models with Zero-init Attention",
arXiv:2303.16199, section 3; `peft.tuners.adaption_prompt`: `AdaptionPromptModel`, `AdaptedAttention`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.knob import numbers
from lora_cli.methods.method import Method, size, text
from lora_cli.methods.parts.virtual_tokens import facts_of, known
from lora_cli.methods.tensor import Tensor, parameter
from lora_cli.models.model import Model

# The attention of each known model type, and what PEFT looks for in it.
ATTENTION = {"llama": ("self_attn", "q_proj"), "mistral": ("self_attn", "q_proj"), "gpt2": ("attn", "c_attn")}


def virtual(model: Model, config: AdapterConfig) -> Iterator[Tensor]:
    """Yield adapter_len tokens of the hidden size and a gate for each of the adapter_layers: L·(T·hidden + 1).

    >>> from lora_cli.methods.config.adapter_config import read_adapter_config
    >>> from lora_cli.models.config import Config
    >>> from lora_cli.models.sources.read_model import read_model
    >>> fields = {"peft_type": "ADAPTION_PROMPT", "adapter_len": 10, "adapter_layers": 30}
    >>> llama, config = read_model("llama-2-7b"), read_adapter_config(Config(fields))[0]
    >>> sum(t.params for t in virtual(llama, config)), 30 * (10 * 4096 + 1)
    (1228830, 1228830)
    """
    own = config.settings
    if model.model_type not in ATTENTION:
        raise InvalidInput(
            f"PEFT knows adaption_prompt for {', '.join(ATTENTION)}, and {quote_long(model.name)} is {quote(model.model_type)}"
        )
    if own.adapter_len is None or own.adapter_layers is None:
        raise InvalidInput("adaption_prompt needs adapter_len, such as 10, and adapter_layers, such as 30; give both")
    default, inside = ATTENTION[model.model_type]
    target = own.target_modules or default
    names = model.module_names
    found = [name for name in names if name.endswith(f".{target}")]
    if len(found) < own.adapter_layers:
        raise InvalidInput(
            f"adapter_layers is {own.adapter_layers}; {quote_long(model.name)} has {len(found)} modules called "
            f"{quote(target)}, so give at most that"
        )
    # As PEFT counts from the end: of the 0 last ones it takes all.
    chosen = found[-own.adapter_layers :]
    parts = {name for name in names if name.rpartition(".")[2] == inside}
    if chosen and ("." in target or not all(f"{name}.{inside}" in parts for name in chosen)):
        raise InvalidInput(f"target_modules {quote(target)} is no attention here; leave it out for {quote(default)}")
    width = known(None, facts_of(model, config.method).hidden, "hidden_size", model)
    for name in chosen:
        for key, shape in (("adaption_prompt", (1, own.adapter_len, width)), ("adaption_gate", (1,))):
            yield parameter(f"base_model.model.{name}.{key}", *shape)._replace(dtype=model.dtype)


METHOD = Method(
    name="adaption_prompt",
    title="LLaMA-Adapter: Efficient Fine-tuning of Language Models with Zero-init Attention",
    arxiv="2303.16199",
    formula="adapter_layers * (adapter_len * hidden_size + 1)",
    prompt_tensors=virtual,
    fields={
        "target_modules": text(None),
        "adapter_len": size(None, least=0),
        "adapter_layers": size(None, least=0),
    },
    rank=None,
    knob="adapter_len",
    module_kinds=(),
    shared_fields=frozenset(),
    knob_values=numbers,
)
