"""WavLM: `transformers.models.wavlm`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import dense
from lora_cli.models.parts.layers import Nodes, embedding, parameter
from lora_cli.models.parts.speech import attention, encoder, mask, projected_features, shortening, wave_sizes, waves
from lora_cli.models.parts.speech_heads import classes

hidden = size("hidden_size", 768)


def _attention(d: int, heads: int, buckets: int) -> Nodes:
    """Build `WavLMAttention`, where a gate weighs the distances. Only the first layer has the table of distances."""
    return [
        *attention(d),
        *parameter("gru_rel_pos_const", 1, heads, 1, 1),
        *dense("gru_rel_pos_linear", d // heads, 8),
        *(embedding("rel_attn_embed", buckets, heads) if buckets else ()),
    ]


def _body(config: Config) -> Nodes:
    d = hidden(config)
    heads = config.size("num_attention_heads", default=12)
    config.share(d, "hidden_size", heads, "num_attention_heads")
    buckets = config.size("num_buckets", default=320)
    layers = config.layers("num_hidden_layers", default=12)
    return [
        *mask(config, d),
        *waves(config),
        *projected_features(wave_sizes(config)[0][-1], d),
        *encoder(config, d, (_attention(d, heads, 0 if layer else buckets) for layer in range(layers))),
        *shortening(config, d),
    ]


FAMILY = Family(
    "wavlm",
    classes("WavLM", "wavlm", _body, hidden=hidden),
    PromptSizes(hidden=768, layers=12, heads=12),
)
