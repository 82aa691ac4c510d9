"""ViT: `transformers.models.vit`."""

from __future__ import annotations

from lora_cli.errors import InvalidInput, quote
from lora_cli.models.config import Config
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import head_width
from lora_cli.models.parts.feed_forward import ungated
from lora_cli.models.parts.forward_pass import Attention, Body, Norm, Patches, plain, pre_norm
from lora_cli.models.parts.heads import image_classifier
from lora_cli.models.parts.layers import Nodes, Skeleton, convolution, hollow, linear, norm, parameter, repeat, under
from lora_cli.models.parts.passes.class_heads import Dense, FirstToken, Head

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


def embeddings(config: Config, d: int, *tokens: Nodes, patch: int, normed: bool = False) -> Nodes:
    """Build `tokens` and positions, the convolution that makes `d` numbers of a patch, and a norm if there is one."""
    kernel = sides(config, "patch_size", default=patch)
    return under(
        "embeddings",
        *tokens,
        convolution("patch_embeddings.projection", channels(config), d, *kernel),
        norm("norm", d, bias=True) if normed else (),
        hollow("dropout"),
    )


def attention(config: Config, d: int, *, key_bias: bool = True) -> Nodes:
    """Build q, k, v and o, whose heads may have a width of their own."""
    heads = config.size("num_attention_heads", default=12)
    inner = heads * head_width(config, d, heads)
    bias = config.flag("qkv_bias", default=True)
    return [
        *linear("q_proj", d, inner, bias=bias),
        *linear("k_proj", d, inner, bias=bias and key_bias),
        *linear("v_proj", d, inner, bias=bias),
        *linear("o_proj", inner, d, bias=True),
    ]


def pixels(config: Config, d: int, *, stride: int) -> Nodes:
    """Build the decoder that predicts every pixel of a patch, then shuffles the pixels into an image."""
    stride = config.size("encoder_stride", default=stride)
    return under("decoder", convolution("0", d, stride**2 * channels(config), 1, 1), hollow("1"))


def _hidden(config: Config) -> int:
    return config.size("hidden_size", default=768)


def _embeddings(config: Config, *, masked: bool) -> Nodes:
    d = _hidden(config)
    height, width = patch_grid(config, patch=16)
    return embeddings(
        config,
        d,
        parameter("cls_token", 1, 1, d),
        parameter("mask_token", 1, 1, d) if masked else (),
        parameter("position_embeddings", 1, height * width + 1, d),
        patch=16,
    )


def _body(config: Config, *, masked: bool = False) -> Nodes:
    d = _hidden(config)
    inner = config.size("intermediate_size", default=3072)
    return [
        *_embeddings(config, masked=masked),
        *repeat(
            "layers",
            config.layers("num_hidden_layers", default=12),
            under("attention", attention(config, d)),
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
    nodes = [*under("vit", _body(config, masked=True)), *pixels(config, _hidden(config), stride=16)]
    return Skeleton(nodes, embeddings=f"vit.{PATCHES}")


def forward(config: Config) -> Body:
    """Describe the pass through `ViTModel`."""
    d, heads = _hidden(config), config.size("num_attention_heads", default=12)
    image, patches = sides(config, "image_size", default=224), patch_grid(config, patch=16)
    dropout = config.real("hidden_dropout_prob", default=0.0)
    attention = Attention(
        heads,
        heads,
        head_width(config, d, heads),
        "attention",
        dropout=config.real("attention_probs_dropout_prob", default=0.0),
        causal=False,
    )
    inner = plain("mlp", "fc1", "fc2", config.text("hidden_act", default="gelu"))
    names = "layernorm_before", "layernorm_after"
    return Body(
        [pre_norm(attention, inner, "layer", dropout, names=names)] * config.layers("num_hidden_layers", default=12),
        Norm("layernorm", "layer"),
        Patches(patches[0] * patches[1] + 1, channels(config) * image[0] * image[1], PATCHES, dropout=dropout),
    )


FAMILY = Family(
    "vit",
    {
        "ViTForImageClassification": _images,
        "ViTModel": _bare,
        "ViTForMaskedImageModeling": _masked,
    },
    PromptSizes(hidden=768, layers=12, heads=12, has_vocabulary=False),
    forward=forward,
    heads={"ForImageClassification": lambda _: Head((FirstToken(), Dense("classifier")), "sequences")},
)
