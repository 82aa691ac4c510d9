"""FRoD: the modules of a category share a full-rank base; its diagonal and a few values of its rotation are trained.

"FRoD: Full-Rank Efficient Fine-Tuning with Rotational Degrees", doi:10.1609/aaai.v40i31.39813;
`peft.tuners.frod`: `FrodLayer.update_layer`, `FrodModel._init_frod_projections`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Annotated

from lora_cli.errors import InvalidInput, quote_long
from lora_cli.methods.config.adapter_config import PATTERN_ALONE, TARGETING, AdapterConfig
from lora_cli.methods.config.settings import Dropout, flag, probability, real
from lora_cli.methods.method import LINEARS, WITH_FLOATS, Adapted, Method
from lora_cli.methods.parts.random_bases import seed
from lora_cli.methods.place import Place
from lora_cli.methods.tensor import Tensor, buffer, parameter
from lora_cli.models.nodes import Module


@dataclass(frozen=True, slots=True)
class Settings:
    """FRoD's own fields."""

    projection_prng_key: Annotated[int, "Seed of which values of the rotation are trained"] = seed(0)
    save_projection: Annotated[bool, "Whether the file holds the frozen bases"] = flag(True)
    frod_dropout: Dropout = probability()
    fan_in_fan_out: bool = flag(False)
    init_weights: bool = flag(True)
    sparse_rate: Annotated[float, "Share of the rotation's values off the diagonal that are trained"] = real(
        0.01, least=0, most=1
    )
    regularization_alpha: Annotated[float, "Added before matrices are inverted, so that this is stable"] = real(0.001)
    progressbar: Annotated[bool, "Whether PEFT shows a progress bar while it makes the bases"] = flag(True)
    runtime_offload_base_weight: Annotated[bool, "Whether weights that are not used stay on the CPU"] = flag(False)
    base_dtype: str = "F32"
    # The modules that share the base.
    sharing: tuple[Module, ...] = ()


def tensors(place: Place, own: Settings) -> Iterator[Tensor]:
    """Yield the base's diagonal, d values, and at least one and up to sparse_rate of the d² values of its rotation.

    >>> from lora_cli.models import matrix
    >>> [(t.key, t.shape) for t in tensors(Place(matrix(6, 8), 0), Settings(sparse_rate=0.2))]
    [('frod_lambda_l', (6,)), ('frod_lambda_s_values', (7,))]
    """
    d = place.module.d
    yield parameter("frod_lambda_l", d)
    yield parameter("frod_lambda_s_values", rotations(d, own.sparse_rate))


def shared(places: Sequence[Place], own: Settings) -> Iterator[Tensor]:
    """Yield, for each category of modules, the base V and the positions of its rotation's values: buffers.

    In each layer, PEFT keeps only the last module of a category.
    """
    layers: dict[int, dict[str, Module]] = {}
    for order, module in enumerate(own.sharing):
        layers.setdefault(layer(module.name, order), {})[category(module.name)] = module
    kept = [module for of_category in layers.values() for module in of_category.values()]
    inputs = {category(module.name): module.d for module in kept}
    for module in (*kept, *(place.module for place in places)):
        name, d = category(module.name), module.d
        if inputs[name] != d:
            raise InvalidInput(
                f"{quote_long(module.name)} has {d} inputs and another {name} has {inputs[name]}, "
                "but they share one base; target modules of one size"
            )
    for name, d in sorted(inputs.items()):
        yield buffer(f"frod_V.{name}", d, d, in_file=own.save_projection, dtype=own.base_dtype)
        n = rotations(d, own.sparse_rate)
        yield buffer(f"frod_s_indices.{name}", 2, n, in_file=own.save_projection, dtype="I64")
        yield buffer(f"frod_s_size.{name}", 2, in_file=own.save_projection, dtype="I64")


def with_base(targets: Adapted, own: Settings, config: AdapterConfig) -> Settings:
    """Add the modules that share the base, and the type of its values, which PEFT does not change to float32."""
    return replace(own, base_dtype=targets.model.dtype, sharing=tuple(targets.shared_modules))


def rotations(d: int, rate: float) -> int:
    """Return how many values of a rotation are trained; none of them is on the diagonal.

    >>> rotations(6, 0.0), rotations(6, 0.01), rotations(6, 0.2), rotations(6, 1.0), rotations(1, 1.0)
    (0, 1, 7, 30, 0)
    """
    most = d * d - d
    return min(max(int(d * d * rate), 1 if rate > 0 else 0), most)


def category(name: str) -> str:
    """Return the last two parts of a module's name, or the part after a layer's number (`_category_from_key`).

    >>> category("h.0.attn.c_attn"), category("layers.0.q_proj"), category("W")
    ('attn_c_attn', 'q_proj', 'W')
    """
    parts = name.split(".")
    if len(parts) == 1 or parts[-2].isdigit():
        return parts[-1]
    name = f"{parts[-2]}_{parts[-1]}"
    return "attention_output" if name == "output_dense" and parts[-3:-2] == ["attention"] else name


def layer(name: str, otherwise: int) -> int:
    """Return the number after `layers` in a module's name, or the first number (`_layer_index_from_key`)."""
    parts = name.split(".")
    with suppress(ValueError, IndexError):
        return int(parts[parts.index("layers") + 1])
    return next((int(part) for part in parts if part.isdigit()), otherwise)


METHOD = Method(
    name="frod",
    title="FRoD: Full-Rank Efficient Fine-Tuning with Rotational Degrees",
    arxiv=None,
    formula="d + sparse_rate * d^2",
    settings=Settings,
    tensors=tensors,
    shared_tensors=shared,
    resolved=with_base,
    rank=None,
    knob="sparse_rate",
    module_kinds=LINEARS,
    quantised_layers=WITH_FLOATS,
    shared_fields=TARGETING - {"exclude_modules"} | {"bias"},
    default_targets={"phi": ("q_proj", "v_proj"), "vit": ("query", "value")},
    layer_rules=frozenset({PATTERN_ALONE}),
    knob_values=None,
)
