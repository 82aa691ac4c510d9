"""NumPy's own threads, which would fight for the cores with work that uses all of them itself."""

from __future__ import annotations

import os

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OMP_NUM_THREADS")


def one_blas_thread() -> None:
    """Have NumPy, which is not loaded yet, use one thread."""
    os.environ.update(dict.fromkeys(BLAS_THREADS, "1"))
