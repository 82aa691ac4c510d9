"""DeLoRA: LoRA with normalised parts, so that one trained number bounds the strength of the update.

Bini et al., "DeLoRA: Decoupling Angles and Strength in Low-rank Adaptation", arXiv:2503.18225;
`peft.tuners.delora.layer.DeloraLayer`: `update_layer`, `reset_delora_parameters`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput
from lora_cli.methods.config.adapter_config import LAYERS_WITH_TEXT, PATTERN_ALONE, TARGETING
from lora_cli.methods.config.peft_fields import scales
from lora_cli.methods.config.settings import flag, mapping, probability, real
from lora_cli.methods.method import WITH_FLOATS, Method
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter


@dataclass(frozen=True, slots=True)
class Settings:
    """DeLoRA's own fields."""

    delora_lambda: Annotated[float, "Bound of the update's norm at the start of training"] = real(15)
    module_dropout: float = probability()
    init_weights: bool = flag(True)
    lambda_pattern: Annotated[
        Mapping[str, float | InvalidInput], "Other values of delora_lambda, by module name or regular expression"
    ] = mapping(scales)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield A, B and lambda, r·(d + h) + 1 parameters, and the saved norms of the weight's columns.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), Settings()) if t.trained]
    [('delora_A', (2, 6)), ('delora_B', (8, 2)), ('delora_lambda', (1,))]
    """
    module = place.module
    yield parameter("delora_A", place.r, module.d)
    yield parameter("delora_B", module.h, place.r)
    yield parameter("delora_lambda", 1)
    yield buffer("delora_w_norm", module.d)


METHOD = Method(
    name="delora",
    title="DeLoRA: Decoupled Low-Rank Adaptation",
    arxiv="2503.18225",
    formula="r * (d + h) + 1",
    settings=Settings,
    tensors=tensors,
    quantised_layers=WITH_FLOATS,
    shared_fields=TARGETING | {"bias", "rank_pattern"},
    never_null=("lambda_pattern", "rank_pattern"),
    layer_rules=frozenset({LAYERS_WITH_TEXT, PATTERN_ALONE}),
)
