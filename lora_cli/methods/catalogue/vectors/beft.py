"""BEFT: adds a trained bias to each value projection.

"BEFT: Bias-Efficient Fine-Tuning of Language Models in Low-Data Regimes", arXiv:2509.15974;
`peft.tuners.beft.layer.BeftLayer.update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lora_cli.methods.config.settings import flag
from lora_cli.methods.method import Method
from lora_cli.methods.place import Place
from lora_cli.methods.targeting.default_targets import TARGETS
from lora_cli.methods.tensor import Tensor, parameter

VALUES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("t5", "mt5"), ("v",)),
    **dict.fromkeys(("bert", "roberta"), ("value",)),
    "deberta-v2": ("value_proj",),
    **dict.fromkeys(
        (
            *("bart", "gemma", "gemma2", "gemma3_text", "gpt_neo", "gptj", "llama", "llama4", "mistral", "mixtral"),
            *("opt", "phi", "qwen2", "qwen3"),
        ),
        ("v_proj",),
    ),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """BEFT's own fields."""

    init_weights: bool = flag(True)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield a bias per output, whether the module has one or not.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 0), Settings())]
    [('beft_bias', (1, 8))]
    """
    yield parameter("beft_bias", 1, place.module.h)


METHOD = Method(
    name="beft",
    title="BEFT: Bias-Efficient Fine-Tuning",
    arxiv="2509.15974",
    formula="h",
    settings=Settings,
    tensors=tensors,
    rank=None,
    knob=None,
    shared_fields=frozenset({"target_modules", "modules_to_save"}),
    default_targets={**dict.fromkeys(TARGETS), **VALUES},
)
