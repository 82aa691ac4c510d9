"""SegFormer: `transformers.models.segformer`."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention
from lora_cli.models.parts.convolutions import depthwise
from lora_cli.models.parts.encoder import bare, dense, headed
from lora_cli.models.parts.image_patches import channels
from lora_cli.models.parts.layers import Nodes, convolution, hollow, listed, norm, repeat, under
from lora_cli.models.parts.segmentation import fusing_head
from lora_cli.models.parts.stages import stage_count, stage_layers, stage_sizes

_count = stage_count("num_encoder_blocks")


def _widths(config: Config) -> list[int]:
    return stage_sizes(config, "hidden_sizes", default=(32, 64, 160, 256), stages=_count(config))


def _attention(d: int, heads: int, reduction: int) -> Nodes:
    """Build `SegformerAttention`, which may make keys and values of fewer places."""
    reduced = convolution("sequence_reduction", d, d, reduction, reduction), norm("layer_norm", d, bias=True)
    return [
        *attention(d, heads, heads, d // heads, bias=True, output_bias=True),
        *(under("sequence_reduction", *reduced) if reduction > 1 else ()),
    ]


def _feed_forward(d: int, inner: int) -> Nodes:
    return under(
        "mlp",
        dense("fc1", d, inner),
        depthwise("dwconv.dwconv", inner, 3, 3),
        hollow("activation_fn"),
        dense("fc2", inner, d),
        hollow("dropout"),
    )


def _body(config: Config) -> Nodes:
    count, widths = _count(config), _widths(config)
    layers = stage_layers(config, default=(2, 2, 2, 2), stages=count)
    heads = stage_sizes(config, "num_attention_heads", default=(1, 2, 5, 8), stages=count)
    reductions = stage_sizes(config, "sr_ratios", default=(8, 4, 2, 1), stages=count)
    patches = stage_sizes(config, "patch_sizes", default=(7, 3, 3, 3), stages=count)
    ratios = stage_sizes(config, "mlp_ratios", default=(4, 4, 4, 4), stages=count)
    entering = [channels(config), *widths]
    stages = [
        [
            *convolution("patch_embeddings.proj", entering[stage], d, patches[stage], patches[stage]),
            *norm("patch_embeddings.layer_norm", d, bias=True),
            *repeat(
                "blocks",
                layers[stage],
                norm("layernorm_before", d, bias=True),
                under("attention", _attention(d, heads[stage], reductions[stage])),
                hollow("drop_path"),
                norm("layernorm_after", d, bias=True),
                _feed_forward(d, d * ratios[stage]),
                hollow("hidden_dropout"),
            ),
            *norm("layer_norm", d, bias=True),
        ]
        for stage, d in enumerate(widths[:count])
    ]
    return listed("stages", stages)


def _labels(config: Config) -> Nodes:
    return dense("classifier", _widths(config)[-1], config.labels())


def _segments(config: Config) -> Nodes:
    return fusing_head(config, _widths(config)[: _count(config)])


FAMILY = Family(
    "segformer",
    # Its get_input_embeddings() is not implemented.
    {
        "SegformerForSemanticSegmentation": headed("segformer", _body, _segments, words=None),
        "SegformerModel": bare(_body, words=None),
        "SegformerForImageClassification": headed("segformer", _body, _labels, words=None),
    },
    PromptSizes.staged(4, "num_hidden_layers", "num_encoder_blocks"),
)
