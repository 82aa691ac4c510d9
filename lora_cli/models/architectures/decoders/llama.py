"""Llama 1 to 3, and what was built like it: `transformers.models.llama`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import biased, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.decoder_pass import gated_pass, layer_pass, rotated
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 32000)


def body(config: Config) -> Nodes:
    """Build `LlamaModel`, whose heads must share the hidden size evenly."""
    d = hidden(config)
    shape = heads(config, d, count=32)
    config.share(d, "hidden_size", shape[0], "num_attention_heads")
    return of_heads(config, d, shape)


def of_heads(config: Config, d: int, shape: tuple[int, int, int]) -> Nodes:
    """Build the same with any heads: their number, that of groups, and their width."""
    inner = config.size("intermediate_size", default=11008)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        block(d, biased(config, d, shape), gated(d, inner, bias=config.flag("mlp_bias", default=False))),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `LlamaModel`."""
    layer = layer_pass(rotated(heads(config, hidden(config), count=32), config), gated_pass(config))
    return Body([layer] * config.layers("num_hidden_layers", default=32))


FAMILY = Family(
    "llama",
    classes("Llama", body, hidden=hidden, vocabulary=vocabulary, questions_prefix="transformer"),
    PromptSizes(hidden=4096, layers=32, heads=32, groups="heads", head_width="shared"),
    forward=forward,
)
