"""The layers that a model is described by: names, kinds and sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from lora_cli.models.config import Config
from lora_cli.models.nodes import Buffer, Hollow, Module, Parameter

Node = Module | Parameter | Hollow | Buffer
Nodes = Iterable[Node]

LANGUAGE_MODEL = "language model"


class Skeleton(NamedTuple):
    """A model class: its nodes, and which of them are tied or have a role.

    `tied` maps a parameter to the one that it shares its values with. `output` is the module that returns scores
    of the vocabulary (`get_output_embeddings()`), `embeddings` the one that takes tokens (`get_input_embeddings()`).
    `unsaved` are the parameters that transformers leaves out of a checkpoint (`_keys_to_ignore_on_save`).
    `parts` says of the outermost modules of a model of several parts what each is: the language model, a tower, or
    what connects them.
    """

    nodes: Nodes
    tied: Mapping[str, str] = MappingProxyType({})
    output: str | None = None
    embeddings: str | None = None
    unsaved: frozenset[str] = frozenset()
    parts: Mapping[str, str] = MappingProxyType({})


# How a model class, and a part of one, are built from a config.json.
Build = Callable[[Config], Skeleton]
Part = Callable[[Config], Nodes]


def linear(name: str, d: int, h: int, *, bias: bool = False, dtype: str | None = None) -> Nodes:
    """Build a `torch.nn.Linear` of `d` inputs and `h` outputs."""
    return (Module(name, d, h, "Linear", bias, dtype=dtype),)


def transposed(name: str, d: int, h: int) -> Nodes:
    """Build a `transformers.pytorch_utils.Conv1D`: GPT-2's transposed Linear, which always has a bias."""
    return (Module(name, d, h, "Conv1D", bias=True),)


def convolution(name: str, d: int, h: int, *kernel: int, groups: int = 1, bias: bool = True) -> Nodes:
    """Build a `torch.nn.Conv1d`, `Conv2d` or `Conv3d`, by the kernel's dimensions, of `d` input and `h` output channels."""
    return (Module(name, d, h, f"Conv{len(kernel)}d", bias, kernel, groups),)


def embedding(name: str, rows: int, width: int) -> Nodes:
    """Build a `torch.nn.Embedding`: `rows` entries of `width`."""
    return (Module(name, rows, width, "Embedding"),)


def norm(name: str, width: int, *, bias: bool = False) -> Nodes:
    """Build a norm's weight, and with `bias` its bias (LayerNorm has one, RMSNorm does not)."""
    weight = Parameter(f"{name}.weight", (width,))
    return (weight, Parameter(f"{name}.bias", (width,))) if bias else (weight,)


def parameter(name: str, *shape: int, dtype: str | None = None) -> Nodes:
    """Build a parameter that does not belong to a module of the kinds above."""
    return (Parameter(name, shape, dtype),)


def buffer(name: str, *shape: int, dtype: str | None = None) -> Nodes:
    """Build a buffer that a checkpoint also holds."""
    return (Buffer(name, shape, dtype),)


def hollow(*names: str) -> Nodes:
    """Build modules without parameters: activations, dropouts and the like."""
    return tuple(Hollow(name) for name in names)


def plain_norm(name: str, width: int, *, affine: bool, bias: bool = True) -> Nodes:
    """Build a norm that has its own parameters only where it is `affine`."""
    return norm(name, width, bias=bias) if affine else hollow(name)


def module_list(name: str) -> Nodes:
    """Build a `torch.nn.ModuleList` itself; what is in it is named `name`.0, `name`.1 and so on."""
    return (Hollow(name, is_list=True),)


def under(prefix: str, *parts: Nodes) -> Iterator[Node]:
    """Yield the nodes of all parts with `prefix` before their names."""
    for part in parts:
        for node in part:
            # As `_replace` does it, in a quarter of the time, which most of the time of reading a model is.
            yield type(node)._make((f"{prefix}.{node.name}", *node[1:])) if prefix else node


def listed(prefix: str, blocks: Iterable[Nodes], *, first: int = 0) -> Iterator[Node]:
    """Build a `torch.nn.ModuleList` of the blocks, named `prefix`.0, `prefix`.1 and so on, counted from `first`."""
    yield Hollow(prefix, is_list=True)
    for index, block in enumerate(blocks, first):
        yield from under(f"{prefix}.{index}", block)


def repeat(prefix: str, count: int, *parts: Nodes, first: int = 0) -> Iterator[Node]:
    """Build a `torch.nn.ModuleList` of `count` copies of the parts."""
    block = [node for part in parts for node in part]
    return listed(prefix, [block] * count, first=first)


def parameters_of(node: Node) -> tuple[Parameter, ...]:
    """Return the parameters of a module, or the parameter itself."""
    if isinstance(node, Module):
        return node.parameters()
    return (node,) if isinstance(node, Parameter) else ()
