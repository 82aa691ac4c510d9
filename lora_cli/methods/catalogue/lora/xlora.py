"""X-LoRA: a classifier mixes LoRA adapters that were trained before.

Buehler and Buehler, "X-LoRA: Mixture of Low-Rank Adapter Experts", arXiv:2402.07148; `peft.tuners.xlora`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from lora_cli.errors import InvalidInput, argument
from lora_cli.methods.config.settings import Written, flag, ignored, real, size
from lora_cli.methods.method import Method


@dataclass(frozen=True, slots=True)
class Settings:
    """X-LoRA's own fields."""

    hidden_size: Annotated[int, "Width of the model", Written("integer")] = size(4096)
    adapters: Annotated[object, "Paths or Hub names of the trained adapters, by name", Written("object")] = ignored()
    enable_softmax: Annotated[bool, "Whether the adapters' weights add up to 1 (softmax)"] = flag(True)
    enable_softmax_topk: Annotated[bool, "Whether the weights of the top_k_lora best adapters add up to 1"] = flag(
        False
    )
    layerwise_scalings: Annotated[bool, "Whether each layer has weights of its own"] = flag(False)
    xlora_depth: Annotated[int, "Number of layers of the classifier"] = size(1)
    xlora_size: Annotated[int, "Width of the classifier between its layers"] = size(2048)
    xlora_dropout_p: Annotated[float, "Probability of dropout in the classifier"] = real(0.2)
    use_trainable_adapters: Annotated[bool, "Whether the adapters are trained on"] = flag(False)
    softmax_temperature: Annotated[float, "A lower one makes the weights differ more"] = real(1.0)
    top_k_lora: Annotated[object, "Number of adapters that a token uses; null for all", Written("integer")] = ignored()
    scaling_pass_value: Annotated[float, "Weight of the adapters in the first pass, which the classifier reads"] = real(
        0.0
    )
    global_scaling_weight: Annotated[float, "Factor on every adapter's output"] = real(1.0)

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
