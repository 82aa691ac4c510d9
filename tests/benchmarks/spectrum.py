"""A spectrum must take little longer than reading the factors and decomposing them, and an inspection than a count.

The adapters are written here: rank 64 on every projection of Llama-3.1-8B, 224 pairs of random numbers, and for
the headers the same at a rank that makes 1 GB, of bytes that take no room on the disk.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from measure import LORA_CLI, MIB, Bound, Run, alternate, judge, peak, print_table, ratio, run

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import checkpoints

# Name: inputs and outputs (Llama-3.1-8B, as its config.json has them).
SIDES = {
    "self_attn.q_proj": (4096, 4096),
    "self_attn.k_proj": (4096, 1024),
    "self_attn.v_proj": (4096, 1024),
    "self_attn.o_proj": (4096, 4096),
    "mlp.gate_proj": (4096, 14336),
    "mlp.up_proj": (4096, 14336),
    "mlp.down_proj": (14336, 4096),
}
LAYERS, RANK, LARGE_RANK = 32, 64, 96
FEW_LAYERS = 1
ROUNDS, HEADER_ROUNDS = 2, 15
OVER_NUMPY, PEAK_MIB, OVER_COUNT = 3, 1000 * 10**6 / MIB, 1.5
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OMP_NUM_THREADS")
ONE_BLAS_THREAD = dict.fromkeys(BLAS_THREADS, "1")
OURS, NUMPY, NUMPY_ONE = "spectrum()", "plain NumPy", "plain NumPy, one thread"
COMMAND, HEADER, COUNT = "inspect --spectrum", "inspect", "count"


def shapes(layers: int, r: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the keys and shapes of A and B."""
    for layer in range(layers):
        for name, (d, h) in SIDES.items():
            stem = f"base_model.model.model.layers.{layer}.{name}"
            yield f"{stem}.lora_A.weight", (r, d)
            yield f"{stem}.lora_B.weight", (h, r)


def write(folder: Path, layers: int, r: int, dtype: str, *, empty: bool = False) -> str:
    """Write an adapter; return its folder."""
    folder.mkdir()
    leaves = [name.rpartition(".")[2] for name in SIDES]
    config = {"peft_type": "LORA", "r": r, "lora_alpha": 16, "target_modules": leaves}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    path = folder / "adapter_model.safetensors"
    checkpoints.write(path, {key: (dtype, shape) for key, shape in shapes(layers, r)})
    if not empty:
        run([sys.executable, __file__, "fill", str(folder)])
    print(f"{folder.name}: {2 * layers * len(SIDES)} tensors, {path.stat().st_size / 10**6:,.0f} MB")
    return str(folder)


def fill(folder: str) -> None:
    """Fill an adapter's file with random numbers whose singular values decay."""
    import numpy as np

    rng = np.random.default_rng(0)
    path, header, start = _header(folder)
    with path.open("r+b") as file:
        for key, entry in header.items():
            values = rng.standard_normal(entry["shape"], np.float32)
            if "lora_B" in key:
                values *= np.float32(0.9) ** np.arange(entry["shape"][1], dtype=np.float32)
            content = (values.view(np.uint32) >> 16).astype(np.uint16) if entry["dtype"] == "BF16" else values
            file.seek(start + entry["data_offsets"][0])
            file.write(content.tobytes())


def _header(folder: str) -> tuple[Path, dict[str, Any], int]:
    path = Path(folder, "adapter_model.safetensors")
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return path, json.loads(file.read(length)), 8 + length


def ours(folder: str) -> object:
    """Take the spectrum, its modules loaded."""
    from lora_cli.analysis.inspect.spectrum import spectrum
    from lora_cli.methods.adapter_file.read_adapter import read_adapter

    trained = read_adapter(folder)
    start = time.perf_counter()
    found = spectrum(trained)
    seconds = time.perf_counter() - start
    assert found.rank_needed
    return seconds


def plain(folder: str) -> object:
    """Read each pair with NumPy, take both QR decompositions and the small SVD."""
    import numpy as np

    path, header, first = _header(folder)
    start = time.perf_counter()
    with path.open("rb") as file:

        def read(key: str) -> Any:
            entry = header[key]
            file.seek(first + entry["data_offsets"][0])
            if entry["dtype"] == "F32":
                return np.fromfile(file, np.float32, prod(entry["shape"])).reshape(entry["shape"])
            halves = np.fromfile(file, np.uint16, prod(entry["shape"])).astype(np.uint32) << np.uint32(16)
            return halves.view(np.float32).reshape(entry["shape"])

        for key in header:
            if "lora_A" in key:
                a, b = read(key), read(key.replace("lora_A", "lora_B"))
                core = np.linalg.qr(b, mode="r") @ np.linalg.qr(a.T, mode="r").T
                np.linalg.svd(core, compute_uv=False)
    return time.perf_counter() - start


PARTS = {"ours": ours, "plain": plain, "fill": fill}


def of_work(runs: list[Run]) -> list[Run]:
    """Return `runs` with the seconds that the processes found themselves, without their start."""
    return [replace(measured, seconds=float(measured.output)) for measured in runs]


def against_numpy(folder: str, dtype: str) -> list[Bound]:
    """Compare the spectrum with plain NumPy, and look at its memory."""
    one = ["env", *(f"{name}=1" for name in BLAS_THREADS)]
    part = [sys.executable, __file__]
    commands = {
        OURS: [*one, *part, "ours", folder],
        NUMPY: [*part, "plain", folder],
        NUMPY_ONE: [*one, *part, "plain", folder],
    }
    runs = {name: of_work(measured) for name, measured in alternate(commands, ROUNDS).items()}
    print_table(f"spectrum, {dtype}", runs, NUMPY)
    return [
        Bound(f"{OURS} to {name}, {dtype}, time", ratio(runs[OURS], runs[name]), OVER_NUMPY)
        for name in (NUMPY, NUMPY_ONE)
    ] + [Bound(f"{OURS}, {dtype}, peak", peak(runs[OURS]) / MIB, PEAK_MIB, " MiB")]


def command_against_numpy(folder: str) -> list[Bound]:
    """Compare the whole command with the whole process that runs plain NumPy."""
    commands = {
        COMMAND: [LORA_CLI, "inspect", folder, "--spectrum", "--format", "json"],
        NUMPY: [sys.executable, __file__, "plain", folder],
    }
    runs = alternate(commands, ROUNDS)
    print_table("the command", runs, NUMPY)
    return [
        Bound(f"{COMMAND} to {NUMPY}, time", ratio(runs[COMMAND], runs[NUMPY]), OVER_NUMPY),
        Bound(f"{COMMAND}, peak", peak(runs[COMMAND]) / MIB, PEAK_MIB, " MiB"),
    ]


def header_against_count(folder: str) -> list[Bound]:
    """Compare an inspection by header with a bare count."""
    commands = {
        HEADER: [LORA_CLI, "inspect", folder, "--format", "json"],
        COUNT: [LORA_CLI, "count", "-d", "4096", "-h", "4096", "-r", "64", "--format", "json"],
    }
    runs = alternate(commands, HEADER_ROUNDS)
    print_table("1 GB by header", runs, COUNT)
    return [Bound(f"{HEADER} to {COUNT}, time", ratio(runs[HEADER], runs[COUNT]), OVER_COUNT)]


def main() -> int:
    """Measure, print, and return the exit code; given a part and a folder, run that alone.

    `functions` alone measures what needs no command.
    """
    if len(sys.argv) == 3:
        part, folder = sys.argv[1:]
        print(PARTS[part](folder))
        return 0
    bounds = []
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        # Compiles what is not compiled yet.
        run([sys.executable, __file__, "ours", write(home / "small", FEW_LAYERS, 4, "F32")])
        for dtype in ("F32", "BF16"):
            folder = write(home / dtype, LAYERS, RANK, dtype)
            bounds += against_numpy(folder, dtype)
        if sys.argv[1:] != ["functions"]:
            bounds += command_against_numpy(str(home / "F32"))
            bounds += header_against_count(write(home / "large", LAYERS, LARGE_RANK, "F32", empty=True))
    return judge(*bounds)


if __name__ == "__main__":
    sys.exit(main())
