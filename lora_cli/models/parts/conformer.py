"""The layers of Wav2Vec2-BERT, which convolve between attention and feed-forward."""

from __future__ import annotations

from lora_cli.models.config import Config
from lora_cli.models.parts.convolutions import depthwise
from lora_cli.models.parts.encoder import dense
from lora_cli.models.parts.layers import Nodes, convolution, embedding, hollow, linear, norm, parameter, under
from lora_cli.models.parts.speech import feed_forward

POSITIONS = ("relative_key", "relative", "rotary")


def positions(config: Config) -> str:
    """Return the kind of positions; none where the field is null."""
    name = "position_embeddings_type"
    kind = "" if name in config.fields and config.fields[name] is None else config.text(name, default=POSITIONS[0])
    if kind and kind not in POSITIONS:
        raise config.wrong(name, f"{', '.join(POSITIONS)} or null")
    return kind


def attention(config: Config, d: int, positions: str = "") -> Nodes:
    """Build `Wav2Vec2BertSelfAttention`; its positions may be learned."""
    heads = config.size("num_attention_heads", default=16)
    width = d // heads
    distances = 1 + sum(
        config.number(f"{side}_max_position_embeddings", default=most) for side, most in (("left", 64), ("right", 8))
    )
    biases = (node for side in "uv" for node in parameter(f"pos_bias_{side}", heads, width))
    learned: dict[str, Nodes] = {
        "relative_key": embedding("distance_embedding", distances, width),
        "relative": (*linear("linear_pos", d, d), *biases),
    }
    projections = [node for name in "qkv" for node in dense(f"linear_{name}", d, d)]
    parts = projections, dense("linear_out", d, d), hollow("dropout"), learned.get(positions, ())
    return under("self_attn", *parts)


def convolutions(config: Config, d: int) -> Nodes:
    """Build `Wav2Vec2BertConvolutionModule`, whose kernel has a middle."""
    kernel = config.size("conv_depthwise_kernel_size", default=31)
    if kernel % 2 == 0:
        raise config.wrong("conv_depthwise_kernel_size", "an odd number")
    return under(
        "conv_module",
        norm("layer_norm", d, bias=True),
        convolution("pointwise_conv1", d, 2 * d, 1, bias=False),
        depthwise("depthwise_conv", d, kernel, bias=False),
        norm("depthwise_layer_norm", d, bias=True),
        convolution("pointwise_conv2", d, d, 1, bias=False),
        hollow("glu", "activation", "dropout"),
    )


def shortening_layer(config: Config, d: int, inner: int) -> Nodes:
    """Build `Wav2Vec2BertAdapterLayer`: a layer of attention between convolutions that leave fewer frames."""
    kernel = config.size("adapter_kernel_size", default=3)
    return [
        *norm("residual_layer_norm", d, bias=True),
        *convolution("residual_conv", d, 2 * d, kernel),
        *norm("self_attn_layer_norm", d, bias=True),
        *convolution("self_attn_conv", d, 2 * d, kernel),
        *attention(config, d),
        *norm("ffn_layer_norm", d, bias=True),
        *feed_forward("ffn", d, inner),
        *hollow("activation", "self_attn_dropout"),
    ]
