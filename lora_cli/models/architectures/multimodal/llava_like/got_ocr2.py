"""GOT-OCR 2, whose tower is that of Segment Anything: `transformers.models.got_ocr2`."""

from __future__ import annotations

from lora_cli.models.composite import Composite, Section, Tower, own_ties
from lora_cli.models.config import Config
from lora_cli.models.parts.hybrid import indices
from lora_cli.models.parts.layers import Nodes, Skeleton, convolution, hollow, linear, listed, norm, parameter, under
from lora_cli.models.parts.projectors import PROJECTOR
from lora_cli.models.registry import hidden_size

# The layers that see the whole image; the others see windows of it.
WHOLE = frozenset({2, 5, 8, 11})
TEXT = {
    "vocab_size": 151860,
    "hidden_size": 1024,
    "intermediate_size": 2816,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "tie_word_embeddings": True,
}


def _attention(config: Config, d: int, side: int) -> Nodes:
    heads = config.size("num_attention_heads", default=12)
    relative = 2 * side - 1, d // heads
    positions = (*parameter("rel_pos_h", *relative), *parameter("rel_pos_w", *relative))
    return under(
        "attn",
        linear("qkv", d, 3 * d, bias=config.flag("qkv_bias", default=True)),
        linear("proj", d, d, bias=True),
        positions if config.flag("use_rel_pos", default=True) else (),
    )


def _layer(config: Config, d: int, side: int) -> Nodes:
    inner = config.size("mlp_dim", default=3072)
    return [
        *norm("layer_norm1", d, bias=True),
        *_attention(config, d, side),
        *norm("layer_norm2", d, bias=True),
        *under("mlp", linear("lin1", d, inner, bias=True), linear("lin2", inner, d, bias=True), hollow("act")),
    ]


def channels(config: Config) -> int:
    """Return the channels in which the tower says what it sees."""
    return config.size("output_channels", default=256)


def tower(config: Config) -> Skeleton:
    """Build `GotOcr2VisionEncoder`."""
    d, patch = config.size("hidden_size", default=768), config.size("patch_size", default=16)
    side, window = config.size("image_size", default=1024) // patch, config.number("window_size", default=14)
    whole, h = indices(config, "global_attn_indexes"), channels(config)
    whole = WHOLE if whole is None else whole
    layers = range(config.layers("num_hidden_layers", default=12))
    absolute = config.flag("use_abs_pos", default=True)
    nodes = [
        *convolution("patch_embed.projection", config.size("num_channels", default=3), d, patch, patch),
        *(parameter("pos_embed", 1, side, side, d) if absolute else ()),
        *listed("layers", (_layer(config, d, side if index in whole else window or side) for index in layers)),
        *convolution("neck.conv1", d, h, 1, 1, bias=False),
        *norm("neck.layer_norm1", h, bias=True),
        *convolution("neck.conv2", h, h, 3, 3, bias=False),
        *norm("neck.layer_norm2", h, bias=True),
    ]
    return Skeleton(nodes)


def projector(_config: Config, tower: Config, text: Config) -> Nodes:
    """Build `GotOcr2MultiModalProjector`."""
    d, h = channels(tower), hidden_size(text)
    return under(
        PROJECTOR,
        convolution("conv_upsampler1", d, 2 * d, 3, 3, bias=False),
        convolution("conv_upsampler2", 2 * d, h, 3, 3, bias=False),
        linear("multimodal_projector", h, h, bias=True),
    )


FAMILY = Composite(
    text=Section(name="text_config", model_type="qwen2", missing=TEXT),
    towers=[Tower("vision_tower", Section(name="vision_config", build=tower), projector)],
).family("got_ocr2", "GotOcr2", tied=own_ties)
