"""GLM-4.5 to 4.7 with experts: `transformers.models.glm4_moe`, which leaves the multi-token-prediction layers out."""

from __future__ import annotations

from lora_cli.models.config import Config, size
from lora_cli.models.family import Family, PromptSizes
from lora_cli.models.parts.attention import attention, heads
from lora_cli.models.parts.decoder import TASKS, classes
from lora_cli.models.parts.decoder_pass import head_norms, rotated
from lora_cli.models.parts.experts import dense_first, experts_with_shared, mixed_decoder
from lora_cli.models.parts.feed_forward import gated
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layers import Nodes, norm
from lora_cli.models.parts.mixture_pass import experts_beside_shared, mixed_body
from lora_cli.models.parts.passes.rotary import rotated_width

hidden = size("hidden_size", 4096)
vocabulary = size("vocab_size", 151552)


def body(config: Config) -> Nodes:
    """Build `Glm4MoeModel`."""
    d = hidden(config)
    shape = heads(config, d, count=96, groups=8)
    projections = attention(d, *shape, bias=config.flag("attention_bias", default=False))
    normed = ("q_norm", "k_norm") if config.flag("use_qk_norm", default=False) else ()
    return mixed_decoder(
        vocabulary(config),
        d,
        dense_first(config, config.layers("num_hidden_layers", default=46), dense=1),
        (*projections, *(node for name in normed for node in norm(name, shape[-1]))),
        experts=experts_with_shared(config, d, count=128, inner=1408, shared=1),
        dense=gated(d, config.size("intermediate_size", default=10944)),
    )


def forward(config: Config) -> Body:
    """Describe the pass through `Glm4MoeModel`."""
    shape = heads(config, hidden(config), count=96, groups=8)
    attended = rotated(shape, config)._replace(rotary=rotated_width(config, shape[2], default=0.5), by_heads=True)
    if config.flag("use_qk_norm", default=False):
        attended = attended._replace(norms=head_norms(), norm_time="all_projected")
    sparse = dense_first(config, config.layers("num_hidden_layers", default=46), dense=1)
    return mixed_body(config, attended, sparse, experts_beside_shared(config, groups=1, normed=True))


FAMILY = Family(
    "glm4_moe",
    classes("Glm4Moe", body, hidden=hidden, vocabulary=vocabulary, tasks=TASKS[:2]),
    PromptSizes(hidden=4096, layers=46, heads=96, groups=8),
    forward=forward,
)
