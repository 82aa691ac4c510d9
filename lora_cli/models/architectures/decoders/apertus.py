"""Apertus: `transformers.models.apertus`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention_with_head_norms, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.decoder_pass import head_norms, layer_pass, rotated
from lora_cli.models.parts.feed_forward import trained_activation, up_down
from lora_cli.models.parts.forward_pass import Body, plain
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 131072)
NORMS = ("attention_layernorm", "feedforward_layernorm")


def body(config: Config) -> Nodes:
    """Build `ApertusModel`, whose activation is trained by default."""
    d = hidden(config)
    projections = attention_with_head_norms(config, d, heads(config, d, count=32))
    inner = config.size("intermediate_size", default=14336)
    activation = trained_activation("act_fn", config.text("hidden_act", default="xielu"))
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        block(d, projections, up_down(d, inner, activation), norms=NORMS),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `ApertusModel`."""
    attention = rotated(heads(config, hidden(config), count=32), config)
    attention = attention._replace(norms=head_norms(), norm_time="all_projected")
    inner = plain("mlp", "up_proj", "down_proj", config.text("hidden_act", default="xielu"))
    layer = layer_pass(attention, inner, before=NORMS)
    return Body([layer] * config.layers("num_hidden_layers", default=32))


TASKS = ("ForCausalLM", "Model", "ForTokenClassification")
FAMILY = Family(
    "apertus",
    classes("Apertus", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS),
    PromptSizes(hidden=4096, layers=32, heads=32, groups="heads"),
    trained_activations=True,
    forward=forward,
)
