"""Wav2Vec2-BERT: `transformers.models.wav2vec2_bert`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.conformer import POSITIONS, attention, convolutions, positions, shortening_layer
from lora_cli.models.parts.layers import Nodes, hollow, norm, repeat, under
from lora_cli.models.parts.speech import adapter, feed_forward, mask, output_width, projected_features
from lora_cli.models.parts.speech_heads import classes

LAYERS = 24

hidden = size("hidden_size", 1024)


def _layer(config: Config, d: int, inner: int, kind: str) -> Nodes:
    return [
        *norm("ffn1_layer_norm", d, bias=True),
        *feed_forward("ffn1", d, inner),
        *norm("self_attn_layer_norm", d, bias=True),
        *hollow("self_attn_dropout"),
        *attention(config, d, kind),
        *convolutions(config, d),
        *norm("ffn2_layer_norm", d, bias=True),
        *feed_forward("ffn2", d, inner),
        *norm("final_layer_norm", d, bias=True),
    ]


def _body(config: Config) -> Nodes:
    d, inner, kind = hidden(config), config.size("intermediate_size", default=4096), positions(config)
    before = config.flag("use_intermediate_ffn_before_adapter", default=False)
    if before and not config.flag("add_adapter", default=False):
        raise config.wrong("use_intermediate_ffn_before_adapter", "false unless add_adapter is true")
    return [
        *mask(config, d),
        *projected_features(config.size("feature_projection_input_dim", default=160), d),
        *under(
            "encoder",
            hollow("embed_positions") if kind in POSITIONS[1:] else (),
            hollow("dropout"),
            repeat("layers", config.layers("num_hidden_layers", default=LAYERS), _layer(config, d, inner, kind)),
        ),
        *adapter(config, d, layers=1, layer=shortening_layer(config, output_width(config, d), inner)),
        *(feed_forward("intermediate_ffn", d, inner) if before else ()),
    ]


FAMILY = Family(
    "wav2vec2-bert",
    classes(
        "Wav2Vec2Bert",
        "wav2vec2_bert",
        _body,
        hidden=hidden,
        layers=LAYERS,
        vocabulary=None,
        projected=768,
        # A config.json without a vocabulary is that of the model itself.
        tasks=("Model", "ForCTC", "ForSequenceClassification", "ForAudioFrameClassification", "ForXVector"),
    ),
    PromptSizes(hidden=1024, layers=LAYERS, heads=16, has_vocabulary=False),
)
