"""FRoD: all modules of a category share a full-rank base, whose diagonal and a few of its rotations are trained.

"FRoD: Full-Rank Efficient Fine-Tuning with Rotational Degrees", doi:10.1609/aaai.v40i31.39813;
`peft.tuners.frod`: `FrodLayer.update_layer`, `FrodModel._init_frod_projections`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.method import LINEARS, PATTERN_ALONE, TARGETING, Method, Settings, flag, real
from lora_cli.methods.parts.random_bases import probability, seed
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.nodes import Module


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the base's diagonal, d values, and sparse_rate of the d² values of its rotation, though one at least.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 0), Settings({"sparse_rate": 0.2}))]
    [('frod_lambda_l', (6,)), ('frod_lambda_s_values', (7,))]
    """
    d = place.module.d
    yield parameter("frod_lambda_l", d)
    yield parameter("frod_lambda_s_values", rotations(d, own.sparse_rate))


def shared(places: Sequence[Place], own: Settings) -> Iterator[Tensor]:
    """Yield, for each category of modules, the base V and where the values of its rotation are: buffers.

    A layer's module stands for those of its category that come before it in the same layer.
    """
    layers: dict[int, dict[str, Module]] = {}
    for order, module in enumerate(own.sharing):
        layers.setdefault(layer(module.name, order), {})[category(module.name)] = module
    kept = [module for found in layers.values() for module in found.values()]
    inputs = {category(module.name): module.d for module in kept}
    for module in (*kept, *(place.module for place in places)):
        name, d = category(module.name), module.d
        if inputs[name] != d:
            raise InvalidInput(
                f"{quote_long(module.name)} has {d} inputs and another {name} has {inputs[name]}, "
                "but all of these share one base; target those of one size"
            )
    for name, d in sorted(inputs.items()):
        yield buffer(f"frod_V.{name}", d, d, saved=own.save_projection, dtype=own.base_dtype)
        n = rotations(d, own.sparse_rate)
        yield buffer(f"frod_s_indices.{name}", 2, n, saved=own.save_projection, dtype="I64")
        yield buffer(f"frod_s_size.{name}", 2, saved=own.save_projection, dtype="I64")


def settled(targets: Any, config: Any) -> Settings:
    """Add what shares the base, and the type of its values: V keeps it, and is not made float32 as adapters are."""
    own: Settings = config.settings
    return own.replaced(base_dtype=targets.model.dtype, sharing=targets.sharing)


def rotations(d: int, rate: float) -> int:
    """Return how many values of a rotation are trained; none is on the diagonal.

    >>> rotations(6, 0.0), rotations(6, 0.01), rotations(6, 0.2), rotations(6, 1.0), rotations(1, 1.0)
    (0, 1, 7, 30, 0)
    """
    most = d * d - d
    return min(max(int(d * d * rate), 1 if rate > 0 else 0), most)


def category(name: str) -> str:
    """Return the last two parts of a module's name, or what follows a layer's number (`_category_from_key`).

    >>> category("h.0.attn.c_attn"), category("layers.0.q_proj"), category("W")
    ('attn_c_attn', 'q_proj', 'W')
    """
    parts = name.split(".")
    if len(parts) == 1 or parts[-2].isdigit():
        return parts[-1]
    found = f"{parts[-2]}_{parts[-1]}"
    return "attention_output" if found == "output_dense" and parts[-3:-2] == ["attention"] else found


def layer(name: str, otherwise: int) -> int:
    """Return the number behind `layers` in a module's name, or the first there is (`_layer_index_from_key`)."""
    parts = name.split(".")
    with suppress(ValueError, IndexError):
        return int(parts[parts.index("layers") + 1])
    return next((int(part) for part in parts if part.isdigit()), otherwise)


METHOD = Method(
    name="frod",
    title="FRoD: Full-Rank Efficient Fine-Tuning with Rotational Degrees",
    arxiv=None,
    formula="d + sparse_rate * d^2",
    tensors=tensors,
    shared_tensors=shared,
    resolved=settled,
    fields={
        "projection_prng_key": seed(0),
        "save_projection": flag(True),
        "frod_dropout": probability,
        "fan_in_fan_out": flag(False),
        "init_weights": flag(True),
        "sparse_rate": real(0.01, least=0, most=1),
        "regularization_alpha": real(0.001),
        "progressbar": flag(True),
        "runtime_offload_base_weight": flag(False),
    },
    rank=None,
    knob="sparse_rate",
    module_kinds=LINEARS,
    shared_fields=TARGETING - {"exclude_modules"} | {"bias"},
    default_targets={"phi": ("q_proj", "v_proj"), "vit": ("query", "value")},
    layer_rules=frozenset({PATTERN_ALONE}),
    knob_values=None,
)
