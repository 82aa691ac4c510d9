"""XLM-RoBERTa XL and XXL: `transformers.models.xlm_roberta_xl`."""

from __future__ import annotations

from lora_cli.models.architectures.encoders.roberta import classes
from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import Sizes, dense, projections, sizes
from lora_cli.models.parts.layers import Nodes, embedding, hollow, norm, repeat, under


def _attention(size: Sizes) -> Nodes:
    return [
        *under("self", projections(size.d), hollow("dropout")),
        *under("output", dense("dense", size.d, size.d), hollow("dropout")),
        *norm("self_attn_layer_norm", size.d, bias=True),
    ]


def _body(config: Config) -> Nodes:
    """Build `XLMRobertaXLModel`, which norms what enters attention and a feed-forward."""
    size = sizes(config)
    d = size.d
    return [
        *under(
            "embeddings",
            embedding("word_embeddings", size.vocabulary, d),
            embedding("position_embeddings", size.positions, d),
            embedding("token_type_embeddings", size.types, d),
            hollow("dropout"),
        ),
        *repeat(
            "encoder.layer",
            size.layers,
            under("attention", _attention(size)),
            under("crossattention", _attention(size)) if size.cross else (),
            dense("intermediate.dense", d, size.inner),
            hollow("intermediate.intermediate_act_fn"),
            dense("output.dense", size.inner, d),
            norm("LayerNorm", d, bias=True),
        ),
        *norm("encoder.LayerNorm", d, bias=True),
    ]


FAMILY = Family(
    "xlm-roberta-xl",
    classes(
        "XLMRobertaXL",
        _body,
        vocab_size=250880,
        hidden_size=2560,
        num_hidden_layers=36,
        num_attention_heads=32,
        intermediate_size=10240,
        max_position_embeddings=514,
        type_vocab_size=1,
    ),
    PromptSizes(hidden=2560, layers=36, heads=32),
)
