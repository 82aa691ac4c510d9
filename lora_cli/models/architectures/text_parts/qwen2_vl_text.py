"""The text decoder of Qwen2-VL: `transformers.models.qwen2_vl`."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention
from lora_cli.models.parts.decoder import block, classes, decoder
from lora_cli.models.parts.decoder_pass import gated_layers, rotated
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layer_windows import switched_windows
from lora_cli.models.parts.layers import Nodes

hidden = size("hidden_size", 8192)
vocabulary = size("vocab_size", 152064)
SIZES = PromptSizes(hidden=8192, layers=80, heads=64, groups=8)


def heads(config: Config) -> tuple[int, int, int]:
    """Return the number of heads, the number of groups and the width of a head."""
    count = config.size("num_attention_heads", default=64)
    given = "num_key_value_heads" in config.fields
    groups = config.size("num_key_value_heads", default=count if given else 8)
    return count, groups, config.share(hidden(config), "hidden_size", count, "num_attention_heads")


def body(config: Config) -> Nodes:
    """Build `Qwen2VLTextModel`, whose heads share the hidden size whatever `head_dim` says."""
    d = hidden(config)
    return decoder(
        vocabulary(config),
        d,
        config.layers("num_hidden_layers", default=80),
        block(d, attention(d, *heads(config), bias=True), gated(d, config.size("intermediate_size", default=29568))),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `Qwen2VLTextModel`, where each text has positions of its own."""
    windows = switched_windows(config, config.layers("num_hidden_layers", default=80), first=80)
    attended = rotated(heads(config), config)._replace(each_text=True)
    return gated_layers(config, (attended._replace(window=window) for window in windows))


FAMILY = Family(
    "qwen2_vl_text",
    classes("Qwen2VLText", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model"]),
    SIZES,
    forward=forward,
)
