"""A grid of a million points must come as fast as from a database, in little memory, and row by row.

DuckDB computes the same grid in SQL, formulas and file sizes included, which checks both. It is in the extra `benchmark`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from measure import LORA_CLI, MIB, Bound, alternate, environment, judge, peak, print_table, ratio, run

ROUNDS = 7
SLOWER, PEAK_MIB, FIRST_ROW_SHARE = 1, 150, 0.33

OURS, DUCKDB = "lora-cli sweep", "DuckDB"
SWEEP = [LORA_CLI, "sweep", "-d", "64:6400:64", "-h", "64:6400:64", "-r", "1:100:1", "--format", "csv"]

# DuckDB at its best: points in a table are computed on all cores, and so are lines in any order.
SETTING = "SET preserve_insertion_order = false"
POINTS = """
    CREATE TABLE points AS
    SELECT d, h, r, d * h AS full_params, r * (d + h) AS trainable_params
    FROM range(64, 6401, 64) AS ds(d), range(64, 6401, 64) AS hs(h), range(1, 101) AS rs(r)
"""
# The header's length is that of its text without numbers and of the numbers: each tensor's shape, where
# A starts (0) and ends, and where B starts and ends.
GRID = """
    COPY (
        SELECT
            'lora' AS method, d, h, r, full_params, trainable_params,
            full_params + trainable_params AS all_params,
            100 * trainable_params / full_params AS percent_of_full,
            100 * (full_params - trainable_params) / full_params AS percent_saved,
            full_params / trainable_params AS reduction_factor,
            100 * trainable_params / (full_params + trainable_params) AS trainable_percent,
            full_params / (d + h) AS break_even_rank,
            8 + (header + 7) // 8 * 8 + 4 * trainable_params AS adapter_bytes
        FROM (
            SELECT *,
                length('{"__metadata__":{"format":"pt"}')
                + length(',"base_model.model.W.lora_A.weight":{"dtype":"F32","shape":[,],"data_offsets":[0,]}')
                + length(r::VARCHAR) + length(d::VARCHAR) + length((4 * r * d)::VARCHAR)
                + length(',"base_model.model.W.lora_B.weight":{"dtype":"F32","shape":[,],"data_offsets":[,]}}')
                + length(h::VARCHAR) + length(r::VARCHAR)
                + length((4 * r * d)::VARCHAR) + length((4 * trainable_params)::VARCHAR) AS header
            FROM points
        )
    ) TO '$path' (FORMAT csv, HEADER)
"""
# What is compared is the values as written, whatever the order of the lines.
DIFFERENCES = """
    WITH ours AS (FROM read_csv('$ours')), theirs AS (FROM read_csv('$theirs'))
    SELECT count(*) FROM ((FROM ours EXCEPT ALL FROM theirs) UNION ALL (FROM theirs EXCEPT ALL FROM ours))
"""


def write_with_duckdb(path: str) -> None:
    """Compute the grid and write it to `path`."""
    import duckdb

    connection = duckdb.connect()
    for statement in (SETTING, POINTS, GRID.replace("$path", path)):
        connection.execute(statement)


def print_differences(ours: str, theirs: str) -> None:
    """Print how many rows only one of the files has; columns go by their order."""
    import duckdb

    found = duckdb.connect().execute(DIFFERENCES.replace("$ours", ours).replace("$theirs", theirs)).fetchone()
    assert found is not None
    print(found[0])


def same_header(ours: Path, theirs: Path) -> bool:
    """Whether both files name the same columns in the same order."""
    with ours.open() as one, theirs.open() as other:
        return one.readline() == other.readline()


def first_row_share() -> float:
    """Return how much of the time of a whole sweep passes before a pipe has the first row, and print both."""
    start = time.perf_counter()
    with subprocess.Popen(SWEEP, stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        for _ in ("header", "row"):
            process.stdout.readline()
        first = time.perf_counter() - start
        while process.stdout.read(MIB):
            pass
    total = time.perf_counter() - start
    print(f"through a pipe: first row after {first:.3f} s, the last after {total:.3f} s\n")
    return first / total


def exit_code_before_head() -> int:
    """Return the exit code of a sweep whose reader leaves after a line."""
    with subprocess.Popen(SWEEP, stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        subprocess.run(["head", "-1"], stdin=process.stdout, stdout=subprocess.DEVNULL, check=True)
        process.stdout.close()
    return process.returncode


def measured(folder: Path) -> list[Bound]:
    """Write the grid to `folder` with both, compare time and files, and look at the pipe."""
    ours, theirs = folder / "ours.csv", folder / "theirs.csv"
    itself = [sys.executable, __file__]
    commands = {OURS: [*SWEEP, "-o", str(ours)], DUCKDB: [*itself, "write", str(theirs)]}
    alternate(commands, 1)
    differences = float(run([*itself, "compare", str(ours), str(theirs)]).output)
    runs = alternate(commands, ROUNDS)
    print_table("1,000,000 points", runs, DUCKDB)
    return [
        Bound("columns that differ", float(not same_header(ours, theirs)), 0, ""),
        Bound("rows that differ", differences, 0, ""),
        Bound(f"{OURS} to {DUCKDB}, time", ratio(runs[OURS], runs[DUCKDB]), SLOWER),
        Bound(f"{OURS}, peak", peak(runs[OURS]) / MIB, PEAK_MIB, " MiB"),
        Bound("first row to last, time", first_row_share(), FIRST_ROW_SHARE),
        Bound("exit code before head -1", exit_code_before_head(), 0, ""),
    ]


def main() -> int:
    """Measure, print, and return the exit code; given a part and its files, run that alone."""
    match sys.argv[1:]:
        case ["write", path]:
            write_with_duckdb(path)
        case ["compare", ours, theirs]:
            print_differences(ours, theirs)
        case _:
            if find_spec("duckdb") is None:
                sys.exit("this needs DuckDB beside lora-cli: pip install '.[benchmark]'")
            with tempfile.TemporaryDirectory() as folder:
                return judge(*measured(Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
