"""SegFormer: `transformers.models.segformer`."""

from __future__ import annotations

from lora_cli.models.config import MAX_LAYERS, Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.convolutions import batch_norm, depthwise
from lora_cli.models.parts.encoder import bare, dense, headed
from lora_cli.models.parts.image_patches import channels
from lora_cli.models.parts.layers import Nodes, convolution, hollow, listed, norm, repeat, under
from lora_cli.models.parts.stages import stage_layers, stage_sizes


def _count(config: Config) -> int:
    return config.number("num_hidden_layers", "num_encoder_blocks", default=4, least=1, most=MAX_LAYERS)


def _widths(config: Config) -> list[int]:
    return stage_sizes(config, "hidden_sizes", default=(32, 64, 160, 256), stages=_count(config))


def _attention(d: int, heads: int, reduction: int) -> Nodes:
    """Build `SegformerAttention`, which may make keys and values of fewer places."""
    inner = d // heads * heads
    return [
        *(node for name in ("q_proj", "k_proj", "v_proj") for node in dense(name, d, inner)),
        *dense("o_proj", inner, d),
        *(_reduction(d, reduction) if reduction > 1 else ()),
    ]


def _reduction(d: int, ratio: int) -> Nodes:
    parts = convolution("sequence_reduction", d, d, ratio, ratio), norm("layer_norm", d, bias=True)
    return under("sequence_reduction", *parts)


def _feed_forward(d: int, inner: int) -> Nodes:
    return under(
        "mlp",
        dense("fc1", d, inner),
        depthwise("dwconv.dwconv", inner, 3, 3),
        hollow("activation_fn"),
        dense("fc2", inner, d),
        hollow("dropout"),
    )


def _stages(config: Config) -> list[Nodes]:
    count, widths = _count(config), _widths(config)
    layers = stage_layers(config, default=(2, 2, 2, 2), stages=count)
    heads = stage_sizes(config, "num_attention_heads", default=(1, 2, 5, 8), stages=count)
    reductions = stage_sizes(config, "sr_ratios", default=(8, 4, 2, 1), stages=count)
    patches = stage_sizes(config, "patch_sizes", default=(7, 3, 3, 3), stages=count)
    ratios = stage_sizes(config, "mlp_ratios", default=(4, 4, 4, 4), stages=count)
    entering = [channels(config), *widths]
    return [
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


def _body(config: Config) -> Nodes:
    return listed("stages", _stages(config))


def _labels(config: Config) -> Nodes:
    return dense("classifier", _widths(config)[-1], config.labels())


def _segments(config: Config) -> Nodes:
    """Build the head that sees every stage."""
    count, d = _count(config), config.size("decoder_hidden_size", default=256)
    return under(
        "decode_head",
        listed("linear_projections", (dense("proj", width, d) for width in _widths(config)[:count])),
        convolution("linear_fuse", count * d, d, 1, 1, bias=False),
        batch_norm("batch_norm", d),
        hollow("activation", "dropout"),
        convolution("classifier", d, config.labels(), 1, 1),
    )


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
