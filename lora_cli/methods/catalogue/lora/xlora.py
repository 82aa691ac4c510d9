"""X-LoRA: a classifier mixes LoRA adapters that were trained before.

Buehler and Buehler, "X-LoRA: Mixture of Low-Rank Adapter Experts", arXiv:2402.07148; `peft.tuners.xlora`.
"""

from __future__ import annotations

from dataclasses import dataclass

from lora_cli.errors import InvalidInput, argument
from lora_cli.methods.config.settings import flag, ignored, real, size
from lora_cli.methods.method import Method


@dataclass(frozen=True, slots=True)
class Settings:
    """X-LoRA's own fields."""

    hidden_size: int = size(4096)
    adapters: object = ignored()
    enable_softmax: bool = flag(True)
    enable_softmax_topk: bool = flag(False)
    layerwise_scalings: bool = flag(False)
    xlora_depth: int = size(1)
    xlora_size: int = size(2048)
    xlora_dropout_p: float = real(0.2)
    use_trainable_adapters: bool = flag(False)
    softmax_temperature: float = real(1.0)
    top_k_lora: object = ignored()
    scaling_pass_value: float = real(0.0)
    global_scaling_weight: float = real(1.0)

    def __post_init__(self) -> None:
        """Refuse to count: the size depends on trained adapters that PEFT loads, and no field says it."""
        raise InvalidInput(
            "method xlora mixes trained LoRA adapters that PEFT loads from the paths in `adapters`, so its size does "
            f"not follow from its config; count each of them with {argument('adapter')}"
        )


METHOD = Method(
    name="xlora",
    title="X-LoRA: Mixture of Low-Rank Adapter Experts",
    arxiv="2402.07148",
    formula="(hidden_size + 1) * len(adapters), beside the adapters",
    settings=Settings,
    rank=None,
    knob=None,
    shared_fields=frozenset(),
    refuses_mamba_parts=True,
)
