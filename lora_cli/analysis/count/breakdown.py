"""A model's count piece by piece: rows that add up to `trainable_params`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lora_cli.analysis.count.model_count import ModelCount, trained_params
from lora_cli.analysis.result import Record
from lora_cli.methods.tensor import Tensor
from lora_cli.models.nodes import short_name

GROUP_FIELDS = ("module", "count", "d", "h", "r", "trainable_params", "share")
MODULE_FIELDS = ("name", "kind", "d", "h", "r", "full_params", "trainable_params", "percent_of_full")


class Piece(NamedTuple):
    """What is trained in one place: an adapted module, or what stands beside these.

    `group` names the pieces that one row of a table sums up. Sizes are None for what is not one
    matrix. `number` is how many there are in the piece.
    """

    group: str
    name: str
    kind: str
    trained: int
    full: int = 0
    d: int | None = None
    h: int | None = None
    r: int | None = None
    number: int = 1


def pieces(cost: ModelCount) -> Iterator[Piece]:
    """Yield every piece of a count, the adapted modules first. An adapter inside a full copy is part of the copy."""
    for place, tensors in cost.added:
        module = place.module
        trained = 0 if cost.is_copied(place) else trained_params(tensors)
        leaf = short_name(module.name.removesuffix(".weight"))
        yield Piece(leaf, module.name, module.kind, trained, place.full_params, module.d, module.h, place.r or None)
    yield from _of_tensors("shared", "shared", cost.shared)
    yield from _of_tensors("prompt", "prompt", cost.prompts)
    for name, copy in cost.copies.items():
        yield Piece("full copies", name, "full copy", copy.trained, copy.all)
    for rows in cost.targets.rows:
        yield Piece("embedding rows", rows.module.name, "rows", rows.params, rows.params, number=len(rows.tokens))
    yield Piece("biases", "biases", "bias", cost.bias_params, cost.bias_params)
    yield Piece("the model's own", "the model's own", "parameters", cost.unfrozen_params, cost.unfrozen_params)


def _of_tensors(group: str, kind: str, tensors: Iterable[Tensor]) -> Iterator[Piece]:
    for tensor in tensors:
        yield Piece(group, tensor.name, kind, trained_params((tensor,)))


def modules(cost: ModelCount) -> Iterator[Record]:
    """Yield a record per adapted module, and one for each piece beside these that is trained."""
    for piece in pieces(cost):
        if piece.d is not None or piece.trained:
            percent = 100 * piece.trained / piece.full if piece.full else None
            figures = (piece.name, piece.kind, piece.d, piece.h, piece.r, piece.full, piece.trained, percent)
            yield dict(zip(MODULE_FIELDS, figures, strict=True))


def groups(cost: ModelCount) -> list[Record]:
    """Return what is trained by the last part of a module's name and its shape, with how many there are and their share."""
    found: dict[tuple[str, int | None, int | None, int | None], tuple[int, int]] = {}
    for piece in pieces(cost):
        key = (piece.group, piece.d, piece.h, piece.r)
        number, trained = found.get(key, (0, 0))
        found[key] = (number + piece.number, trained + piece.trained)
    whole = cost.trainable_params or 1
    return [
        dict(zip(GROUP_FIELDS, (group, number, *sizes, trained, trained / whole), strict=True))
        for (group, *sizes), (number, trained) in found.items()
        if trained
    ]
