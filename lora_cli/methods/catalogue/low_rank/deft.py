"""DEFT: part of the weight's output space is projected away, and what replaces it is trained.

`peft.tuners.deft.layer`: `DeftLayer.update_layer`; with `para`, PaRa, nothing replaces it.
"""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.methods.method import LINEARS, TARGETING, Method, Settings, flag, real, text
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, parameter


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield P and, but for PaRa, R: r·(d + h) parameters, where r is at most h.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 2), Settings({"para": False}))]
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
    tensors=tensors,
    fields={
        "decomposition_method": text("relu", "qr", "relu"),
        "init_scale": real(1.0),
        "alpha": real(None),
        "para": flag(False),
        "fan_in_fan_out": flag(False),
        "deft_dropout": real(0.0, least=0, most=1),
        "init_weights": flag(True),
    },
    alpha="alpha",
    module_kinds=LINEARS,
    shared_fields=TARGETING | {"bias"},
)
