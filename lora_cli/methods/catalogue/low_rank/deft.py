"""DEFT: projects part of the weight's output space away and trains a replacement.

`peft.tuners.deft.layer`: `DeftLayer.update_layer`; with `para` (PaRa) there is no replacement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from lora_cli.methods.config.adapter_config import TARGETING
from lora_cli.methods.config.settings import Dropout, flag, probability, real, text
from lora_cli.methods.method import LINEARS, Method
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


@dataclass(frozen=True, slots=True)
class Settings:
    """DEFT's own fields."""

    decomposition_method: Annotated[str, "How P is made a projector"] = text("relu", "qr", "relu")
    init_scale: Annotated[float, "Factor on the random start of R"] = real(1.0)
    alpha: Annotated[float | None, "What is added is scaled by alpha / r; null for no scaling"] = real(None)
    para: Annotated[bool, "Whether a subspace is removed and nothing added (PaRa)"] = flag(False)
    fan_in_fan_out: bool = flag(False)
    deft_dropout: Dropout = probability()
    init_weights: bool = flag(True)


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield P and, except for PaRa, R: r·(d + h) parameters, where r is at most h.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), Settings(para=False))]
    [('deft_P', (8, 2)), ('deft_R', (2, 6))]
    """
    d, h = place.module.d, place.module.h
    r = min(place.r, h)
    yield parameter("deft_P", h, r)
    if not own.para:
        yield parameter("deft_R", r, d)


METHOD = Method(
    name="deft",
    title="DEFT: Decompositional Efficient Fine-Tuning",
    arxiv=None,
    formula="min(r, h) * (d + h)",
    settings=Settings,
    tensors=tensors,
    alpha="alpha",
    module_kinds=LINEARS,
    shared_fields=TARGETING | {"bias"},
)
