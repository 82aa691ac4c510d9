"""The nodes of a model: modules, parameters and buffers, by name and shape."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from math import prod
from typing import NamedTuple

# The parameters of a weight norm, `torch.nn.utils.parametrizations.weight_norm`.
LENGTHS = "parametrizations.weight.original0"
DIRECTIONS = "parametrizations.weight.original1"
# torch's own attention, and the Linear within it that PEFT adapts with it.
MULTIHEAD = "MultiheadAttention"
OUTPUT_PROJECTION = "out_proj"


def around(name: str) -> Iterator[str]:
    """Yield the names of the modules around a module or a parameter, the outermost first.

    >>> list(around("model.layers.0.mlp"))
    ['model', 'model.layers', 'model.layers.0']
    """
    dot = name.find(".")
    while dot >= 0:
        yield name[:dot]
        dot = name.find(".", dot + 1)


def module_name(name: str) -> str:
    """Return the name of the module that a weight, named as a parameter, belongs to; that of a module is unchanged.

    >>> module_name("layers.0.mlp.gate.weight"), module_name("layers.0.mlp.experts.down_proj")
    ('layers.0.mlp.gate', 'layers.0.mlp.experts.down_proj')
    """
    return name.removesuffix(".weight")


def short_name(name: str) -> str:
    """Return the last part of a module's name, with the part before it where the last one is a number in a list.

    >>> short_name("layers.0.self_attn.q_proj"), short_name("attn.to_out.0")
    ('q_proj', 'to_out.0')
    """
    rest, _, last = name.rpartition(".")
    return f"{rest.rpartition('.')[2]}.{last}" if rest and last.isdigit() else last


def telling_names(rows: Sequence[tuple[str, Collection[str]]]) -> list[str]:
    """Return what to call rows of modules with a short name, one or more in each: what tells rows apart is before it.

    That is the outermost part of a name that all modules of the row have, and none in another row of its short name.

    >>> telling_names([("c_proj", ["h.0.attn.c_proj"]), ("c_proj", ["h.0.mlp.c_proj"]), ("wte", ["wte"])])
    ['attn.c_proj', 'mlp.c_proj', 'wte']
    >>> telling_names([("up", ["vision.layers.0.mlp.up"]), ("up", ["text.layers.0.mlp.up", "text.layers.1.mlp.up"])])
    ['vision.*.up', 'text.*.up']
    """
    told = []
    for short, names in rows:
        others = {
            part
            for other, theirs in rows
            if other == short and theirs is not names
            for name in theirs
            for part in name.split(".")
        }
        common = set.intersection(*(set(name.split(".")) for name in names)) - others if others else set()
        first = next((part for part in next(iter(names)).split(".") if part in common and not part.isdigit()), None)
        if first is None:
            told.append(short)
        else:
            is_next = all(f".{name}".endswith(f".{first}.{short}") for name in names)
            told.append(f"{first}.{short}" if is_next else f"{first}.*.{short}")
    return told


# Named tuples, because a large model has thousands of nodes and every run creates the classes.
class Module(NamedTuple):
    """A module with a weight `W` of `d` inputs and `h` outputs.

    `kind` is the class by PEFT's distinction: Linear, Conv1D (GPT-2's transposed Linear), Embedding
    (`d` rows of `h`), torch's Conv1d, Conv2d and Conv3d (`d` and `h` channels, with a kernel and groups), or its
    MultiheadAttention, whose W is that of queries, keys and values in one.
    With `weight_norm` the parameters are not W itself but its direction, and its length at each step of the kernel.
    Without a `dtype` its values are of the model's own.

    `d` and `h` are integers. A sweep passes int64 arrays of one shape instead and gets arrays from the same
    arithmetic; the sweep checks their ranges.
    """

    name: str
    d: int
    h: int
    kind: str = "Linear"
    bias: bool = False
    kernel: tuple[int, ...] = ()
    groups: int = 1
    dtype: str | None = None
    weight_norm: bool = False

    @property
    def weight_params(self) -> int:
        """The number of parameters of W: d·h, or d·h·Πkernel / groups for a convolution."""
        return self.d * self.h * prod(self.kernel) // self.groups

    @property
    def params(self) -> int:
        """The number of all its parameters: W, the bias, and the length at each step of the kernel.

        >>> module = Module("conv", 6, 8, "Conv1d", bias=True, kernel=(5,), groups=2, weight_norm=True)
        >>> module.params == sum(parameter.params for parameter in module.parameters())
        True
        """
        lengths = self.parameters()[0].params if self.weight_norm else 0
        return self.weight_params + self.h * self.bias + lengths

    def parameters(self) -> tuple[Parameter, ...]:
        """Return the weight and the bias, if there is one, with their shapes in torch."""
        if self.kernel:
            shape: tuple[int, ...] = (self.h, self.d // self.groups, *self.kernel)
        else:
            shape = (self.h, self.d) if self.kind in {"Linear", MULTIHEAD} else (self.d, self.h)
        prefix = "in_proj_" if self.kind == MULTIHEAD else ""
        weights: tuple[tuple[str, tuple[int, ...]], ...] = ((f"{prefix}weight", shape),)
        if self.weight_norm:
            weights = (LENGTHS, (*(1 for _ in shape[:-1]), shape[-1])), (DIRECTIONS, shape)
        if self.bias:
            weights = (*weights, (f"{prefix}bias", (self.h,)))
        return tuple(Parameter(f"{self.name}.{name}", shape, self.dtype) for name, shape in weights)


class Parameter(NamedTuple):
    """A parameter by name and shape, e.g. a norm's weight, positions or fused experts.

    Without a `dtype` it has the model's own.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str | None = None

    @property
    def params(self) -> int:
        """The number of values: the product of the shape."""
        return prod(self.shape)


class Buffer(NamedTuple):
    """A buffer that checkpoints hold: not a parameter, but copied and saved with its module.

    Without a `dtype` it has the model's own.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str | None = None

    def below(self, prefix: str) -> Buffer:
        """Return the buffer with `prefix` before its name."""
        return self._replace(name=f"{prefix}.{self.name}")


class Hollow(NamedTuple):
    """A module without parameters of its own: an activation, a dropout, or a list (or a dict) of modules.

    It does not change a count, but PEFT's rules match every module's name and refuse some of these modules.
    """

    name: str
    is_list: bool = False
