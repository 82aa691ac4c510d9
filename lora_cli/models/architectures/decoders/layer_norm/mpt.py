"""MPT: `transformers.models.mpt`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import transformer_classes
from lora_cli.models.parts.feed_forward import up_down
from lora_cli.models.parts.layers import Nodes, embedding, hollow, linear, norm, repeat, under

hidden = size("hidden_size", 2048, "d_model")
vocabulary = size("vocab_size", 50368)


def body(config: Config) -> Nodes:
    """Build `MptModel`, which has no biases and ignores expansion_ratio and no_bias."""
    d = hidden(config)
    return [
        *embedding("wte", vocabulary(config), d),
        *repeat(
            "blocks",
            config.layers("num_hidden_layers", "n_layers", default=24),
            norm("norm_1", d),
            under("attn", linear("Wqkv", d, 3 * d), linear("out_proj", d, d)),
            norm("norm_2", d),
            under("ffn", up_down(d, 4 * d, hollow("act"))),
            hollow("resid_attn_dropout"),
        ),
        *norm("norm_f", d),
    ]


FAMILY = Family(
    "mpt",
    transformer_classes("Mpt", body, hidden=hidden, vocabulary=vocabulary),
    # PEFT does not ask for MPT's own name of the number of heads.
    PromptSizes(hidden=2048, layers=24, heads=None, heads_names=()),
    feed_forward=None,
)
