"""The tensors that a method adds: parameters and buffers, by name and shape, in the file or not."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

# Whose type a tensor of floats has in the file. PEFT keeps the parameters of an adapter out of half precision
# (`autocast_adapter_dtype`), but not its buffers, nor those of methods that override this; and what it makes beside a
# module without a weight stays float32 beside a base in float64.
OF_ADAPTER, OF_BASE, OWN = "adapter", "base", "own"


class Tensor(NamedTuple):
    """One tensor: its symbol and shape in the literature, its key and shape in PEFT's file.

    `stored` is None where the shape in the file depends on the weights, although the number of values does not.
    A tensor that is not `counted` is a torch buffer, which `get_nb_trainable_parameters` leaves out. A `dtype` other
    than float32, e.g. an index's, is that in the file; floats have the type `type_of` says.
    """

    name: str
    shape: tuple[int, ...]
    key: str
    stored: tuple[int, ...] | None
    trained: bool = True
    in_file: bool = True
    counted: bool = True
    dtype: str = "F32"
    type_of: str = OF_ADAPTER

    @property
    def params(self) -> int:
        """The number of values: the product of the shape."""
        return prod(self.shape)


def parameter(key: str, *shape: int, trained: bool = True, in_file: bool = True, type_of: str = OF_ADAPTER) -> Tensor:
    """Return a parameter that is called and stored as in PEFT's file."""
    return Tensor(key, shape, key, shape, trained, in_file, type_of=type_of)


def buffer(key: str, *shape: int, in_file: bool = True, dtype: str = "F32", type_of: str = OF_ADAPTER) -> Tensor:
    """Return a buffer: neither trained nor counted, but maybe in the file."""
    return Tensor(key, shape, key, shape, False, in_file, counted=False, dtype=dtype, type_of=type_of)
