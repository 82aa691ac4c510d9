"""The words in which an architecture is written down: what stands where, and how large it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from lora_cli.models.nodes import Buffer, Hollow, Module, Parameter

Node = Module | Parameter | Hollow | Buffer
Nodes = Iterable[Node]


class Skeleton(NamedTuple):
    """A model class written down: its nodes, and what it says of them.

    `tied` maps a parameter to the one that it shares its values with. `output` names the module that
    gives the vocabulary, if any (`get_output_embeddings()`), and `embeddings` the one that takes it.
    """

    nodes: Nodes
    tied: Mapping[str, str] = MappingProxyType({})
    output: str | None = None
    embeddings: str | None = None


def linear(name: str, d: int, h: int, *, bias: bool = False) -> Nodes:
    """Give a `torch.nn.Linear` of `d` inputs and `h` outputs."""
    return (Module(name, d, h, "Linear", bias),)


def transposed(name: str, d: int, h: int) -> Nodes:
    """Give a `transformers.pytorch_utils.Conv1D`: GPT-2's transposed Linear, which always has a bias."""
    return (Module(name, d, h, "Conv1D", bias=True),)


def convolution(name: str, d: int, h: int, *kernel: int, groups: int = 1, bias: bool = True) -> Nodes:
    """Give a `torch.nn.Conv1d` or `Conv2d` of `d` input and `h` output channels, by the kernel's dimensions."""
    return (Module(name, d, h, f"Conv{len(kernel)}d", bias, kernel, groups),)


def embedding(name: str, rows: int, width: int) -> Nodes:
    """Give a `torch.nn.Embedding`: `rows` entries of `width`."""
    return (Module(name, rows, width, "Embedding"),)


def norm(name: str, width: int, *, bias: bool = False) -> Nodes:
    """Give a norm's weight, and its bias where it has one (LayerNorm has, RMSNorm has not)."""
    weight = Parameter(f"{name}.weight", (width,))
    return (weight, Parameter(f"{name}.bias", (width,))) if bias else (weight,)


def parameter(name: str, *shape: int) -> Nodes:
    """Give a parameter that belongs to no module of the kinds above."""
    return (Parameter(name, shape),)


def buffer(name: str, *shape: int, dtype: str | None = None) -> Nodes:
    """Give a buffer that a checkpoint holds too."""
    return (Buffer(name, shape, dtype),)


def hollow(*names: str) -> Nodes:
    """Give modules that hold nothing: activations, dropouts and the like."""
    return tuple(Hollow(name) for name in names)


def under(prefix: str, *parts: Nodes) -> Iterator[Node]:
    """Give the nodes of all parts, named below `prefix`; without a prefix as they are."""
    for part in parts:
        for node in part:
            yield node._replace(name=f"{prefix}.{node.name}") if prefix else node


def listed(prefix: str, blocks: Iterable[Nodes], *, first: int = 0) -> Iterator[Node]:
    """Give a `torch.nn.ModuleList` of the blocks: `prefix`.0, `prefix`.1 and so on; or from `first` on."""
    yield Hollow(prefix, is_list=True)
    for index, block in enumerate(blocks, first):
        yield from under(f"{prefix}.{index}", block)


def repeat(prefix: str, count: int, *parts: Nodes, first: int = 0) -> Iterator[Node]:
    """Give a list of `count` copies of the parts."""
    block = [node for part in parts for node in part]
    return listed(prefix, [block] * count, first=first)
