"""BEiT: `transformers.models.beit`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import bare, dense, headed
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.heads import classifies_images
from lora_cli.models.parts.image_patches import PATCHES, attention, embeddings, layer, patch_grid
from lora_cli.models.parts.layers import Nodes, hollow, norm, parameter, repeat
from lora_cli.models.parts.segmentation import auxiliary_head, check_features, decode_head, has_pyramid, pyramid

PATCH = 16

hidden = size("hidden_size", 768)


def _positions(config: Config, name: str) -> Nodes:
    """Build `BeitRelativePositionBias`: a row for each distance of two patches, and three with the class token."""
    config.size("patch_size", default=PATCH)  # not a list of two, which the class refuses here
    height, width = patch_grid(config, patch=PATCH)
    rows = (2 * height - 1) * (2 * width - 1) + 3
    return parameter(f"{name}.relative_position_bias_table", rows, config.size("num_attention_heads", default=12))


def _layer(config: Config, d: int) -> Nodes:
    scaled = config.real("layer_scale_init_value", default=0.1) > 0
    relative = config.flag("use_relative_position_bias", default=False)
    return [
        *(node for name in ("lambda_1", "lambda_2") if scaled for node in parameter(name, d)),
        *layer(d, attention(config, d, key_bias=False), ungated(d, config.size("intermediate_size", default=3072))),
        *hollow("drop_path"),
        *(_positions(config, "relative_position_bias") if relative else ()),
    ]


def _takes_mean(config: Config) -> bool:
    """Return whether the last norm is of the mean of the patches, and belongs to the pooler."""
    return config.flag("use_mean_pooling", default=True)


def _layers(config: Config) -> int:
    return config.layers("num_hidden_layers", default=12)


def _body(config: Config) -> Nodes:
    d = hidden(config)
    check_features(config, _layers(config), pyramid=has_pyramid(config))
    masked = config.flag("use_mask_token", default=False)
    absolute = config.flag("use_absolute_position_embeddings", default=False)
    shared = config.flag("use_shared_relative_position_bias", default=False)
    return [
        *embeddings(config, d, parameter("mask_token", 1, 1, d) if masked else (), patch=PATCH, positioned=absolute),
        *(_positions(config, "shared_position_bias") if shared else ()),
        *repeat("layers", _layers(config), _layer(config, d)),
        *(hollow("layernorm") if _takes_mean(config) else norm("layernorm", d, bias=True)),
    ]


def _pooled(config: Config) -> Nodes:
    last = norm("pooler.layernorm", hidden(config), bias=True) if _takes_mean(config) else ()
    return [*_body(config), *hollow("pooler"), *last]


def _words(config: Config) -> Nodes:
    """Build the head that predicts the visual word of a patch, which counts for no output."""
    d = hidden(config)
    return [*norm("layernorm", d, bias=True), *dense("lm_head", d, config.size("vocab_size", default=8192))]


def _segments(config: Config) -> Nodes:
    d = hidden(config)
    check_features(config, _layers(config), pyramid=True)
    return [*pyramid(d), *decode_head(config, d), *auxiliary_head(config, d)]


def _features(config: Config) -> Nodes:
    """Build what `BeitBackbone` has behind its body."""
    return pyramid(hidden(config)) if has_pyramid(config) else hollow("fpn")


FAMILY = Family(
    "beit",
    {
        "BeitForImageClassification": headed("beit", _pooled, classifies_images(hidden), words=PATCHES),
        "BeitModel": bare(_pooled, words=PATCHES),
        "BeitForMaskedImageModeling": headed("beit", _body, _words, words=PATCHES),
        "BeitForSemanticSegmentation": headed("beit", _body, _segments, words=PATCHES),
        "BeitBackbone": headed("beit", _body, _features, words=PATCHES),
    },
    PromptSizes(hidden=768, layers=12, heads=12),
)
