"""OLMo 3: `transformers.models.olmo3`, whose modules are those of OLMo 2."""

from __future__ import annotations

from lora_cli.models.architectures.decoders import olmo2
from lora_cli.models.config import Config
from lora_cli.models.family import Family
from lora_cli.models.parts.decoder import classes
from lora_cli.models.parts.forward_pass import Body
from lora_cli.models.parts.layer_windows import all_but_every, layer_windows, optional_window


def forward(config: Config) -> Body:
    """Describe the pass through `Olmo3Model`, which has angles of its own where there is a window."""
    attention, layers = olmo2.attention_pass(config), config.layers("num_hidden_layers", default=32)
    windows = layer_windows(config, layers, optional_window(config, 4096), all_but_every(4))
    attentions = [attention._replace(window=window, positions=str(window)) for window in windows]
    return olmo2.of_attentions(config, attentions)._replace(
        reaches=frozenset({(True, None), (True, optional_window(config, 4096))})
    )


FAMILY = Family(
    "olmo3",
    classes("Olmo3", olmo2.body, hidden=olmo2.hidden, vocabulary=olmo2.vocabulary, tasks=olmo2.TASKS),
    olmo2.FAMILY.sizes,
    forward=forward,
)
