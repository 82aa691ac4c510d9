"""The pass through mixtures of experts: what several families share."""

from __future__ import annotations

from collections.abc import Sequence

from lora_cli.models.config import Config
from lora_cli.models.parts.forward_pass import (
    Attention,
    Body,
    Experts,
    FeedForward,
    LatentAttention,
    Norm,
    Router,
    pre_norm,
)

HEAD_NORMS = Norm("q_norm"), Norm("k_norm")


def mixed_body(attention: Attention | LatentAttention, sparse: Sequence[bool], experts: Experts) -> Body:
    """Return a body whose layers have experts or, where they are not `sparse`, a feed-forward."""
    blocks = {True: pre_norm(attention, experts), False: pre_norm(attention)}
    return Body([blocks[has_experts] for has_experts in sparse])


def rotated(shape: tuple[int, int, int], config: Config) -> Attention:
    """Return attention whose heads are rotated as a whole."""
    return Attention(*shape, rotary=shape[2], dropout=dropout(config))


def dropout(config: Config) -> float:
    """Return how much of attention's scores is dropped."""
    return config.real("attention_dropout", default=0.0)


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
