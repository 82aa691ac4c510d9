"""DeepSeek V3.2: `transformers.models.deepseek_v32`, which leaves the multi-token-prediction layers out."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import TASKS, classes
from lora_cli.models.parts.experts import experts_with_shared, mixed_decoder, sparse_types
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.latent_attention import indexer, latent_attention
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 7168)
vocabulary = size("vocab_size", 129280)
COUNTS = ("num_local_experts", "num_experts", "n_routed_experts")


def body(config: Config) -> Nodes:
    """Build `DeepseekV32Model`."""
    d = hidden(config)
    attention = latent_attention(config, d, heads=128, query=1536, rank=512, plain=128, rotated=64, value=128)
    dense = config.number("first_k_dense_replace", default=3)
    return mixed_decoder(
        vocabulary(config),
        d,
        sparse_types(config, config.layers("num_hidden_layers", default=61), dense=dense),
        (*attention, *indexer(config, d, query=1536, heads=64, width=128)),
        experts=experts_with_shared(config, d, count=256, inner=2048, shared=1, counts=COUNTS),
        dense=gated(d, config.size("intermediate_size", default=18432)),
    )


FAMILY = Family(
    "deepseek_v32",
    classes("DeepseekV32", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS[:2]),
    PromptSizes(hidden=7168, layers=61, heads=128, groups=128, head_width=64, head_width_names=("qk_rope_head_dim",)),
)
