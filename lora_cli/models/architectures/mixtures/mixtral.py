"""Mixtral 8x7B and 8x22B: `transformers.models.mixtral`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import classes, decoder
from lora_cli.models.parts.experts import experts
from lora_cli.models.parts.forward_pass import Attention, Body, Experts, Router, pre_norm
from lora_cli.models.parts.layers import Nodes, norm, under

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 32000)


def expert_count(config: Config) -> int:
    """Return the number of experts: num_experts is an alias of transformers, and set after the field that it stands for."""
    return config.size("num_experts", "num_local_experts", default=8)


def body(config: Config) -> Nodes:
    """Build `MixtralModel`."""
    d = hidden(config)
    inner = config.size("intermediate_size", default=14336)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=32),
        under("self_attn", attention(d, *heads(config, d, count=32, groups=8))),
        under("mlp", experts(d, inner, expert_count(config))),
        norm("input_layernorm", d),
        norm("post_attention_layernorm", d),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `MixtralModel`, which masks tokens out of the window, if there is one."""
    shape = heads(config, hidden(config), count=32, groups=8)
    window = config.size("sliding_window", default=0) or None
    router = Router(config.size("num_experts_per_tok", default=2), lowered=False)
    dropout = config.real("attention_dropout", default=0.0)
    attended = Attention(*shape, rotary=shape[2], window=window, dropout=dropout)
    block = pre_norm(attended, Experts(expert_count(config), router))
    return Body([block] * config.layers("num_hidden_layers", default=32))


FAMILY = Family(
    "mixtral",
    classes("Mixtral", body, hidden=hidden, vocabulary=vocabulary),
    PromptSizes(hidden=4096, layers=32, heads=32, groups=8),
    forward=forward,
)
