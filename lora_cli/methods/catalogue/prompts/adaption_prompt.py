"""LLaMA-Adapter: trained tokens beside the attention of the last layers, behind a gate that starts at zero.

Zhang et al., "LLaMA-Adapter: Efficient Fine-tuning of Language Models with Zero-init Attention",
arXiv:2303.16199, section 3; `peft.tuners.adaption_prompt`: `AdaptionPromptModel`, `AdaptedAttention`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput, argument, quote, quote_long
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.settings import size, text
from lora_cli.methods.knob import numbers
from lora_cli.methods.method import Method
from lora_cli.methods.parts.virtual_tokens import facts_of, known
from lora_cli.methods.tensor import Tensor, parameter
from lora_cli.models.model import Model
from lora_cli.models.peft_names import BASE_MODEL

# The attention of each supported model type, and the module that PEFT looks for in it.
ATTENTION = {"llama": ("self_attn", "q_proj"), "mistral": ("self_attn", "q_proj"), "gpt2": ("attn", "c_attn")}


@dataclass(frozen=True, slots=True)
class Settings:
    """LLaMA-Adapter's own fields."""

    target_modules: Annotated[str | None, "Name of the attention modules; null for the model's own"] = text(None)
    adapter_len: Annotated[int | None, "Number of tokens in a layer; it must be given"] = size(None, least=0)
    adapter_layers: Annotated[int | None, "Number of layers that have them, from the last; it must be given"] = size(
        None, least=0
    )


def virtual(model: Model, own: Settings, config: AdapterConfig) -> Iterator[Tensor]:
    """Yield adapter_len tokens of the hidden size and a gate for each of the adapter_layers: L·(T·hidden + 1).

    >>> from lora_cli.models.sources.read_model import read_model
    >>> own, config = Settings(adapter_len=10, adapter_layers=30), AdapterConfig(method="adaption_prompt")
    >>> sum(t.params for t in virtual(read_model("llama-2-7b"), own, config)), 30 * (10 * 4096 + 1)
    (1228830, 1228830)
    """
    if model.model_type not in ATTENTION:
        raise InvalidInput(
            f"PEFT only supports adaption_prompt on {', '.join(ATTENTION)}, and {quote_long(model.name)} is "
            f"{quote(model.model_type)}"
        )
    if own.adapter_len is None or own.adapter_layers is None:
        sizes = " ".join(f"{argument('settings')} {size}" for size in ("adapter_len=10", "adapter_layers=8"))
        raise InvalidInput(
            "adaption_prompt needs adapter_len, its tokens, and adapter_layers, the layers that have them; "
            f"give both, e.g. {sizes}"
        )
    default, inside = ATTENTION[model.model_type]
    target = own.target_modules or default
    names = model.module_names
    matches = [name for name in names if name.endswith(f".{target}")]
    if len(matches) < own.adapter_layers:
        raise InvalidInput(
            f"adapter_layers is {own.adapter_layers}, and {quote_long(model.name)} has {len(matches)} modules called "
            f"{quote(target)}; give that many or less"
        )
    # PEFT counts from the end: for the last 0 it takes all of them.
    chosen = matches[-own.adapter_layers :]
    parts = {name for name in names if name.rpartition(".")[2] == inside}
    if chosen and ("." in target or not all(f"{name}.{inside}" in parts for name in chosen)):
        raise InvalidInput(
            f"target_modules {quote(target)} is not an attention module here; leave it out for {quote(default)}"
        )
    width = known(None, facts_of(model, config.method).hidden, "hidden_size", model)
    for name in chosen:
        for key, shape in (("adaption_prompt", (1, own.adapter_len, width)), ("adaption_gate", (1,))):
            yield parameter(f"{BASE_MODEL}{name}.{key}", *shape)._replace(dtype=model.dtype)


METHOD = Method(
    name="adaption_prompt",
    title="LLaMA-Adapter: Efficient Fine-tuning of Language Models with Zero-init Attention",
    arxiv="2303.16199",
    formula="adapter_layers * (adapter_len * hidden_size + 1)",
    settings=Settings,
    prompt_tensors=virtual,
    rank=None,
    knob="adapter_len",
    module_kinds=(),
    shared_fields=frozenset(),
    has_task_heads=False,
    knob_values=numbers,
)
