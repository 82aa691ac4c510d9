"""BEiT: `transformers.models.beit`."""

from __future__ import annotations

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.encoder import dense
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.heads import image_classifier
from lora_cli.models.parts.image_patches import PATCHES, attention, embeddings, patch_grid
from lora_cli.models.parts.layers import Nodes, Skeleton, hollow, norm, parameter, repeat, under
from lora_cli.models.parts.segmentation import LEVELS, auxiliary_head, decode_head, pyramid

# The fields that name the layers that a segmentation sees.
FEATURE_FIELDS = ("out_indices", "segmentation_indices", "out_features")

hidden = size("hidden_size", 768)


def _positions(config: Config, name: str) -> Nodes:
    """Build `BeitRelativePositionBias`: a row for each distance of two patches, and three with the class token."""
    config.size("patch_size", default=16)  # not a list of two, which the class refuses here
    height, width = patch_grid(config, patch=16)
    rows = (2 * height - 1) * (2 * width - 1) + 3
    return parameter(f"{name}.relative_position_bias_table", rows, config.size("num_attention_heads", default=12))


def _embeddings(config: Config, d: int) -> Nodes:
    height, width = patch_grid(config, patch=16)
    absolute = config.flag("use_absolute_position_embeddings", default=False)
    return embeddings(
        config,
        d,
        parameter("cls_token", 1, 1, d),
        parameter("mask_token", 1, 1, d) if config.flag("use_mask_token", default=False) else (),
        parameter("position_embeddings", 1, height * width + 1, d) if absolute else (),
        patch=16,
    )


def _layer(config: Config, d: int) -> Nodes:
    scaled = config.real("layer_scale_init_value", default=0.1) > 0
    relative = config.flag("use_relative_position_bias", default=False)
    return [
        *(node for name in ("lambda_1", "lambda_2") if scaled for node in parameter(name, d)),
        *under("attention", attention(config, d, key_bias=False)),
        *norm("layernorm_before", d, bias=True),
        *norm("layernorm_after", d, bias=True),
        *under("mlp", ungated(d, config.size("intermediate_size", default=3072))),
        *hollow("dropout", "drop_path"),
        *(_positions(config, "relative_position_bias") if relative else ()),
    ]


def _body(config: Config, *, pooled: bool = False) -> Nodes:
    """Build `BeitModel`, whose last norm comes after the mean of the patches where there is one."""
    d = hidden(config)
    mean = config.flag("use_mean_pooling", default=True)
    shared = config.flag("use_shared_relative_position_bias", default=False)
    return [
        *_embeddings(config, d),
        *(_positions(config, "shared_position_bias") if shared else ()),
        *repeat("layers", config.layers("num_hidden_layers", default=12), _layer(config, d)),
        *(hollow("layernorm") if mean else norm("layernorm", d, bias=True)),
        *(hollow("pooler") if pooled else ()),
        *(norm("pooler.layernorm", d, bias=True) if pooled and mean else ()),
    ]


def _headed(config: Config, *head: Nodes, pooled: bool = False) -> Skeleton:
    nodes = [*under("beit", _body(config, pooled=pooled)), *(node for part in head for node in part)]
    return Skeleton(nodes, embeddings=f"beit.{PATCHES}")


def _bare(config: Config) -> Skeleton:
    return Skeleton(_body(config, pooled=True), embeddings=PATCHES)


def _images(config: Config) -> Skeleton:
    return _headed(config, image_classifier(hidden(config), config.labels()), pooled=True)


def _masked(config: Config) -> Skeleton:
    """Build `BeitForMaskedImageModeling`, which predicts the visual word of a patch; that head counts for no output."""
    d = hidden(config)
    return _headed(
        config, norm("layernorm", d, bias=True), dense("lm_head", d, config.size("vocab_size", default=8192))
    )


def _segments(config: Config) -> Skeleton:
    """Build `BeitForSemanticSegmentation`, which needs the indices of four layers."""
    features = next((config.items(name) for name in FEATURE_FIELDS if config.fields.get(name)), None) or []
    if len(features) != LEVELS:
        raise InvalidInput(
            f"{config.source}: out_indices names {len(features)} layers; BeitForSemanticSegmentation needs {LEVELS}"
        )
    d = hidden(config)
    return _headed(config, pyramid(d), decode_head(config, d), auxiliary_head(config, d))


FAMILY = Family(
    "beit",
    {
        "BeitForImageClassification": _images,
        "BeitModel": _bare,
        "BeitForMaskedImageModeling": _masked,
        "BeitForSemanticSegmentation": _segments,
    },
    PromptSizes(hidden=768, layers=12, heads=12),
)
