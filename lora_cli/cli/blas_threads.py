"""Limit NumPy's own threads, which would compete for the cores with work that already uses all of them."""

from __future__ import annotations

import os

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OMP_NUM_THREADS")


def one_blas_thread() -> None:
    """Make NumPy use one thread; call this before NumPy is imported."""
    os.environ.update(dict.fromkeys(BLAS_THREADS, "1"))
