"""Wav2Vec 2.0: `transformers.models.wav2vec2`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import dense
from lora_cli.models.parts.layers import Nodes, Skeleton, hollow, parameter, under
from lora_cli.models.parts.speech import attention, encoder, mask, projected_features, shortening, wave_sizes, waves
from lora_cli.models.parts.speech_heads import classes

hidden = size("hidden_size", 768)


def _body(config: Config) -> Nodes:
    d = hidden(config)
    config.share(d, "hidden_size", config.size("num_attention_heads", default=12), "num_attention_heads")
    layers = config.layers("num_hidden_layers", default=12)
    return [
        *mask(config, d),
        *waves(config),
        *projected_features(wave_sizes(config)[0][-1], d),
        *encoder(config, d, [attention(d)] * layers),
        *shortening(config, d),
    ]


def _pretraining(config: Config) -> Skeleton:
    """Build `Wav2Vec2ForPreTraining`, which predicts the codes of masked frames."""
    groups = config.size("num_codevector_groups", default=2)
    codes = groups * config.size("num_codevectors_per_group", default=320)
    width, projected = config.size("codevector_dim", default=256), config.size("proj_codevector_dim", default=256)
    share = config.share(width, "codevector_dim", groups, "num_codevector_groups")
    nodes = [
        *under("wav2vec2", _body(config)),
        *hollow("dropout_features"),
        *parameter("quantizer.codevectors", 1, codes, share),
        *dense("quantizer.weight_proj", wave_sizes(config)[0][-1], codes),
        *dense("project_hid", hidden(config), projected),
        *dense("project_q", width, projected),
    ]
    return Skeleton(nodes)


FAMILY = Family(
    "wav2vec2",
    {**classes("Wav2Vec2", "wav2vec2", _body, hidden=hidden), "Wav2Vec2ForPreTraining": _pretraining},
    PromptSizes(hidden=768, layers=12, heads=12),
)
