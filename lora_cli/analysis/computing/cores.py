"""Work that comes in parts, done on all cores and given back in order.

Threads are enough: NumPy lets go of the interpreter while it computes.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_cores(workers: int, function: Callable[[S], T], parts: Iterable[S]) -> Iterator[T]:
    """Yield `function` of each part in order, computed by `workers` threads, one part ahead of them."""
    ahead: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for part in parts:
            ahead.append(pool.submit(function, part))
            if len(ahead) > workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
