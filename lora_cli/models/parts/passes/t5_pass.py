"""The pass of a training step through T5 and its kin: `transformers.models.t5`."""

from __future__ import annotations

from collections.abc import Callable

from lora_cli.models.config import Config
from lora_cli.models.parts.forward_pass import Attention, Block, Body, Branch, FeedForward, Norm, Words
from lora_cli.models.parts.kin.t5 import Sizes


def _self_attention(of: Sizes, dropout: float, *, first: bool, decoder: bool) -> Attention:
    return Attention(
        of.heads,
        of.heads,
        of.width,
        "layer.0.SelfAttention",
        ("q", "k", "v"),
        "o",
        dropout=dropout,
        causal=decoder,
        float_softmax=False,
        casts_weights=False,
        bias="learned",
        makes_bias=first,
    )


def _layer(config: Config, of: Sizes, feed_forward: str, *, first: bool, decoder: bool) -> Block:
    """Describe `T5Block`."""
    dropout = config.real("dropout_rate", default=0.1)
    attention = _self_attention(of, dropout, first=first, decoder=decoder)
    crossing = attention._replace(name="layer.1.EncDecAttention", causal=False, crosses=True, bias="zeros")
    name = config.text("feed_forward_proj", default=feed_forward)
    inner = FeedForward(
        f"layer.{2 if decoder else 1}.DenseReluDense",
        ("wi_0", "wi_1") if of.gated else ("wi",),
        "wo",
        "gelu_new" if name == "gated-gelu" else name.rpartition("-")[2],
        gated=of.gated,
        inner_dropout=dropout,
        casts_inner=True,
    )
    parts: tuple[Attention | FeedForward, ...] = (attention, crossing, inner) if decoder else (attention, inner)
    branch = Branch(inner, dropout=dropout, keeps="undropped", keeps_given=True, clamps=True)
    return Block(
        tuple(
            branch._replace(part=part, before=Norm(f"layer.{index}.layer_norm", "rms_half"))
            for index, part in enumerate(parts)
        )
    )


def _stack(config: Config, of: Sizes, feed_forward: str, encoder: Body | None = None) -> Body:
    """Describe `T5Stack`."""
    decoder = encoder is not None
    side, count = ("decoder", of.decoder_layers) if decoder else ("encoder", of.layers)
    blocks = [_layer(config, of, feed_forward, first=not index, decoder=decoder) for index in range(count)]
    dropout = config.real("dropout_rate", default=0.1)
    return Body(
        blocks,
        Norm(f"{side}.final_layer_norm", "rms_half"),
        Words(f"{side}.embed_tokens", dropout=dropout),
        f"{side}.block",
        encoder,
        dropout=dropout,
        in_float=("wo",),
    )


def passes(read: Callable[[Config], Sizes], feed_forward: str) -> Callable[[Config], Body]:
    """Return what describes the pass through `T5ForConditionalGeneration`."""

    def forward(config: Config) -> Body:
        of = read(config)
        return _stack(config, of, feed_forward, _stack(config, of, feed_forward))

    return forward
