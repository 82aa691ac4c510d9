"""A grid of counts, a point a record, in constant memory however large the grid is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lora_cli.analysis.count.matrix_count import MatrixCount, count
from lora_cli.errors import InvalidInput
from lora_cli.methods import check_name, method_named
from lora_cli.models.matrix import dimension
from lora_cli.quantities import Value

# Importing NumPy takes as long as counting so many points one by one.
FEW_POINTS = 1000

if TYPE_CHECKING:
    from lora_cli.analysis.count.adapted_matrix import AdaptedMatrix


@dataclass(frozen=True, slots=True)
class Sweep:
    """The grid d × h × r, the last axis fastest. Square grids tie h to d.

    Iterating gives a count a point; `batches` gives the same records many at a time.
    """

    d: Sequence[int]
    h: Sequence[int] | None
    r: Sequence[int]
    method: str = "lora"
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The number of points; it may be past what `len` can hold."""
        return len(self.d) * (1 if self.h is None else len(self.h)) * len(self.ranks)

    @property
    def ranks(self) -> Sequence[int | None]:
        """The axis r; a method that has no rank stands once in place of it."""
        ranked = self.method == "lora" or method_named(self.method).rank is not None
        return self.r if ranked else (None,)

    def __iter__(self) -> Iterator[MatrixCount | AdaptedMatrix]:
        """Yield the counts, a point at a time."""
        for d in self.d:
            for h in (d,) if self.h is None else self.h:
                for r in self.ranks:
                    yield count(d, h, r, self.method, self.settings)

    def batches(self) -> Iterable[Iterable[Sequence[Value]]]:
        """Yield the records in batches: many points of plain LoRA a few thousand at a time, computed as arrays."""
        if self.method != "lora" or self.settings or self.size <= FEW_POINTS:
            return ([tuple(cost.record().values())] for cost in self)
        from lora_cli.analysis.sweep.batches import GridBatches

        return GridBatches(self)


def _axis(name: str, values: int | Sequence[int]) -> Sequence[int]:
    values = (values,) if isinstance(values, int) else values if isinstance(values, range) else tuple(values)
    if not values:
        raise InvalidInput(f"{name}: the axis is empty; give at least one value")
    # Ranges are judged by their ends: an axis of a billion points is never walked to be checked.
    for value in (values[0], values[-1]) if isinstance(values, range) else values:
        dimension(name, value)
    return values


def sweep(
    d: int | Sequence[int],
    h: int | Sequence[int] | None = None,
    r: int | Sequence[int] | None = None,
    *,
    square: bool = False,
    method: str = "lora",
    settings: Mapping[str, Any] | None = None,
) -> Sweep:
    """Return the counts of every combination of `d`, `h` and `r`, in the order given.

    An axis is a value, a list or a `range`. With `square`, h follows d and is not given. A method without a
    rank is counted once in place of r. `settings` are fields of the method's PEFT config.

    >>> [(c.d, c.h, c.r, c.trainable_params) for c in sweep([512, 1024], r=[4, 8], square=True)]
    [(512, 512, 4, 4096), (512, 512, 8, 8192), (1024, 1024, 4, 8192), (1024, 1024, 8, 16384)]
    """
    if square and h is not None:
        raise InvalidInput("square ties h to d, so h is not given with it; leave one of them out")
    if not square and h is None:
        raise InvalidInput("h is missing; give its axis, or square to tie h to d")
    if r is None:
        raise InvalidInput("r is missing; give its axis")
    return Sweep(_axis("d", d), None if h is None else _axis("h", h), _axis("r", r), check_name(method), settings or {})
