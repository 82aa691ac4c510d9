"""Findings about the shapes of tensors."""

from __future__ import annotations

from collections.abc import Iterator

from lora_cli.analysis.inspect.findings.declaration import ERROR, counted_with, finding, shape_text
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.analysis.inspect.lora_names import A_NAMES, OTHER_FACTOR
from lora_cli.errors import quote_long

Sizes = tuple[int, ...]


@finding("shape-mismatch", ERROR, "use the base model and the config that it was trained with")
def shape_mismatch(adapter: InspectedAdapter) -> Iterator[str]:
    """Find tensors of another shape than PEFT would write, or else an A and a B that do not fit each other."""
    if adapter.comparable is not None:
        wrong = _wrong_shapes(adapter)
        if wrong:
            ours, theirs = map(shape_text, next(iter(wrong.values())))
            yield (
                f"{counted_with(list(wrong), 'tensor', 'has', 'have')} another shape than PEFT would write: "
                f"{ours} in the file, {theirs} on {quote_long(adapter.model_name)}"
            )
    elif adapter.stands_alone and not adapter.has_stacked_factors:
        unlike = _unlike_factors(adapter)
        if unlike:
            a, b = map(shape_text, next(iter(unlike.values())))
            yield (
                f"{counted_with(list(unlike), 'module', 'has', 'have')} an A and a B that do not fit each other: "
                f"A is {a}, B is {b}"
            )


def _wrong_shapes(adapter: InspectedAdapter) -> dict[str, tuple[Sizes, Sizes]]:
    """Return the keys of tensors with another shape, with both; a difference in the rank alone is another finding."""
    wrong = {}
    other_ranks = adapter.other_ranks
    for key, tensor in (adapter.comparable or {}).items():
        if key in adapter.tensors and adapter.tensors[key].shape != tensor.stored:
            shapes = adapter.tensors[key].shape, tensor.stored or ()
            module, _ = adapter.split(key) or ("", "")
            if not _differ_by_ranks(*shapes, other_ranks.get(module)):
                wrong[key] = shapes
    return wrong


def _differ_by_ranks(ours: Sizes, theirs: Sizes, ranks: tuple[int, int] | None) -> bool:
    """Whether two shapes differ by the rank, or by a group's part of it, and nothing else."""
    different = {pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]}
    if ranks is None or len(ours) != len(theirs) or len(different) != 1:
        return False
    (our_part, their_part), (our_rank, their_rank) = *different, ranks
    return our_part * their_rank == their_part * our_rank


def _unlike_factors(adapter: InspectedAdapter) -> dict[str, tuple[Sizes, Sizes]]:
    """Return the modules whose A and B are not of one rank, with the shapes of both."""
    return {
        module: (tensors[name].shape, tensors[OTHER_FACTOR[name]].shape)
        for module, tensors in adapter.by_module.items()
        for name in A_NAMES
        if module not in adapter.factors and name in tensors and OTHER_FACTOR[name] in tensors
    }
