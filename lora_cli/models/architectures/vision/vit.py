"""ViT: `transformers.models.vit`."""

from __future__ import annotations

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config
from lora_cli.models.parts.layers import Nodes, Skeleton, convolution, hollow, linear, norm, parameter, repeat, under

PATCHES = "embeddings.patch_embeddings"


def sides(config: Config, name: str, *, default: int) -> tuple[int, int]:
    """Return height and width of a field that is one number for both, or a list of the two."""
    if not isinstance(config.fields.get(name), list):
        side = config.size(name, default=default)
        return side, side
    listed = config.items(name) or []
    if len(listed) != 2 or any(value is None for value in listed):
        raise InvalidInput(f"{config.source}: {name} is {quote(listed)}; it must be one size or a list of two")
    height, width = (Config({name: value}, config.source).size(name, default=default) for value in listed)
    return height, width


def _hidden(config: Config) -> int:
    return config.size("hidden_size", default=768)


def _channels(config: Config) -> int:
    return config.size("num_channels", default=3)


def _embeddings(config: Config, *, masked: bool) -> Nodes:
    d = _hidden(config)
    height, width = sides(config, "image_size", default=224)
    patch = sides(config, "patch_size", default=16)
    # An image that is no multiple of the patch loses its edge, as in the convolution.
    patches = (height // patch[0]) * (width // patch[1])
    return under(
        "embeddings",
        parameter("cls_token", 1, 1, d),
        parameter("mask_token", 1, 1, d) if masked else (),
        parameter("position_embeddings", 1, patches + 1, d),
        convolution("patch_embeddings.projection", _channels(config), d, *patch),
        hollow("dropout"),
    )


def _attention(config: Config) -> Nodes:
    d = _hidden(config)
    heads = config.size("num_attention_heads", default=12)
    width = config.size("head_dim", default=0) or config.share(d, "hidden_size", heads, "num_attention_heads")
    bias = config.flag("qkv_bias", default=True)
    return [
        *linear("q_proj", d, heads * width, bias=bias),
        *linear("k_proj", d, heads * width, bias=bias),
        *linear("v_proj", d, heads * width, bias=bias),
        *linear("o_proj", heads * width, d, bias=True),
    ]


def feed_forward(d: int, inner: int) -> Nodes:
    """Give `ViTMLP`, which CLIP has as well."""
    return under("mlp", linear("fc1", d, inner, bias=True), hollow("activation_fn"), linear("fc2", inner, d, bias=True))


def classifier(d: int, labels: int) -> Nodes:
    """Give the head that sorts images, which passes on what it gets where there are no labels."""
    return linear("classifier", d, labels, bias=True) if labels else hollow("classifier")


def _body(config: Config, *, masked: bool = False) -> Nodes:
    d = _hidden(config)
    inner = config.size("intermediate_size", default=3072)
    return [
        *_embeddings(config, masked=masked),
        *repeat(
            "layers",
            config.layers("num_hidden_layers", default=12),
            under("attention", _attention(config)),
            norm("layernorm_before", d, bias=True),
            norm("layernorm_after", d, bias=True),
            feed_forward(d, inner),
            hollow("dropout"),
        ),
        *norm("layernorm", d, bias=True),
    ]


def _images(config: Config) -> Skeleton:
    head = classifier(_hidden(config), config.labels())
    return Skeleton([*under("vit", _body(config)), *head], embeddings=f"vit.{PATCHES}")


def _bare(config: Config) -> Skeleton:
    d = _hidden(config)
    pooled = config.number("pooler_output_size", default=0) or d
    pooler = under("pooler", linear("dense", d, pooled, bias=True), hollow("activation"))
    return Skeleton([*_body(config), *pooler], embeddings=PATCHES)


def _masked(config: Config) -> Skeleton:
    """Give `ViTForMaskedImageModeling`, which gives every pixel that a patch stands for, then shuffles them in place."""
    stride = config.size("encoder_stride", default=16)
    head = under("decoder", convolution("0", _hidden(config), stride**2 * _channels(config), 1, 1), hollow("1"))
    return Skeleton([*under("vit", _body(config, masked=True)), *head], embeddings=f"vit.{PATCHES}")


CLASSES = {
    "vit": {
        "ViTForImageClassification": _images,
        "ViTModel": _bare,
        "ViTForMaskedImageModeling": _masked,
    }
}
