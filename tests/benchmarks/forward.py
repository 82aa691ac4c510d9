"""A forward pass at the sizes of real models must fit any laptop, and take little longer than its random numbers.

The pass is compared with the lines that a notebook has for it, and with nothing but drawing W.
"""

# ruff: noqa: N806 - matrices have capital letters
from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from measure import LORA_CLI, MIB, Bound, Run, alternate, judge, peak, print_table, ratio, run

Work = Callable[[], object]

# A feed-forward matrix of an 8B model, which a notebook can still hold, and one of a 405B model.
NOTEBOOKS_SIZE = (4096, 14336)
LARGE_SIZE = (16384, 53248)
# W is drawn in strips of columns that cost the same each: with a quarter of them there is time for more
# rounds, and a short disturbance spoils one.
QUARTER_SIZE = (16384, 13312)
SMALL_SIZE = (64, 64)
RANK = 32
DTYPES = ("float32", "float64")

ROUNDS = 5
QUARTER_ROUNDS = 7
FASTER, PEAK_SHARE = 3, 0.1
LARGE_PEAK_MIB, OVER_DRAWING = 256, 1.3

OURS, NOTEBOOK, GENERATOR = "lora_cli.forward", "plain NumPy", "plain NumPy, default_rng"
PASS, DRAWING = "lora-cli forward", "drawing W alone"
# As the command line has it: the pass uses every core itself.
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OMP_NUM_THREADS")
ONE_BLAS_THREAD = dict.fromkeys(BLAS_THREADS, "1")


def ours(d: int, h: int, dtype: str) -> Work:
    """Prepare our pass."""
    from lora_cli import forward

    return lambda: forward(d, h, RANK, dtype=dtype)


def _plain(randn: Callable[..., Any], d: int, h: int, dtype: str) -> None:
    W = randn(d, h).astype(dtype)
    A = randn(RANK, d).astype(dtype)
    B = randn(RANK, h).astype(dtype)
    x = randn(1, d).astype(dtype)
    AB = A.T @ B
    modified_W = W + AB
    _output = x @ W
    _modified_output = x @ modified_W


def notebook(d: int, h: int, dtype: str) -> Work:
    """Prepare a notebook's lines."""
    import numpy as np

    np.random.seed(0)
    return lambda: _plain(np.random.randn, d, h, dtype)


def generator(d: int, h: int, dtype: str) -> Work:
    """Prepare the same lines on NumPy's present random numbers."""
    import numpy as np

    rng = np.random.default_rng(0)
    return lambda: _plain(lambda *shape: rng.standard_normal(shape), d, h, dtype)


def drawing(d: int, h: int, dtype: str) -> Work:
    """Prepare drawing the W of our pass, on all cores, and doing nothing with it."""
    import numpy as np

    from lora_cli.analysis.computing.cores import cores, on_cores
    from lora_cli.analysis.forward import tiled_pass
    from lora_cli.analysis.forward.run import Run as Sizes

    sizes = Sizes(d, h, RANK, RANK, dtype, seed=0, batch=1, init="random")
    width = tiled_pass.strip_columns(sizes)

    def strip(column: int) -> None:
        tile = np.empty((min(tiled_pass.TILE_ROWS, d), min(width, h - column * width)), dtype)
        for row, first in enumerate(range(0, d, tiled_pass.TILE_ROWS)):
            tiled_pass.draw(sizes, "W", (row, column), d, tile[: d - first])

    return lambda: deque(on_cores(cores(), strip, range(-(-h // width))), maxlen=0)


PARTS: dict[str, Callable[[int, int, str], Work]] = {
    "ours": ours,
    "notebook": notebook,
    "generator": generator,
    "drawing": drawing,
}


def part_command(part: str, size: tuple[int, int], dtype: str) -> list[str]:
    """Return the command that does one of `PARTS` in a process of its own and prints its seconds."""
    return [sys.executable, __file__, part, *map(str, size), dtype]


def pass_command(size: tuple[int, int]) -> list[str]:
    """Return the command line of a pass in float32."""
    d, h = map(str, size)
    return [LORA_CLI, "forward", "-d", d, "-h", h, "-r", str(RANK), "--dtype", "float32", "--format", "json"]


def of_work(runs: list[Run]) -> list[Run]:
    """Return `runs` with the seconds that the processes found themselves, without their start."""
    return [replace(measured, seconds=float(measured.output)) for measured in runs]


def against_notebook(dtype: str) -> list[Bound]:
    """Compare the pass with a notebook's lines, in time of work and in memory of the whole process."""
    commands = {
        OURS: ["env", *(f"{name}=1" for name in BLAS_THREADS), *part_command("ours", NOTEBOOKS_SIZE, dtype)],
        NOTEBOOK: part_command("notebook", NOTEBOOKS_SIZE, dtype),
        GENERATOR: part_command("generator", NOTEBOOKS_SIZE, dtype),
    }
    runs = {name: of_work(measured) for name, measured in alternate(commands, ROUNDS).items()}
    print_table("{} x {}, {}".format(*NOTEBOOKS_SIZE, dtype), runs, OURS)
    return [
        Bound(f"{NOTEBOOK} to {OURS}, {dtype}, time", ratio(runs[NOTEBOOK], runs[OURS]), FASTER, least=True),
        Bound(f"{OURS} to {NOTEBOOK}, {dtype}, peak", peak(runs[OURS]) / peak(runs[NOTEBOOK]), PEAK_SHARE),
    ]


def large_peak() -> Bound:
    """Look at the memory of the command line's pass through a matrix of 3.5 GB."""
    large = run(pass_command(LARGE_SIZE))
    print(f"{LARGE_SIZE[0]} x {LARGE_SIZE[1]}, float32: {large.seconds:.1f} s, {large.peak_bytes / MIB:.1f} MiB\n")
    return Bound(f"{PASS}, peak", large.peak_bytes / MIB, LARGE_PEAK_MIB, " MiB")


def against_drawing() -> Bound:
    """Compare the command line's pass with drawing its matrix."""
    commands = {PASS: pass_command(QUARTER_SIZE), DRAWING: part_command("drawing", QUARTER_SIZE, "float32")}
    runs = alternate(commands, QUARTER_ROUNDS, **ONE_BLAS_THREAD)
    print_table("{} x {}, float32".format(*QUARTER_SIZE), runs, DRAWING)
    return Bound(f"{PASS} to {DRAWING}, time", ratio(runs[PASS], runs[DRAWING]), OVER_DRAWING)


def main() -> int:
    """Measure, print, and return the exit code; given a part and its sizes, run that alone."""
    if sys.argv[1:]:
        part, d, h, dtype = sys.argv[1:]
        work = PARTS[part](int(d), int(h), dtype)
        start = time.perf_counter()
        work()
        print(time.perf_counter() - start)
        return 0
    run(pass_command(SMALL_SIZE))
    for part in PARTS:
        run(part_command(part, SMALL_SIZE, "float32"))
    bounds = [bound for dtype in DTYPES for bound in against_notebook(dtype)]
    return judge(*bounds, large_peak(), against_drawing())


if __name__ == "__main__":
    sys.exit(main())
