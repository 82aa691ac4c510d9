"""Swin: `transformers.models.swin`."""

from __future__ import annotations

from functools import partial

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import bare, headed
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.heads import classifies_images
from lora_cli.models.parts.image_patches import PATCHES, embeddings, layer, pixels, projections
from lora_cli.models.parts.layers import Nodes, hollow, linear, listed, norm, parameter, repeat, under
from lora_cli.models.parts.stages import feature_norms, features, stage_layers, stage_sizes

MOST_STAGES = 20

width = size("embed_dim", 96)
_stages = partial(stage_layers, default=(2, 2, 6, 2))


def _width(config: Config, stage: int) -> int:
    """Return the width of a stage: twice that of the stage before it."""
    if stage > MOST_STAGES:
        raise config.wrong("depths", f"a list of at most {MOST_STAGES} numbers")
    return width(config) * int(2**stage)


def hidden(config: Config) -> int:
    """Return the width of the last stage."""
    return _width(config, len(_stages(config)) - 1)


def _layer(config: Config, d: int, heads: int) -> Nodes:
    distances = (2 * config.size("window_size", default=7) - 1) ** 2
    config.share(d, "the width of a stage", heads, "num_heads")
    attention = [
        *projections(config, d, d),
        *parameter("relative_position_bias.relative_position_bias_table", distances, heads),
    ]
    inner = int(config.real("mlp_ratio", default=4.0) * d)
    return [*layer(d, attention, ungated(d, inner)), *hollow("drop_path")]


def _stage(config: Config, index: int, layers: int, heads: int, *, last: bool) -> Nodes:
    """Build `SwinStage`, which merges four patches into one of twice the width, but for the last stage."""
    d = _width(config, index)
    merged = under("downsample", linear("reduction", 4 * d, 2 * d), norm("norm", 4 * d, bias=True))
    return [*repeat("blocks", layers, _layer(config, d, heads)), *(() if last else merged)]


def _body(config: Config, *, masked: bool = False) -> Nodes:
    d, depths = width(config), _stages(config)
    features(config, len(depths))
    heads = stage_sizes(config, "num_heads", default=(3, 6, 12, 24), stages=len(depths))
    stages = [
        _stage(config, index, layers, heads[index], last=index == len(depths) - 1)
        for index, layers in enumerate(depths)
    ]
    mask = parameter("mask_token", 1, 1, d) if masked else ()
    absolute = config.flag("use_absolute_embeddings", default=False)
    return [
        *embeddings(config, d, mask, patch=4, classed=False, positioned=absolute, normed=True),
        *listed("encoder.layers", stages),
        *norm("layernorm", hidden(config), bias=True),
    ]


def _pooled(config: Config) -> Nodes:
    return [*_body(config), *hollow("pooler")]


def _pixels(config: Config) -> Nodes:
    """Build the decoder of images, which goes by the number of stages that config.json may name."""
    stages = config.size("num_hidden_layers", "num_layers", default=len(_stages(config)))
    return pixels(config, _width(config, stages - 1), stride=32)


def _features(config: Config) -> Nodes:
    stages = len(_stages(config))
    return feature_norms(config, stages, [_width(config, stage) for stage in range(stages)])


FAMILY = Family(
    "swin",
    {
        "SwinForImageClassification": headed("swin", _pooled, classifies_images(hidden), words=PATCHES),
        "SwinModel": bare(_pooled, words=PATCHES),
        "SwinForMaskedImageModeling": headed("swin", partial(_body, masked=True), _pixels, words=PATCHES),
        "SwinBackbone": headed("swin", _body, _features, words=PATCHES),
    },
    # Prompts do not ask for the heads, of which each stage has its own number.
    PromptSizes(hidden=768, layers=4, heads=3, heads_names=("num_attention_heads",), has_vocabulary=False),
    filled={"hidden_size": hidden, "num_layers": lambda config: len(_stages(config))},
)
