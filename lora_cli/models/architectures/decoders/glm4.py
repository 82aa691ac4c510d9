"""GLM 4 of 2025, such as GLM-4-9B-0414: `transformers.models.glm4`."""

from __future__ import annotations

from lora_cli.models.architectures.decoders import glm
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.decoder import BUT_QUESTIONS, PRE_NORMS, classes
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layers import Nodes


def body(config: Config) -> Nodes:
    """Build `Glm4Model`, which norms what enters a block and what leaves it."""
    return glm.of_norms(config, *PRE_NORMS, "post_self_attn_layernorm", "post_mlp_layernorm")


def forward(config: Config) -> Body:
    """Describe the pass through `Glm4Model`."""
    return glm.pass_of_norms(config, ("post_self_attn_layernorm", "post_mlp_layernorm"))


FAMILY = Family(
    "glm4",
    classes("Glm4", body, hidden=glm.hidden, vocabulary=glm.vocabulary, tasks=BUT_QUESTIONS),
    glm.FAMILY.sizes,
    forward=forward,
)
