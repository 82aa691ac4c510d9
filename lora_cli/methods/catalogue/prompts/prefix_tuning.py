"""Prefix tuning: trained keys and values before those of every layer.

Li and Liang, "Prefix-Tuning: Optimizing Continuous Prompts for Generation", arXiv:2101.00190, section 4;
`peft.tuners.prefix_tuning.PrefixEncoder`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from lora_cli.methods.config.adapter_config import AdapterConfig
from lora_cli.methods.config.settings import Written, flag, ignored, size
from lora_cli.methods.knob import numbers
from lora_cli.methods.method import Method
from lora_cli.methods.parts.virtual_tokens import COMMON, KEY, PromptSettings, linear, prompt
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.model import Model


@dataclass(frozen=True, slots=True)
class Settings(PromptSettings):
    """Prefix tuning's own fields."""

    init_weights: Annotated[
        object, "What the prefix starts from: zero has no effect, null is random", Written("text")
    ] = ignored()
    encoder_hidden_size: Annotated[
        int | None, "Width of the network of prefix_projection; null for that of a token"
    ] = size(None, least=0)
    prefix_projection: Annotated[bool, "Whether a small network computes the prefix"] = flag(False)


def virtual(model: Model, own: Settings, config: AdapterConfig) -> Iterator[Tensor]:
    """Yield a key and a value per token and layer, or the unsaved network that computes them (`prefix_projection`).

    >>> from lora_cli.models.sources.read_model import read_model
    >>> own, config = Settings(num_virtual_tokens=20), AdapterConfig(method="prefix_tuning")
    >>> [(t.key, t.shape) for t in virtual(read_model("gpt2"), own, config)]
    [('prompt_embeddings', (20, 18432))]
    >>> 2 * 12 * 768
    18432
    """
    sizes = prompt(model, own, config, cached=True)
    if not own.prefix_projection:
        yield parameter(KEY, sizes.tokens, sizes.cached)
        return
    inner = sizes.width if own.encoder_hidden_size is None else own.encoder_hidden_size
    yield buffer(KEY, sizes.tokens, sizes.cached)
    yield parameter("embedding.weight", sizes.tokens, sizes.width, in_file=False)
    yield from linear("transform.0", sizes.width, inner)
    yield from linear("transform.2", inner, sizes.cached)


METHOD = Method(
    name="prefix_tuning",
    title="Prefix-Tuning: Optimizing Continuous Prompts for Generation",
    arxiv="2101.00190",
    formula="num_virtual_tokens * 2 * num_layers * key_width",
    settings=Settings,
    prompt_tensors=virtual,
    rank=None,
    knob="num_virtual_tokens",
    module_kinds=(),
    shared_fields=COMMON,
    knob_values=numbers,
)
