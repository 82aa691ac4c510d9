"""Granite 3, dense: `transformers.models.granite`."""

from __future__ import annotations

from lora_cli.models.architectures.decoders import llama
from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import heads
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.decoder_pass import gated_pass, heads_with, layer_pass, rotated
from lora_cli.models.parts.forward_pass import Body, Words
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.passes.class_heads import Scaled


def _body(config: Config) -> Nodes:
    """Build `GraniteModel`, whose scaling does not depend on the width of a head, which may be 0."""
    d = llama.hidden(config)
    return llama.of_heads(config, d, heads(config, d, count=32, empty=True))


def _forward(config: Config) -> Body:
    """Describe the pass through `GraniteModel`."""
    attention = rotated(heads(config, llama.hidden(config), count=32, empty=True), config)
    layer = layer_pass(attention, gated_pass(config), scaled=True)
    return Body([layer] * config.layers("num_hidden_layers", default=32), embeddings=Words(scaled="after"))


# Every name, size and default is Llama's; what Granite adds are multipliers.
TASKS = ("ForCausalLM", "Model")
FAMILY = Family(
    "granite",
    classes("Granite", _body, hidden=llama.hidden, vocabulary=llama.vocabulary, tasks=TASKS),
    PromptSizes(hidden=4096, layers=32, heads=32, groups="heads"),
    forward=_forward,
    heads=heads_with(lambda _: (Scaled(),)),
)
