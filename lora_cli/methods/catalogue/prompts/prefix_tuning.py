"""Prefix tuning: trained keys and values before those of every layer.

Li and Liang, "Prefix-Tuning: Optimizing Continuous Prompts for Generation", arXiv:2101.00190, section 4;
`peft.tuners.prefix_tuning.PrefixEncoder`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.methods.catalogue.prompts.p_tuning import linear
from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.knob import numbers
from lora_cli.methods.method import Method, flag, ignored, size
from lora_cli.methods.parts.virtual_tokens import COMMON, FIELDS, KEY, prompt
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.model import Model


def virtual(model: Model, config: AdapterConfig) -> Iterator[Tensor]:
    """Yield a key and a value per token and layer, or what computes them (`prefix_projection`), which is not saved.

    >>> from lora_cli.methods.config.adapter_config import read_adapter_config
    >>> from lora_cli.models.config import Config
    >>> from lora_cli.models.sources.read_model import read_model
    >>> fields = {"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 20}
    >>> [(t.key, t.shape) for t in virtual(read_model("gpt2"), read_adapter_config(Config(fields))[0])]
    [('prompt_embeddings', (20, 18432))]
    >>> 2 * 12 * 768
    18432
    """
    sizes, own = prompt(model, config, cached=True), config.settings
    if not own.prefix_projection:
        yield parameter(KEY, sizes.tokens, sizes.cached)
        return
    inner = sizes.width if own.encoder_hidden_size is None else own.encoder_hidden_size
    yield buffer(KEY, sizes.tokens, sizes.cached)
    yield parameter("embedding.weight", sizes.tokens, sizes.width, saved=False)
    yield from linear("transform.0", sizes.width, inner)
    yield from linear("transform.2", inner, sizes.cached)


METHOD = Method(
    name="prefix_tuning",
    title="Prefix-Tuning: Optimizing Continuous Prompts for Generation",
    arxiv="2101.00190",
    formula="num_virtual_tokens * 2 * num_layers * key_width",
    prompt_tensors=virtual,
    fields=FIELDS
    | {
        "init_weights": ignored,
        "encoder_hidden_size": size(None, least=0),
        "prefix_projection": flag(False),
    },
    rank=None,
    knob="num_virtual_tokens",
    module_kinds=(),
    shared_fields=COMMON,
    knob_values=numbers,
)
