"""HuBERT: `transformers.models.hubert`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.speech import attention, encoder, mask, projected_features, wave_sizes, waves
from lora_cli.models.parts.speech_heads import classes

hidden = size("hidden_size", 768)


def _body(config: Config) -> Nodes:
    d = hidden(config)
    config.share(d, "hidden_size", config.size("num_attention_heads", default=12), "num_attention_heads")
    layers = config.layers("num_hidden_layers", default=12)
    batch_normed = config.flag("conv_pos_batch_norm", default=False)
    normed = config.flag("feat_proj_layer_norm", default=True)
    return [
        *mask(config, d),
        *waves(config),
        *projected_features(wave_sizes(config)[0][-1], d, normed=normed),
        *encoder(config, d, [attention(d)] * layers, batch_normed=batch_normed),
    ]


FAMILY = Family(
    "hubert",
    classes("Hubert", "hubert", _body, hidden=hidden, tasks=("ForCTC", "Model", "ForSequenceClassification")),
    PromptSizes(hidden=768, layers=12, heads=12),
)
