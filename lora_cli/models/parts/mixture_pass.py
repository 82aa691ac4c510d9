"""The pass through mixtures of experts: what several families share."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.parts.decoder_pass import gated_pass, layer_pass
from lora_cli.models.parts.forward_pass import (
    Attention,
    Body,
    Experts,
    FeedForward,
    LatentAttention,
    Reach,
    RotaryKind,
    Router,
)
from lora_cli.models.parts.latent_attention import query_rank


def mixed_body(
    config: Config,
    attention: Attention | LatentAttention,
    sparse: Sequence[bool],
    experts: Experts,
) -> Body:
    """Return a body whose layers have experts or, where they are not `sparse`, a feed-forward."""
    experts, dense = _activated(config, experts), gated_pass(config)
    blocks = {True: layer_pass(attention, experts), False: layer_pass(attention, dense)}
    return Body([blocks[has_experts] for has_experts in sparse])


def windowed_body(
    config: Config,
    attention: Attention,
    windows: Sequence[int | None],
    sparse: Sequence[bool],
    experts: Experts,
    reaches: frozenset[Reach] = frozenset(),
) -> Body:
    """Return the same with a window in some layers."""
    experts, dense = _activated(config, experts), gated_pass(config)
    layers = (
        layer_pass(attention._replace(window=window), experts if has_experts else dense)
        for window, has_experts in zip(windows, sparse, strict=True)
    )
    return Body([*layers], reaches=reaches)


def _activated(config: Config, experts: Experts) -> Experts:
    """Give experts, and what every token takes beside them, the activation in config.json."""
    activation = config.text("hidden_act", default="silu")
    shared = experts.shared and experts.shared._replace(activation=activation)
    return experts._replace(activation=activation, shared=shared)


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
    if (repeats := heads // config.size("num_key_value_heads", default=heads)) > 1:
        raise InvalidInput(
            f"{config.source}: num_key_value_heads repeats each head {repeats} times, and latent attention, which makes "
            f"keys for all {heads}, does not run so"
        )
    value = config.size("v_head_dim", default=value)
    return LatentAttention(scores, plain, value, whole_query=not query_rank(config, query))


def chosen_experts(config: Config, *, default: int) -> int:
    """Return how many experts a token is sent to."""
    return config.size("num_experts_per_tok", default=default)


def softmax_router(config: Config, *, default: int, normed: bool) -> Router:
    """Return Qwen's router. The arguments are the defaults."""
    return Router(chosen_experts(config, default=default), normed=config.flag("norm_topk_prob", default=normed))


def experts_beside_shared(config: Config, *, groups: int, best_groups: int = 1, normed: bool) -> Experts:
    """Return DeepSeek's experts, with a feed-forward that every token takes too. The arguments are the defaults."""
    router = Router(
        chosen_experts(config, default=8),
        kind="sigmoid",
        normed=config.flag("norm_topk_prob", default=normed),
        lowered=False,
        raised=True,
        groups=config.size("n_group", default=groups),
        best_groups=config.number("topk_group", default=best_groups),
    )
    return Experts(router, shared=FeedForward("shared_experts"))
