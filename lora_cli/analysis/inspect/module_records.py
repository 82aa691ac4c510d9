"""The records of the modules that an adapter's file has tensors for, one by one and in groups."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from math import isfinite
from typing import TYPE_CHECKING

from lora_cli.analysis.inspect.figures import dtype_names
from lora_cli.analysis.inspect.inspected_adapter import InspectedAdapter
from lora_cli.analysis.result import Record
from lora_cli.quantities import Value

if TYPE_CHECKING:
    from lora_cli.analysis.inspect.spectrum_figures import Spectrum

MODULE_FIELDS = ("adapter", "name", "method", "d", "h", "r", "alpha", "scaling", "params", "dtype")
# The fields that a spectrum adds, of which a group has the ranks.
RANK_FIELDS = ("rank_90", "rank_95", "rank_99")
SPECTRUM_MODULE_FIELDS = ("norm", *RANK_FIELDS)
GROUP_FIELDS = ("module", "layers", "count", "d", "h", "r", "scaling", "params")
# The number of a layer in the name of a module.
LAYER = r"(?:^|\.)([0-9]{1,9})\."
OTHER_TENSORS = "other tensors"


def module_records(adapter: InspectedAdapter, spectrum: Spectrum | None) -> Iterator[Record]:
    """Yield a record per module, in the order of `MODULE_FIELDS`, and of `SPECTRUM_MODULE_FIELDS` with a spectrum.

    `params` are the values that were trained: an alpha is not among them.
    """
    spectra = {} if spectrum is None else {module.module: module for module in spectrum.modules}
    for name, update in adapter.updates.items():
        sizes = (update.d, update.h, update.r, finite(update.alpha), finite(update.scaling))
        types = dtype_names(dict.fromkeys(stored.dtype for stored in update.tensors.values()))
        values = (adapter.path, adapter.shown_name(name), update.method, *sizes, update.trainable_params, types)
        record: dict[str, Value] = dict(zip(MODULE_FIELDS, values, strict=True))
        if spectrum is not None:
            record |= {field: getattr(spectra.get(name), field, None) for field in SPECTRUM_MODULE_FIELDS}
        yield record


def group_records(adapter: InspectedAdapter, spectrum: Spectrum | None) -> list[Record]:
    """Return the modules by name, shape and rank: how many there are, and their share of the file.

    Where several groups have one name, `layers` tells them apart. What is left of the file, as alphas are, is a row of its own. With a spectrum the largest ranks of each group take
    the place of the share.
    """
    groups: dict[tuple[Value, ...], _Group] = {}
    for record in module_records(adapter, spectrum):
        leaf = adapter.trained.declared.short_name(str(record["name"]))
        key = (leaf, record["d"], record["h"], record["r"], record["scaling"])
        groups.setdefault(key, _Group()).add(record)
    total = sum(stored.values for stored in adapter.tensors.values())
    rows: list[Record] = []
    several = {name for name, times in Counter(name for name, *_ in groups).items() if times > 1}
    for (name, *sizes), group in groups.items():
        layers = group.layers if name in several else ""
        row: dict[str, Value] = dict(zip(GROUP_FIELDS, (name, layers, group.count, *sizes, group.params), strict=True))
        rows.append(row | (_share(group.params, total) if spectrum is None else group.largest_ranks))
    other = total - sum(group.params for group in groups.values())
    if other:
        rest: dict[str, Value] = dict(zip(GROUP_FIELDS, (OTHER_TENSORS, "", "", "", "", "", "", other), strict=True))
        rows.append(rest | (_share(other, total) if spectrum is None else dict.fromkeys(RANK_FIELDS, "")))
    return rows


def finite(number: float | None) -> float | None:
    """Return a number, or None for one that no machine format has."""
    return number if number is not None and isfinite(number) else None


def _share(params: int, total: int) -> dict[str, Value]:
    return {"share": params / (total or 1)}


class _Group:
    """What the modules of a group have together; a rank is None where that of one of them is not known."""

    def __init__(self) -> None:
        self.count = 0
        self.params = 0
        self._layers: set[int] = set()
        self.largest_ranks: dict[str, Value] = dict.fromkeys(RANK_FIELDS, 0)

    def add(self, record: Record) -> None:
        """Add a module."""
        self.count += 1
        self.params += int(record["params"] or 0)
        if layer := re.search(LAYER, str(record["name"])):
            self._layers.add(int(layer[1]))
        for field, largest in self.largest_ranks.items():
            rank = record.get(field)
            known = isinstance(largest, int) and isinstance(rank, int)
            self.largest_ranks[field] = max(int(largest or 0), int(rank or 0)) if known else None

    @property
    def layers(self) -> str:
        """The numbers of the layers that its modules are in, e.g. `0-15,17`."""
        return ",".join(_runs(sorted(self._layers)))


def _runs(numbers: Sequence[int]) -> Iterator[str]:
    """Yield numbers in order as texts, those that follow each other together.

    >>> list(_runs([0, 1, 2, 5, 7, 8]))
    ['0-2', '5', '7-8']
    """
    for _, run in groupby(enumerate(numbers), lambda each: each[1] - each[0]):
        first, *others = [number for _, number in run]
        yield f"{first}-{others[-1]}" if others else str(first)
