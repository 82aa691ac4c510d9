"""Audio towers that are Whisper's encoder."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, Skeleton, convolution, embedding, hollow, linear, norm, repeat, under

SOUNDS = "conv1"


def hidden(config: Config) -> int:
    """Return the width. Of two names of a field the one that transformers takes later wins."""
    return config.size("d_model", "hidden_size", default=1280)


def inner(config: Config) -> int:
    """Return the width within a feed-forward."""
    return config.size("encoder_ffn_dim", "intermediate_size", default=5120)


def layers(config: Config, *, key_bias: bool = False) -> Nodes:
    """Build the layers, whose keys have no bias by default."""
    d, width = hidden(config), inner(config)
    heads = config.size("encoder_attention_heads", "num_attention_heads", default=20)
    config.share(d, "the width", heads, "the number of heads")
    return repeat(
        "layers",
        config.layers("encoder_layers", "num_hidden_layers", default=32),
        under(
            "self_attn",
            linear("k_proj", d, d, bias=key_bias),
            *(linear(name, d, d, bias=True) for name in ("v_proj", "q_proj", "out_proj")),
        ),
        norm("self_attn_layer_norm", d, bias=True),
        hollow("activation_fn"),
        linear("fc1", d, width, bias=True),
        linear("fc2", width, d, bias=True),
        norm("final_layer_norm", d, bias=True),
    )


def tower(config: Config) -> Skeleton:
    """Build the encoder, and the pool over two frames."""
    d = hidden(config)
    nodes = [
        *convolution(SOUNDS, config.size("num_mel_bins", default=128), d, 3),
        *convolution("conv2", d, d, 3),
        *embedding("embed_positions", config.size("max_source_positions", default=1500), d),
        *layers(config),
        *norm("layer_norm", d, bias=True),
        *hollow("avg_pooler"),
    ]
    return Skeleton(nodes, embeddings=SOUNDS)


def renamed(config: Config) -> Config:
    """Return a config of a class whose fields have the newer names, which then win."""
    pairs = {
        "d_model": "hidden_size",
        "encoder_ffn_dim": "intermediate_size",
        "encoder_attention_heads": "num_attention_heads",
        "encoder_layers": "num_hidden_layers",
    }
    newer = {old: config.fields[new] for old, new in pairs.items() if config.fields.get(new) is not None}
    return Config({**config.fields, **newer}, config.source)
