"""Models of speech: frames made of sound waves, the layers that hear them, and what shortens them for a text model."""

from __future__ import annotations

from collections.abc import Iterable

from lora_cli.errors import InvalidInput
from lora_cli.models.config import Config
from lora_cli.models.parts.convolutions import batch_norm, weight_normed
from lora_cli.models.parts.encoder import dense
from lora_cli.models.parts.layers import Nodes, convolution, hollow, listed, norm, parameter, repeat, under
from lora_cli.models.parts.stages import stage_sizes

WAVE_FIELDS = {
    "conv_dim": (512,) * 7,
    "conv_kernel": (10, 3, 3, 3, 3, 2, 2),
    "conv_stride": (5, 2, 2, 2, 2, 2, 2),
}


def wave_sizes(config: Config) -> tuple[list[int], list[int]]:
    """Return the channels and the kernels of the convolutions over the sound wave."""
    channels, kernels, strides = (
        stage_sizes(config, name, default=default, stages=1) for name, default in WAVE_FIELDS.items()
    )
    layers = config.number("num_feat_extract_layers", default=len(channels))
    if not layers == len(channels) == len(kernels) == len(strides):
        raise InvalidInput(
            f"{config.source}: conv_dim, conv_kernel and conv_stride have {len(channels)}, {len(kernels)} and "
            f"{len(strides)} numbers; each must have {layers}, one for each layer"
        )
    return channels, kernels


def waves(config: Config) -> Nodes:
    """Build the convolutions over the sound wave: all have a norm, or only the first one."""
    channels, kernels = wave_sizes(config)
    bias = config.flag("conv_bias", default=False)
    norms = {"group": 1, "layer": len(channels)}
    named = config.text("feat_extract_norm", default="group")
    if named not in norms:
        raise config.wrong("feat_extract_norm", "group or layer")
    return listed(
        "feature_extractor.conv_layers",
        [
            [
                *convolution("conv", before, h, kernel, bias=bias),
                *hollow("activation"),
                *(norm("layer_norm", h, bias=True) if layer < norms[named] else ()),
            ]
            for layer, (before, h, kernel) in enumerate(zip([1, *channels], channels, kernels, strict=False))
        ],
    )


def projected_features(d: int, h: int, *, normed: bool = True) -> Nodes:
    """Build the projection of a frame to the hidden size."""
    parts = norm("layer_norm", d, bias=True) if normed else (), dense("projection", d, h), hollow("dropout")
    return under("feature_projection", *parts)


def mask(config: Config, d: int) -> Nodes:
    """Build the vector that stands for masked frames, if any are masked in training."""
    masked = config.real("mask_time_prob", default=0.05) > 0 or config.real("mask_feature_prob", default=0.0) > 0
    return parameter("masked_spec_embed", d) if masked else ()


def positions(config: Config, d: int, *, batch_normed: bool = False) -> Nodes:
    """Build the convolution that tells where in the sound a frame is."""
    kernel = config.size("num_conv_pos_embeddings", default=128)
    groups = config.size("num_conv_pos_embedding_groups", default=16)
    config.share(d, "hidden_size", groups, "num_conv_pos_embedding_groups")
    convolved = convolution("conv", d, d, kernel, groups=groups), batch_norm("batch_norm", d)
    parts = convolved if batch_normed else (weight_normed("conv", d, kernel, groups=groups),)
    return under("pos_conv_embed", *parts, hollow("padding", "activation"))


def attention(d: int) -> Nodes:
    """Build k, v, q and the output."""
    return [node for name in ("k_proj", "v_proj", "q_proj", "out_proj") for node in dense(name, d, d)]


def feed_forward(name: str, d: int, inner: int) -> Nodes:
    """Build a feed-forward block of frames."""
    return under(
        name,
        hollow("intermediate_dropout"),
        dense("intermediate_dense", d, inner),
        hollow("intermediate_act_fn"),
        dense("output_dense", inner, d),
        hollow("output_dropout"),
    )


def language_adapter(d: int, width: int) -> Nodes:
    """Build the block that a layer has for one language."""
    parts = norm("norm", d, bias=True), dense("linear_1", d, width), hollow("act_fn"), dense("linear_2", width, d)
    return under("adapter_layer", *parts)


def encoder(config: Config, d: int, attentions: Iterable[Nodes], *, batch_normed: bool = False) -> Nodes:
    """Build the layers, one for each attention, behind their positions."""
    inner = config.size("intermediate_size", default=3072)
    stable = config.flag("do_stable_layer_norm", default=False)
    width = config.number("adapter_attn_dim", default=0) if stable else 0
    return under(
        "encoder",
        positions(config, d, batch_normed=batch_normed),
        norm("layer_norm", d, bias=True),
        hollow("dropout"),
        listed(
            "layers",
            (
                [
                    *under("attention", attended),
                    *hollow("dropout"),
                    *norm("layer_norm", d, bias=True),
                    *feed_forward("feed_forward", d, inner),
                    *norm("final_layer_norm", d, bias=True),
                    *(language_adapter(d, width) if width else ()),
                ]
                for attended in attentions
            ),
        ),
    )


def output_width(config: Config, d: int) -> int:
    """Return the width of the frames after the adapter, or of the layers where there is none."""
    adapted = config.flag("add_adapter", default=False)
    return (config.number("output_hidden_size", default=0) or d) if adapted else d


def adapter(config: Config, d: int, *, layers: int, layer: Nodes) -> Nodes:
    """Build the adapter that leaves fewer frames, of another width if config.json says so."""
    if not config.flag("add_adapter", default=False):
        return ()
    h = output_width(config, d)
    projection = (*dense("proj", d, h), *norm("proj_layer_norm", h, bias=True)) if h != d else ()
    return under("adapter", projection, repeat("layers", config.layers("num_adapter_layers", default=layers), layer))


def shortening(config: Config, d: int) -> Nodes:
    """Build the adapter of three convolutions, each of which keeps half of its channels."""
    h = output_width(config, d)
    kernel = config.size("adapter_kernel_size", default=3)
    return adapter(config, d, layers=3, layer=convolution("conv", h, 2 * h, kernel))
