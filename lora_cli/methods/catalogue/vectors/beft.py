"""BEFT: a trained bias beside each value projection.

"BEFT: Bias-Efficient Fine-Tuning of Language Models in Low-Data Regimes", arXiv:2509.15974;
`peft.tuners.beft.layer.BeftLayer.update_layer`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.methods.method import Method, Settings, flag
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


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield a bias an output, whether the module has one or not.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 0), Settings({}))]
    [('beft_bias', (1, 8))]
    """
    yield parameter("beft_bias", 1, place.module.h)


METHOD = Method(
    name="beft",
    title="BEFT: Bias-Efficient Fine-Tuning",
    arxiv="2509.15974",
    formula="h",
    tensors=tensors,
    fields={"init_weights": flag(True)},
    rank=None,
    knob=None,
    shared_fields=frozenset({"target_modules", "modules_to_save"}),
    default_targets={**dict.fromkeys(TARGETS), **VALUES},
)
