"""Mixtral 8x7B and 8x22B: `transformers.models.mixtral`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.decoder_pass import rotated
from lora_cli.models.parts.experts import experts
from lora_cli.models.parts.forward_pass import Body, Experts, Router
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.mixture_pass import chosen_experts, mixed_body

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 32000)


def body(config: Config) -> Nodes:
    """Build `MixtralModel`."""
    d = hidden(config)
    inner = config.size("intermediate_size", default=14336)
    # num_experts is an alias of transformers, and set after the field that it stands for.
    count = config.size("num_experts", "num_local_experts", default=8)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        block(d, attention(d, *heads(config, d, count=32, groups=8)), experts(d, inner, count)),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `MixtralModel`, which masks what is outside of the window, if there is one."""
    attended = rotated(heads(config, hidden(config), count=32, groups=8), config)
    attended = attended._replace(window=config.size("sliding_window", default=0) or None)
    layers = config.layers("num_hidden_layers", default=32)
    return mixed_body(
        config, attended, [True] * layers, Experts(Router(chosen_experts(config, default=2), lowered=False))
    )


FAMILY = Family(
    "mixtral",
    classes("Mixtral", body, hidden=hidden, vocabulary=vocabulary),
    PromptSizes(hidden=4096, layers=32, heads=32, groups=8),
    forward=forward,
)
