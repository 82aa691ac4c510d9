"""MPNet: `transformers.models.mpnet`."""

from __future__ import annotations

from lora_cli.models.architectures.encoders.roberta import FAMILY as ROBERTA
from lora_cli.models.architectures.encoders.roberta import classes
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.encoder import dense, feed_forward, sizes, words
from lora_cli.models.parts.layers import Nodes, embedding, hollow, norm, repeat, under


def _body(config: Config) -> Nodes:
    """Build `MPNetModel`, whose tokens have no types, and whose layers share relative positions."""
    size = sizes(config)._replace(types=0)
    d = size.d
    return [
        *words(size),
        *repeat(
            "encoder.layer",
            size.layers,
            under("attention.attn", *(dense(name, d, d) for name in "qkvo"), hollow("dropout")),
            under("attention", norm("LayerNorm", d, bias=True), hollow("dropout")),
            feed_forward(d, size.inner),
        ),
        *embedding(
            "encoder.relative_attention_bias",
            config.size("relative_attention_num_buckets", default=32),
            size.heads,
        ),
    ]


FAMILY = Family("mpnet", classes("MPNet", _body, prefix="mpnet", causal=False, vocab_size=30527), ROBERTA.sizes)
