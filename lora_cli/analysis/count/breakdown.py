"""A model's count piece by piece: rows that add up to `trainable_params`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lora_cli.analysis.count.model_count import ModelCount, trained_params
from lora_cli.analysis.result import Record
from lora_cli.methods.tensor import Tensor
from lora_cli.models.nodes import module_name, short_name, telling_names

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
        leaf = short_name(module_name(module.name))
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
    rows: list[Record] = []
    for members in _grouped(cost):
        first, trained = members[0], sum(piece.trained for piece in members)
        number, share = sum(piece.number for piece in members), trained / (cost.trainable_params or 1)
        figures = (first.group, number, first.d, first.h, first.r, trained, share)
        rows.append(dict(zip(GROUP_FIELDS, figures, strict=True)))
    return rows


def group_names(cost: ModelCount) -> list[str]:
    """Return what to call each of the groups: the last part of a module's name, and what tells it from another group's."""
    return telling_names([(members[0].group, list(map(_module_of, members))) for members in _grouped(cost)])


def _module_of(piece: Piece) -> str:
    return piece.group if piece.d is None else module_name(piece.name)


def _grouped(cost: ModelCount) -> list[list[Piece]]:
    """Return the pieces that a row of a table sums up, row by row; those that train nothing are none."""
    found: dict[tuple[str, int | None, int | None, int | None], list[Piece]] = {}
    for piece in pieces(cost):
        found.setdefault((piece.group, piece.d, piece.h, piece.r), []).append(piece)
    return [members for members in found.values() if any(piece.trained for piece in members)]
