"""Follow every storage that an operation returns until it dies, as the CUDA caching allocator would count it."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.memory.cuda_kernels import run, temporary_bytes
from tests.memory.cuda_reductions import reduced

aten = torch.ops.aten


def rounded(size: int, to: int = 512) -> int:
    """Return a size as the allocator rounds it."""
    return (size + to - 1) // to * to


@dataclass
class Storage:
    """One block of memory that is alive."""

    size: int
    category: str
    watched: Any
    op: str
    shape: tuple[int, ...]
    dtype: str
    number: int


@dataclass
class Peak:
    """The most that was alive at once, and where."""

    size: int = 0
    phase: str = ""
    op: str = ""
    categories: dict[str, int] = field(default_factory=dict)
    storages: list[Storage] = field(default_factory=list)


class Tracker(TorchDispatchMode):
    """Live bytes by storage and by category; `events` is the timeline of a step where one is wanted.

    `card` is how many multiprocessors and threads of each there are, where buffers of reductions are to be counted;
    `largest_reduction` is the largest of these.
    """

    def __init__(self, card: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.card = card
        self.largest_reduction = 0
        self.live: dict[int, Storage] = {}
        self.categories: dict[str, int] = {}
        self.now, self.numbers = 0, 0
        self.phase = "init"
        self.peak = Peak()
        self.phases: dict[str, tuple[int, str]] = {}
        self.events: list[dict[str, Any]] | None = None
        self.module = ""
        self.keep_storages = False
        self._new: list[list[Any]] = []
        self._freed: list[int] = []

    def add(self, tensor: torch.Tensor, category: str, op: str = "", size: int | None = None) -> Storage:
        """Count a tensor's storage, once, under a category."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self.live:
            return self.live[key]
        number = self.numbers = self.numbers + 1

        def gone(_: Any, key: int = key) -> None:
            dead = self.live.pop(key)
            self._count(dead.category, -dead.size)
            self._freed.append(dead.number)

        size = rounded(storage.nbytes() if size is None else size)
        entry = Storage(
            size, category, weakref.ref(storage, gone), op, tuple(tensor.shape), str(tensor.dtype)[6:], number
        )
        self.live[key] = entry
        self._count(category, size)
        self._new.append([number, size, entry.dtype, list(entry.shape)])
        return entry

    def _count(self, category: str, size: int) -> None:
        self.now += size
        self.categories[category] = self.categories.get(category, 0) + size

    def move(self, tensors: Iterable[torch.Tensor | None], category: str) -> None:
        """Put tensors under another category."""
        for tensor in tensors:
            if tensor is not None:
                entry = self.add(tensor, category)
                self._count(entry.category, -entry.size)
                entry.category = category
                self._count(category, entry.size)

    def forget(self, tensor: torch.Tensor) -> None:
        """Count a tensor no longer: it is in host memory."""
        if entry := self.live.get(tensor.untyped_storage()._cdata):
            self._count(entry.category, -entry.size)
            entry.size = 0

    def bump(self, op: str, temporary: int = 0) -> None:
        """Compare what is alive with the peaks; `temporary` is what the kernel allocates and frees inside itself."""
        now = self.now + temporary
        if now > self.phases.get(self.phase, (0,))[0]:
            self.phases[self.phase] = (now, op)
        if now > self.peak.size:
            categories = self.categories | ({"kernel": temporary} if temporary else {})
            storages = [entry for entry in self.live.values() if entry.size] if self.keep_storages else []
            self.peak = Peak(now, self.phase, op, dict(categories), storages)
        if self.events is not None:
            event = {"phase": self.phase, "op": op, "live": now, "module": self.module}
            event |= {"temporary": temporary} if temporary else {}
            self.events.append(event | {"new": self._new, "freed": self._freed})
        self._new, self._freed = [], []

    def new_step(self, trace: bool = False) -> None:
        """Forget the peaks of the step before."""
        self.peak, self.phases = Peak(), {}
        self.events = [] if trace else None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count what it returns."""
        if func is aten.index_put.default and self.phase == "backward" and not torch.is_grad_enabled():
            # The backward of indexing works in place; only under a dispatch mode PyTorch takes the functional form.
            func = aten.index_put_.default
        out = run(func, args, kwargs or {})
        name = str(func)
        if func is aten.native_layer_norm.default:
            # On CUDA mean and rstd are float32, also for 16-bit input.
            for tensor in out[1:]:
                self.add(tensor, self.phase, name, tensor.numel() * 4)
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self.add(tensor, self.phase, name)
        if func.namespace != "prim":
            buffer = reduced(func, args, *self.card) if self.card else 0
            self.largest_reduction = max(self.largest_reduction, buffer)
            self.bump(name, sum(map(rounded, temporary_bytes(func, args))) + buffer)
        return out
