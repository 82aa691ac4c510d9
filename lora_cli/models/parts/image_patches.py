"""What models of images share: the sides of pictures and patches, their embeddings, and ViT's attention."""

from __future__ import annotations

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config
from lora_cli.models.parts.attention import head_width
from lora_cli.models.parts.layers import Nodes, convolution, hollow, linear, norm, parameter, under

PATCHES = "embeddings.patch_embeddings"


def sides(config: Config, name: str, *, default: int) -> tuple[int, int]:
    """Return the height and width of a field that is one number for both, or a list of two."""
    if not isinstance(config.fields.get(name), list):
        side = config.size(name, default=default)
        return side, side
    listed = config.items(name) or []
    if len(listed) != 2 or any(value is None for value in listed):
        raise InvalidInput(f"{config.source}: {name} is {quote(listed)}; it must be one size or a list of two")
    height, width = (Config({name: value}, config.source).size(name, default=default) for value in listed)
    return height, width


def patch_grid(config: Config, *, patch: int) -> tuple[int, int]:
    """Return how many patches an image has from top to bottom and from left to right; `patch` is the default side."""
    image = sides(config, "image_size", default=224)
    height, width = sides(config, "patch_size", default=patch)
    # The convolution leaves out the edge of an image that is not a multiple of the patch.
    return image[0] // height, image[1] // width


def channels(config: Config) -> int:
    """Return the number of colours."""
    return config.size("num_channels", default=3)


def embeddings(
    config: Config,
    d: int,
    mask: Nodes = (),
    *,
    patch: int,
    classed: bool = True,
    positioned: bool = True,
    normed: bool = False,
) -> Nodes:
    """Build the tokens of the class and of the `mask`, positions, the convolution of patches, and a norm if there is one.

    `patch` is the default side of a patch, of which `d` numbers are made.
    """
    kernel, (height, width) = sides(config, "patch_size", default=patch), patch_grid(config, patch=patch)
    return under(
        "embeddings",
        parameter("cls_token", 1, 1, d) if classed else (),
        mask,
        parameter("position_embeddings", 1, height * width + classed, d) if positioned else (),
        convolution("patch_embeddings.projection", channels(config), d, *kernel),
        norm("norm", d, bias=True) if normed else (),
        hollow("dropout"),
    )


def attention(config: Config, d: int, *, key_bias: bool = True) -> Nodes:
    """Build q, k, v and o, whose heads may have a width of their own."""
    heads = config.size("num_attention_heads", default=12)
    return projections(config, d, heads * head_width(config, d, heads), key_bias=key_bias)


def projections(config: Config, d: int, inner: int, *, key_bias: bool = True) -> Nodes:
    """Build q, k, v and o between `d` and the width of all heads together."""
    bias = config.flag("qkv_bias", default=True)
    return [
        *linear("q_proj", d, inner, bias=bias),
        *linear("k_proj", d, inner, bias=bias and key_bias),
        *linear("v_proj", d, inner, bias=bias),
        *linear("o_proj", inner, d, bias=True),
    ]


def layer(d: int, attention: Nodes, feed_forward: Nodes) -> Nodes:
    """Build `ViTLayer`, which has a norm before its attention and one before its feed-forward."""
    return [
        *under("attention", attention),
        *norm("layernorm_before", d, bias=True),
        *norm("layernorm_after", d, bias=True),
        *under("mlp", feed_forward),
        *hollow("dropout"),
    ]


def pixels(config: Config, d: int, *, stride: int) -> Nodes:
    """Build the decoder that predicts every pixel of a patch, then shuffles the pixels into an image."""
    stride = config.size("encoder_stride", default=stride)
    return under("decoder", convolution("0", d, stride**2 * channels(config), 1, 1), hollow("1"))
