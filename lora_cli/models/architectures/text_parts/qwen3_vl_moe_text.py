"""The text decoder of Qwen3-VL with experts: `transformers.models.qwen3_vl_moe`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention_with_head_norms, heads
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.decoder_pass import head_norms, rotated
from lora_cli.models.parts.experts import experts, mixed_decoder, sparse_layers
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body, Experts, Router
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.mixture_pass import chosen_experts, mixed_body

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 151936)


def expert_count(config: Config) -> int:
    """Return the number of experts, which may be 0."""
    return config.number("num_local_experts", "num_experts", default=60)


def sparse(config: Config) -> list[bool]:
    """Return for each layer whether it has experts."""
    layers = config.layers("num_hidden_layers", default=24)
    return sparse_layers(config, layers) if expert_count(config) else [False] * layers


def body(config: Config) -> Nodes:
    """Build `Qwen3VLMoeTextModel`."""
    d = hidden(config)
    count = expert_count(config)
    return mixed_decoder(
        vocabulary(config),
        d,
        sparse(config),
        attention_with_head_norms(config, d, heads(config, d, count=16, groups=16)),
        experts=experts(d, config.size("moe_intermediate_size", default=1408), count),
        dense=gated(d, config.size("intermediate_size", default=5632)),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `Qwen3VLMoeTextModel`, where each text has positions of its own."""
    attended = rotated(heads(config, hidden(config), count=16, groups=16), config)
    attended = attended._replace(norms=head_norms(), each_text=True)
    return mixed_body(config, attended, sparse(config), Experts(Router(chosen_experts(config, default=4))))


FAMILY = Family(
    "qwen3_vl_moe_text",
    classes("Qwen3VLMoeText", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    PromptSizes(hidden=2048, layers=24, heads=16, groups=16, head_width="shared"),
    forward=forward,
)
