"""X-LoRA: a classifier mixes LoRA adapters that were trained before.

Buehler and Buehler, "X-LoRA: Mixture of Low-Rank Adapter Experts", arXiv:2402.07148; `peft.tuners.xlora`.
"""

from __future__ import annotations

from lora_cli.errors import InvalidInput
from lora_cli.methods.method import Method, Settings, flag, ignored, real, size


def check(_: Settings) -> None:
    """Refuse to count: how large it is follows from trained adapters that PEFT loads, and is in no field."""
    raise InvalidInput(
        "method xlora mixes trained LoRA adapters, which PEFT loads from where `adapters` says, so that its size does "
        "not follow from its config; count each of them by its own --adapter"
    )


METHOD = Method(
    name="xlora",
    title="X-LoRA: Mixture of Low-Rank Adapter Experts",
    arxiv="2402.07148",
    formula="(hidden_size + 1) * len(adapters), beside the adapters",
    fields={
        "hidden_size": size(4096),
        "adapters": ignored,
        "enable_softmax": flag(True),
        "enable_softmax_topk": flag(False),
        "layerwise_scalings": flag(False),
        "xlora_depth": size(1),
        "xlora_size": size(2048),
        "xlora_dropout_p": real(0.2),
        "use_trainable_adapters": flag(False),
        "softmax_temperature": real(1.0),
        "top_k_lora": ignored,
        "scaling_pass_value": real(0.0),
        "global_scaling_weight": real(1.0),
    },
    rank=None,
    knob=None,
    shared_fields=frozenset(),
    check_settings=check,
)
