"""The text models of Gemma 3: `transformers.models.gemma3`."""

from __future__ import annotations

from lora_cli.models.architectures.decoders.gemma2 import SIZES, four_norms, hidden, sandwiched
from lora_cli.models.config import Config, size
from lora_cli.models.family import Family
from lora_cli.models.parts.attention import heads
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.decoder_pass import head_norms, heads_with, is_capped, rotated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layers import Nodes
from lora_cli.models.parts.passes.class_heads import SoftCapped

vocabulary = size("vocab_size", 262208)


def body(config: Config) -> Nodes:
    """Build `Gemma3TextModel`."""
    return four_norms(config, vocabulary(config), head_norms=True)


def forward(config: Config) -> Body:
    """Describe the pass through `Gemma3TextModel`, which has other angles where there is a window."""
    attention = rotated(heads(config, hidden(config), count=8, groups=4, width=256), config)
    attention = attention._replace(norms=head_norms("rms_float"), norm_time="all_projected")
    return sandwiched(config, attention, pattern=config.size("sliding_window_pattern", default=6), own_angles=True)


HEADS = heads_with(
    lambda config: (SoftCapped(),) if is_capped(config, "final_logit_softcapping", default=False) else ()
)
FAMILY = Family(
    "gemma3_text",
    {
        **classes("Gemma3", body, hidden=hidden, vocabulary=vocabulary, tied_by_default=True, tasks=["ForCausalLM"]),
        **classes(
            "Gemma3Text", body, hidden=hidden, vocabulary=vocabulary, tasks=["Model", "ForSequenceClassification"]
        ),
    },
    SIZES,
    forward=forward,
    heads=HEADS,
)
