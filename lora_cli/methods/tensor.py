"""The tensors that a method adds: parameters and buffers, by name and shape, in the file or not."""

from __future__ import annotations

from math import prod
from typing import NamedTuple


class Tensor(NamedTuple):
    """One tensor: its symbol and shape in the literature, its key and shape in PEFT's file.

    `stored` is None where the shape in the file depends on the weights, although the number of values does not.
    PEFT keeps adapters in float32 unless told otherwise (`autocast_adapter_dtype`). A tensor that is not
    `counted` is a torch buffer, which `get_nb_trainable_parameters` leaves out.
    """

    name: str
    shape: tuple[int, ...]
    key: str
    stored: tuple[int, ...] | None
    trained: bool = True
    in_file: bool = True
    counted: bool = True
    dtype: str = "F32"

    @property
    def params(self) -> int:
        """The number of values: the product of the shape."""
        return prod(self.shape)


def parameter(key: str, *shape: int, trained: bool = True, in_file: bool = True) -> Tensor:
    """Return a parameter that is called and stored as in PEFT's file."""
    return Tensor(key, shape, key, shape, trained, in_file)


def buffer(key: str, *shape: int, in_file: bool = True, dtype: str = "F32") -> Tensor:
    """Return a buffer: neither trained nor counted, but maybe in the file."""
    return Tensor(key, shape, key, shape, trained=False, in_file=in_file, counted=False, dtype=dtype)
