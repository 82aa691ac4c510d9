"""BLOOM: `transformers.models.bloom`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.decoder import transformer_classes
from lora_cli.models.parts.kin import megatron
from lora_cli.models.parts.layers import Nodes, embedding, hollow, norm, repeat

hidden = size("n_embed", 64, "hidden_size")  # of the two names the older one wins
vocabulary = size("vocab_size", 250880)


def body(config: Config) -> Nodes:
    """Build `BloomModel`; q, k and v are one Linear."""
    d = hidden(config)
    config.share(d, "hidden_size", config.size("num_attention_heads", "n_head", default=8), "n_head")
    return [
        *embedding("word_embeddings", vocabulary(config), d),
        *norm("word_embeddings_layernorm", d, bias=True),
        *repeat(
            "h",
            config.layers("num_hidden_layers", "n_layer", default=2),
            norm("input_layernorm", d, bias=True),
            megatron.attention("self_attention", d, 3 * d, bias=True),
            norm("post_attention_layernorm", d, bias=True),
            megatron.feed_forward(d, 4 * d, bias=True),
            hollow("self_attention.attention_dropout", "mlp.gelu_impl"),
        ),
        *norm("ln_f", d, bias=True),
    ]


FAMILY = Family(
    "bloom",
    transformer_classes("Bloom", body, hidden=hidden, vocabulary=vocabulary, embeddings="word_embeddings"),
    PromptSizes(hidden=64, layers=2, heads=8, hidden_names=("n_embed", "hidden_size", "n_embd", "d_model")),
    feed_forward=None,
)
