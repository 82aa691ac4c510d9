"""DeepSeek V3 and R1: `transformers.models.deepseek_v3`, which leaves the multi-token-prediction layers out."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import BUT_QUESTIONS, classes
from lora_cli.models.parts.experts import experts
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.layers import Node, Nodes, buffer, embedding, hollow, linear, norm, repeat, under

hidden = size("hidden_size", 7168)

vocabulary = size("vocab_size", 129280)


def query(config: Config, d: int, outputs: int) -> Iterator[Node]:
    """Build the query's projection: through q_lora_rank, or whole where that is null."""
    missing = "q_lora_rank" not in config.fields
    rank = config.size("q_lora_rank", default=1536 if missing else 0)
    if not rank:
        yield from linear("q_proj", d, outputs)
        return
    yield from linear("q_a_proj", d, rank, bias=config.flag("attention_bias", default=False))
    yield from norm("q_a_layernorm", rank)
    yield from linear("q_b_proj", rank, outputs)


def attention(config: Config, d: int, *, heads: int) -> Iterator[Node]:
    """Build `DeepseekV3Attention`: keys and values go through kv_lora_rank, the rotated part of the key beside it.

    `heads` is the default of their number.
    """
    heads = config.size("num_attention_heads", default=heads)
    rank = config.size("kv_lora_rank", default=512)
    rotated = config.size("qk_rope_head_dim", default=64)
    plain = config.size("qk_nope_head_dim", default=128)
    value = config.size("v_head_dim", default=128)
    bias = config.flag("attention_bias", default=False)
    yield from query(config, d, heads * (plain + rotated))
    yield from linear("kv_a_proj_with_mqa", d, rank + rotated, bias=bias)
    yield from norm("kv_a_layernorm", rank)
    yield from linear("kv_b_proj", rank, heads * (plain + value))
    yield from linear("o_proj", heads * value, d, bias=bias)


def mixture(config: Config) -> Iterator[Node]:
    """Build `DeepseekV3MoE`: fused experts, their router, and the experts that every token takes as one feed-forward."""
    d = hidden(config)
    count = config.size("num_local_experts", "n_routed_experts", default=256)
    inner = config.size("moe_intermediate_size", default=2048)
    shared = config.size("n_shared_experts", default=1)
    yield from experts(d, inner, count)
    yield from buffer("gate.e_score_correction_bias", count, dtype="F32")
    yield from under("shared_experts", gated(d, shared * inner))


def body(config: Config) -> Nodes:
    """Build `DeepseekV3Model`: first_k_dense_replace layers without experts, then those with."""
    d = hidden(config)
    layers = config.layers("num_hidden_layers", default=61)
    dense = min(layers, config.layers("first_k_dense_replace", default=3))
    feed_forward = gated(d, config.size("intermediate_size", default=18432))
    shared = [
        *under("self_attn", attention(config, d, heads=128)),
        *norm("input_layernorm", d),
        *norm("post_attention_layernorm", d),
    ]
    return [
        *embedding("embed_tokens", vocabulary(config), d),
        *repeat("layers", dense, shared, under("mlp", feed_forward)),
        *repeat("layers", layers - dense, shared, under("mlp", mixture(config)), first=dense),
        *norm("norm", d),
        *hollow("rotary_emb"),
    ]


FAMILY = Family(
    "deepseek_v3",
    classes("DeepseekV3", body, hidden=hidden, vocabulary=vocabulary, tasks=BUT_QUESTIONS),
    PromptSizes(hidden=7168, layers=61, heads=128, groups=128, head_width=64, head_width_names=("qk_rope_head_dim",)),
)
