"""Prompt tuning: trained vectors before the embedded input.

Lester et al., "The Power of Scale for Parameter-Efficient Prompt Tuning", arXiv:2104.08691, section 2;
`peft.tuners.prompt_tuning.PromptEmbedding`.
"""

from __future__ import annotations

from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.knob import numbers
from lora_cli.methods.method import Method
from lora_cli.methods.parts.initialised_prompt import InitialisedSettings, embedded_tokens
from lora_cli.methods.parts.virtual_tokens import COMMON
from lora_cli.methods.tensor import Tensor
from lora_cli.models.model import Model


def virtual(model: Model, own: InitialisedSettings, config: AdapterConfig) -> tuple[Tensor]:
    """Return the tokens.

    >>> from lora_cli.models.sources.read_model import read_model
    >>> own, config = InitialisedSettings(num_virtual_tokens=20), AdapterConfig(method="prompt_tuning")
    >>> [(t.key, t.shape) for t in virtual(read_model("gpt2"), own, config)]
    [('prompt_embeddings', (20, 768))]
    """
    return (embedded_tokens(model, own, config),)


METHOD = Method(
    name="prompt_tuning",
    title="The Power of Scale for Parameter-Efficient Prompt Tuning",
    arxiv="2104.08691",
    formula="num_virtual_tokens * hidden_size",
    settings=InitialisedSettings,
    prompt_tensors=virtual,
    rank=None,
    knob="num_virtual_tokens",
    module_kinds=(),
    shared_fields=COMMON,
    knob_values=numbers,
)
