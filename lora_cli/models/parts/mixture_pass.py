"""The pass through mixtures of experts: what several families share."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.models.config import Config
from lora_cli.models.parts.decoder_pass import layer_pass
from lora_cli.models.parts.forward_pass import (
    Attention,
    Body,
    Experts,
    FeedForward,
    LatentAttention,
    RotaryKind,
    Router,
)
from lora_cli.models.parts.latent_attention import query_rank


def mixed_body(attention: Attention | LatentAttention, sparse: Sequence[bool], experts: Experts) -> Body:
    """Return a body whose layers have experts or, where they are not `sparse`, a feed-forward."""
    blocks = {True: layer_pass(attention, experts), False: layer_pass(attention, FeedForward())}
    return Body([blocks[has_experts] for has_experts in sparse])


def latent_pass(
    config: Config,
    *,
    heads: int,
    query: int,
    plain: int,
    rotated: int,
    value: int,
    rotated_names: tuple[str, ...] = ("qk_rope_head_dim",),
    kind: RotaryKind | None = None,
) -> LatentAttention:
    """Return latent attention, whose positions are of a `kind` or else of that in config.json. The sizes are the defaults."""
    heads = config.size("num_attention_heads", default=heads)
    plain = config.size("qk_nope_head_dim", default=plain)
    rotated = config.size(*rotated_names, default=rotated)
    if kind is None:
        kind = "neighbours" if config.flag("rope_interleave", default=True) else "halves"
    dropout = config.real("attention_dropout", default=0.0)
    scores = Attention(heads, heads, plain + rotated, rotary=rotated, rotary_kind=kind, dropout=dropout, by_heads=True)
    value = config.size("v_head_dim", default=value)
    return LatentAttention(scores, plain, value, whole_query=not query_rank(config, query))


def chosen_experts(config: Config, *, default: int) -> int:
    """Return how many experts a token is sent to."""
    return config.size("num_experts_per_tok", default=default)


def softmax_router(config: Config, *, default: int, normed: bool) -> Router:
    """Return Qwen's router. The arguments are the defaults."""
    return Router(chosen_experts(config, default=default), normed=config.flag("norm_topk_prob", default=normed))


def experts_beside_shared(config: Config, *, default: int, groups: int, normed: bool) -> Experts:
    """Return DeepSeek's experts, with a feed-forward that every token takes too. The arguments are the defaults."""
    router = Router(
        chosen_experts(config, default=default),
        kind="sigmoid",
        normed=config.flag("norm_topk_prob", default=normed),
        lowered=False,
        raised=True,
        groups=config.size("n_group", default=groups),
    )
    return Experts(router, shared=FeedForward("shared_experts"))
