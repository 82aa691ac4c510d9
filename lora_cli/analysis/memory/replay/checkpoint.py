"""Parts of a model that save nothing and run again in the backward (`torch.utils.checkpoint`, not reentrant)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar
from weakref import ref

S = TypeVar("S")


class Enough(Exception):
    """All that a checkpoint has to give back was made again."""


class Promise(Generic[S]):
    """What a checkpoint makes again in place of a storage, as long as a node needs it."""

    __slots__ = ("__weakref__", "again", "checkpoint")

    def __init__(self, checkpoint: Checkpoint[S]) -> None:
        self.checkpoint = checkpoint
        self.again: S | None = None

    def take(self) -> S:
        """Return what was made again, once."""
        again, self.again = self.again, None
        assert again is not None
        return again


class Checkpoint(Generic[S]):
    """A part of the model, and what it promised to make again."""

    def __init__(self, run: Callable[[], object]) -> None:
        self.run = run
        self.is_again = False
        self.promises: list[ref[Promise[S]]] = []
        self.position = 0

    def run_again(self) -> None:
        """Run the part again, up to the last storage that was promised."""
        self.is_again = True
        with suppress(Enough):
            self.run()

    def promise(self) -> Promise[S]:
        """Promise to make a storage again."""
        promise = Promise(self)
        self.promises.append(ref(promise))
        return promise

    def keep(self, storage: S) -> None:
        """Keep a promise, if a node still needs it."""
        promise = self.promises[self.position]()
        self.position += 1
        if promise is not None:
            promise.again = storage
        if self.position == len(self.promises):
            raise Enough
