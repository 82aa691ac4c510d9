"""DeepSeek V2, its Lite and Coder: `transformers.models.deepseek_v2`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import TASKS, classes
from lora_cli.models.parts.experts import dense_first, experts_with_shared, mixed_decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body, Experts, FeedForward, Router
from lora_cli.models.parts.latent_attention import latent_attention
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.mixture_pass import latent_pass, mixed_body

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 102400)
COUNTS = ("num_experts", "n_routed_experts")


def body(config: Config) -> Nodes:
    """Build `DeepseekV2Model`, whose config class wants heads that share the hidden size evenly."""
    d = hidden(config)
    config.share(d, "hidden_size", config.size("num_attention_heads", default=32), "num_attention_heads")
    bias = config.flag("mlp_bias", default=False)
    attention = latent_attention(config, d, heads=32, query=1536, rank=512, plain=128, rotated=64, value=128)
    return mixed_decoder(
        vocabulary(config),
        d,
        dense_first(config, config.layers("num_hidden_layers", default=32), dense=0),
        attention,
        experts=experts_with_shared(
            config, d, count=64, inner=1407, shared=2, counts=COUNTS, corrected=False, bias=bias
        ),
        dense=gated(d, config.size("intermediate_size", default=11008), bias=bias),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `DeepseekV2Model`."""
    grouped = config.text("topk_method", default="greedy") == "group_limited_greedy"
    router = Router(
        config.size("num_experts_per_tok", default=8),
        kind="softmax_groups",
        lowered=False,
        raised=True,
        groups=config.size("n_group", default=1) if grouped else 1,
        best_groups=config.number("topk_group", default=1),
    )
    return mixed_body(
        config,
        latent_pass(config, heads=32, query=1536, plain=128, rotated=64, value=128, kind="complex"),
        dense_first(config, config.layers("num_hidden_layers", default=32), dense=0),
        Experts(router, shared=FeedForward("shared_experts")),
    )


FAMILY = Family(
    "deepseek_v2",
    classes("DeepseekV2", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS[:3]),
    PromptSizes(
        hidden=4096, layers=32, heads=32, groups="heads", head_width=64, head_width_names=("qk_rope_head_dim",)
    ),
    forward=forward,
)
