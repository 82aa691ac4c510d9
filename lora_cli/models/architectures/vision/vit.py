"""ViT: `transformers.models.vit`."""

from __future__ import annotations

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import head_width
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.heads import image_classifier
from lora_cli.models.parts.layers import Nodes, Skeleton, convolution, hollow, linear, norm, parameter, repeat, under

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


def _hidden(config: Config) -> int:
    return config.size("hidden_size", default=768)


def _channels(config: Config) -> int:
    return config.size("num_channels", default=3)


def _embeddings(config: Config, *, masked: bool) -> Nodes:
    d = _hidden(config)
    height, width = sides(config, "image_size", default=224)
    patch = sides(config, "patch_size", default=16)
    # The convolution leaves out the edge of an image that is not a multiple of the patch.
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
    width = head_width(config, d, heads)
    bias = config.flag("qkv_bias", default=True)
    return [
        *linear("q_proj", d, heads * width, bias=bias),
        *linear("k_proj", d, heads * width, bias=bias),
        *linear("v_proj", d, heads * width, bias=bias),
        *linear("o_proj", heads * width, d, bias=True),
    ]


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
            under("mlp", ungated(d, inner)),
            hollow("dropout"),
        ),
        *norm("layernorm", d, bias=True),
    ]


def _images(config: Config) -> Skeleton:
    head = image_classifier(_hidden(config), config.labels())
    return Skeleton([*under("vit", _body(config)), *head], embeddings=f"vit.{PATCHES}")


def _bare(config: Config) -> Skeleton:
    d = _hidden(config)
    pooled = config.number("pooler_output_size", default=0) or d
    pooler = under("pooler", linear("dense", d, pooled, bias=True), hollow("activation"))
    return Skeleton([*_body(config), *pooler], embeddings=PATCHES)


def _masked(config: Config) -> Skeleton:
    """Build `ViTForMaskedImageModeling`, which predicts every pixel of a patch, then shuffles the pixels into an image."""
    stride = config.size("encoder_stride", default=16)
    head = under("decoder", convolution("0", _hidden(config), stride**2 * _channels(config), 1, 1), hollow("1"))
    return Skeleton([*under("vit", _body(config, masked=True)), *head], embeddings=f"vit.{PATCHES}")


FAMILY = Family(
    "vit",
    {
        "ViTForImageClassification": _images,
        "ViTModel": _bare,
        "ViTForMaskedImageModeling": _masked,
    },
    PromptSizes(hidden=768, layers=12, heads=12, has_vocabulary=False),
)
