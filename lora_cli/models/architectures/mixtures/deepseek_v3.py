"""DeepSeek V3 and R1: `transformers.models.deepseek_v3`, which leaves the multi-token-prediction layers out."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import BUT_QUESTIONS, classes
from lora_cli.models.parts.experts import dense_first, experts_with_shared, mixed_decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.latent_attention import latent_attention
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.mixture_pass import experts_beside_shared, latent_pass, mixed_body

hidden = size("hidden_size", 7168)
vocabulary = size("vocab_size", 129280)


def body(config: Config) -> Nodes:
    """Build `DeepseekV3Model`."""
    d = hidden(config)
    attention = latent_attention(config, d, heads=128, query=1536, rank=512, plain=128, rotated=64, value=128)
    return mixed_decoder(
        vocabulary(config),
        d,
        dense_first(config, config.layers("num_hidden_layers", default=61), dense=3),
        attention,
        experts=experts_with_shared(config, d, count=256, inner=2048, shared=1),
        dense=gated(d, config.size("intermediate_size", default=18432)),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `DeepseekV3Model`."""
    return mixed_body(
        config,
        latent_pass(config, heads=128, query=1536, plain=128, rotated=64, value=128),
        dense_first(config, config.layers("num_hidden_layers", default=61), dense=3),
        experts_beside_shared(config, groups=8, best_groups=4, normed=True),
    )


FAMILY = Family(
    "deepseek_v3",
    classes("DeepseekV3", body, hidden=hidden, vocabulary=vocabulary, tasks=BUT_QUESTIONS),
    PromptSizes(hidden=7168, layers=61, heads=128, groups=128, head_width=64, head_width_names=("qk_rope_head_dim",)),
    forward=forward,
)
