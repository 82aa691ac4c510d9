"""Arcee's AFM: `transformers.models.arcee`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import biased, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.decoder_pass import layer_pass, rotated
from lora_cli.models.parts.feed_forward import up_down
from lora_cli.models.parts.forward_pass import Body, plain
from lora_cli.models.parts.layers import Nodes, hollow

hidden = size("hidden_size", 2560)
vocabulary = size("vocab_size", 32000)


def body(config: Config) -> Nodes:
    """Build `ArceeModel`, which is Llama without gates."""
    d = hidden(config)
    shape = heads(config, d, count=32)
    config.share(d, "hidden_size", shape[0], "num_attention_heads")
    bias = config.flag("mlp_bias", default=False)
    feed_forward = up_down(d, config.size("intermediate_size", default=18432), hollow("act_fn"), bias=bias)
    layers = config.layers("num_hidden_layers", default=32)
    return decoder(vocabulary(config), d, layers, block(d, biased(config, d, shape), feed_forward))


def forward(config: Config) -> Body:
    """Describe the pass through `ArceeModel`."""
    inner = plain("mlp", "up_proj", "down_proj", config.text("hidden_act", default="relu2"))
    layer = layer_pass(rotated(heads(config, hidden(config), count=32), config), inner)
    return Body([layer] * config.layers("num_hidden_layers", default=32))


FAMILY = Family(
    "arcee",
    classes("Arcee", body, hidden=hidden, vocabulary=vocabulary, questions_prefix="transformer"),
    PromptSizes(hidden=2560, layers=32, heads=32, groups="heads", head_width="shared"),
    forward=forward,
)
