"""The update of a module by the names and shapes of its tensors, in any of the algorithms that files mix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lora_cli.methods.adapter_file.algorithm_table import ALGORITHMS, MID, A, Algorithm, B, Shapes, side
from lora_cli.methods.adapter_file.factors import Factors, fit_each_other
from lora_cli.methods.adapter_file.module_update import Misfit, ModuleUpdate
from lora_cli.methods.adapter_file.weight_update import VARIANT_REASONS
from lora_cli.models.checkpoints.safetensors_header import Stored

# What the loader multiplies an update of a rank by, None where that is not known.
Scaling = Callable[[int], float | None]

ALPHA = "alpha"
MAGNITUDES = frozenset({"dora_scale", "lora_magnitude_vector", "lora_magnitude_vector.weight"})
# Saved, but not trained.
CONSTANTS = frozenset({ALPHA, "on_input"})
# What stands beside the tensors of any of them.
SHARED = frozenset({ALPHA, *MAGNITUDES})


def algorithm_update(
    module: str, tensors: Mapping[str, Stored], alpha: float | None, scaling: Scaling, config_r: int | None = None
) -> ModuleUpdate | None:
    """Return the update of a module; None if its tensors are those of no algorithm.

    `alpha` is that of the module, `scaling` gives what the loader makes of it for a rank, and `config_r` is the rank that
    a config says.
    """
    shapes = {name: stored.shape for name, stored in tensors.items()}
    found = next((each for each in ALGORITHMS if each.is_of(shapes)), None)
    if found is None:
        return None
    d, h, r = found.dims(shapes)
    missing, misfit = tuple(_missing(found, shapes)), _misfit(found, shapes)
    is_dora = not MAGNITUDES.isdisjoint(tensors)
    factor = None
    if found.is_scaled and (r or not missing):
        # LoKr without a low-rank factor has no rank to divide by (`lokr.py`: "use scale = 1").
        factor = 1.0 if r is None else scaling(r) if r else None
    pair, reason = None, found.reason or None
    if is_dora:
        reason = VARIANT_REASONS["DoRA"]
    elif not found.reason:
        pair, reason = _pair(module, tensors, alpha, factor)
    return ModuleUpdate(
        module,
        found.with_magnitude if is_dora and found.with_magnitude else found.name,
        tensors,
        d,
        h,
        r,
        alpha if found.is_scaled else None,
        factor,
        pair,
        reason,
        CONSTANTS,
        missing,
        misfit,
        config_r,
    )


def _pair(
    module: str, tensors: Mapping[str, Stored], alpha: float | None, scaling: float | None
) -> tuple[Factors | None, str | None]:
    """Return A and B if their product is the update, or why it is not."""
    a, b = tensors.get(A), tensors.get(B)
    if a is None or b is None or not fit_each_other(a.shape, b.shape):
        return None, "B is missing, or does not fit A" if a is not None else "A is missing"
    if MID in tensors:
        return None, "a core tensor (lora_mid) stands between A and B, so its update is not scaling * B * A"
    return Factors(module, a, b, alpha, scaling), None


def _missing(algorithm: Algorithm, shapes: Shapes) -> Iterator[str]:
    """Yield the tensors that a module lacks: of the alternative of which it has most."""
    for alternatives in algorithm.sets:
        lacks = [[name for name in names if name not in shapes] for names in alternatives]
        if all(lacks):
            best = max(range(len(lacks)), key=lambda at: len(alternatives[at]) - len(lacks[at]))
            yield from lacks[best]
    for names in algorithm.together:
        if not shapes.keys().isdisjoint(names):
            yield from (name for name in names if name not in shapes)


def _misfit(algorithm: Algorithm, shapes: Shapes) -> Misfit | None:
    """Return two tensors whose sides should be equal and are not; tensors without values are another finding."""
    for name, axis, other, other_axis in algorithm.joints(shapes):
        if name in shapes and other in shapes and 0 not in (*shapes[name], *shapes[other]):
            one, two = side(shapes[name], axis), side(shapes[other], other_axis)
            if one is None or one != two:
                return Misfit(name, shapes[name], other, shapes[other])
    return None
