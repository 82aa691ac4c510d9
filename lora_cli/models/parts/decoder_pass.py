"""The pass through decoders of RMS norms: what several families share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.parts.decoder import PRE_NORMS
from lora_cli.models.parts.forward_pass import (
    Attention,
    Block,
    Body,
    Branch,
    Experts,
    FeedForward,
    LatentAttention,
    Norm,
    NormKind,
)
from lora_cli.models.parts.passes.class_heads import DECODER_HEADS, Dense, Head, Scaled, SoftCapped

# The norms after the attention and the feed-forward, of models that have some.
POST_NORMS = ("post_attention_layernorm", "post_feedforward_layernorm")
NO_NORMS = (None, None)
HeadNorms = tuple[Norm, Norm]
NormNames = tuple[str | None, str | None]
# The mask that lets a token see all before it: some models make it even where every layer has a window.
SEES_ALL = frozenset({(True, None)})


def layer_pass(
    attention: Attention | LatentAttention,
    feed_forward: FeedForward | Experts,
    *,
    kind: NormKind = "rms",
    before: NormNames = PRE_NORMS,
    after: NormNames = NO_NORMS,
    dropout: float = 0.0,
    scaled: bool = False,
) -> Block:
    """Return a layer of two branches, with the norms of these names before and after each."""
    norms = [[None if name is None else Norm(name, kind) for name in pair] for pair in (before, after)]
    return Block(
        (
            Branch(attention, norms[0][0], norms[1][0], dropout, scaled),
            Branch(feed_forward, norms[0][1], norms[1][1], dropout, scaled),
        )
    )


def rotated(shape: tuple[int, int, int], config: Config) -> Attention:
    """Return attention whose heads are rotated as a whole, with the dropout of config.json."""
    return Attention(*shape, rotary=shape[2], dropout=config.real("attention_dropout", default=0.0))


def gated_pass(config: Config, *names: str, activation: str = "silu") -> FeedForward:
    """Return a feed-forward with a gate; `names` are the config field of its activation, `activation` its default."""
    return FeedForward(activation=config.text(*(names or ("hidden_act",)), default=activation))


def fused_pass(config: Config) -> FeedForward:
    """Return one whose gate and up are one Linear."""
    return gated_pass(config)._replace(inputs=("gate_up_proj",))


def gated_layers(config: Config, attentions: Iterable[Attention]) -> Body:
    """Return the pass through layers of these attentions, each with a gated feed-forward after it; some may see all."""
    return Body([layer_pass(each, gated_pass(config)) for each in attentions], reaches=SEES_ALL)


def is_capped(config: Config, name: str, *, default: bool) -> bool:
    """Return whether a field says by what number scores are bound; null says that they are not."""
    return config.real(name, default=0.0) > 0 if name in config.fields else default


def head_norms(kind: NormKind = "rms", width: int = 0, *, names: tuple[str, str] = ("q_norm", "k_norm")) -> HeadNorms:
    """Return the norms of q and k."""
    return Norm(names[0], kind, width), Norm(names[1], kind, width)


def heads_with(steps: Callable[[Config], tuple[Scaled | SoftCapped, ...]]) -> Mapping[str, Callable[[Config], Head]]:
    """Return the heads of decoders, of which the one of a language model has further steps."""
    return {**DECODER_HEADS, "ForCausalLM": lambda config: Head((Dense(), *steps(config)))}


def refuse(config: Config, *flags: str) -> None:
    """Refuse flags of config.json that change the pass in a way that is not described."""
    for flag in flags:
        if config.flag(flag, default=False):
            raise InvalidInput(f"{config.source}: what {flag} changes in a training step is not known yet")
