"""LongCat-Flash: `transformers.models.longcat_flash`, which leaves the multi-token-prediction layers out."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import TASKS, classes, layered_decoder
from lora_cli.models.parts.experts import CORRECTION
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.latent_attention import latent_attention
from lora_cli.models.parts.layers import Node, Nodes, buffer, hollow, linear, parameter, repeat, under

hidden = size("hidden_size", 6144)
vocabulary = size("vocab_size", 131072)
NORMS = ("input_layernorm", "post_attention_layernorm")


def blocks(config: Config) -> int:
    """Return the number of blocks, each of which transformers counts as two layers."""
    return config.layers("num_hidden_layers", default=2 * config.layers("num_layers", default=28)) // 2


def mixture(config: Config, d: int) -> Iterator[Node]:
    """Build `LongcatFlashMoE`, where `zero_expert_num` experts pass on what they get: only gate and up hold them."""
    routed = config.number("num_local_experts", "n_routed_experts", default=512)
    every = routed + config.number("zero_expert_num", default=256)
    inner = config.size("moe_intermediate_size", "expert_ffn_hidden_size", default=2048)
    yield from hollow("experts.act_fn", "experts.identity_expert")
    if routed:
        yield from parameter("experts.gate_up_proj", every, 2 * inner, d)
        yield from parameter("experts.down_proj", routed, d, inner)
    yield from linear("router.classifier", d, every, bias=config.flag("router_bias", default=False))
    yield from buffer(f"router.{CORRECTION}", every)


def body(config: Config) -> Nodes:
    """Build `LongcatFlashModel`: a block has two attentions and two feed-forwards beside one mixture of experts."""
    d = hidden(config)
    attention = latent_attention(config, d, heads=64, query=1536, rank=512, plain=128, rotated=64, value=128)
    dense = gated(d, config.size("intermediate_size", "ffn_hidden_size", default=12288))
    block = [
        *under("mlp", mixture(config, d)),
        *repeat("self_attn", 2, attention),
        *repeat("mlps", 2, dense),
        *(node for name in NORMS for node in repeat(name, 2, parameter("weight", d))),
    ]
    return layered_decoder(vocabulary(config), d, [block] * blocks(config))


FAMILY = Family(
    "longcat_flash",
    classes("LongcatFlash", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS[:2]),
    PromptSizes(
        hidden=6144,
        layers=lambda config: 2 * blocks(config),
        heads=64,
        groups="heads",
        head_width=64,
    ),
    feed_forward="ffn_hidden_size",
)
