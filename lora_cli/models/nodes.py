"""The one description of a model that methods and questions work from."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple


def around(name: str) -> Iterator[str]:
    """Yield the modules that a module or a parameter is in, the outermost first.

    >>> list(around("model.layers.0.mlp"))
    ['model', 'model.layers', 'model.layers.0']
    """
    dot = name.find(".")
    while dot >= 0:
        yield name[:dot]
        dot = name.find(".", dot + 1)


# Named tuples: a large model has thousands of these, and every run pays for making the classes.
class Module(NamedTuple):
    """A module that holds a weight `W` of `d` inputs by `h` outputs.

    `kind` is the class that PEFT tells apart: Linear, Conv1D (GPT-2's transposed Linear), Embedding
    (`d` rows of `h`), or torch's Conv1d and Conv2d (`d` and `h` channels, with a kernel and groups).

    `d` and `h` are integers. A sweep passes int64 arrays of one shape instead and gets arrays from
    the same arithmetic; it answers for their ranges.
    """

    name: str
    d: int
    h: int
    kind: str = "Linear"
    bias: bool = False
    kernel: tuple[int, ...] = ()
    groups: int = 1

    @property
    def weight_params(self) -> int:
        """The parameters of W: d·h, for a convolution d·h·Πkernel / groups."""
        return self.d * self.h * prod(self.kernel) // self.groups

    def parameters(self) -> tuple[Parameter, ...]:
        """Return the weight and, if there is one, the bias, with their shapes in torch."""
        if self.kernel:
            shape: tuple[int, ...] = (self.h, self.d // self.groups, *self.kernel)
        else:
            shape = (self.h, self.d) if self.kind == "Linear" else (self.d, self.h)
        weight = Parameter(f"{self.name}.weight", shape)
        return (weight, Parameter(f"{self.name}.bias", (self.h,))) if self.bias else (weight,)


class Parameter(NamedTuple):
    """A parameter by name and shape; outside of the modules a norm's weight, positions, fused experts."""

    name: str
    shape: tuple[int, ...]

    @property
    def params(self) -> int:
        """The product of the shape."""
        return prod(self.shape)


class Buffer(NamedTuple):
    """A buffer that a checkpoint holds too: no parameter, but a part of what is copied and saved.

    Its type is the model's own where there is no `dtype`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str | None = None

    def below(self, prefix: str) -> Buffer:
        """Return the same buffer, named below `prefix`."""
        return self._replace(name=f"{prefix}.{self.name}")


class Hollow(NamedTuple):
    """A module that holds nothing itself: an activation, a dropout, or a list of layers.

    It counts for nothing, but PEFT's rules look at every module's name, and refuse some that reach these.
    """

    name: str
    is_list: bool = False
