"""Findings about the shapes of tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lora_cli.analysis.inspect.findings.declaration import ERROR, counted_with, finding, shape_text
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter, Sizes
from lora_cli.analysis.inspect.lora_names import A_NAMES, OTHER_FACTOR
from lora_cli.errors import quote_long

# The shape in the file, and the one on the model.
Shapes = tuple[Sizes, Sizes]


@finding(
    "vocabulary-mismatch", ERROR, "give the base model the file's vocabulary with resize_token_embeddings, then load it"
)
def vocabulary_mismatch(adapter: InspectedAdapter) -> Iterator[tuple[str, str]]:
    """Find embeddings of another number of rows than the model has."""
    wrong = {} if adapter.comparable is None else _other_vocabulary(adapter)
    if wrong:
        ours, theirs = next(
            (ours, theirs) for a, b in wrong.values() for ours, theirs in zip(a, b, strict=True) if ours != theirs
        )
        name = quote_long(adapter.model_name)
        message = (
            f"the file has a vocabulary of {ours:,}, and {name} has one of {theirs:,}: "
            f"{counted_with(list(wrong), 'tensor', 'does', 'do')} not fit"
        )
        yield message, f"call resize_token_embeddings({ours}) on the base model before the adapter is loaded"


@finding("shape-mismatch", ERROR, "use the base model and the config that it was trained with")
def shape_mismatch(adapter: InspectedAdapter) -> Iterator[str | tuple[str, str]]:
    """Find tensors of another shape than PEFT would write, or else an A and a B that do not fit each other."""
    yield from _transposed(adapter)
    if adapter.comparable is not None:
        explained = _other_vocabulary(adapter)
        wrong = {key: shapes for key, shapes in adapter.other_shapes.items() if key not in explained}
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
    else:
        misfits = {module: update.misfit for module, update in adapter.described.items() if update.misfit is not None}
        for name, shape, other, other_shape in [*misfits.values()][:1]:
            yield (
                f"{counted_with(list(misfits), 'module', 'has', 'have')} tensors that do not fit each other: "
                f"{name} is {shape_text(shape)}, {other} is {shape_text(other_shape)}"
            )


def _transposed(adapter: InspectedAdapter) -> Iterator[tuple[str, str]]:
    modules = list(adapter.transposed)
    if modules:
        pair = adapter.by_module[modules[0]]
        a, b = next((pair[name].shape, pair[OTHER_FACTOR[name]].shape) for name in A_NAMES if name in pair)
        message = (
            f"{counted_with(modules, 'module', 'has', 'have')} a transposed A and B: "
            f"A is {shape_text(a)}, B is {shape_text(b)}, and PEFT stores {shape_text(a[::-1])} and {shape_text(b[::-1])}"
        )
        yield message, "transpose both: PEFT stores A as r x d and B as h x r"


def _other_vocabulary(adapter: InspectedAdapter) -> Mapping[str, Shapes]:
    """Return the tensors beside embeddings that differ from the model's by the number of rows alone."""
    model = adapter.model
    layers = {name for name in (model.embeddings, model.output) if name} if model else set()
    rows = next((module.d for module in model.modules if module.name == model.embeddings), None) if model else None
    found: dict[str, Shapes] = {}
    for key, (ours, theirs) in adapter.other_shapes.items():
        differ = [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]]
        is_by_rows = len(ours) == len(theirs) and len(differ) == 1 and differ[0][1] == rows
        if is_by_rows and any(f".{layer}." in f".{key}" for layer in layers):
            found[key] = ours, theirs
    return found


def _unlike_factors(adapter: InspectedAdapter) -> dict[str, Shapes]:
    """Return the modules whose A and B are not of one rank, with the shapes of both."""
    return {
        module: (tensors[name].shape, tensors[OTHER_FACTOR[name]].shape)
        for module, tensors in adapter.by_module.items()
        for name in A_NAMES
        if module not in adapter.factors and module not in adapter.transposed
        if name in tensors and OTHER_FACTOR[name] in tensors
        if tensors[name].values and tensors[OTHER_FACTOR[name]].values
    }
