"""The text decoder of Qwen3-VL, which is Qwen3's: `transformers.models.qwen3_vl`."""

from __future__ import annotations

from lora_cli.models.architectures.decoders import qwen3
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.attention import heads
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.decoder_pass import gated_pass, head_norms, layer_pass, rotated
from lora_cli.models.parts.forward_pass import Body


def forward(config: Config) -> Body:
    """Describe the pass through `Qwen3VLTextModel`, where each text has positions of its own."""
    attended = rotated(heads(config, qwen3.hidden(config), count=32, groups=32, width=128), config)
    attended = attended._replace(norms=head_norms(), each_text=True)
    return Body([layer_pass(attended, gated_pass(config))] * config.layers("num_hidden_layers", default=32))


FAMILY = Family(
    "qwen3_vl_text",
    classes("Qwen3VLText", qwen3.body, hidden=qwen3.hidden, vocabulary=qwen3.vocabulary, tasks=["Model"]),
    qwen3.FAMILY.sizes,
    forward=forward,
)
