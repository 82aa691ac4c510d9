"""GLM-4.7-Flash: `transformers.models.glm4_moe_lite`, which leaves the multi-token-prediction layers out."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import TASKS, classes
from lora_cli.models.parts.experts import experts_with_shared, mixed_decoder, sparse_types
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.latent_attention import latent_attention
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.mixture_pass import experts_beside_shared, latent_pass, mixed_body

hidden = size("hidden_size", 2048)
vocabulary = size("vocab_size", 154880)
# To transformers head_dim is another name of the rotated width, and set after it.
ROTATED = ("head_dim", "qk_rope_head_dim")


def body(config: Config) -> Nodes:
    """Build `Glm4MoeLiteModel`."""
    d = hidden(config)
    attention = latent_attention(
        config, d, heads=20, query=768, rank=512, plain=192, rotated=64, value=256, rotated_names=ROTATED
    )
    return mixed_decoder(
        vocabulary(config),
        d,
        sparse_types(config, config.layers("num_hidden_layers", default=47), dense=1),
        attention,
        experts=experts_with_shared(config, d, count=64, inner=1536, shared=1),
        dense=gated(d, config.size("intermediate_size", default=10240)),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `Glm4MoeLiteModel`."""
    return mixed_body(
        config,
        latent_pass(config, heads=20, query=768, plain=192, rotated=64, value=256, rotated_names=ROTATED),
        sparse_types(config, config.layers("num_hidden_layers", default=47), dense=1),
        experts_beside_shared(config, groups=1, normed=True),
    )


FAMILY = Family(
    "glm4_moe_lite",
    classes("Glm4MoeLite", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS[:2]),
    PromptSizes(hidden=2048, layers=47, heads=20, groups=20, head_width_names=()),
    forward=forward,
)
