"""HiRA: a high-rank update, the product of two thin matrices times the weight itself, value by value.

Huang et al., "HiRA: Parameter-Efficient Hadamard High-Rank Adaptation for Large Language Models", ICLR 2025;
`peft.tuners.hira.layer`: `update_layer` of each layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput, quote, quote_long
from lora_cli.methods.config.adapter_config import LAYERS_WITH_TEXT, PATTERN_WITH_TEXT, TARGETING
from lora_cli.methods.config.settings import Dropout, Written, either, flag, ignored, probability, text
from lora_cli.methods.method import LINEARS, Method
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


@dataclass(frozen=True, slots=True)
class Settings:
    """HiRA's own fields."""

    hira_dropout: Dropout = probability()
    fan_in_fan_out: bool = flag(False)
    init_weights: Annotated[bool | str | None, "What A and B start from: true is PEFT's default; or gaussian"] = either(
        flag(True), text(None), "gaussian"
    )
    rank_pattern: Annotated[object, Written("object", {})] = ignored()


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield A and B as in LoRA, r·(d + h) parameters; A holds a convolution's kernel.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), Settings(init_weights=True))]
    [('hira_A', (2, 6)), ('hira_B', (8, 2))]
    """
    module = place.module
    start = own.init_weights
    if module.kind in LINEARS and isinstance(start, str) and start and start.lower() != "gaussian":
        raise InvalidInput(
            f"init_weights {quote(start)} cannot initialise {quote_long(module.name)}; give true or 'gaussian'"
        )
    if module.groups > 1:
        raise InvalidInput(
            f"{quote_long(module.name)} is a convolution with {module.groups} groups, and HiRA only adapts those with 1; leave it out"
        )
    key = "hira_embedding_" if module.kind == "Embedding" else "hira_"
    yield parameter(f"{key}A", place.r, module.d, *module.kernel)
    yield parameter(f"{key}B", module.h, place.r, *(1 for _ in module.kernel))


METHOD = Method(
    name="hira",
    title="HiRA: Hadamard High-Rank Adaptation",
    arxiv=None,
    formula="r * (d + h)",
    settings=Settings,
    tensors=tensors,
    rank=32,
    module_kinds=(*LINEARS, "Embedding", "Conv1d", "Conv2d", "Conv3d"),
    shared_fields=TARGETING,
    layer_rules=frozenset({LAYERS_WITH_TEXT, PATTERN_WITH_TEXT}),
)
