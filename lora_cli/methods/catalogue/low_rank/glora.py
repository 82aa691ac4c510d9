"""GLoRA: scales and shifts the weight and the bias, W + W·A + B and b + b·D + E + W·C.

Chavan et al., "One-for-All: Generalized LoRA for Parameter-Efficient Fine-tuning", arXiv:2306.07967;
`peft.tuners.glora.layer`: `GloraLayer.update_layer`, `GloraLoraPath`, `GloraVectorPath`, `GloraEmptyPath`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from lora_cli.methods.config.settings import flag, text
from lora_cli.methods.method import Method
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import OF_BASE, Tensor, buffer, parameter
from lora_cli.models.quantised_layers import LINEAR_LAYERS


@dataclass(frozen=True, slots=True)
class Settings:
    """GLoRA's own fields."""

    config_A_B: Annotated[str, "What scales the weight and what is added to it"] = text(
        "lora", "lora", "vector", "constant", "none"
    )
    config_C: Annotated[str, "What the weight adds to the bias"] = text("lora", "lora", "vector", "none")
    config_D_E: Annotated[str, "What scales the bias and what is added to it"] = text(
        "constant", "vector", "constant", "none"
    )
    init_weights: bool = flag(True)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield A and B, and C, D and E if the module has a bias; what is left out is a saved buffer of zeros.

    >>> from lora_cli.models import matrix
    >>> own = Settings(config_A_B="lora", config_C="lora", config_D_E="constant")
    >>> sum(t.params for t in tensors(Place(matrix(6, 8), 2), own) if t.trained)
    56
    """
    module, r = place.module, place.r
    d, h = module.d, module.h
    coupled, shifted = (own.config_C, own.config_D_E) if module.bias else ("none", "none")
    for part in "AB":
        yield from _path(f"glora_{part}", own.config_A_B, r, (h, d), (h, 1))
    yield from _path("glora_C", coupled, r, (d, 1), (d, 1))
    for part in "DE":
        yield from _path(f"glora_{part}", shifted, r, (h,), (h,))


def _path(key: str, kind: str, r: int, whole: tuple[int, ...], vector: tuple[int, ...]) -> Iterator[Tensor]:
    if kind == "lora":
        yield parameter(f"{key}.Xd", whole[0], r)
        yield parameter(f"{key}.Xu", r, whole[1])
    elif kind == "none":
        yield buffer(f"{key}.zeros", *whole, type_of=OF_BASE)
    else:
        yield parameter(f"{key}.X", *(vector if kind == "vector" else (1,)))


METHOD = Method(
    name="glora",
    title="GLoRA: Generalized LoRA",
    arxiv="2306.07967",
    formula="2 * r * (d + h)",
    settings=Settings,
    tensors=tensors,
    # PEFT asks for torch's Linear itself. That of the others depends on the card, or on a package.
    quantised_layers=tuple(name for name in LINEAR_LAYERS if name not in {"bitsandbytes", "fbgemm_fp8"}),
    shared_fields=frozenset({"target_modules", "modules_to_save", "bias"}),
)
