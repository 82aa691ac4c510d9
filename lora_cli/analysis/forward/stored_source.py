"""W, A and B from files, a tile at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lora_cli.analysis.computing.arrays import Array, array_of, read_array, read_block
from lora_cli.analysis.forward.run import Run
from lora_cli.analysis.forward.tiled_pass import PRECISIONS
from lora_cli.methods.adapter_file.factors import Factors
from lora_cli.methods.adapter_file.trained_adapter import TrainedAdapter
from lora_cli.models.checkpoints.safetensors_header import Stored


@dataclass(frozen=True, slots=True)
class StoredSource:
    """An adapter's factors and the weight that they adapt, stored as h × d, or as d × h where it `is_transposed`."""

    run: Run
    pair: Factors
    weight: Stored
    name: str
    is_transposed: bool

    def a(self) -> Array:
        """Read A, a convolution's with its kernel unrolled."""
        compute = PRECISIONS[self.run.dtype].compute
        return read_array(self.pair.a, f"A of {self.pair.module}", compute).reshape(self.run.r, self.run.d)

    def b(self, _column: int, columns: slice) -> Array:
        """Read a strip of B."""
        compute = PRECISIONS[self.run.dtype].compute
        return np.ascontiguousarray(read_block(self.pair.b, f"B of {self.pair.module}", columns, compute=compute).T)

    def w(self, _tile: tuple[int, int], rows: slice, columns: slice, out: Array) -> Array:
        """Read a tile of W, rounded to the pass's precision."""
        precision = PRECISIONS[self.run.dtype]
        if self.is_transposed:
            out[...] = read_block(self.weight, self.name, rows, columns, precision.compute)
        else:
            out[...] = read_block(self.weight, self.name, columns, rows, precision.compute).T
        return precision.round(out)


@dataclass(frozen=True, slots=True)
class FetchedSource(StoredSource):
    """The same of an adapter on the Hub, of which A and B are fetched, and held."""

    a_values: Array
    b_values: Array

    def a(self) -> Array:
        """Return A, a convolution's with its kernel unrolled."""
        return self.a_values.reshape(self.run.r, self.run.d)

    def b(self, _column: int, columns: slice) -> Array:
        """Return a strip of B."""
        return np.ascontiguousarray(self.b_values.reshape(self.run.h, self.run.r)[columns].T)


def source_of(
    trained: TrainedAdapter, run: Run, pair: Factors, weight: Stored, name: str, *, is_transposed: bool
) -> StoredSource:
    """Return the source of a pass, for which A and B are fetched if the adapter's file is on the Hub."""
    if trained.header is None:
        return StoredSource(run, pair, weight, name, is_transposed)
    compute = PRECISIONS[run.dtype].compute
    a, b = (
        array_of(trained.content(stored), stored, f"{factor} of {pair.module}", compute)
        for factor, stored in (("A", pair.a), ("B", pair.b))
    )
    return FetchedSource(run, pair, weight, name, is_transposed, a, b)
