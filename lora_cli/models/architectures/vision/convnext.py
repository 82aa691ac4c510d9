"""ConvNeXT: `transformers.models.convnext`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.convolutions import depthwise
from lora_cli.models.parts.encoder import bare, dense, headed
from lora_cli.models.parts.heads import classifies_images
from lora_cli.models.parts.image_patches import channels, sides
from lora_cli.models.parts.layers import Nodes, convolution, hollow, listed, norm, parameter, repeat, under
from lora_cli.models.parts.stages import feature_norms, features, stage_count, stage_layers, stage_sizes

_count = stage_count("num_stages")


def _widths(config: Config) -> list[int]:
    return stage_sizes(config, "hidden_sizes", default=(96, 192, 384, 768), stages=_count(config))


def _layers(config: Config) -> list[int]:
    return stage_layers(config, default=(3, 3, 9, 3), stages=_count(config))


def _layer(config: Config, d: int) -> Nodes:
    scaled = config.real("layer_scale_init_value", default=1e-6) > 0
    return [
        *(parameter("layer_scale_parameter", d) if scaled else ()),
        *depthwise("dwconv", d, 7, 7),
        *norm("layernorm", d, bias=True),
        *dense("pwconv1", d, 4 * d),
        *hollow("act"),
        *dense("pwconv2", 4 * d, d),
        *hollow("drop_path"),
    ]


def _stage(config: Config, before: int | None, d: int, layers: int) -> Nodes:
    """Build `ConvNextStage`: the first one has the width of the embeddings, and the others halve the sides first."""
    smaller = [] if before is None else [norm("0", before, bias=True), convolution("1", before, d, 2, 2)]
    return [
        *listed("downsampling_layer", ()),
        *under("downsampling_layer", *smaller),
        *repeat("layers", layers, _layer(config, d)),
    ]


def _body(config: Config) -> Nodes:
    count, widths, layers = _count(config), _widths(config), _layers(config)
    features(config, len(layers))
    before = [None, *widths]
    stages = [_stage(config, before[stage], widths[stage], layers[stage]) for stage in range(count)]
    patch = sides(config, "patch_size", default=4)
    return [
        *convolution("embeddings.patch_embeddings", channels(config), widths[0], *patch),
        *norm("embeddings.layernorm", widths[0], bias=True),
        *listed("encoder.stages", stages),
    ]


def _normed(config: Config) -> Nodes:
    return [*_body(config), *norm("layernorm", _widths(config)[-1], bias=True)]


def _backbone(config: Config) -> Nodes:
    """Build `ConvNextBackbone`, whose stages are those that depths has, also beyond those that are built."""
    return [*_body(config), *feature_norms(config, len(_layers(config)), _widths(config))]


FAMILY = Family(
    "convnext",
    # Its get_input_embeddings() is not implemented.
    {
        "ConvNextForImageClassification": headed(
            "convnext", _normed, classifies_images(lambda config: _widths(config)[-1]), words=None
        ),
        "ConvNextModel": bare(_normed, words=None),
        "ConvNextBackbone": bare(_backbone, words=None),
    },
    PromptSizes.staged(4, "num_hidden_layers", "num_stages"),
)
