"""HiRA: an update of high rank, as the product of two thin matrices times the weight itself, value by value.

Huang et al., "HiRA: Parameter-Efficient Hadamard High-Rank Adaptation for Large Language Models", ICLR 2025;
`peft.tuners.hira.layer`: `update_layer` of each layer.
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.methods.method import (
    LAYERS_WITH_TEXT,
    LINEARS,
    PATTERN_WITH_TEXT,
    TARGETING,
    Method,
    Settings,
    either,
    flag,
    ignored,
    real,
    text,
)
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield A and B, as LoRA's: r·(d + h) parameters, on a convolution with the kernel in A.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), Settings({"init_weights": True}))]
    [('hira_A', (2, 6)), ('hira_B', (8, 2))]
    """
    module = place.module
    start = own.init_weights
    if module.kind in LINEARS and isinstance(start, str) and start and start.lower() != "gaussian":
        raise InvalidInput(
            f"init_weights {quote(start)} does not go with {quote_long(module.name)}; give true or 'gaussian'"
        )
    if module.groups > 1:
        raise InvalidInput(
            f"{quote_long(module.name)} is a convolution of {module.groups} groups, and HiRA takes 1; leave it out"
        )
    key = "hira_embedding_" if module.kind == "Embedding" else "hira_"
    yield parameter(f"{key}A", place.r, module.d, *module.kernel)
    yield parameter(f"{key}B", module.h, place.r, *(1 for _ in module.kernel))


METHOD = Method(
    name="hira",
    title="HiRA: Hadamard High-Rank Adaptation",
    arxiv=None,
    formula="r * (d + h)",
    tensors=tensors,
    fields={
        "hira_dropout": real(0.0, least=0, most=1),
        "fan_in_fan_out": flag(False),
        "init_weights": either(flag(True), text(None)),
        # PEFT looks ranks up in it and then takes r: `dispatch_default`.
        "rank_pattern": ignored,
    },
    rank=32,
    module_kinds=(*LINEARS, "Embedding", "Conv1d", "Conv2d"),
    shared_fields=TARGETING,
    layer_rules=frozenset({LAYERS_WITH_TEXT, PATTERN_WITH_TEXT}),
)
